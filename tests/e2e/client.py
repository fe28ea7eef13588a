# SPDX-License-Identifier: ISC
"""HTTP clients, each from a loopback address of its own.

Whatever a test asks, every answer is also held against the rules that all
answers share (docs/api.md, "All calls").
"""

import itertools
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import requests
from requests.adapters import HTTPAdapter

import logsearch

TIMEOUT = 20
CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
codes = {}  # sentence → code, as seen: they must not change

_numbers = itertools.count(1)
_hosts = itertools.count(300)
_lock = threading.Lock()


def next_address(prefix="user"):
    """An e-mail address no other test has."""
    with _lock:
        return f"{prefix}{next(_numbers)}@example.com"


def next_host():
    """A loopback address no other client has: 127.1.0.1 and on."""
    with _lock:
        n = next(_hosts)
    return f"127.{1 + n // 62500}.{n // 250 % 250}.{1 + n % 250}"


class FromAddress(HTTPAdapter):
    def __init__(self, host):
        self.host = host
        super().__init__()

    def init_poolmanager(self, *args, **kw):
        super().init_poolmanager(*args, source_address=(self.host, 0), **kw)


class Client:
    def __init__(self, site, host=None):
        self.site = site
        self.host = host or next_host()
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.mount("http://", FromAddress(self.host))

    def request(self, method, path, check=True, token=None, **kw):
        headers = dict(kw.pop("headers", None) or {})
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        kw.setdefault("allow_redirects", False)
        kw.setdefault("timeout", TIMEOUT)
        keep_secrets(path, headers, kw)
        answer = self.session.request(method, self.site.url + path,
                                      headers=headers, **kw)
        logsearch.keep_answer(answer)
        if check:
            check_common(answer)
        return answer

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.request("POST", path, json=body, **kw)

    def raw_post(self, path, body, content_type="application/json", **kw):
        """POSTs bytes that need not be JSON."""
        headers = dict(kw.pop("headers", None) or {})
        if content_type is not None:
            headers["Content-Type"] = content_type
        return self.request("POST", path, data=body, headers=headers, **kw)


def keep_secrets(path, headers, kw):
    """Hands what a request has of secrets to the search of the logs."""
    where = f"the request of {path.partition('?')[0]}"
    logsearch.keep_fields(where, kw.get("json"))
    logsearch.keep_fields(where, kw.get("data"))
    logsearch.keep_bytes(where, kw.get("data"))
    logsearch.keep_links(path)
    for name, value in headers.items():
        if name.lower() == "authorization" and isinstance(value, str):
            logsearch.keep(f"the token of {where}",
                           value.partition(" ")[2].strip())


def check_common(answer):
    """The rules that every answer keeps, whatever it was asked."""
    h, status = answer.headers, answer.status_code
    assert status < 500, f"{status}: {answer.text}"
    assert "/" not in h.get("Server", ""), h["Server"]
    assert not [n for n in h if n.lower().startswith("access-control-")]
    assert "X-Powered-By" not in h
    if status == 401:
        assert h["WWW-Authenticate"] == "Bearer", dict(h)
    if status == 405 and answer.request.method not in ("TRACE", "CONNECT"):
        assert h["Allow"], dict(h)
    if status == 429:
        check_limit_headers(answer)
    if h.get("Content-Type", "").startswith("application/json"):
        check_json(answer)


def check_json(answer):
    h = answer.headers
    assert h["Cache-Control"] == "no-store", dict(h)
    assert h["X-Content-Type-Options"] == "nosniff", dict(h)
    if answer.request.method == "HEAD":
        assert answer.content == b""
        return
    body = answer.json()
    assert isinstance(body, dict), body
    if answer.status_code >= 400:
        check_error_body(answer.status_code, body, answer.request.path_url)


# The known path that may name what is not there.
NAMING = re.compile(r"/auth/sessions/[^/?]+(\?|$)")


def check_error_body(status, body, path=""):
    """An error is a sentence and a stable code; an unknown path is the
    exception."""
    if status == 404 and not NAMING.match(path):
        assert body == {"error": "Not found"}, body
        return
    assert isinstance(body["error"], str) and body["error"], body
    assert CODE.fullmatch(body["code"]), body
    assert codes.setdefault(body["error"], body["code"]) == body["code"], body


def check_limit_headers(answer):
    """draft-ietf-httpapi-ratelimit-headers: a named policy and its state."""
    h = answer.headers
    assert int(h["Retry-After"]) >= 1, dict(h)
    policy = re.match(r'"([^"]+)";q=(\d+);'
                      r'(?:w=([1-9]\d*)|qu="concurrent-requests")$',
                      h["RateLimit-Policy"])
    state = re.match(r'"([^"]+)";r=(\d+);t=(\d+)$', h["RateLimit"])
    assert policy and state, dict(h)
    assert policy[1] == state[1] and state[2] == "0", dict(h)
    assert state[3] == h["Retry-After"] and int(policy[2]) >= 1, dict(h)


def refused(answer, status, sentence=None):
    """Asserts a JSON refusal, and its sentence where the contract has one."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"].startswith("application/json")
    if sentence is not None:
        assert answer.json()["error"] == sentence, answer.text
    return answer.json()


def sorry_page(answer, status):
    """Asserts that nginx itself shows a page; its text."""
    h = answer.headers
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert h["Content-Type"] == "text/html; charset=utf-8", dict(h)
    assert h["Cache-Control"] == "no-store", dict(h)
    assert h["X-Content-Type-Options"] == "nosniff", dict(h)
    assert "default-src 'none'" in h["Content-Security-Policy"], dict(h)
    assert "frame-ancestors 'none'" in h["Content-Security-Policy"], dict(h)
    assert ("Retry-After" in h) == (status != 403), dict(h)
    page = answer.content.decode()
    assert '<html lang="en">' in page and '<p lang="de">' in page
    assert "</html>" in page and "<script" not in page
    return page


def granted(answer, message, status=200):
    """Asserts a JSON answer with this message."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json()["message"] == message, answer.text
    return answer.json()


def at_once(calls):
    """Runs the calls in parallel, all set off together; their results."""
    calls = list(calls)
    barrier = threading.Barrier(len(calls))

    def go(call):
        barrier.wait(TIMEOUT)
        return call()
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(go, calls))


def raw_exchange(site, data, host=None, timeout=TIMEOUT):
    """Sends bytes to nginx; what comes back until the answer is whole."""
    with socket.create_connection(("127.0.0.1", site.port), timeout,
                                  (host or next_host(), 0)) as s:
        s.sendall(data)
        out = b""
        while not is_whole(out) and (chunk := s.recv(65536)):
            out += chunk
    return out


def is_whole(out):
    """Whether the body is there as its Content-Length says."""
    head, end, body = out.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)", head, re.I)
    return bool(end and length) and len(body) >= int(length[1])


def parse_raw(out):
    """(status, {lower-case name: value}, body) of an HTTP answer."""
    head, _, body = out.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return int(lines[0].split()[1]), headers, body
