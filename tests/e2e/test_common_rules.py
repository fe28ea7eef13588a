# SPDX-License-Identifier: ISC
"""Story: whatever one sends, the answer is a clean one.

What every answer has to keep is checked by the client for all tests
(client.check_common); here is what needs a request of its own.
"""

import json

import re

import pytest

from client import (Client, check_error_body, granted, next_address,
                    parse_raw, raw_exchange, refused, sorry_page)
from front import Front

GOOD = "a long enough secret"
CONTENT_TYPE = "Content-Type must be application/json"
MISSING = "Email and password are required"

BODIES = {
    "/auth/register": {"email": "user@example.com", "password": GOOD},
    "/auth/login": {"email": "nobody@example.com", "password": GOOD},
    "/auth/forgot-password": {"email": "nobody@example.com"},
    "/auth/reset-password": {"token": "x", "new_password": GOOD},
    "/auth/verify-email": {"token": "x"},
    "/auth/resend-verification": {"email": "nobody@example.com"},
    "/auth/change-email": {"current_password": GOOD,
                           "new_email": "nobody@example.com"},
    "/auth/delete-account": {"current_password": GOOD},
}
API = [*BODIES, "/auth/logout", "/auth/refresh"]
PAGES = ["/verify-email", "/reset-password", "/confirm-email", "/take-back"]
HEALTH = ["/healthz", "/readyz"]


# Content types. --------------------------------------------------------------

@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("content_type", [
    None, "", "text/plain", "text/json", "application/jsonx",
    "application/json+x", "application/problem+json", "application", "json",
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "text/plain; application/json", "application/json, text/plain",
    "xapplication/json", "application/ json", "*/*",
])
def test_only_json_is_read(site, client, path, content_type):
    body = json.dumps(BODIES[path]).encode()
    answer = client.raw_post(path, body, content_type)
    refused(answer, 400, CONTENT_TYPE)


@pytest.mark.parametrize("content_type", [
    "application/json", "application/json; charset=utf-8",
    "application/json;charset=UTF-8", "APPLICATION/JSON",
    "Application/Json ; x=y", 'application/json; charset="utf-8"',
    "application/json;",
])
def test_json_may_have_parameters(site, client, content_type):
    answer = client.raw_post("/auth/login", json.dumps(
        BODIES["/auth/login"]).encode(), content_type)
    refused(answer, 401, "Invalid credentials")


# JSON. -----------------------------------------------------------------------

def registration(extra=b"", email=None):
    """A registration that would succeed, with extra put before its end."""
    email = (email or next_address()).encode()
    return (b'{"email": "' + email + b'", "password": "' + GOOD.encode()
            + b'"' + extra + b"}")


def nested(levels):
    """A registration whose brackets nest so deep."""
    return registration(b', "x": ' + b"[" * (levels - 1)
                        + b"]" * (levels - 1))


