# SPDX-License-Identifier: ISC
"""Story: somebody forgot a password and sets a new one."""

import time
from collections import Counter

import pytest

from client import at_once, granted, refused
from test_verification import FORGERIES, verify

DONE = "Password reset successful"
MISSING = "Token and new password are required"
SHORT = "Password must be at least 8 characters"
LONG = "Password must be at most 511 bytes"
INVALID = "Invalid or expired reset token"
CHANGED = "Your password was changed"
NEW = "an entirely new secret"


def reset(client, token, password=NEW):
    return client.post("/auth/reset-password", {"token": token,
                                                "new_password": password})


def login(site, account, password):
    return site.client().post("/auth/login", {"email": account.email,
                                              "password": password})


def test_a_link_sets_the_new_password(site, account, client):
    granted(reset(client, account.reset_token()), DONE)
    refused(login(site, account, account.password), 401,
            "Invalid credentials")
    granted(login(site, account, NEW), "Login successful")
    account.mails(CHANGED)


def test_all_sessions_end_at_once(site, account, client):
    sessions = [account.login() for _ in range(3)]
    token = account.reset_token()
    granted(reset(client, token), DONE)
    for tokens in sessions:
        refused(client.post("/auth/logout", token=tokens["access_token"]),
                401, "Invalid token")
        refused(client.post("/auth/refresh", token=tokens["refresh_token"]),
                401, "Invalid token")


def test_every_other_reset_link_ends(site, account, client):
    older, newer = account.reset_token(), account.reset_token()
    granted(reset(client, older), DONE)
    for token in older, newer:
        refused(reset(client, token, "yet another secret"), 400, INVALID)
    granted(login(site, account, NEW), "Login successful")


def test_a_reset_verifies_the_address(site, client):
    account = site.unverified()
    granted(reset(client, account.reset_token()), DONE)
    granted(login(site, account, NEW), "Login successful")
    granted(verify(client, account.verification), "Email already verified")


@pytest.mark.parametrize("body", [
    {}, {"token": "x"}, {"new_password": NEW},
    {"token": "", "new_password": NEW}, {"token": "x", "new_password": ""},
    {"token": "", "new_password": ""}, {"token": "x", "password": NEW},
])
def test_both_fields_must_be_there(site, client, body):
    refused(client.post("/auth/reset-password", body), 400, MISSING)


@pytest.mark.parametrize("password, sentence", [
    ("1234567", SHORT), ("ééééééé", SHORT), ("x" * 512, LONG),
    ("é" * 256, LONG),
])
def test_a_refused_password_keeps_the_token_good(
        site, account, client, password, sentence):
    token = account.reset_token()
    session = account.login()
    refused(reset(client, token, password), 400, sentence)
    refused(reset(client, "forged", password), 400, sentence)
    answer = client.post("/auth/refresh", token=session["refresh_token"])
    assert answer.status_code == 200, answer.text
    granted(reset(client, token), DONE)


@pytest.mark.parametrize("password", ["12345678", "é" * 8, "x" * 511,
                                      " blanks ", "' OR '1'='1"])
def test_a_new_password_is_taken_as_it_is(site, account, client, password):
    granted(reset(client, account.reset_token(), password), DONE)
    granted(login(site, account, password), "Login successful")
    refused(login(site, account, password + " "), 401)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_token_resets_nothing(site, account, client, name):
    token, session = account.reset_token(), account.login()
    refused(reset(client, FORGERIES[name](token)), 400, INVALID)
    answer = client.post("/auth/refresh", token=session["refresh_token"])
    assert answer.status_code == 200, answer.text
    granted(reset(client, token), DONE)


def test_other_tokens_reset_nothing(site, account, client):
    tokens = account.login()
    for token in (account.verification, tokens["access_token"],
                  tokens["refresh_token"], account.id):
        refused(reset(client, token), 400, INVALID)
    account.login()


def test_another_accounts_password_stays(site, account, client):
    other = site.account()
    granted(reset(client, account.reset_token()), DONE)
    other.login()


def test_ten_uses_at_once_reset_once(site, account):
    token = account.reset_token()
    clients = [site.client() for _ in range(10)]
    secrets = [f"new secret number {n}" for n in range(10)]
    answers = at_once(lambda c=c, s=s: reset(c, token, s)
                      for c, s in zip(clients, secrets))
    assert Counter(a.status_code for a in answers) == {200: 1, 400: 9}
    for secret, answer in zip(secrets, answers):
        if answer.status_code == 200:
            granted(login(site, account, secret), "Login successful")
        else:
            refused(answer, 400, INVALID)
            refused(login(site, account, secret), 401)
    site.settle_mail()
    assert len(site.sink.to(account.email, CHANGED)) == 1


def test_two_links_at_once_reset_once(site, account):
    tokens = [account.reset_token(), account.reset_token()]
    answers = at_once(lambda t=t: reset(site.client(), t, NEW + t)
                      for t in tokens)
    assert sorted(a.status_code for a in answers) == [200, 400]


def test_a_link_ends_with_its_time(stack):
    site = stack.site(reset_lifetime="2s")
    account, client = site.account(), site.client()
    token = account.reset_token()
    assert "2 seconds" in account.mails("Password Reset Request")[0].text
    time.sleep(2.1)
    refused(reset(client, token), 400, INVALID)
    account.login()
    granted(reset(client, account.reset_token()), DONE)
    assert not site.stop()
