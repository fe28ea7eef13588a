# SPDX-License-Identifier: ISC
"""Story: `posternctl check nginx` finds nothing wrong with the shipped files,
and each thing that a sysadmin's change to them broke."""

import os
import re
import subprocess

import pytest

from conftest import NO_LIMITS
from front import Front, make_certificate
from stack import BUILD, free_port

HTTP, SERVER, FASTCGI, GATE = (f"postern-{part}.conf" for part in (
    "http", "server", "fastcgi", "gate"))


def check(front, *options, url=None, prefix=()):
    """Runs it; (status, its WRONG lines, all that it said)."""
    program = os.path.join(BUILD, "posternctl")
    done = subprocess.run(
        [*prefix, program, "check", "nginx", *options, url or front.url],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False, timeout=60)
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
location ^~ /app/ {{ default_type text/html; {0} }}
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
              "^WRONG  /postern-crooked .*internal;",
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
              "POST /[a-z/-]+ is answered 303")


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


LOGIN = "POST /auth/login is answered 200 without an access token"
SESSIONS = "GET /auth/sessions is answered 200 without the session"


@pytest.mark.parametrize("path, answer, line", [
    ("/auth/login", '{"access_token": 5}', LOGIN),
    ("/auth/login", '{"access_token": "a\\\\nb"}', LOGIN),
    ("/auth/login", '["access_token"]', LOGIN),
    ("/auth/login", '{"access_token": "x", ', LOGIN),
    ("/auth/sessions", '{"sessions": [{"current": true, "address": {}}]}',
     SESSIONS),
    ("/auth/sessions", '{"sessions": 5}', SESSIONS),
    ("/auth/sessions", '5', SESSIONS)])
def test_an_answer_of_another_kind_is_found(open_site, secret_of, path,
                                            answer, line):
    server = (f"location = {path} {{ default_type application/json;"
              f" return 200 '{answer}'; }}")
    with Front(open_site, server=server) as front:
        found(at_its_name(front, *secret_of), line, f" {path} is answered")


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


def test_files_that_another_location_takes_are_found(open_site):
    app = APP.format(SHUT).replace("^~ ", "") + (
        "location ~ \\.php$ { return 200 'from php'; }"
        "location ~* \\.(css|js|pdf)$ { root {home}; }")
    with Front(open_site, server=app.replace("{home}", "/nonexistent")
               ) as front:
        found(at_its_name(front, "--location", "/app/"),
              r"/app/[a-z-]+\.css is answered 404 .* `location \^~ /app/`",
              r"/app/[a-z-]+\.php is answered 200 .* `location \^~ /app/`")


def test_another_public_url_is_found(open_site):
    with Front(open_site) as front:
        found(check(front), f"form of {front.url} .* set public_url")


def test_a_site_that_is_not_postern_is_found(open_site):
    with Front(open_site, server="return 200 welcome;") as front:
        found(check(front), "/healthz is answered 200, and not by Postern")
    found(check(front), "/healthz got no answer")


class Secure:
    """A site whose public_url is https, and a certificate for that."""

    def __init__(self, stack, home):
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.site = stack.site(public_url=self.url, **NO_LIMITS)
        authority, self.key = make_certificate(self.site, home,
                                               "DNS:localhost")
        self.trust = "--ca-file", authority

    def front(self, protocols="TLSv1.2 TLSv1.3", http="", **kw):
        return Front(self.site, http=http, listen="ssl http2", server=(
            f"ssl_certificate {self.key}.pem;"
            f"ssl_certificate_key {self.key}.key;"
            f"ssl_ciphers DEFAULT@SECLEVEL=0; ssl_protocols {protocols};"),
            **{"port": self.port} | kw)


@pytest.fixture(scope="module")
def secure(stack, tmp_path_factory):
    secure = Secure(stack, tmp_path_factory.mktemp("tls"))
    yield secure
    problems = secure.site.stop()
    assert not problems, problems


def test_the_shipped_files_are_clean_with_tls(secure):
    with secure.front() as front:
        said = clean(check(front, *secure.trust, url=secure.url))
        assert "ok     secrets travel through TLS" in said
        status, wrong, said = check(front, url=secure.url)
    assert status == 1 and len(wrong) == 1, said
    assert "certificate" in wrong[0], said


def test_what_is_wrong_with_tls_is_found(secure):
    cookies = [(FASTCGI, "fastcgi_keep_conn off;",
                "fastcgi_hide_header Set-Cookie; add_header Set-Cookie"
                " 'a=b; HttpOnly; SameSite=Lax' always;")]
    with secure.front("TLSv1.1 TLSv1.2", changes=cookies) as front:
        found(check(front, *secure.trust, url=secure.url),
              "TLS 1.1 and older", "a of /verify-email is not Secure",
              "a of /[a-z-]+ is not Secure", "no __Host- before")


@pytest.fixture(scope="module")
def own_network():
    """A network with nothing but loopback, where every port is free: what to
    put before a command that shall run there."""
    if os.geteuid() != 0:
        pytest.skip("root only: a network of its own")
    holder = subprocess.Popen(
        ["unshare", "-n", "/usr/bin/python3", "-c", """
import fcntl, socket, struct, sys
flags = struct.pack("16sh", b"lo", 1)  # IFF_UP
fcntl.ioctl(socket.socket(), 0x8914, flags)  # SIOCSIFFLAGS
with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w") as f:
    f.write("0")
print("up", flush=True)
sys.stdin.read()"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"up\n"
    yield ["nsenter", "-n", "-t", str(holder.pid)]
    holder.communicate(timeout=10)


@pytest.mark.parametrize("answer, clear", [
    ("return 301 https://$host$request_uri;", []),
    ("return 200 welcome;", ["http://localhost/login is answered 200 in"])])
def test_http_beside_https_is_looked_at(secure, own_network, answer, clear):
    http = f"server {{ listen 127.0.0.1:80; access_log off; {answer} }}"
    with secure.front(http=http, port=443, prefix=own_network) as front:
        found(check(front, *secure.trust, url="https://localhost",
                    prefix=own_network),
              "set public_url", *clear)


@pytest.mark.parametrize("arguments", [
    [], ["nginx"], ["apache", "http://127.0.0.1"],
    ["nginx", "--location", "app", "http://127.0.0.1"],
    ["nginx", "--account", "a@example.org", "http://127.0.0.1"]])
def test_wrong_usage_is_told(arguments):
    done = subprocess.run([os.path.join(BUILD, "posternctl"), "check",
                           *arguments], stderr=subprocess.PIPE, text=True,
                          check=False)
    assert done.returncode == 2 and "usage: " in done.stderr
