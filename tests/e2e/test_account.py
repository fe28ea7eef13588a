# SPDX-License-Identifier: ISC
"""Story: somebody looks after the own account, and others verify its tokens."""

import threading

import jwt
import pytest

from client import granted, next_address, refused
from load import query

NEW = "an entirely new secret"
UUID = "00000000-0000-7000-8000-000000000000"


def sessions(client, token):
    answer = client.get("/auth/sessions", token=token)
    assert answer.status_code == 200, answer.text
    return answer.json()["sessions"]


def alive(site, tokens):
    status = site.client().get(
        "/auth/check", token=tokens["access_token"]).status_code
    assert status in (204, 401)
    return status == 204


def test_a_live_token_passes_the_check(site, account, client):
    tokens = account.login()
    answer = client.get("/auth/check", token=tokens["access_token"])
    assert answer.status_code == 204 and answer.content == b""
    assert answer.headers["X-Auth-User"] == account.id
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("headers, sentence", [
    ({}, "Authorization token is missing"),
    ({"Authorization": "Basic eDp5"}, "Authorization token is missing"),
    ({"Authorization": "Bearer nonsense"}, "Invalid token"),
    ({"Authorization": "Bearer"}, "Invalid token"),
    ({"Cookie": "postern_session=nonsense"}, "Authorization token is missing"),
    ({"Cookie": "postern_session=" + "A" * 87},
     "Authorization token is missing"),
], ids=str)
def test_anything_else_does_not(client, headers, sentence):
    refused(client.get("/auth/check", headers=headers), 401, sentence)


def test_the_check_is_true_on_the_very_next_call(site, account):
    tokens = account.login()
    assert alive(site, tokens)
    site.client().post("/auth/logout", token=tokens["access_token"])
    assert not alive(site, tokens)
    tokens = account.login()
    site.client().post("/auth/reset-password", {
        "token": account.reset_token(), "new_password": NEW})
    assert not alive(site, tokens)


def test_a_browsers_session_passes_and_a_bearer_counts_alone(site, account):
    browser, tokens = site.client(), account.login()
    answer = browser.request("POST", "/login", data=account.credentials(),
                             headers={"Origin": site.url})
    assert answer.status_code == 303, answer.text
    assert browser.get("/auth/check").status_code == 204
    refused(browser.get("/auth/check", token="nonsense"), 401)
    granted_ = browser.get("/auth/check", token=tokens["access_token"])
    assert granted_.status_code == 204


def test_me_is_the_own_account(site, account, client):
    tokens = account.login()
    answer = client.get("/auth/me", token=tokens["access_token"])
    assert answer.status_code == 200, answer.text
    me = answer.json()
    claims = jwt.decode(tokens["access_token"],
                        options={"verify_signature": False})
    assert me["id"] == account.id == claims["sub"]
    assert me["email"] == account.email and me["email_verified"] is True
    assert me["session_id"] == claims["sid"]
    refused(client.get("/auth/me"), 401, "Authorization token is missing")


def test_sessions_are_listed_and_ended_one_by_one(site, account, client):
    one, two = account.login(), account.login()
    found = sessions(client, one["access_token"])
    assert len(found) == 2 and [s["current"] for s in found].count(True) == 1
    assert {s["kind"] for s in found} == {"api"}
    other = next(s for s in found if not s["current"])
    path = f"/auth/sessions/{other['id']}"
    granted(client.request("DELETE", path, token=one["access_token"]),
            "Session ended")
    assert alive(site, one) and not alive(site, two)
    gone = refused(client.request("DELETE", path, token=one["access_token"]),
                   404, "Session not found")
    assert gone["code"] == "session_not_found"
    assert len(sessions(client, one["access_token"])) == 1


@pytest.mark.parametrize("name", [UUID, "x", "..", UUID + "0", "%00", ""])
def test_no_other_session_can_be_named(site, account, client, name):
    tokens = account.login()
    answer = client.request("DELETE", f"/auth/sessions/{name}",
                            token=tokens["access_token"])
    assert answer.status_code in (400, 404, 405), answer.text
    assert alive(site, tokens)


def test_another_accounts_session_stays(site, account, client):
    mine, theirs = account.login(), site.account().login()
    victim = sessions(client, theirs["access_token"])[0]["id"]
    refused(client.request("DELETE", f"/auth/sessions/{victim}",
                           token=mine["access_token"]), 404)
    assert alive(site, theirs)


@pytest.mark.parametrize("body, stays", [
    (None, False), ({}, False), ({"keep_current": False}, False),
    ({"keep_current": True}, True)], ids=str)
def test_all_sessions_end_at_once(site, account, client, body, stays):
    own, other = account.login(), account.login()
    answer = client.post("/auth/logout-all", body,
                         token=own["access_token"])
    assert answer.status_code == 200, answer.text
    assert alive(site, own) is stays and not alive(site, other)
    refused(client.post("/auth/refresh", token=other["refresh_token"]), 401)


@pytest.mark.parametrize("body", [
    {"keep_current": "yes"}, {"keep_current": 1}, {"keep_current": []}],
    ids=str)
def test_a_flag_is_a_boolean(account, client, body):
    refused(client.post("/auth/logout-all", body,
                        token=account.login()["access_token"]), 400)


