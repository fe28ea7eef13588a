# SPDX-License-Identifier: ISC
"""Story: `posternctl check nginx` finds nothing wrong with the shipped files,
and each thing that a sysadmin's change to them broke."""

import os
import re
import subprocess

import pytest

from faulty_smtp import Authority
from front import Front
from stack import BUILD, give

HTTP, SERVER, FASTCGI, GATE = (f"postern-{part}.conf" for part in (
    "http", "server", "fastcgi", "gate"))


def check(front, *options, url=None):
    """Runs it; (status, lines that say WRONG, all that it said)."""
    done = subprocess.run(
        [os.path.join(BUILD, "posternctl"), "check", "nginx", *options,
         url or front.url], stdout=subprocess.PIPE, check=False, timeout=60,
        stderr=subprocess.STDOUT, text=True)
    lines = done.stdout.splitlines()
    return (done.returncode, [x for x in lines if x.startswith("WRONG")],
            done.stdout)


def at_its_name(front, *options):
    """Asks as if the front were where public_url says."""
    return check(front, "--connect", f"127.0.0.1:{front.port}", *options,
                 url=front.site.url)


def clean(result):
    status, wrong, said = result
    assert (status, wrong) == (0, []), said
    return said


def found(result, *patterns):
    """Each pattern has its line, and each line its pattern."""
    status, wrong, said = result
    assert status == 1, said
    for pattern in patterns:
        assert any(re.search(pattern, line) for line in wrong), (pattern, said)
    for line in wrong:
        assert any(re.search(pattern, line) for pattern in patterns), line
        assert "; " in line, f"no advice: {line}"


@pytest.fixture(scope="module")
def secret_of(open_site, tmp_path_factory):
    """The options that sign in, with a fresh account."""
    account = open_site.account()
    path = tmp_path_factory.mktemp("secret") / "password"
    path.write_text(account.password + "\n", encoding="ascii")
    path.chmod(0o600)
    return "--account", account.email, "--password-file", str(path)


APP = """
location = /app/ {{ default_type text/html; {0} }}
"""
SHUT = "if ($http_cookie = '') { return 303 /login?next=/app/; } "


def test_the_shipped_files_are_clean(open_site, secret_of):
    with Front(open_site) as front:
        said = clean(at_its_name(front, *secret_of))
    assert "you come from 127.0.0.1" in said, said


def test_a_closed_location_that_greets_nobody_unknown_is_clean(
        open_site, secret_of):
    app = APP.format(SHUT + "return 200 'hello';")
    with Front(open_site, server=app) as front:
        clean(at_its_name(front, "--location", "/app/", *secret_of))


def test_a_wrong_map_and_lost_locations_are_found(open_site):
    changes = [
        (HTTP, '"POST:/auth/login" ', '"GET:/login" '),
        (SERVER, "\tinternal;\n", ""),
        (GATE, "\tinternal;\n", ""),
        (SERVER, "error_page 413", "error_page 402"),
        (SERVER, "location = /auth {", "location = /elsewhere {"),
        (SERVER, "server_tokens off", "server_tokens on"),
        (SERVER, "4 16k", "4 8k"),
    ]
    taken = ("include snippets/postern-gate.conf;"
             "location = /register { default_type text/html; return 405; }"
             "location = /auth/me { return 200 mine; }")
    with Front(open_site, changes, server=taken) as front:
        found(at_its_name(front),
              "POST /auth/login reaches the wrong pool.* postern_password",
              "GET /login reaches the wrong pool.* postern_web",
              "GET /register is answered 405", "POST /register .* 405",
              "GET /auth/me is answered 200",
              "^WRONG  /postern-error/404 .*internal;",
              "^WRONG  /postern-gate .*internal;",
              "413 is text/html", "/auth is answered 301",
              "tells its version", "a token in Authorization",
              "a token of 9 KiB",
              # what follows from GET /login and /register failing
              "/login", "/register")


def test_a_pool_without_its_socket_is_found(open_site):
    with Front(open_site, [(HTTP, "password.sock", "nowhere.sock")]) as front:
        status, wrong, said = at_its_name(front)
    assert status == 1 and len(wrong) >= 8, said
    assert any("POST /auth/login finds no posternd" in x for x in wrong), said
    assert not any("GET" in x for x in wrong), said


def test_what_nginx_adds_to_pages_is_found(open_site):
    added = """fastcgi_hide_header Content-Security-Policy;
        fastcgi_hide_header Set-Cookie;
        add_header Set-Cookie 'seen=1; Domain=example.org' always;
        add_header X-Auth-User root always;
        add_header X-Frame-Options SAMEORIGIN;
        add_header X-Powered-By Pride;
        add_header Access-Control-Allow-Origin *;
        expires 1h;"""
    changes = [(FASTCGI, "gzip off", "gzip on; gzip_min_length 1"),
               (FASTCGI, "fastcgi_keep_conn off;", added)]
    with Front(open_site, changes) as front:
        found(at_its_name(front),
              "/(login|register|dashboard|reset-password) may be kept",
              "/(login|register|reset-password|auth/check) is compressed",
              "no Content-Security-Policy", "two headers X-Frame-Options",
              "Access-Control-Allow-Origin: \\*", "X-Powered-By: Pride",
              "seen of /verify-email is not HttpOnly",
              "seen of /reset-password is not HttpOnly", "not SameSite",
              "seen of .* has a Domain", "/auth/check sends X-Auth-User",
              "^WRONG  / sends X-Auth-User")