BAD_VALUES = [
    b"NaN", b"Infinity", b"-Infinity", b"nan", b"-", b"+1", b"01", b"-01",
    b"1.", b".5", b"1e", b"1e+", b"0x10", b"1_000", b"tru", b"True", b"None",
    b"undefined", b"'x'", b"`x`", b"[1,]", b"[,1]", b"[1 2]", b"{,}",
    b'{"a":1,}', b'{"a" 1}', b"{a:1}", b'{"a"}', b"{1:2}", b"[", b"{", b"]",
    b'"', b'"\\', b"/* x */ 1", b"1 // x", b"// x\n1", b"# x\n1",
    b'"\x00"', b'"\x01"', b'"\x1f"', b'"a\nb"', b'"a\rb"', b'"a\tb"',
    b'"\\x41"', b'"\\u12"', b'"\\u12G4"', b'"\\U00000041"', b'"\\\'"',
    b'"\\0"', b'"\\u0000"', b'"a\\u0000b"', b'["\\u0000"]',
    b'{"\\u0000": 1}', b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\ud800"',
    b'"\\ud800x"', b'"\\ud800\\u0041"', b'"\\udc00\\ud800"', b'"\\uDBFF"',
    b'{"\\ud800": 1}',
    b'"\xff"', b'"\xfe"', b'"\x80"', b'"\xc3"', b'"\xc3("', b'"\xc0\xaf"',
    b'"\xc1\x81"', b'"\xe0\x80\xaf"', b'"\xe2\x82"', b'"\xed\xa0\x80"',
    b'"\xed\xbf\xbf"', b'"\xed\xa0\xbd\xed\xb8\x80"', b'"\xf0\x80\x80\xaf"',
    b'"\xf0\x9f\x98"', b'"\xf4\x90\x80\x80"', b'"\xf8\x88\x80\x80\x80"',
    b'"\xfc\x84\x80\x80\x80\x80"', b'{"\xff": 1}', b"\xff", b"\xe9",
    b'{"a": 1, "a": 1}', b'{"a": 1, "\\u0061": 2}', b'[{"a": {}, "a": {}}]',
    b'{"": 1, "": 2}',
]


@pytest.mark.parametrize("value", BAD_VALUES, ids=lambda v: ascii(v)[2:-1])
def test_a_broken_value_anywhere_breaks_the_request(site, client, value):
    refused(client.raw_post("/auth/register",
                            registration(b', "x": ' + value)), 400)