def change(client, tokens, account, new=NEW, **more):
    return client.post("/auth/change-password", {
        "current_password": account.password, "new_password": new, **more},
        token=tokens["access_token"])


@pytest.mark.parametrize("more, others", [
    ({}, False), ({"end_other_sessions": True}, False),
    ({"end_other_sessions": False}, True)], ids=str)
def test_a_changed_password_ends_the_others_on_wish(
        site, account, client, more, others):
    own, other = account.login(), account.login()
    granted(change(client, own, account, **more), "Password changed")
    assert alive(site, own) and alive(site, other) is others
    refused(site.client().post("/auth/login", account.credentials()), 401,
            "Invalid credentials")
    account.password = NEW
    account.login()
    granted_ = client.post("/auth/refresh", token=own["refresh_token"])
    assert granted_.status_code == 200, granted_.text
    account.mails("Your password was changed")


@pytest.mark.parametrize("body, status, sentence", [
    ({}, 400, "Current and new password are required"),
    ({"current_password": "x"}, 400, "Current and new password are required"),
    ({"new_password": NEW}, 400, "Current and new password are required"),
    ({"current_password": "x", "new_password": "short"}, 400,
     "Password must be at least 8 characters"),
    ({"current_password": "wrong password", "new_password": NEW}, 401,
     "Invalid credentials"),
], ids=str)
def test_a_refused_change_changes_nothing(
        site, account, client, body, status, sentence):
    tokens = account.login()
    refused(client.post("/auth/change-password", body,
                        token=tokens["access_token"]), status, sentence)
    assert alive(site, tokens)
    account.login()


def test_the_present_password_cannot_be_guessed_without_end(account, client):
    tokens = account.login()
    answers = [client.post("/auth/change-password", {
        "current_password": f"guess number {i}", "new_password": NEW},
        token=tokens["access_token"]).status_code for i in range(8)]
    assert answers == [401] * 5 + [429] * 3


def test_guesses_here_and_at_the_sign_in_are_counted_together(account,
                                                              client):
    tokens = account.login()
    for i in range(3):
        refused(client.post("/auth/login", {
            "email": account.email.upper(), "password": f"guess {i}"}), 401)
    answers = [client.post("/auth/change-password", {
        "current_password": f"guess number {i}", "new_password": NEW},
        token=tokens["access_token"]).status_code for i in range(3)]
    assert answers == [401] * 2 + [429]
    refused(client.post("/auth/login", account.credentials()), 429)


def test_of_two_changes_at_once_one_counts(site, account):
    tokens, answers = account.login(), []
    threads = [threading.Thread(target=lambda i=i: answers.append(change(
        site.client(), tokens, account, f"new secret number {i}")))
        for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(a.status_code for a in answers)[:1] == [200]
    assert [a.status_code for a in answers].count(200) == 1


def test_others_verify_our_tokens_from_the_jwks_alone(site, account, client):
    token = account.login()["access_token"]
    answer = client.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert "d" not in answer.json()["keys"][0]
    keys = jwt.PyJWKSet.from_dict(answer.json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key.key, algorithms=["ES256"],
                        audience=site.url, issuer=site.url)
    assert claims["sub"] == account.id
    with pytest.raises(jwt.InvalidTokenError):
        jwt.decode(token[:-6] + "AAAAAA", key.key, algorithms=["ES256"],
                   audience=site.url)


def logged(site, account):
    """The names of the log's lines about an account."""
    with open(site.log, encoding="utf-8", errors="replace") as f:
        return sorted(line.split()[3] for line in f
                      if f" account={account.id} session=" in line)


def audited(site, account):
    return sorted(row[0] for row in query(
        site, "SELECT event FROM postern.audit_event"
        f" WHERE account_id = '{account.id}'"))


def steal(client, tokens):
    """The first of three refresh tokens comes back."""
    first = token = tokens["refresh_token"]
    for _ in range(2):
        token = client.post("/auth/refresh", token=token).json()[
            "refresh_token"]
    refused(client.post("/auth/refresh", token=first), 401)


def test_the_log_tells_what_the_audit_tells(site, account, client):
    """By the same names, once each."""
    steal(client, account.login())
    one, two, three = (account.login() for _ in range(3))
    client.request("DELETE", "/auth/sessions/" + jwt.decode(
        two["access_token"], options={"verify_signature": False})["sid"],
        token=one["access_token"])
    client.post("/auth/logout", token=three["access_token"])
    granted(change(client, one, account, NEW), "Password changed")
    account.password = NEW
    client.post("/auth/change-email", {
        "current_password": NEW, "new_email": next_address()},
        token=one["access_token"])
    account.login()
    client.post("/auth/logout-all", token=one["access_token"])
    client.post("/auth/reset-password", {
        "token": account.reset_token(), "new_password": NEW})
    granted(client.post("/auth/delete-account", {"current_password": NEW},
                        token=account.login()["access_token"]),
            "Account deleted")
    assert set(audited(site, account)) == {
        "account.created", "account.verified", "session.started",
        "session.stolen", "session.ended", "account.password_changed",
        "account.address_change_asked", "account.password_reset",
        "account.deleted"}
    assert logged(site, account) == audited(site, account)
