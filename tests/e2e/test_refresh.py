# SPDX-License-Identifier: ISC
"""Story: a client keeps its session, and a stolen token does not."""

import time
from collections import Counter

import pytest

from client import at_once, refused
from test_login import parts

MISSING = "Authorization token is missing"
INVALID = "Invalid token"
EXPIRED = "Token has expired"


def refresh(client, token, **kw):
    return client.post("/auth/refresh", token=token, **kw)


def next_token(client, token):
    answer = refresh(client, token)
    assert answer.status_code == 200, answer.text
    return answer.json()["refresh_token"]


def is_over(site, *refresh_tokens, access=None):
    """Asserts that these tokens buy nothing."""
    for token in refresh_tokens:
        refused(refresh(site.client(), token), 401, INVALID)
    if access is not None:
        refused(site.client().post("/auth/logout", token=access), 401,
                INVALID)


@pytest.fixture(scope="module")
def strict_site(stack):
    """No grace, and sessions that are soon over."""
    site = stack.site(refresh_grace="0", refresh_token_lifetime="3s")
    yield site
    assert not site.stop()


def test_a_refresh_gives_the_next_pair(site, account, client):
    tokens = account.login()
    answer = refresh(client, tokens["refresh_token"])
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["token_type"] == "Bearer" and body["expires_in"] == 900
    assert 2592000 - 60 < body["refresh_expires_in"] <= 2592000
    for name in "access_token", "refresh_token":
        assert body[name] != tokens[name]
    old, new = parts(tokens["access_token"])[1], parts(body["access_token"])[1]
    assert (old["sub"], old["sid"]) == (new["sub"], new["sid"])
    assert old["jti"] != new["jti"]
    answer = client.post("/auth/logout", token=body["access_token"])
    assert answer.status_code == 200, answer.text


def test_a_chain_of_refreshes_goes_on(site, account, client):
    token, seen = account.login()["refresh_token"], set()
    for _ in range(12):
        token = next_token(client, token)
        assert token not in seen
        seen.add(token)


@pytest.mark.parametrize("body, content_type", [
    (b"", None), (b"", "application/json"), (b"{}", "application/json"),
    (b"not json", "application/json"), (b"a=b", "text/plain"),
    (b"a=b", "application/x-www-form-urlencoded"), (b"\xff\x00", "x/y"),
    (b'{"refresh_token": 1}', "application/json"),
])
@pytest.mark.parametrize("path", ["/auth/refresh", "/auth/logout"])
def test_neither_body_nor_content_type_is_needed(
        site, account, client, path, body, content_type):
    tokens = account.login()
    which = "refresh_token" if "refresh" in path else "access_token"
    answer = client.raw_post(path, body, content_type, token=tokens[which])
    assert answer.status_code == 200, answer.text


def test_the_last_token_gives_the_same_next_one_within_the_grace(
        site, account):
    first = account.login()["refresh_token"]
    second = next_token(site.client(), first)
    assert next_token(site.client(), first) == second
    assert next_token(site.client(), first) == second
    third = next_token(site.client(), second)
    assert third not in (first, second)
    assert next_token(site.client(), second) == third


def test_forty_uses_at_once_get_forty_equal_answers(site, account):
    token = account.login()["refresh_token"]
    clients = [site.client() for _ in range(40)]
    answers = at_once(lambda c=c: refresh(c, token) for c in clients)
    assert {a.status_code for a in answers} == {200}
    following = {a.json()["refresh_token"] for a in answers}
    assert len(following) == 1
    assert next_token(site.client(), following.pop())


def test_an_older_token_is_theft_and_ends_the_session(site, account):
    tokens, other = account.login(), account.login()
    first = tokens["refresh_token"]
    second = next_token(site.client(), first)
    answer = refresh(site.client(), second).json()
    before = len(site.sink.to(account.email))
    refused(refresh(site.client(), first), 401, INVALID)
    is_over(site, first, second, answer["refresh_token"],
            access=answer["access_token"])
    is_over(site, access=tokens["access_token"])
    mails = site.sink.wait(account.email, count=before + 1)
    assert "token=" not in mails[-1].text
    site.settle_mail()
    assert len(site.sink.to(account.email)) == before + 1
    next_token(site.client(), other["refresh_token"])


def test_without_grace_a_second_use_is_theft(strict_site):
    account = strict_site.account()
    first = account.login()["refresh_token"]
    second = next_token(strict_site.client(), first)
    refused(refresh(strict_site.client(), first), 401, INVALID)
    is_over(strict_site, second)


def test_without_grace_one_of_forty_uses_wins_and_the_session_ends(
        strict_site):
    account = strict_site.account()
    token = account.login()["refresh_token"]
    clients = [strict_site.client() for _ in range(40)]
    answers = at_once(lambda c=c: refresh(c, token) for c in clients)
    assert Counter(a.status_code for a in answers) == {200: 1, 401: 39}
    winner = next(a for a in answers if a.status_code == 200).json()
    is_over(strict_site, winner["refresh_token"],
            access=winner["access_token"])


