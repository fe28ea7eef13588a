# SPDX-License-Identifier: ISC
"""Story: somebody proves that an address is theirs."""

import time

import pytest

from client import granted, refused

VERIFIED = "Email verified successfully! You can now login."
ALREADY = "Email already verified"
MISSING = "Verification token is required"
INVALID = "Invalid or expired verification token"


def verify(client, token):
    return client.post("/auth/verify-email", {"token": token})


def resend(site, account):
    """The token of another verification mail."""
    subject = "Verify Your Email Address"
    before = len(site.sink.to(account.email, subject))
    answer = site.client().post("/auth/resend-verification",
                                {"email": account.email})
    assert answer.status_code == 200
    return account.mails(subject, before + 1)[-1].token


def test_a_link_verifies_and_then_says_so(site, client):
    account = site.unverified()
    granted(verify(client, account.verification), VERIFIED)
    account.login()
    granted(verify(client, account.verification), ALREADY)
    granted(verify(site.client(), account.verification), ALREADY)


@pytest.mark.parametrize("newest", [True, False])
def test_a_new_link_does_not_end_the_older(site, client, newest):
    account = site.unverified()
    tokens = [account.verification, resend(site, account)]
    if newest:
        tokens.reverse()
    granted(verify(client, tokens[0]), VERIFIED)
    granted(verify(client, tokens[1]), ALREADY)


@pytest.mark.parametrize("body", [{}, {"token": ""}, {"Token": "x"},
                                  {"email": "user@example.com"}])
def test_the_token_must_be_there(site, client, body):
    refused(client.post("/auth/verify-email", body), 400, MISSING)


def flipped(token, at):
    """token with another character at that place."""
    at %= len(token)
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1:]


FORGERIES = {
    "a word": lambda t: "x",
    "first character": lambda t: flipped(t, 0),
    "in the account": lambda t: flipped(t, 6),
    "in the secret": lambda t: flipped(t, 40),
    "last but one": lambda t: flipped(t, -2),
    "cut": lambda t: t[:-1],
    "halved": lambda t: t[:len(t) // 2],
    "longer": lambda t: t + "A",
    "padded": lambda t: t + "=",
    "twice": lambda t: t + t,
    "blank before": lambda t: " " + t,
    "blank after": lambda t: t + " ",
    "line after": lambda t: t + "\n",
    "upper case": str.upper,
    "zeros": lambda t: "A" * len(t),
    "sql": lambda t: "' OR '1'='1",
    "8 KiB": lambda t: "A" * 8192,
    "not ASCII": lambda t: "ü" * len(t),
    "plus and slash": lambda t: "+/" * (len(t) // 2),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_token_verifies_nothing(site, client, name):
    account = site.unverified()
    token = FORGERIES[name](account.verification)
    refused(verify(client, token), 400, INVALID)
    refused(client.post("/auth/login", account.credentials()), 403)
    granted(verify(client, account.verification), VERIFIED)


def test_other_tokens_verify_nothing(site, client):
    account, other = site.unverified(), site.account()
    tokens = other.login()
    for token in (account.reset_token(), tokens["access_token"],
                  tokens["refresh_token"], account.id):
        refused(verify(client, token), 400, INVALID)
    granted(verify(client, account.verification), VERIFIED)


def test_one_accounts_token_verifies_no_other(site, client):
    one, two = site.unverified(), site.unverified()
    granted(verify(client, one.verification), VERIFIED)
    refused(client.post("/auth/login", two.credentials()), 403)


def test_another_instances_token_is_worth_nothing(site, open_site):
    account = open_site.unverified()
    refused(verify(site.client(), account.verification), 400, INVALID)


def test_a_sixth_link_ends_the_first(open_site):
    account, client = open_site.unverified(), open_site.client()
    tokens = [account.verification]
    tokens += [resend(open_site, account) for _ in range(5)]
    refused(verify(client, tokens[0]), 400, INVALID)
    granted(verify(client, tokens[1]), VERIFIED)


@pytest.fixture(scope="module")
def brief_site(stack):
    site = stack.site(verification_lifetime="2s")
    yield site
    assert not site.stop()


def test_a_link_ends_with_its_time(brief_site):
    account = brief_site.unverified()
    assert "2 seconds" in account.mails("Verify Your Email Address")[0].text
    time.sleep(2.1)
    client = brief_site.client()
    refused(verify(client, account.verification), 400, INVALID)
    refused(client.post("/auth/login", account.credentials()), 403)
    granted(verify(client, resend(brief_site, account)), VERIFIED)
    refused(verify(client, account.verification), 400, INVALID)
