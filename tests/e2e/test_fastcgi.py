# SPDX-License-Identifier: ISC
"""Story: whatever comes in through the socket, the workers go on.

Who may connect to it is nginx alone; this is what a broken or taken-over
nginx could do.  That no worker died is looked at after every test.
"""

import json
import os
import random
import struct
import time

import pytest

import fcgi
from client import check_error_body, next_address

FORGOT = json.dumps({"email": "nobody@example.com"}).encode()


def refused(answer, *statuses):
    status, headers, body = answer
    assert status in statuses, answer
    assert headers["content-type"].startswith("application/json")
    check_error_body(status, json.loads(body))
    return json.loads(body)


def alive(site):
    started = time.monotonic()
    assert site.client().get("/healthz").status_code == 200
    assert time.monotonic() - started < 1
    assert fcgi.call(site, "GET", "/healthz")[0] == 200


def test_a_plain_request_is_answered(site):
    status, headers, body = fcgi.call(site, "GET", "/healthz")
    assert status == 200
    assert headers["content-type"].startswith("application/json")
    assert json.loads(body)


@pytest.mark.parametrize("declared, sent", [
    ("500", FORGOT), ("16384", FORGOT), ("5", FORGOT), ("5", FORGOT * 20),
    ("0", FORGOT), ("1", b""), ("500", b""), ("", FORGOT), (None, FORGOT),
    ("abc", FORGOT), ("-1", FORGOT), ("+37", FORGOT), ("0x25", FORGOT),
    ("99999999999999999999", FORGOT), ("4294967333", FORGOT),
    ("18446744073709551653", FORGOT), (" 37", FORGOT), ("37 ", FORGOT),
    ("37,37", FORGOT), ("3.7e1", FORGOT), ("9" * 5000, FORGOT),
])
def test_a_length_that_lies_is_refused(site, declared, sent):
    data = fcgi.exchange(site, fcgi.request(
        "POST", "/auth/forgot-password", sent, CONTENT_LENGTH=declared))
    refused(fcgi.answer(data), 400, 413)
    alive(site)


def test_a_true_length_is_served(site):
    answer = fcgi.call(site, "POST", "/auth/forgot-password", FORGOT,
                       REMOTE_ADDR="192.0.2.200")
    assert answer[0] == 200, answer


@pytest.mark.parametrize("declared", ["5", "16385", "1000000000"])
def test_a_check_may_announce_a_body_that_never_comes(site, declared):
    """As auth_request's do, of the request that they judge."""
    data = fcgi.exchange(site, fcgi.request("GET", "/auth/check",
                                            CONTENT_LENGTH=declared))
    refused(fcgi.answer(data), 401)


@pytest.mark.parametrize("size", [16385, 1 << 20])
def test_a_large_body_is_refused(site, size):
    body = b'{"email": "' + b"x" * size + b'"}'
    refused(fcgi.call(site, "POST", "/auth/forgot-password", body), 413)
    alive(site)


def test_a_body_in_many_small_records_is_one(site):
    data = fcgi.begin() + fcgi.stream(fcgi.PARAMS, fcgi.params(
        "POST", "/auth/forgot-password", FORGOT,
        REMOTE_ADDR="192.0.2.201"), 1) + fcgi.stream(fcgi.STDIN, FORGOT, 1)
    assert fcgi.answer(fcgi.exchange(site, data))[0] == 200


def test_a_slow_request_is_served(site):
    data = fcgi.request("POST", "/auth/forgot-password", FORGOT,
                        REMOTE_ADDR="192.0.2.202")
    with fcgi.connect(site) as s:
        for part in data[:5], data[5:60], data[60:-4], data[-4:]:
            s.sendall(part)
            time.sleep(0.2)
        assert fcgi.answer(fcgi.read_all(s))[0] == 200


WHOLE = fcgi.request("POST", "/auth/forgot-password", FORGOT)


@pytest.mark.parametrize("upto", [0, 1, 4, 8, 12, 16, 20, 60, len(WHOLE) - 8,
                                  len(WHOLE) - 1])
def test_half_a_request_holds_up_nobody(site, upto):
    halves = [fcgi.connect(site) for _ in range(12)]  # more than workers
    for s in halves:
        s.sendall(WHOLE[:upto])
    for _ in range(5):
        alive(site)
    for s in halves:
        s.close()
    alive(site)


def test_half_a_request_is_closed_in_time(site):
    halves = [fcgi.connect(site, timeout=10) for _ in range(3)]
    for s, upto in zip(halves, (0, 20, len(WHOLE) - 1)):
        s.sendall(WHOLE[:upto])
    for s in halves:
        fcgi.read_all(s)
        s.close()
    alive(site)


@pytest.mark.parametrize("where", ["params", "body"])
def test_an_abort_is_no_request(site, where):
    start = fcgi.begin() + (fcgi.stream(fcgi.PARAMS, fcgi.params(
        "POST", "/auth/forgot-password", FORGOT)) if where == "body" else
        fcgi.record(fcgi.PARAMS, b"\x04\x04"))
    for _ in range(6):
        with fcgi.connect(site) as s:
            s.sendall(start + fcgi.record(fcgi.ABORT))
            s.settimeout(0.2)
            try:
                s.recv(100)
            except OSError:
                pass
    alive(site)


