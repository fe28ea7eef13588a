# SPDX-License-Identifier: ISC
"""Story: a sysadmin copies a file of nginx/examples/, changes its names, and
it does what it says.

All of them run in one nginx; changed are where they listen, their folder,
their upstreams' ports, and that there is no TLS.
"""

import base64
import hashlib
import http.client
import json
import os
import re
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import jwt
import pytest

import logsearch
from client import Client, parse_raw, raw_exchange, refused
from front import Front, make_certificate
from stack import SOURCE, free_port, give
from test_check_nginx import at_its_name, clean

FOLDER = os.path.join(SOURCE, "nginx", "examples")
OWN_HOST = "own-host"  # has a fixture of its own
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


class App(BaseHTTPRequestHandler):
    """Says who nginx says is there; echoes what comes by a WebSocket."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.paths.append(self.path)
        if self.headers.get("Upgrade") == "websocket":
            self.echo()
            return
        told = "\n".join(f"{n.lower()}: {v}" for n, v in self.headers.items())
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told.encode())

    def echo(self):
        key = (self.headers["Sec-WebSocket-Key"] + GUID).encode()
        accept = base64.b64encode(hashlib.sha1(key).digest()).decode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        who = self.headers["X-Auth-Email"].encode()
        while head := self.rfile.read(2):
            mask = self.rfile.read(4)
            data = self.rfile.read(head[1] & 127)
            text = who + b": " + bytes(
                c ^ mask[i % 4] for i, c in enumerate(data))
            self.wfile.write(bytes([0x81, len(text)]) + text)
        self.close_connection = True

    def log_message(self, *args):
        pass


def start_app():
    app = ThreadingHTTPServer(("127.0.0.1", 0), App)
    app.daemon_threads = True
    app.paths = []  # all that arrived, as they came
    threading.Thread(target=app.serve_forever, args=(0.05,),
                     daemon=True).start()
    return app


def names():
    return {n.removesuffix(".conf") for n in os.listdir(FOLDER)}


def text_of(name):
    with open(os.path.join(FOLDER, name + ".conf"), encoding="utf-8") as f:
        return f.read()


# What sysadmins have in their servers, before or after everything else.
OTHERS = r"""
	location ~* \.(css|js|pdf)$ { root /srv/www; }
	location ~ \.php$ { return 200 "run for $remote_addr"; }
