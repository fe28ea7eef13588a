# SPDX-License-Identifier: ISC
"""Story: a sysadmin copies a file of nginx/examples/, changes its names, and
it does what it says.

All of them run in one nginx; changed are where they listen, their folder,
their upstreams' ports, and that there is no TLS.
"""

import base64
import glob
import hashlib
import os
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest

import logsearch
from client import Client, refused
from front import Front
from stack import SOURCE, free_port, give
from test_check_nginx import at_its_name, clean

EXAMPLES = sorted(glob.glob(os.path.join(SOURCE, "nginx", "examples",
                                         "*.conf")))
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


class App(BaseHTTPRequestHandler):
    """Says who nginx says is there; echoes what comes by a WebSocket."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
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
        self.app = ThreadingHTTPServer(("127.0.0.1", 0), App)
        self.app.daemon_threads = True
        threading.Thread(target=self.app.serve_forever, args=(0.05,),
                         daemon=True).start()
        texts = []
        for path in EXAMPLES:
            example = self[os.path.basename(path)[:-5]] = Example(site)
            with open(path, encoding="utf-8") as f:
                texts.append(example.prepare(f.read(), self.root,
                                             self.app.server_address[1]))
        self.front = Front(site, http="\n".join(texts))

    def files(self):
        for path, text in {"index.html": "start", "docs/index.html": "secret",
                           "pictures/a.svg": "<svg/>",
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


def test_there_is_a_test_of_each_example(examples):
    with open(__file__, encoding="utf-8") as f:
        tests = f.read()
    for name in examples:
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
    refused(example.ask(stranger, "/app/"), 401)
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
