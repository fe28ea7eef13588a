# SPDX-License-Identifier: ISC
"""Story: somebody with a stopwatch learns nothing about who has an account.

Two hundred pairs, interleaved; the medians of the two may differ by a tenth.
A machine that is busy with other things blurs single runs, so the best of
three counts: a true difference shows in all of them.
"""

import json
import os
import statistics
import subprocess
import sys

import pytest

from client import next_address, next_host
from conftest import NO_LIMITS
from load import query

PAIRS, RUNS = 200, 3
LEAST, MOST = 0.9, 1.1
STOPWATCH = os.path.join(os.path.dirname(__file__), "stopwatch.py")
LINKS = pytest.mark.parametrize("path", ["/auth/forgot-password",
                                         "/auth/resend-verification"])


def ratio(site, path, bodies, status, rest, pairs):
    """The ratio of the medians of two POSTs' times."""
    job = {"port": site.port, "host": next_host(), "path": path,
           "bodies": [json.dumps(body) for body in bodies], "pairs": pairs,
           "rest": rest}
    done = subprocess.run([sys.executable, STOPWATCH], input=json.dumps(job),
                          stdout=subprocess.PIPE, text=True, check=True,
                          timeout=120)
    result = json.loads(done.stdout)
    assert result["statuses"] == [status]
    one, other = (statistics.median(times) for times in result["times"])
    return one / other


def assert_alike(site, path, bodies, status, rest=0.001, pairs=PAIRS):
    seen = []
    for _ in range(RUNS):
        seen.append(ratio(site, path, bodies, status, rest, pairs))
        if LEAST <= seen[-1] <= MOST:
            return
    raise AssertionError(f"ratios of medians: {seen}")


@pytest.mark.parametrize("email, password", [
    ("nobody0000@example.com", "the wrong secret"),
    ("not an address", "the wrong secret"),
    (None, "x" * 600),
], ids=["unknown", "impossible address", "impossible password"])
def test_every_refused_login_takes_the_same_time(open_site, email, password):
    known = open_site.account().email
    assert_alike(open_site, "/auth/login", [
        {"email": email or known, "password": password},
        {"email": known, "password": "the wrong secret"}], 401)


# Of the accounts' own password, at the cost below the instance's.
CHEAPER = ("$y$j8T$LdJMENpBABJJ3hIHjB1Bi.$"
           "6jvauDZiBZWSh6XLpOovR6AvetWZzJBfLgq6yeiOG9C")


def test_a_hash_from_before_the_cost_was_raised_does_not_show(open_site):
    account = open_site.account()
    query(open_site, f"UPDATE postern.password SET hash = '{CHEAPER}'"
          f" WHERE account_id = '{account.id}'")
    assert_alike(open_site, "/auth/login", [
        {"email": email, "password": "the wrong secret"}
        for email in (account.email, next_address("nobody"))], 401, pairs=30)
    account.login()


@LINKS
def test_known_and_unknown_mailboxes_take_the_same_time(open_site, path):
    emails = open_site.unverified().email, next_address("nobody")
    assert_alike(open_site, path, [{"email": e} for e in emails], 200,
                 rest=0.02)


@pytest.fixture(scope="module")
def meagre_site(stack):
    """Clients may ask as they like, mailboxes get three an hour."""
    options = {k: v for k, v in NO_LIMITS.items() if "mailbox" not in k}
    site = stack.site(**options)
    yield site
    assert not site.stop()


@LINKS
def test_limited_mailboxes_take_the_same_time(meagre_site, path):
    emails = meagre_site.unverified().email, next_address("nobody")
    assert_alike(meagre_site, path, [{"email": e} for e in emails], 200)
