# SPDX-License-Identifier: ISC
"""Story: somebody signs in."""

import base64
import json
import unicodedata

import pytest

from client import granted, next_address, refused

MISSING = "Email and password are required"
INVALID = "Invalid credentials"
UNVERIFIED = "Please verify your email address before logging in"


def login(client, email, password):
    return client.post("/auth/login", {"email": email, "password": password})


def parts(token):
    """Header and claims of a JWT."""
    return [json.loads(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4)))
            for p in token.split(".")[:2]]


def test_the_right_password_buys_tokens(site, account, client):
    body = granted(login(client, account.email, account.password),
                   "Login successful")
    assert body["user"] == {"id": account.id, "email": account.email}
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 900
    assert body["refresh_expires_in"] == 2592000
    assert body["refresh_token"].startswith("prt_")
    assert set(body) == {"message", "access_token", "refresh_token", "user",
                         "token_type", "expires_in", "refresh_expires_in"}


def test_the_access_token_is_an_rfc_9068_jwt(site, account):
    first, second = account.login(), account.login()
    header, claims = parts(first["access_token"])
    assert header["typ"] == "at+jwt" and header["alg"] == "ES256"
    assert header["kid"]
    assert claims["sub"] == account.id
    assert claims["exp"] - claims["iat"] == 900
    for claim in "iss", "aud", "jti", "sid":
        assert claims[claim], claims
    other = parts(second["access_token"])[1]
    assert other["jti"] != claims["jti"] and other["sid"] != claims["sid"]
    assert first["refresh_token"] != second["refresh_token"]


@pytest.mark.parametrize("body", [
    {}, {"email": "someone@example.com"}, {"password": "x"},
    {"email": "", "password": "x"}, {"email": " \t\n", "password": "x"},
    {"email": "someone@example.com", "password": ""},
    {"email": "", "password": ""}, {"EMAIL": "a@b.c", "PASSWORD": "x"},
])
def test_both_fields_must_be_there(site, client, body):
    refused(client.post("/auth/login", body), 400, MISSING)


def test_every_wrong_pair_gets_the_very_same_refusal(site, account):
    pairs = [
        (next_address("unknown"), account.password),
        (account.email, "the wrong secret"),
        (account.email, account.password.upper()),
        (account.email, account.password + " "),
        (account.email, " " + account.password),
        (account.email, "short"),
        (account.email, "x"),
        (account.email, "x" * 512),
        (account.email, account.password + "x" * 512),
        (account.email, "x" * 9000),
        (account.email, "' OR '1'='1"),
        ("plain", account.password),
        ("a@b", account.password),
        ("üser@example.com", account.password),
        (account.email + "\r\nX: y", account.password),
        (account.email + "\u0001", account.password),
        ("x" * 5000 + "@example.com", account.password),
        ("' OR '1'='1' --", account.password),
        ("%", account.password),
        (account.email.replace("user", "u.ser"), account.password),
    ]
    answers = [login(site.client(), *pair) for pair in pairs]
    for answer, pair in zip(answers, pairs):
        assert answer.status_code == 401, (pair, answer.text)
        refused(answer, 401, INVALID)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert len({a.content for a in answers}) == 1
    assert len({tuple(sorted(a.headers)) for a in answers}) == 1


@pytest.mark.parametrize("spell", [
    str.upper, str.title, lambda e: f"  {e}\t\n", lambda e: f"\r\n{e}",
    lambda e: e.replace("example.com", "example。com"),
])
def test_any_spelling_of_the_address_will_do(site, account, client, spell):
    body = granted(login(client, spell(account.email), account.password),
                   "Login successful")
    assert body["user"] == {"id": account.id, "email": account.email}


def test_an_international_domain_signs_in_either_way(site):
    local = next_address("idn").partition("@")[0]
    account = site.account(email=f"{local}@xn--bcher-kva.example")
    for domain in "bücher.example", "BÜCHER.example", "xn--bcher-kva.example":
        granted(login(site.client(), f"{local}@{domain}", account.password),
                "Login successful")


def test_a_password_is_not_normalised(site):
    composed = unicodedata.normalize("NFC", "pässwörd")
    account = site.account(password=composed)
    account.login()
    refused(login(site.client(), account.email,
                  unicodedata.normalize("NFD", composed)), 401, INVALID)


def test_an_unverified_account_hears_so_only_with_its_password(site):
    account = site.unverified()
    client = site.client()
    refused(login(client, account.email, "the wrong secret"), 401, INVALID)
    body = refused(login(client, account.email.upper(), account.password),
                   403, UNVERIFIED)
    assert body["action"] == "resend_verification"
    assert body["email"] == account.email
    assert set(body) == {"error", "code", "action", "email"}
    account.verify()
    granted(login(client, account.email, account.password),
            "Login successful")


def test_sessions_do_not_end_each_other(site, account):
    first, second = account.login(), account.login()
    for tokens in first, second:
        answer = site.client().post("/auth/refresh",
                                    token=tokens["refresh_token"])
        assert answer.status_code == 200, answer.text


def test_the_answer_names_no_secret(site, account, client):
    answer = login(client, account.email, account.password)
    assert account.password not in answer.text
    assert "$y$" not in answer.text
