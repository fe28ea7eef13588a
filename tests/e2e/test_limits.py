# SPDX-License-Identifier: ISC
"""Story: nobody calls too often, and nobody pays for another's calls.

A limit of N a period lets N through at once and then one each period/N, so
whatever took a while may let a few more through: allowance() says how many.
"""

import os
import re
import time

import pytest

from client import (Client, at_once, granted, next_address, refused,
                    sorry_page)
from front import Front
from posterns import cpu_ticks, kinds
from stack import SOURCE
from test_forgot_and_resend import FORGOT, MESSAGES, RESEND, SUBJECTS, ask

GOOD = "a long enough secret"


def allowance(count, period, seconds):
    return count + int(seconds * count / period) + 1


def limited(answer, count, period):
    """Asserts a 429 of the limit of count calls in period seconds."""
    body = refused(answer, 429)
    assert set(body) >= {"error", "code"}
    h = answer.headers
    assert f";q={count};w={period}" in h["RateLimit-Policy"], dict(h)
    wait = int(h["Retry-After"])
    assert 1 <= wait <= -(-period // count), (wait, dict(h))
    assert h["RateLimit"].endswith(f";t={wait}"), dict(h)


def login(client, email, password="the wrong secret"):
    return client.post("/auth/login", {"email": email, "password": password})


@pytest.mark.parametrize("known", [True, False])
def test_five_logins_a_minute_for_a_client_and_an_account(site, known):
    account = site.account()
    email = account.email if known else next_address("unknown")
    client = site.client()
    for spelling in (email, email.upper(), f" {email} ", email, email.title()):
        refused(login(client, spelling), 401)
    limited(login(client, email), 5, 60)
    limited(login(client, email.upper(), account.password), 5, 60)
    refused(login(client, next_address("other")), 401)
    refused(login(site.client(), email), 401)
    if known:
        account.login()


def test_what_is_no_address_is_limited_too(site, client):
    for _ in range(5):
        refused(login(client, "not an address"), 401)
    limited(login(client, "not an address"), 5, 60)


def test_sixty_logins_a_minute_for_a_client(site, client):
    started = time.monotonic()
    answers = [login(client, f"guess{n}@example.com") for n in range(75)]
    allowed = sum(a.status_code == 401 for a in answers)
    assert 60 <= allowed <= allowance(60, 60, time.monotonic() - started)
    limited(answers[-1], 60, 60)
    account = site.account()
    limited(login(client, account.email, account.password), 60, 60)
    account.login()


@pytest.fixture(scope="module")
def tight_site(stack):
    """Limits that hardly refill, so that counts are exact."""
    site = stack.site(limit_login="1000/1h", limit_login_minute="1000/1h",
                      limit_login_hour="12/24h", limit_other="20/24h")
    yield site
    assert not site.stop()


@pytest.fixture(scope="module")
def costly_site(stack):
    """An instance where a hash takes long."""
    site = stack.site(password_cost=8, limit_login="5/1h",
                      limit_register="5/1h")
    yield site
    assert not site.stop()


def hashing_ticks(site):
    """The processor time that the password pool has used so far."""
    return sum(cpu_ticks(pid) for pid, kind in kinds(site).items()
               if kind == "password")


@pytest.mark.parametrize("status, call", [
    (401, lambda c, known: login(c, known.email)),
    (401, lambda c, known: login(c, "nobody@example.com")),
    (201, lambda c, known: c.post("/auth/register", {
        "email": next_address(), "password": GOOD}))],
    ids=["known", "unknown", "register"])
def test_a_limited_call_hashes_nothing(costly_site, status, call):
    """By the processor's time, which other load does not lengthen."""
    client, known = costly_site.client(), costly_site.account()
    at = [hashing_ticks(costly_site)]
    for expected in [status] * 5 + [429] * 10:
        answer = call(client, known)
        assert answer.status_code == expected, answer.text
        at.append(hashing_ticks(costly_site))
    hashing, limited_took = (at[5] - at[0]) / 5, (at[15] - at[5]) / 10
    assert hashing > 4 and limited_took < hashing / 8, (
        f"{hashing} ticks a hash, {limited_took} a refusal: {at}")


def test_a_client_has_a_long_limit_beside_the_short(tight_site):
    client = tight_site.client()
    for n in range(12):
        refused(login(client, f"guess{n}@example.com"), 401)
    limited(login(client, "guess@example.com"), 12, 86400)


def parallel(site, count, call, same_client=True):
    host = site.client().host
    clients = [site.client(host if same_client else None)
               for _ in range(count)]
    started = time.monotonic()
    answers = at_once(lambda c=c, n=n: call(c, n)
                      for n, c in enumerate(clients))
    return answers, time.monotonic() - started


def count_allowed(answers, *statuses):
    seen = {a.status_code for a in answers}
    assert seen <= {429, *statuses}, seen
    return sum(a.status_code != 429 for a in answers)


def test_a_hundred_logins_at_once_at_one_account(site, account):
    answers, took = parallel(site, 100, lambda c, n: login(c, account.email))
    allowed = count_allowed(answers, 401)
    assert 5 <= allowed <= 5 + int(took / 12)


def test_a_hundred_logins_at_once_at_a_hundred_accounts(tight_site):
    answers, _ = parallel(tight_site, 100, lambda c, n: login(
        c, f"guess{n}@example.com"))
    assert count_allowed(answers, 401) == 12


def test_a_hundred_registrations_at_once(site):
    answers, took = parallel(site, 100, lambda c, n: c.post(
        "/auth/register", {"email": next_address(), "password": GOOD}))
    allowed = count_allowed(answers, 201)
    assert 20 <= allowed <= 20 + int(took / 180)
    limited(next(a for a in answers if a.status_code == 429), 20, 3600)


@pytest.mark.parametrize("path", [FORGOT, RESEND])
def test_a_hundred_requests_for_links_at_once(site, path):
    answers, _ = parallel(site, 100, lambda c, n: ask(
        site, path, next_address("unknown"), c))
    assert count_allowed(answers, 200) == 3
    limited(next(a for a in answers if a.status_code == 429), 3, 3600)


@pytest.mark.parametrize("path", [FORGOT, RESEND])
def test_a_mailbox_gets_three_whoever_asks_at_once(site, path):
    account = site.unverified()
    before = len(site.sink.to(account.email, SUBJECTS[path]))
    answers, _ = parallel(site, 30, lambda c, n: ask(
        site, path, account.email, c), same_client=False)
    for answer in answers:
        granted(answer, MESSAGES[path])
    site.settle_mail()
    assert len(site.sink.to(account.email, SUBJECTS[path])) == before + 3


def test_a_hundred_other_calls_at_once(tight_site):
    answers, _ = parallel(tight_site, 100, lambda c, n: c.post(
        "/auth/verify-email", {"token": "forged"}))
    assert count_allowed(answers, 400) == 20
    limited(next(a for a in answers if a.status_code == 429), 20, 86400)


def test_two_hundred_other_calls_a_minute(site):
    def batch(client, _):
        return [client.post("/auth/refresh", token="forged")
                for _ in range(20)]
    batches, took = parallel(site, 15, batch)
    allowed = count_allowed([a for b in batches for a in b], 401)
    assert 200 <= allowed <= allowance(200, 60, took)


def test_the_other_calls_share_one_limit(tight_site):
    client = tight_site.client()
    for _ in range(5):
        refused(client.post("/auth/verify-email", {"token": "x"}), 400)
        refused(client.post("/auth/refresh", token="x"), 401)
        refused(client.post("/auth/logout", token="x"), 401)
        refused(client.post("/auth/reset-password", {
            "token": "x", "new_password": GOOD}), 400)
    limited(client.post("/auth/verify-email", {"token": "x"}), 20, 86400)
    limited(client.post("/auth/logout", token="x"), 20, 86400)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_has_no_limit(tight_site, path):
    client = tight_site.client()
    assert {client.get(path).status_code for _ in range(50)} == {200}


def test_three_an_hour_for_each_of_the_two(site, client):
    for path in FORGOT, RESEND:
        for _ in range(3):
            granted(ask(site, path, next_address("unknown"), client),
                    MESSAGES[path])
    for path in FORGOT, RESEND:
        limited(ask(site, path, next_address("unknown"), client), 3, 3600)


def test_a_refused_client_spends_nothing_of_a_mailbox(site):
    account, flooder = site.account(), site.client()
    for _ in range(3):
        ask(site, FORGOT, next_address("unknown"), flooder)
    for _ in range(5):
        limited(ask(site, FORGOT, account.email, flooder), 3, 3600)
    for _ in range(4):
        granted(ask(site, FORGOT, account.email), MESSAGES[FORGOT])
    site.settle_mail()
    assert len(site.sink.to(account.email, SUBJECTS[FORGOT])) == 3


BAD_INPUT = {
    "/auth/register": [{}, {"email": "x@example.com"},
                       {"email": "bad", "password": GOOD},
                       {"email": "x@example.com", "password": "short"},
                       {"email": "x@example.com", "password": "x" * 512},
                       {"email": 1, "password": GOOD}],
    "/auth/login": [{}, {"email": "x@example.com"}, {"password": GOOD},
                    {"email": "x@example.com", "password": ""},
                    {"email": 1, "password": GOOD}],
    FORGOT: [{}, {"email": " "}, {"email": 1}],
    RESEND: [{}, {"email": " "}, {"email": 1}],
}
GOOD_INPUT = {
    "/auth/register": (20, 201, lambda: {"email": next_address(),
                                         "password": GOOD}),
    "/auth/login": (5, 401, lambda: {"email": "nobody@example.com",
                                     "password": GOOD}),
    FORGOT: (3, 200, lambda: {"email": next_address("unknown")}),
    RESEND: (3, 200, lambda: {"email": next_address("unknown")}),
}


@pytest.mark.parametrize("path", BAD_INPUT)
def test_bad_input_spends_nothing(site, client, path):
    count, status, good = GOOD_INPUT[path]
    for _ in range(1 + count // len(BAD_INPUT[path])):
        for body in BAD_INPUT[path]:
            refused(client.post(path, body), 400)
        refused(client.raw_post(path, b"{"), 400)
        refused(client.raw_post(path, b"{}", "text/plain"), 400)
    for _ in range(count):
        assert client.post(path, good()).status_code == status
    refused(client.post(path, good()), 429)
    for body in BAD_INPUT[path]:  # input comes before the limit
        refused(client.post(path, body), 400)


@pytest.mark.parametrize("header", [
    "X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP",
    "True-Client-IP", "CF-Connecting-IP", "Remote-Addr", "X-Client-IP"])
def test_no_header_makes_another_client(site, client, header):
    def forgot(n):
        value = f"for=192.0.2.{n}" if header == "Forwarded" else f"192.0.2.{n}"
        return client.post(FORGOT, {"email": next_address("unknown")},
                           headers={header: value})
    for n in range(3):
        granted(forgot(n), MESSAGES[FORGOT])
    limited(forgot(9), 3, 3600)


def test_a_limited_client_can_still_do_other_things(site, account, client):
    tokens = account.login()
    for _ in range(6):
        answer = login(client, account.email)
    limited(answer, 5, 60)
    answer = client.post("/auth/refresh", token=tokens["refresh_token"])
    assert answer.status_code == 200, answer.text
    granted(ask(site, FORGOT, account.email, client), MESSAGES[FORGOT])


def test_an_allowed_call_comes_again_in_time(stack):
    site = stack.site(limit_forgot="2/2s", limit_forgot_mailbox="1000/1h")
    client, email = site.client(), next_address("unknown")
    for _ in range(2):
        granted(ask(site, FORGOT, email, client), MESSAGES[FORGOT])
    answer = ask(site, FORGOT, email, client)
    limited(answer, 2, 2)
    time.sleep(int(answer.headers["Retry-After"]))
    granted(ask(site, FORGOT, email, client), MESSAGES[FORGOT])
    refused(ask(site, FORGOT, email, client), 429)
    assert not site.stop()


# nginx's own. ----------------------------------------------------------------

def test_nginx_says_which_of_its_limits_it_was(site, account):
    changes = [("postern-fastcgi.conf", "burst=2000", "burst=1"),
               ("postern-fastcgi.conf", "burst=1000", "burst=1"),
               ("postern-http.conf", "200r/s", "1r/m"),
               ("postern-http.conf", "50r/s", "1r/m")]
    with Front(site, changes) as front:
        for method, path, limit, count, period in (
                ("GET", "/auth/me", "requests", 2000, 10),
                ("POST", "/auth/login", "passwords", 1000, 20)):
            client = Client(front)
            while (answer := client.request(
                    method, path, json={})).status_code != 429:
                pass
            refused(answer, 429, "Too many requests, please try again later")
            assert answer.headers["RateLimit-Policy"] \
                == f'"nginx-{limit}";q={count};w={period}'
            assert answer.headers["Retry-After"] == "1"
            answer = client.request(method, path, json={},
                                    headers={"Accept": "text/html"})
            assert "again in a moment" in sorry_page(answer, 429)
            assert f'"nginx-{limit}"' in answer.headers["RateLimit"]


def test_what_nginx_says_of_its_limits_is_what_they_are():
    text = ""
    for name in "fastcgi", "http":
        with open(os.path.join(SOURCE, "nginx", f"postern-{name}.conf"),
                  encoding="utf-8") as f:
            text += f.read()
    for zone, name in ("client", "requests"), ("password", "passwords"):
        rate, = re.findall(rf"zone=postern_{zone}:\w+ rate=(\d+)r/s", text)
        burst, = re.findall(rf"limit_req zone=postern_{zone} burst=(\d+)",
                            text)
        count, window = re.findall(rf'"nginx-{name}";q=(\d+);w=(\d+)', text)[0]
        assert count == burst and int(window) * int(rate) == int(burst)
    assert re.findall(r"limit_conn postern_export (\d+)", text) \
        == re.findall(r'"nginx-exports";q=(\d+)', text)