"""


class Example:
    """One file, as seen from outside: at the name of the site."""

    def __init__(self, site):
        self.site = site
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def prepare(self, text, root, upstream):
        """The file as it is, but for names."""
        text = re.sub(r"\tssl_certificate.*\n", "", text)
        text, n = re.subn(r"listen 443 ssl http2;",
                          f"listen 127.0.0.1:{self.port};", text)
        assert n == 1 and "server_name www.example.org;" in text
        text = re.sub(r"\n}\s*$", lambda _: "\n" + OTHERS + "}\n", text)
        text = re.sub(r"127\.0\.0\.1:30\d\d", f"127.0.0.1:{upstream}", text)
        return text.replace("/srv/www", root)

    def ask(self, client, path, check=False, headers=None, **kw):
        """Asks with this example's nginx and the site's name."""
        host = {"Host": f"127.0.0.1:{self.site.port}"}
        there = Client(self, client.host)
        there.session.cookies = client.session.cookies
        return there.request("GET", path, check=check,
                             headers=host | (headers or {}), **kw)


class Examples(dict):
    def __init__(self, site):
        super().__init__()
        self.root = os.path.join(site.home, "www")
        self.files()
        self.app = start_app()
        texts = []
        for name in names() - {OWN_HOST}:
            self[name] = Example(site)
            texts.append(self[name].prepare(text_of(name), self.root,
                                            self.app.server_address[1]))
        self.front = Front(site, http="\n".join(texts))

    def files(self):
        for path, text in {"index.html": "start", "docs/index.html": "secret",
                           "docs/a.css": "secret", "pictures/a.svg": "<svg/>",
                           "spa/index.html": "shell",
                           "spa/app.js": "script"}.items():
            path = os.path.join(self.root, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii") as f:
                f.write(text)
        give(self.root)

    def stop(self):
        self.front.stop()
        self.app.shutdown()
        self.app.server_close()


@pytest.fixture(scope="module")
def examples(open_site):
    examples = Examples(open_site)
    yield examples
    examples.stop()


@pytest.fixture(scope="module")
def account(open_site):
    return open_site.account()


def sign_in(site, account):
    client = site.client()
    answer = client.request("POST", "/login", data=account.credentials(),
                            headers={"Origin": site.url})
    assert answer.status_code == 303, answer.text
    return client


@pytest.fixture(scope="module")
def signed_in(open_site, account):
    return sign_in(open_site, account)


def told(answer):
    """What the application was told in X-Auth headers."""
    assert answer.status_code == 200, (answer.status_code, answer.text)
    lines = dict(line.split(": ", 1) for line in answer.text.splitlines())
    return {n: v for n, v in lines.items() if n.startswith("x-auth-")}


NAVIGATION = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
SPOOFED = {"X-Auth-User": "root", "X-Auth-Email": "root@example.com",
           "X-Auth-Token": "x", "X_Auth_User": "root"}


def test_there_is_a_test_of_each_example():
    with open(__file__, encoding="utf-8") as f:
        tests = f.read()
    for name in names() - {OWN_HOST}:
        assert f'examples["{name}"]' in tests, name


@pytest.mark.parametrize("name, locations", [
    ("static-site", ["/docs/"]), ("application", ["/app/"]),
    ("websocket", ["/chat/"]), ("single-page-app", ["/api/"]),
    ("per-path", ["/members/", "/forum/", "/admin/"])])
def test_the_check_finds_nothing_wrong(examples, account, tmp_path, name,
                                       locations):
    secret = tmp_path / "password"
    secret.write_text(account.password, encoding="ascii")
    secret.chmod(0o600)
    options = [o for path in locations for o in ("--location", path)]
    clean(at_its_name(examples[name], "--account", account.email,
                      "--password-file", str(secret), *options))


def test_a_static_site(examples, open_site, signed_in):
    example, stranger = examples["static-site"], open_site.client()
    for path in "/docs/a.css", "/docs/b.pdf", "/docs/c.php":
        refused(example.ask(stranger, path), 401)
        answer = example.ask(stranger, path, headers=NAVIGATION)
        assert answer.status_code == 303
    assert example.ask(signed_in, "/docs/a.css").text == "secret"
    answer = example.ask(stranger, "/docs/", headers=NAVIGATION)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=/docs/"
    refused(example.ask(stranger, "/docs/"), 401)
    answer = example.ask(signed_in, "/docs/")
    assert (answer.status_code, answer.text) == (200, "secret")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert example.ask(stranger, "/").text == "start"
    assert example.ask(stranger, "/pictures/a.svg").text == "<svg/>"
    assert "<form" in example.ask(stranger, "/login").text


def test_an_application(examples, open_site, account, signed_in):
    example, stranger = examples["application"], open_site.client()
    for path in "/app/", "/app/a.css", "/app/b.php":
        refused(example.ask(stranger, path), 401)
    seen = told(example.ask(signed_in, "/app/", headers=SPOOFED))
    assert seen["x-auth-user"] == account.id
    assert seen["x-auth-email"] == account.email
    logsearch.keep("an application's token", seen["x-auth-token"])
    keys = jwt.PyJWKSet.from_dict(
        stranger.get("/.well-known/jwks.json").json())
    header = jwt.get_unverified_header(seen["x-auth-token"])
    claims = jwt.decode(seen["x-auth-token"], keys[header["kid"]].key,
                        ["ES256"], audience="app", issuer=open_site.url)
    assert claims["sub"] == account.id
    for client in stranger, signed_in:
        assert told(example.ask(client, "/app/public/",
                                headers=SPOOFED)) == {}


def handshake(example, cookie, origin):
    """Asks for a WebSocket; (status, socket after the headers)."""
    s = socket.create_connection(("127.0.0.1", example.port), 10)
    key = base64.b64encode(os.urandom(16)).decode()
    s.sendall("\r\n".join([
        "GET /chat/ HTTP/1.1", f"Host: 127.0.0.1:{example.site.port}",
        "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13",
        f"Origin: {origin}", f"Cookie: {cookie}", "", ""]).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += s.recv(1)
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest())
    status = int(head.split()[1])
    assert (status == 101) == (accept in head), head
    return status, s


def test_a_websocket(examples, open_site, account, signed_in):
    example = examples["websocket"]
    cookie = "postern_session=" + signed_in.session.cookies["postern_session"]
    status, s = handshake(example, cookie, open_site.url)
    with s:
        assert status == 101
        for word in b"one", b"two":
            s.sendall(bytes([0x81, 0x80 | len(word)]) + bytes(4) + word)
            want = account.email.encode() + b": " + word
            data = b""
            while len(data) < 2 + len(want):
                data += s.recv(100)
            assert data == bytes([0x81, len(want)]) + want
    for bad_cookie, origin, want in [("", open_site.url, 401),
                                     (cookie, "https://example.net", 403)]:
        status, s = handshake(example, bad_cookie, origin)
        s.close()
        assert status == want


def raw_get(example, path, client, **more):
    """Asks for a path as it stands, which the library would put straight;
    (status, body)."""
    cookie = client.session.cookies.get("postern_session", "")
    lines = [f"{n.replace('_', '-')}: {v}" for n, v in more.items()]
    status, _, body = parse_raw(raw_exchange(example, "\r\n".join([
        f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{example.site.port}",
        f"Cookie: postern_session={cookie}",
        *(lines or ["Connection: close"]), "", ""]).encode()))
    return status, body.decode()


def test_no_other_protocol_is_spoken_through_the_gate(examples, signed_in):
    example = examples["websocket"]
    for protocol in "h2c", "h2c, websocket", "TLS/1.0":
        status, body = raw_get(
            example, "/chat/", signed_in, Upgrade=protocol,
            Origin=example.site.url, HTTP2_Settings="AAMAAABk",
            Connection="Upgrade, HTTP2-Settings")
        assert status == 200 and "x-auth-user: " in body
        assert "upgrade" not in body and "h2c" not in body


def test_a_single_page_application(examples, open_site, account, signed_in):
    example, script = examples["single-page-app"], open_site.client()
    assert example.ask(script, "/spa/app.js").text == "script"
    assert example.ask(script, "/spa/some/where").text == "shell"
    pair = account.login(script)
    seen = told(example.ask(script, "/api/x", token=pair["access_token"],
                            headers=SPOOFED))
    assert seen["x-auth-user"] == account.id and "x-auth-token" not in seen
    again = script.post("/auth/refresh", token=pair["refresh_token"]).json()
    script.post("/auth/logout", token=again["access_token"])
    for token in again["access_token"], None:
        refused(example.ask(script, "/api/x", token=token), 401)
    body = refused(example.ask(signed_in, "/api/x", headers=NAVIGATION), 401)
    assert body["code"] == "token_missing"


def test_rules_by_path(examples, open_site, signed_in):
    example = examples["per-path"]
    staff = open_site.account(
        email=f"ann{time.monotonic_ns()}@staff.example.org")
    admin = sign_in(open_site, staff)
    for path in "/members/", "/forum/", "/admin/":
        refused(example.ask(open_site.client(), path), 401)
        assert told(example.ask(admin, path))["x-auth-email"] == staff.email
    assert example.ask(signed_in, "/forum/").status_code == 200
    answer = example.ask(signed_in, "/admin/", headers={
        "X-Auth-Email": "ada@example.org"})
    assert answer.status_code == 403
    open_site.cluster.psql("UPDATE postern.account SET verified_at = NULL"
                           f" WHERE id = '{staff.id}'", open_site.database)
    assert example.ask(admin, "/members/").status_code == 200
    body = refused(example.ask(admin, "/forum/"), 403)
    assert body["code"] == "email_not_verified"
    assert example.ask(admin, "/admin/").status_code == 403


# What nginx and an application may read differently.
CROOKED = [
    "/admin/delete/..%2f..%2fmembers/", "/admin/..%2Fmembers/",
    "/admin/../members/", "/admin/%2e%2e/members/", "/admin/.%2E/members/",
    "/admin/./../members/x", "/admin//../../members/", "/admin/..//members/",
    "//members/", "/members//x", "/members/..;/admin/", "/members/%2E.%3b/x",
    "/members/..%5cadmin/", "/members/..\\admin/", "/members/x/..%5C..%2fadmin",
    "/members/.", "/members/x/..?x", "/members/%2e", "/members%2fx",
    "/members/x%2fy", "/members/./x?next=/", "/members/x;y/z",
    "/members/x%3By", "/members/;",
]
STRAIGHT = [
    "/members/a%20b/%C3%A4%c3%B6.txt", "/members/.hidden/..a/b../c...d/.x",
    "/members/x?next=/../y//z%2f%2e%2e", "/members/100%25/a,b=c/~x?a;b",
]


def test_a_path_means_the_same_to_nginx_and_the_application(
        examples, open_site, signed_in):
    example, paths = examples["per-path"], examples.app.paths
    for path in CROOKED:
        before = len(paths)
        status, body = raw_get(example, path, signed_in)
        assert (status, paths[before:]) == (400, []), path
        assert json.loads(body)["code"] == "bad_request"
    for path in STRAIGHT:
        assert raw_get(example, path, signed_in)[0] == 200, path
        assert paths[-1] == path
    example = examples["application"]
    for path in "/app/..%2fapp/public/", "/app/x/../public/", "//app/public/":
        before = len(paths)
        status, _ = raw_get(example, path, open_site.client())
        assert (status, paths[before:]) == (400, []), path
    assert raw_get(example, "/app/public/a%20b", signed_in)[0] == 200


class OwnHost:
    """login.example.org and app.example.org, by TLS."""

    def __init__(self, stack, home):
        self.site = stack.site(public_url="https://login.example.org",
                               cookie_domain="example.org")
        self.authority, key = make_certificate(self.site, home,
                                               "DNS:app.example.org")
        self.port, self.app = free_port(), start_app()
        text = text_of(OWN_HOST)
        text = text.replace("server {", "server {\n\taccess_log off;")
        text = text.replace("listen 443 ", f"listen 127.0.0.1:{self.port} ")
        text = text.replace("/etc/ssl/app.example.org.pem", key + ".pem")
        text = text.replace("/etc/ssl/private/app.example.org.key",
                            key + ".key")
        text = text.replace("127.0.0.1:3004",
                            f"127.0.0.1:{self.app.server_address[1]}")
        self.front = Front(self.site, http=text)

    def ask(self, method, path, cookie=None, **headers):
        """As a browser at app.example.org; (status, headers, body)."""
        trust = ssl.create_default_context(cafile=self.authority)
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            c = http.client.HTTPConnection("app.example.org")
            c.sock = trust.wrap_socket(s, server_hostname="app.example.org")
            headers = {n.replace("_", "-"): v for n, v in headers.items()}
            if cookie:
                headers["Cookie"] = cookie
            c.request(method, path, headers=headers)
            answer = c.getresponse()
            return answer.status, answer.headers, answer.read().decode()

    def stop(self):
        self.front.stop()
        self.app.shutdown()
        self.app.server_close()
        return self.site.stop()


@pytest.fixture(scope="module")
def own_host(stack, tmp_path_factory):
    own_host = OwnHost(stack, tmp_path_factory.mktemp("own"))
    yield own_host
    problems = own_host.stop()
    assert not problems, problems


def test_an_application_on_its_own_host(own_host):
    site = own_host.site
    account = site.account()
    status, headers, _ = own_host.ask("GET", "/a?b=c", Accept="text/html")
    assert status == 303
    login, _, back = headers["Location"].partition("?next=")
    assert login == "https://login.example.org/login"
    assert unquote(back) == "https://app.example.org/a?b=c"
    answer = site.client().request(
        "POST", "/login", data=account.credentials() | {"next": unquote(back)},
        headers={"Origin": "https://login.example.org"})
    assert answer.headers["Location"] == "https://app.example.org/a?b=c"
    cookie, attributes = answer.headers["Set-Cookie"].split("; ", 1)
    logsearch.keep("a shared session's cookie", cookie.partition("=")[2])
    assert "Domain=example.org" in attributes
    status, _, body = own_host.ask("GET", "/a?b=c", cookie)
    assert status == 200 and f"x-auth-email: {account.email}" in body
    assert cookie not in body
    assert own_host.ask("GET", "/a")[0] == 401
    sibling = "https://login.example.org"
    assert own_host.ask("POST", "/a", cookie, Origin=sibling)[0] == 403
    status, _, body = own_host.ask("GET", "/public/", cookie,
                                   X_Auth_User="root")
    assert status == 200 and "x-auth" not in body