BROKEN = {
    "nothing": b"", "blank": b" ", "a bracket": b"{", "a quote": b'"',
    "trailing comma": registration(b","),
    "two commas": registration(b",,"),
    "trailing word": registration() + b" x",
    "trailing object": registration() + b"{}",
    "trailing bracket": registration() + b"}",
    "trailing NUL": registration() + b"\0",
    "trailing comma after": registration() + b",",
    "leading NUL": b"\0" + registration(),
    "byte order mark": b"\xef\xbb\xbf" + registration(),
    "UTF-16": registration().decode().encode("utf-16"),
    "UTF-16LE": registration().decode().encode("utf-16-le"),
    "UTF-32": registration().decode().encode("utf-32-le"),
    "vertical tab": b"\x0b" + registration(),
    "form feed": registration() + b"\x0c",
    "no-break space": b"\xc2\xa0" + registration(),
    "cut": registration()[:-1], "cut in a string": registration()[:-3],
    "two roots": registration() + registration(),
    "lines": registration() + b"\n" + registration(),
    "a form": b"email=user%40example.com&password=x",
    "deep": nested(17), "deeper": nested(100), "deepest": nested(4000),
    "deep objects": registration(b', "x": ' + b'{"a":' * 16 + b"1"
                                 + b"}" * 16),
    "open brackets": b"[" * 16000, "open objects": b'{"a":' * 3000,
    "two emails": registration(b', "email": "other@example.com"'),
    "two passwords": registration(b', "password": "another secret"'),
    "an escaped second": registration(b', "\\u0065mail": "o@example.com"'),
    "two unknowns": registration(b', "x": 1, "y": 2, "x": 3'),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_one_json_object_is_refused(site, client, name):
    refused(client.raw_post("/auth/register", BROKEN[name]), 400)


@pytest.mark.parametrize("body", [
    b"[]", b"null", b"true", b"false", b"1", b"-0", b"1e5", b'"x"', b'""',
    b'[{"email": "user@example.com", "password": "long enough"}]',
    b'["email", "password"]',
])
@pytest.mark.parametrize("path", BODIES)
def test_the_top_is_an_object(site, client, path, body):
    refused(client.raw_post(path, body), 400)


GOOD_EXTRAS = [
    b"", b" ", b"\r\n\t ", b', "x": null', b', "x": [1, {"y": []}]',
    b', "": ""', b', "x": -0', b', "x": 1.5e-7', b', "x": 1E5',
    b', "x": 123456789012345678901234567890', b', "x": "\\ud83d\\ude00"',
    b', "x": "\xf0\x9f\x98\x80"', b', "x": "\xef\xbf\xbf"', b', "x": "\x7f"',
    b', "x": "\\u001f\\b\\f\\n\\r\\t\\/\\\\\\""', b', "x": "\xc2\x80"',
    b', "Email": 1, "EMAIL": 2', b', "__proto__": {}', b', "x": 1e999',
    b', "a": {"x": 1}, "b": {"x": 1}', b', "emai": 1, "emaill": 2',
]


@pytest.mark.parametrize("extra", GOOD_EXTRAS, ids=lambda v: ascii(v)[2:-1])
def test_other_members_are_ignored(site, client, extra):
    answer = client.raw_post("/auth/register", registration(extra))
    assert answer.status_code == 201, answer.text


def test_keys_may_be_escaped_and_blanks_surround(site, client):
    body = b"\n\t" + registration().replace(b"email", b"\\u0065mail") + b"\r\n"
    assert client.raw_post("/auth/register", body).status_code == 201


def test_sixteen_levels_are_well(site, client):
    answer = client.raw_post("/auth/register", nested(16))
    assert answer.status_code == 201, answer.text


def padded(size):
    """A registration of exactly so many bytes."""
    bare = registration(b', "x": ""')
    return bare[:-2] + b"x" * (size - len(bare)) + b'"}'


@pytest.mark.parametrize("size, status", [
    (16383, 201), (16384, 201), (16385, 413), (20000, 413), (65536, 413),
    (1 << 20, 413), (4 << 20, 413),
])
def test_a_body_has_at_most_16_kib(site, client, size, status):
    body = padded(size)
    assert len(body) == size
    answer = client.raw_post("/auth/register", body)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("method, path, status", [
    ("POST", "/auth/logout", 401), ("POST", "/auth/refresh", 401),
    ("GET", "/auth/me", 401), ("GET", "/auth/check", 401),
    ("DELETE", "/auth/sessions/x", 401), ("GET", "/healthz", 200)])
def test_nor_has_one_that_nobody_asked_for(site, client, method, path, status):
    for size, want in (16384, status), (16385, 413), (32768, 413):
        answer = client.request(method, path, data=b"x" * size)
        assert answer.status_code == want, (size, answer.text)


@pytest.mark.parametrize("size, status", [(16384, 201), (16385, 413),
                                          (1 << 20, 413)])
def test_a_chunked_body_counts_the_same(site, client, size, status):
    body = padded(size)
    chunks = (body[i:i + 1000] for i in range(0, size, 1000))
    answer = client.raw_post("/auth/register", chunks)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("value", [1, 1.5, True, False, None, [], {}, ["x"],
                                   {"x": "y"}], ids=json.dumps)
@pytest.mark.parametrize("path, field", [
    (path, field) for path, body in BODIES.items() for field in body])
def test_a_field_is_a_string(site, client, path, field, value):
    refused(client.post(path, BODIES[path] | {field: value}), 400)


# The order of checks. --------------------------------------------------------

@pytest.mark.parametrize("body, content_type, sentence", [
    (b"{", "text/plain", CONTENT_TYPE),
    (b'{"email": 1}', "text/plain", CONTENT_TYPE),
    (b'{"email": "bad"}', "application/json", MISSING),
    (b'{"password": "short"}', "application/json", MISSING),
    (b'{"email": "bad", "password": "short"}', "application/json",
     "Invalid email format"),
    (b'{"email": "TAKEN", "password": "short"}', "application/json",
     "Password must be at least 8 characters"),
])
def test_the_first_fault_in_the_contracts_order_is_named(
        site, account, client, body, content_type, sentence):
    body = body.replace(b"TAKEN", account.email.encode())
    refused(client.raw_post("/auth/register", body, content_type), 400,
            sentence)


def test_the_method_comes_before_all_else(site, client):
    answer = client.request("PUT", "/auth/login", data=b"{",
                            headers={"Content-Type": "text/plain"})
    refused(answer, 405)


# Paths and methods. ----------------------------------------------------------

UNKNOWN = ["/nope", "/auth", "/auth/", "/auth/nope", "/auth/login/",
           "/auth/login/x", "/auth/login.json", "/AUTH/LOGIN", "/Auth/Login",
           "/auth/Login", "/auth/login%20", "/auth/login;x", "/auth/logi",
           "/auth/loginx", "/healthz/", "/Healthz", "/.env", "/.git/config",
           "/%ff%fe", "/auth/login%0d%0aX:y", "/index.php", "/verify-email/", "/Verify-Email", "/nginx_status",
           "/" + "x" * 3000]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", UNKNOWN, ids=lambda p: p[:30])
def test_an_unknown_path_is_not_found(site, client, path, method):
    answer = client.request(method, path)
    assert answer.status_code == 404, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json() == {"error": "Not found"}


def test_a_missing_file_is_not_found(site, client):
    refused(client.get("/static/nope.css"), 404, "Not found")


@pytest.mark.parametrize("accept, html", [
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
    ("text/html", True), ("*/*", False), ("application/json", False),
    (None, False),
])
@pytest.mark.parametrize("path", ["/nope", "/brand.css"])
def test_a_browser_gets_a_page(site, client, accept, html, path):
    answer = client.get(path, headers={"Accept": accept})
    assert answer.status_code == 404
    if not html:
        assert answer.json() == {"error": "Not found"}
        return
    assert answer.headers["Content-Type"].startswith("text/html")
    assert not re.search(r"<script(?! src=)|\sstyle=", answer.text)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", API)
def test_the_api_answers_in_json_whoever_asks(site, client, path):
    answer = client.post(path, {}, headers={"Accept": "text/html"})
    refused(answer, 401 if path not in BODIES else 400)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH",
                                    "OPTIONS", "PROPFIND", "FOO"])