def test_a_peer_that_leaves_before_the_answer_harms_nobody(site):
    for _ in range(20):
        with fcgi.connect(site) as s:
            s.sendall(fcgi.request("GET", "/readyz"))
    alive(site)


def chaos(seed):
    """Records of random kinds and lengths around random bytes."""
    r = random.Random(seed)
    out = fcgi.begin() if r.random() < 0.7 else b""
    for _ in range(r.randrange(1, 8)):
        out += fcgi.record(r.choice([1, 2, 3, 4, 4, 4, 5, 5, 8, 9, 11, 255]),
                           r.randbytes(r.choice([0, 1, 7, 8, 100, 5000])),
                           r.choice([0, 1, 1, 1, 2, 65535]),
                           r.choice([1, 1, 1, 1, 0, 2, 255]))
    return out


LENGTH = struct.Struct(">I")
GARBAGE = {
    "zeros": b"\0" * 100, "ones": b"\xff" * 100, "text": b"GET / HTTP/1.1\r\n",
    "random": random.Random(1).randbytes(5000),
    "version 0": fcgi.record(fcgi.BEGIN, b"\0\1\0\0\0\0\0\0", version=0),
    "version 2": fcgi.record(fcgi.BEGIN, b"\0\1\0\0\0\0\0\0", version=2),
    "no begin": fcgi.stream(fcgi.PARAMS, fcgi.params("GET", "/healthz")),
    "short begin": fcgi.record(fcgi.BEGIN, b"\0\1"),
    "empty begin": fcgi.record(fcgi.BEGIN),
    "twice begun": fcgi.begin() + fcgi.begin(),
    "other id": fcgi.begin() + fcgi.record(fcgi.PARAMS, b"", 7),
    "id 0": fcgi.begin(request_id=0),
    "filter": fcgi.begin(role=3) + fcgi.record(fcgi.PARAMS)
    + fcgi.record(fcgi.STDIN),
    "authorizer": fcgi.begin(role=2) + fcgi.record(fcgi.PARAMS)
    + fcgi.record(fcgi.STDIN),
    "role 99": fcgi.begin(role=99),
    "get values": fcgi.record(9, fcgi.pair(b"FCGI_MAX_CONNS", b""), 0),
    "unknown kind": fcgi.begin() + fcgi.record(77),
    "stdin first": fcgi.begin() + fcgi.stream(fcgi.STDIN, FORGOT),
    "long name": fcgi.begin() + fcgi.record(
        fcgi.PARAMS, LENGTH.pack(0xffffffff) * 2) + fcgi.record(fcgi.PARAMS)
    + fcgi.record(fcgi.STDIN),
    "huge name": fcgi.begin() + fcgi.record(
        fcgi.PARAMS, LENGTH.pack(0xfffffffe) * 2 + b"x" * 100)
    + fcgi.record(fcgi.PARAMS) + fcgi.record(fcgi.STDIN),
    "large name": fcgi.begin() + fcgi.record(
        fcgi.PARAMS, LENGTH.pack(0x80000000 | 1 << 24) * 2 + b"x" * 100)
    + fcgi.record(fcgi.PARAMS) + fcgi.record(fcgi.STDIN),
    "cut pair": fcgi.begin() + fcgi.record(fcgi.PARAMS, b"\x10\x10ab")
    + fcgi.record(fcgi.PARAMS) + fcgi.record(fcgi.STDIN),
    "cut length": fcgi.begin() + fcgi.record(fcgi.PARAMS, b"\x80\0")
    + fcgi.record(fcgi.PARAMS) + fcgi.record(fcgi.STDIN),
    "empty names": fcgi.begin() + fcgi.record(fcgi.PARAMS, b"\0\0" * 1000)
    + fcgi.record(fcgi.PARAMS) + fcgi.record(fcgi.STDIN),
    "no parameters": fcgi.begin() + fcgi.record(fcgi.PARAMS)
    + fcgi.record(fcgi.STDIN),
    "many parameters": fcgi.begin() + fcgi.stream(
        fcgi.PARAMS, fcgi.pair(b"HTTP_X", b"y") * 5000)
    + fcgi.record(fcgi.STDIN),
    "a megabyte of parameters": fcgi.begin() + fcgi.stream(
        fcgi.PARAMS, fcgi.pair(b"HTTP_X", b"y" * 5000) * 200)
    + fcgi.record(fcgi.STDIN),
    **{f"chaos {n}": chaos(n) for n in range(20)},
}


@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.parametrize("pool", ["web", "password"])
def test_garbage_harms_nobody(site, pool, name):
    for _ in range(5):
        with fcgi.connect(site, pool) as s:
            try:
                s.sendall(GARBAGE[name])
                s.shutdown(1)
            except OSError:
                pass
            fcgi.read_all(s)
    alive(site)