def test_after_the_grace_a_second_use_is_theft(stack):
    site = stack.site(refresh_grace="1s")
    account = site.account()
    first = account.login()["refresh_token"]
    second = next_token(site.client(), first)
    assert next_token(site.client(), first) == second
    time.sleep(1.2)
    refused(refresh(site.client(), first), 401, INVALID)
    is_over(site, second)
    assert not site.stop()


def test_use_does_not_extend_a_session(strict_site):
    account = strict_site.account()
    client = strict_site.client()
    started = time.monotonic()
    tokens = account.login(client)
    assert tokens["refresh_expires_in"] == 3
    assert tokens["expires_in"] <= 3
    time.sleep(1.2)
    later = refresh(client, tokens["refresh_token"]).json()
    assert 1 <= later["refresh_expires_in"] <= 2
    assert later["expires_in"] <= later["refresh_expires_in"]
    time.sleep(max(0, 3.3 - (time.monotonic() - started)))
    refused(refresh(client, later["refresh_token"]), 401, EXPIRED)
    refused(client.post("/auth/logout", token=later["access_token"]), 401)


FORGERIES = {
    "every part": lambda t: [t[:i] + ("A" if t[i] != "A" else "B") + t[i + 1:]
                             for i in range(0, len(t) - 1, 7)],
    "generation": lambda t: [t[:4 + 45 + i] + c + t[4 + 46 + i:]
                             for i in range(6) for c in "AB_"
                             if t[4 + 45 + i] != c],
    "cut": lambda t: [t[:-1], t[:-43], t[:40], "prt_", "prt"],
    "longer": lambda t: [t + "A", t + "=", t + "==", t + "." + t],
    "other spelling": lambda t: [t[4:], t.upper(), "PRT_" + t[4:],
                                 "prt-" + t[4:], "prt_" + t],
    "zeros": lambda t: ["prt_" + "A" * (len(t) - 4)],
    "huge": lambda t: ["prt_" + "A" * 7000],
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_token_is_refused_and_ends_nothing(site, account, name):
    token, client = account.login()["refresh_token"], site.client()
    before = len(site.sink.to(account.email))
    for forged in FORGERIES[name](token):
        if forged == token:
            continue
        refused(refresh(client, forged), 401, INVALID)
    next_token(client, token)
    site.settle_mail()
    assert len(site.sink.to(account.email)) == before


def test_trailing_bits_of_base64url_must_be_zero(site, account, client):
    alphabet = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                "0123456789-_")
    token = account.login()["refresh_token"]
    spare = {0: 0, 2: 4, 3: 2}[(len(token) - 4) % 4]
    last = alphabet.index(token[-1])
    for bits in range(1, 1 << spare):
        refused(refresh(client, token[:-1] + alphabet[last | bits]), 401,
                INVALID)
    next_token(client, token)


@pytest.mark.parametrize("path", ["/auth/refresh", "/auth/logout"])
@pytest.mark.parametrize("header, sentence", [
    (None, MISSING), ("Basic dXNlcjpwYXNz", MISSING), ("Token abc", MISSING),
    ("Digest username=x", MISSING), ("BearerX abc", MISSING),
    ("Bearer", INVALID), ("Bearer x", INVALID), ("Bearer a b", INVALID),
    ("Bearer \xfc", INVALID), ("bearer x", INVALID), ("Bearer x,y", INVALID),
    ("Bearer '", INVALID), ("Bearer %00", INVALID), ("Bearer null", INVALID),
    ("Bearer " + "x" * 7000, INVALID), ("Bearer prt_", INVALID),
    ("Bearer ..", INVALID), ("Bearer e30.e30.e30", INVALID),
])
def test_what_is_no_token_is_401(site, client, path, header, sentence):
    headers = {} if header is None else {
        "Authorization": header.encode("latin-1")}
    answer = client.post(path, headers=headers)
    refused(answer, 401, sentence)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer ", "bEaReR"])
def test_the_scheme_may_be_spelled_any_way(site, account, client, scheme):
    token = account.login()["refresh_token"]
    answer = client.post("/auth/refresh",
                         headers={"Authorization": f"{scheme} {token}"})
    assert answer.status_code == 200, answer.text


def test_each_token_has_its_own_place(site, account, client):
    tokens = account.login()
    refused(refresh(client, tokens["access_token"]), 401, INVALID)
    refused(client.post("/auth/logout", token=tokens["refresh_token"]), 401,
            INVALID)
    for place in ({"params": {"access_token": tokens["refresh_token"]}},
                  {"cookies": {"refresh_token": tokens["refresh_token"]}}):
        refused(client.request("POST", "/auth/refresh", **place), 401,
                MISSING)
    refused(client.post("/auth/refresh", {
        "refresh_token": tokens["refresh_token"]}), 401, MISSING)
    next_token(client, tokens["refresh_token"])


def test_another_instances_tokens_are_worth_nothing(site, open_site):
    tokens = open_site.account().login()
    refused(refresh(site.client(), tokens["refresh_token"]), 401, INVALID)
    refused(site.client().post("/auth/logout", token=tokens["access_token"]),
            401, INVALID)