@pytest.mark.parametrize("path", API)
def test_the_api_takes_post_alone(site, client, path, method):
    answer = client.request(method, path)
    assert answer.status_code == 405, answer.text
    assert answer.headers["Allow"] == "POST"
    if method != "HEAD":
        refused(answer, 405)


@pytest.mark.parametrize("path, methods", [
    *((p, {"GET", "HEAD", "POST"}) for p in PAGES),
    *((p, {"GET", "HEAD"}) for p in HEALTH)])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS",
                                    "FOO"])
def test_what_is_read_is_read_by_get_and_head(site, client, path, methods,
                                              method):
    if method in methods:
        return
    answer = client.request(method, path)
    assert answer.status_code == 405, answer.text
    if path in HEALTH:  # a page may answer as one
        refused(answer, 405)
    allowed = {m.strip() for m in answer.headers["Allow"].split(",")}
    assert allowed == methods


@pytest.mark.parametrize("method", ["post", "Post", "pOST"])
def test_a_method_is_spelled_in_capitals(site, method):
    out = raw_exchange(site, f"{method} /auth/refresh HTTP/1.1\r\nHost: x\r\n"
                       "Connection: close\r\n\r\n".encode())
    assert parse_raw(out)[0] in (400, 405), out


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_trace_and_connect_are_nginxs_to_refuse(site, method):
    out = raw_exchange(site, f"{method} /auth/login HTTP/1.1\r\nHost: x\r\n"
                       "X-Secret: echo\r\nConnection: close\r\n\r\n".encode())
    status, headers, body = parse_raw(out)
    assert status in ((405,) if method == "TRACE" else (400, 405)), out
    check_own_error(status, headers, body)
    assert b"X-Secret" not in out