@pytest.mark.parametrize("more", [
    {"REQUEST_METHOD": None}, {"REQUEST_METHOD": ""},
    {"REQUEST_METHOD": "x" * 5000}, {"REQUEST_METHOD": b"\xff\0"},
    {"DOCUMENT_URI": None}, {"DOCUMENT_URI": ""}, {"DOCUMENT_URI": "x"},
    {"DOCUMENT_URI": "/" * 9000}, {"DOCUMENT_URI": b"/\xff\xfe"},
    {"DOCUMENT_URI": b"/healthz\0"}, {"DOCUMENT_URI": b"/healthz\r\nX: y"},
    {"DOCUMENT_URI": "/healthz%s%n"}, {"SERVER_PROTOCOL": None},
    {"REMOTE_ADDR": None}, {"REMOTE_ADDR": ""}, {"REMOTE_ADDR": "unix:"},
    {"REMOTE_ADDR": "not an address"}, {"REMOTE_ADDR": "x" * 5000},
    {"REMOTE_ADDR": b"\xff\xfe\r\n"}, {"REMOTE_ADDR": "999.999.999.999"},
    {"QUERY_STRING": None}, {"QUERY_STRING": b"\xff%%%zz&&==;" * 500},
    {"HTTP_AUTHORIZATION": b"Bearer \xff\r\n"}, {"CONTENT_TYPE": b"\xff\r\n"},
    {"HTTP_ACCEPT": b"\xff\r\n" * 3000}, {"HTTP_COOKIE": b"=;=" * 5000},
], ids=ascii)
@pytest.mark.parametrize("method, path", [
    ("GET", "/healthz"), ("POST", "/auth/refresh"),
    ("POST", "/auth/forgot-password"), ("GET", "/verify-email")])
def test_odd_parameters_harm_nobody(site, method, path, more):
    body = FORGOT if "forgot" in path else b""
    more.setdefault("REMOTE_ADDR", f"198.51.100.{random.randrange(256)}")
    status, headers, _ = fcgi.call(site, method, path, body, **more)
    assert 200 <= status < 500, (status, headers)
    alive(site)


def test_one_connection_carries_one_request(site):
    """Even when asked to keep it, and whatever is in the body."""
    inner = fcgi.request("GET", "/readyz", REMOTE_USER="admin")
    data = fcgi.request("POST", "/auth/refresh", inner,
                        flags=fcgi.KEEP_CONN) + inner
    kinds = [k for k, _ in fcgi.records(fcgi.exchange(site, data))]
    assert kinds.count(fcgi.END) == 1
    alive(site)


def test_the_sockets_are_not_for_everybody(site):
    for pool in "web", "password":
        assert os.stat(site.socket(pool)).st_mode & 0o007 == 0


PASSWORD_ROUTES = ["/auth/register", "/auth/login", "/auth/reset-password"]
WEB_ROUTES = ["/auth/logout", "/auth/refresh", "/auth/forgot-password",
              "/auth/verify-email", "/auth/resend-verification"]


@pytest.mark.parametrize("pool, path", [
    *(("web", path) for path in PASSWORD_ROUTES),
    *(("password", path) for path in WEB_ROUTES)])
def test_the_wrong_pool_says_so(site, pool, path):
    body = json.dumps({"email": next_address(), "password": "long enough",
                       "token": "x", "new_password": "long enough"}).encode()
    answer = fcgi.call(site, "POST", path, body, pool)
    assert refused(answer, 503)["code"] == "wrong_pool"
    assert int(answer[1]["retry-after"]) >= 1
    other = "password" if pool == "web" else "web"
    assert fcgi.call(site, "POST", path, body, other)[0] < 500


@pytest.mark.parametrize("pool", ["web", "password"])
def test_either_pool_knows_what_there_is(site, pool):
    refused(fcgi.call(site, "GET", "/nope", pool=pool), 404)
    refused(fcgi.call(site, "POST", "/AUTH/LOGIN", pool=pool), 404)
    for path in PASSWORD_ROUTES + WEB_ROUTES:
        answer = fcgi.call(site, "GET", path, pool=pool)
        refused(answer, 405)
        assert answer[1]["allow"] == "POST"


def forgot(site, client):
    body = json.dumps({"email": next_address("unknown")}).encode()
    return fcgi.call(site, "POST", "/auth/forgot-password", body,
                     REMOTE_ADDR=client)[0]


def test_ipv6_clients_count_by_their_network(site):
    for n in range(3):
        assert forgot(site, f"2001:db8:1:1::{n}") == 200
    assert forgot(site, "2001:db8:1:1:ffff::1") == 429
    assert forgot(site, "2001:0DB8:1:1::1") == 429
    for net in range(2, 29):  # a /48 has ten times as many in all
        assert forgot(site, f"2001:db8:1:{net:x}::1") == 200
    assert forgot(site, "2001:db8:1:100::1") == 429
    assert forgot(site, "2001:db8:2:1::1") == 200


def test_an_ipv4_client_is_the_same_mapped(site):
    for _ in range(2):
        assert forgot(site, "192.0.2.250") == 200
    assert forgot(site, "::ffff:192.0.2.250") == 200
    assert forgot(site, "::ffff:c000:2fa") == 429
    assert forgot(site, "192.0.2.250") == 429
    assert forgot(site, "::ffff:192.0.2.251") == 200
