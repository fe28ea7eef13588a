# SPDX-License-Identifier: ISC
"""Story: somebody with a stopwatch learns nothing about who has an account.

Two hundred pairs, interleaved, every other one turned round, so that what
one call leaves behind (a mail on its way) is met by both alike.  The medians
of the two may differ by a tenth.  A machine that is busy with other things
blurs single runs, so the best of three counts: a true difference shows in
all of them.
"""

import statistics
import time

import pytest

from client import next_address
from conftest import NO_LIMITS

PAIRS, RUNS = 200, 3
LEAST, MOST = 0.9, 1.1


def ratio(one, other, rest):
    """The ratio of the medians of two calls' times."""
    times = {one: [], other: []}
    for call in (one, other) * 5:
        call()
    for n in range(PAIRS):
        for call in (one, other) if n % 2 else (other, one):
            started = time.perf_counter()
            call()
            times[call].append(time.perf_counter() - started)
            time.sleep(rest)
    return statistics.median(times[one]) / statistics.median(times[other])


def assert_alike(one, other, rest=0.002):
    seen = []
    for _ in range(RUNS):
        seen.append(ratio(one, other, rest))
        if LEAST <= seen[-1] <= MOST:
            return
    raise AssertionError(f"ratios of medians: {seen}")


def test_unknown_address_and_wrong_password_take_the_same_time(open_site):
    client, account = open_site.client(), open_site.account()

    def login(email):
        answer = client.post("/auth/login", {
            "email": email, "password": "the wrong secret"}, check=False)
        assert answer.status_code == 401
    unknown = next_address("nobody")
    assert_alike(lambda: login(unknown), lambda: login(account.email))


def test_an_address_that_cannot_exist_takes_the_same_time(open_site):
    client, account = open_site.client(), open_site.account()

    def login(email, password):
        answer = client.post("/auth/login", {
            "email": email, "password": password}, check=False)
        assert answer.status_code == 401
    assert_alike(lambda: login("not an address", "the wrong secret"),
                 lambda: login(account.email, "x" * 600))


@pytest.fixture(scope="module")
def meagre_site(stack):
    """Clients may ask as they like, mailboxes get three an hour."""
    options = {k: v for k, v in NO_LIMITS.items() if "mailbox" not in k}
    site = stack.site(**options)
    yield site
    assert not site.stop()


def ask_about(site, path, email):
    client = site.client()

    def ask():
        answer = client.post(path, {"email": email}, check=False)
        assert answer.status_code == 200
    return ask


@pytest.mark.parametrize("path", ["/auth/forgot-password",
                                  "/auth/resend-verification"])
def test_known_and_unknown_mailboxes_take_the_same_time(open_site, path):
    assert_alike(ask_about(open_site, path, open_site.unverified().email),
                 ask_about(open_site, path, next_address("nobody")),
                 rest=0.005)


@pytest.mark.parametrize("path", ["/auth/forgot-password",
                                  "/auth/resend-verification"])
def test_limited_mailboxes_take_the_same_time(meagre_site, path):
    site = meagre_site
    assert_alike(ask_about(site, path, site.unverified().email),
                 ask_about(site, path, next_address("nobody")))