@pytest.mark.parametrize("path", [*PAGES, *HEALTH])
def test_head_is_get_without_the_body(site, client, path):
    get, head = client.get(path), client.request("HEAD", path)
    assert get.status_code == head.status_code == 200
    assert head.content == b""
    assert head.headers["Content-Type"] == get.headers["Content-Type"]
    assert set(head.headers) - {"Content-Length"} \
        == set(get.headers) - {"Content-Length", "Transfer-Encoding"}


@pytest.mark.parametrize("path", [*API, *HEALTH, "/nope"])
def test_there_are_no_cors_headers(site, client, path):
    preflight = client.request("OPTIONS", path, headers={
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization"})
    assert preflight.status_code in (404, 405)
    client.post(path, headers={"Origin": "https://evil.example"})


def test_a_query_changes_nothing(site, client):
    answer = client.post("/auth/login?email=x&password=y", {})
    refused(answer, 400, MISSING)
    assert client.get("/healthz?x=" + "y" * 2000).status_code == 200


@pytest.mark.parametrize("method, path, token, status", [
    ("POST", "/auth/login", None, 400), ("POST", "/auth/logout", None, 401),
    ("GET", "/auth/login", None, 405), ("GET", "/nope", None, 404),
    ("POST", "/auth/refresh", "x", 401), ("GET", "/healthz", None, 200),
    ("GET", "/readyz", None, 200),
])
def test_json_is_neither_kept_nor_sniffed(site, client, method, path, token,
                                          status):
    answer = client.request(method, path, token=token)
    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Server"] == "nginx"
    assert "Set-Cookie" not in answer.headers


def test_the_pages_of_errors_name_no_version(site, client):
    for path in "/nope", "/auth/login":
        answer = client.get(path, headers={"Accept": "text/html"})
        assert "nginx/" not in answer.text


# What nginx refuses by itself. -----------------------------------------------

def check_own_error(status, headers, body):
    assert headers["content-type"].startswith("application/json"), headers
    assert headers["cache-control"] == "no-store", headers
    assert headers["x-content-type-options"] == "nosniff", headers
    assert headers["server"] == "nginx", headers
    check_error_body(status, json.loads(body))


HOST = b"Host: x\r\nConnection: close\r\n"
OWN = {
    "garbage": (b"GARBAGE\r\n\r\n", {400}),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
                    {400}),
    "HTTP/9.9": (b"GET / HTTP/9.9\r\n" + HOST + b"\r\n", {400, 505}),
    "a bad version": (b"GET / HTTX/1.1\r\n" + HOST + b"\r\n", {400}),
    "no host": (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", {400}),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n"
                  b"Connection: close\r\n\r\n", {400}),
    "a bad host": (b"GET / HTTP/1.1\r\nHost: a/b\r\n"
                   b"Connection: close\r\n\r\n", {400}),
    "control byte in path": (b"GET /a\x01b HTTP/1.1\r\n" + HOST + b"\r\n",
                             {400}),
    "NUL in path": (b"GET /a%00b HTTP/1.1\r\n" + HOST + b"\r\n", {400, 404}),
    "out of the root": (b"GET /../../etc/passwd HTTP/1.1\r\n" + HOST
                        + b"\r\n", {400, 404}),
    "a long path": (b"GET /" + b"x" * 40000 + b" HTTP/1.1\r\n" + HOST
                    + b"\r\n", {414}),
    "a long header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 40000
                      + b"\r\n\r\n", {400, 494, 431}),
    "many headers": (b"GET / HTTP/1.1\r\n" + HOST + b"".join(
        b"X%d: %s\r\n" % (i, b"x" * 6000) for i in range(20)) + b"\r\n",
        {400, 494, 431}),
    "a long token": (b"POST /auth/logout HTTP/1.1\r\n" + HOST
                     + b"Authorization: Bearer " + b"x" * 70000 + b"\r\n\r\n",
                     {400, 494, 431}),
    "a bad length": (b"POST /auth/login HTTP/1.1\r\n" + HOST
                     + b"Content-Length: abc\r\n\r\n", {400}),
    "a negative length": (b"POST /auth/login HTTP/1.1\r\n" + HOST
                          + b"Content-Length: -1\r\n\r\n", {400}),
    "two lengths": (b"POST /auth/login HTTP/1.1\r\n" + HOST
                    + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
                    {400}),
    "length and chunks": (b"POST /auth/login HTTP/1.1\r\n" + HOST
                          + b"Content-Length: 2\r\n"
                          b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                          {400}),
    "bad chunks": (b"POST /auth/login HTTP/1.1\r\n" + HOST
                   + b"Content-Type: application/json\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", {400}),
    "an unknown coding": (b"POST /auth/login HTTP/1.1\r\n" + HOST
                          + b"Transfer-Encoding: gzip\r\n\r\n", {400, 501}),
    "a huge length": (b"POST /auth/login HTTP/1.1\r\n" + HOST
                      + b"Content-Type: application/json\r\n"
                      b"Content-Length: 1000000000\r\n\r\n{}", {413}),
}


