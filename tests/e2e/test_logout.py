# SPDX-License-Identifier: ISC
"""Story: somebody signs out."""

from client import at_once, granted, refused

DONE = "Logout successful"
INVALID = "Invalid token"


def logout(client, token):
    return client.post("/auth/logout", token=token)


def test_after_logout_neither_token_buys_anything(site, account, client):
    tokens = account.login()
    granted(logout(client, tokens["access_token"]), DONE)
    for _ in range(8):  # whichever worker answers
        refused(logout(site.client(), tokens["access_token"]), 401, INVALID)
        refused(site.client().post("/auth/refresh",
                                   token=tokens["refresh_token"]),
                401, INVALID)


def test_logout_ends_every_token_of_the_session(site, account, client):
    first = account.login()
    second = client.post("/auth/refresh", token=first["refresh_token"]).json()
    third = client.post("/auth/refresh", token=second["refresh_token"]).json()
    granted(logout(client, first["access_token"]), DONE)
    for tokens in first, second, third:
        refused(logout(client, tokens["access_token"]), 401, INVALID)
        refused(client.post("/auth/refresh", token=tokens["refresh_token"]),
                401, INVALID)


def test_logout_ends_no_other_session(site, account, client):
    here, there = account.login(), account.login()
    granted(logout(client, here["access_token"]), DONE)
    answer = client.post("/auth/refresh", token=there["refresh_token"])
    assert answer.status_code == 200, answer.text
    granted(logout(client, there["access_token"]), DONE)
    account.login()


def test_a_refresh_that_races_a_logout_keeps_no_session(site, account):
    for _ in range(5):
        tokens = account.login()
        clients = [site.client() for _ in range(4)]
        answers = at_once(
            [lambda: logout(clients[0], tokens["access_token"])]
            + [lambda c=c: c.post("/auth/refresh",
                                  token=tokens["refresh_token"])
               for c in clients[1:]])
        granted(answers[0], DONE)
        for answer in answers[1:]:
            assert answer.status_code in (200, 401), answer.text
            if answer.status_code == 200:
                body = answer.json()
                refused(site.client().post("/auth/refresh",
                                           token=body["refresh_token"]), 401)
                refused(logout(site.client(), body["access_token"]), 401)