def test_lost_headers_are_found(open_site):
    changes = [(FASTCGI, "fastcgi_keep_conn off;",
                "fastcgi_hide_header Cache-Control;"
                "fastcgi_hide_header Set-Cookie;"
                "fastcgi_param HTTP_AUTHORIZATION '';"
                f"fastcgi_param HTTP_ORIGIN {open_site.url};"),
               (SERVER, "location ^~ /static/ {", "location ^~ /static {"),
               (SERVER, "public, max-age=31536000, immutable", "no-cache")]
    with Front(open_site, changes) as front:
        found(at_its_name(front), "/login lost its Cache-Control",
              "/[a-z/-]+ lost its Cache-Control",
              "verify-email.* sets no cookie", "reset-password.* no cookie",
              "a token in Auth", "a token of 9 KiB",
              "a form of another site is not refused",
              "gives out files beside", "is not kept by browsers",
              # forms that nobody may send are not refused as foreign
              "POST /[a-z-]+ is answered 303")


def test_a_cache_before_the_pages_is_found(open_site, secret_of):
    http = ("fastcgi_cache_path {home}/cache keys_zone=pages:1m;"
            "fastcgi_cache_key $uri;")
    changes = [(FASTCGI, "fastcgi_keep_conn off;",
                "fastcgi_cache pages; fastcgi_cache_valid 200 1m;"
                "fastcgi_ignore_headers Cache-Control Vary Set-Cookie;")]
    with Front(open_site, changes, http=http) as front:
        found(at_its_name(front, *secret_of), "/login was asked for in de",
              "given to somebody who is not signed in",
              # and a link's page is the one of its first visitor
              "token=… sets no cookie", "token=… does not lead to")


def test_a_client_that_chooses_its_address_is_found(open_site, secret_of):
    server = "set_real_ip_from 0.0.0.0/0; real_ip_header X-Forwarded-For;"
    with Front(open_site, server=server) as front:
        found(at_its_name(front, *secret_of), "chooses the address")


def test_a_believed_identity_is_found(open_site):
    app = APP.format("return 200 'hello $http_x_auth_user';")
    with Front(open_site, server=app) as front:
        found(at_its_name(front, "--location", "/app/"),
              "/app/ is answered 200 to somebody who is not signed in",
              "/app/ believes what a client says")


def test_a_believed_identity_behind_the_gate_is_found(open_site, secret_of):
    app = APP.format(SHUT + "return 200 'hello $http_x_auth_user';")
    with Front(open_site, server=app) as front:
        found(at_its_name(front, "--location", "/app/", *secret_of),
              "/app/ believes what a client says")


def test_another_public_url_is_found(open_site):
    with Front(open_site) as front:
        found(check(front), f"form of {front.url} .* set public_url")


def test_a_site_that_is_not_postern_is_found(open_site):
    with Front(open_site, server="return 200 welcome;") as front:
        found(check(front), "/healthz is answered 200, and not by Postern")
    found(check(front), "/healthz got no answer")


@pytest.fixture(scope="module")
def certificate(open_site, tmp_path_factory):
    """An authority, and the files of its certificate for localhost."""
    authority = Authority(str(tmp_path_factory.mktemp("tls")))
    authority.context("DNS:localhost")
    home = os.path.join(open_site.home, "tls")
    os.mkdir(home)
    for name in os.listdir(authority.home):
        with open(os.path.join(authority.home, name), "rb") as f:
            data = f.read()
        with open(os.path.join(home, name), "wb") as f:
            f.write(data)
        give(os.path.join(home, name))
    return home, authority


def tls_front(open_site, certificate, protocols):
    home, authority = certificate
    key = os.path.join(home, authority.name + "1")
    return Front(open_site, listen="ssl http2", server=(
        f"ssl_certificate {key}.pem; ssl_certificate_key {key}.key;"
        f"ssl_ciphers DEFAULT@SECLEVEL=0; ssl_protocols {protocols};"))


def test_old_tls_and_cookies_that_are_not_secure_are_found(
        open_site, certificate):
    trust = "--ca-file", certificate[1].file
    with tls_front(open_site, certificate, "TLSv1.1 TLSv1.2") as front:
        url = f"https://localhost:{front.port}"
        found(check(front, *trust, url=url), "TLS 1.1 and older",
              "is not Secure", "no __Host- before", "set public_url")
        status, wrong, said = check(front, url=url)
    assert status == 1 and len(wrong) == 1, said
    assert "certificate" in wrong[0], said
    with tls_front(open_site, certificate, "TLSv1.2 TLSv1.3") as front:
        url = f"https://localhost:{front.port}"
        status, wrong, said = check(front, *trust, url=url)
    assert "ok     secrets travel through TLS" in said, said


@pytest.mark.parametrize("arguments", [
    [], ["nginx"], ["apache", "http://127.0.0.1"],
    ["nginx", "--location", "app", "http://127.0.0.1"],
    ["nginx", "--account", "a@example.org", "http://127.0.0.1"]])
def test_wrong_usage_is_told(arguments):
    done = subprocess.run([os.path.join(BUILD, "posternctl"), "check",
                           *arguments], stderr=subprocess.PIPE, text=True,
                          check=False)
    assert done.returncode == 2 and "usage: " in done.stderr