@pytest.mark.parametrize("name", OWN)
def test_nginxs_own_refusals_have_the_same_shape(site, name):
    request, statuses = OWN[name]
    status, headers, body = parse_raw(raw_exchange(site, request))
    assert status in statuses, (status, body)
    check_own_error(status, headers, body)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nginxs_405_tells_what_it_takes(site, client, method):
    for path in "/static/postern.css", "/static/postern.01234567.css":
        answer = client.request(method, path)
        refused(answer, 405, "Method not allowed")
        assert answer.headers["Allow"] == "GET, HEAD"


def test_people_get_a_page_while_posternd_is_away(site):
    gone = [("postern-http.conf", "web.sock", "nowhere.sock")]
    with Front(site, gone) as front:
        client = Client(front)
        for method in "GET", "POST":
            for accept in ("text/html,application/xhtml+xml,*/*;q=0.8",
                           "application/json;q=0.1, text/html;q=0.9"):
                answer = client.request(method, "/dashboard", check=False,
                                        headers={"Accept": accept})
                page = sorry_page(answer, 502)
                assert "again in a moment" in page
        for accept in "*/*", "application/json", "text/htmlx", "":
            answer = client.get("/dashboard", check=False,
                                headers={"Accept": accept})
            refused(answer, 502, "Service temporarily unavailable")
            assert answer.headers["Retry-After"] == "2"
        answer = client.request("HEAD", "/dashboard", check=False,
                                headers={"Accept": "text/html"})
        assert answer.status_code == 502 and answer.content == b""


def test_a_body_that_breaks_off_kills_nobody(site, client):
    for declared, sent in ((500, b'{"email": "x'), (16000, b"")):
        try:
            raw_exchange(site, b"POST /auth/login HTTP/1.1\r\nHost: x\r\n"
                         b"Content-Type: application/json\r\n"
                         b"Content-Length: %d\r\n\r\n%s" % (declared, sent),
                         timeout=0.3)
        except TimeoutError:
            pass
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("headers", [
    {"Cookie": "x=" + "y" * 7000}, {"Cookie": "\xff\xfe=;;;==;"},
    {"Accept": "x" * 7000}, {"User-Agent": "\xff'\"<script>" + "x" * 5000},
    {"Origin": "x" * 5000}, {"Accept-Language": "\xff" * 100},
    {"Content-Type": "application/json;" + "x" * 7000},
    {"X-Request-ID": "x" * 7000}, {"Proxy": "http://evil.example/"},
    {"Sec-Fetch-Site": "\xff"},
], ids=lambda h: next(iter(h)))
def test_odd_headers_harm_nobody(site, account, headers):
    encoded = {k: v.encode("latin-1") for k, v in headers.items()}
    encoded.setdefault("Content-Type", b"application/json")
    answer = site.client().request(
        "POST", "/auth/login", headers=encoded,
        data=json.dumps(account.credentials()).encode())
    if answer.status_code != 400:
        granted(answer, "Login successful")
