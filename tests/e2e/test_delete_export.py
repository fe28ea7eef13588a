# SPDX-License-Identifier: ISC
"""Story: somebody wants to see all that is held, and then to have it gone."""

import json
import re
import socket
import time
from contextlib import ExitStack

import pytest

from client import at_once, granted, next_address, next_host, refused
from stack import Psql, until
from test_change_email import Mover
from web import DE, EN, Browser

DELETED = EN["mail.account_deleted.subject"]
TABLES = ["account", "password", "session", "one_time_token",
          "address_change"]


def delete(site, tokens, password):
    return site.client().post("/auth/delete-account", {
        "current_password": password}, token=tokens["access_token"])


def rows(site, sql):
    psql = Psql(site)
    try:
        return psql(sql)
    finally:
        psql.close()


def left(site, account):
    """What the tables hold of an account, {table: rows}."""
    counts = ", ".join(
        f"'{t}', (SELECT count(*) FROM postern.{t} WHERE"
        f" {'id' if t == 'account' else 'account_id'} = '{account.id}')"
        for t in TABLES)
    return json.loads(rows(site, f"SELECT json_build_object({counts})"))


# Deletion. ------------------------------------------------------------------

def test_a_deleted_account_is_gone(site):
    mover = Mover(site)
    account = mover.account
    browser = Browser(site)
    browser.sign_in(account)
    reset, asked = account.reset_token(), mover.link(next_address())
    assert min(left(site, account).values()) >= 1
    granted(delete(site, mover.tokens, account.password), "Account deleted")
    assert not mover.alive() and not browser.is_signed_in()
    for path in "/auth/refresh", "/auth/logout":
        refused(mover.client.post(path, token=mover.tokens[
            "refresh_token" if path.endswith("refresh") else "access_token"]),
            401)
    refused(site.client().post("/auth/login", account.credentials()), 401,
            "Invalid credentials")
    assert set(left(site, account).values()) == {0}
    mails = site.sink.wait(account.email, DELETED)
    assert EN["mail.account_deleted.not_you"].replace(
        "{{site_name}}", "Postern") in mails[0].text
    refused(site.client().post("/auth/reset-password", {
        "token": reset, "new_password": "an entirely new secret"}), 400)
    browser.open("/confirm-email", asked)
    browser.send("/confirm-email", {"action": "confirm"}, 400)
    again = site.client().post("/auth/register", account.credentials())
    assert again.status_code == 201 and again.json()["user_id"] != account.id


def test_no_queued_mail_is_left_but_the_last(site, account):
    tokens = account.login()
    site.sink.fault(account.email, ("RCPT", "450 later"))
    granted(site.client().post("/auth/forgot-password", {
        "email": account.email}), "If an account exists with this email, you"
        " will receive a password reset link")
    until(lambda: len(site.sink.attempts[account.email]) == 2, 10,
          "the reset mail's first attempt")
    granted(delete(site, tokens, account.password), "Account deleted")
    site.sink.wait(account.email, DELETED)
    kinds = rows(site, "SELECT string_agg(kind, ' ') FROM postern.mail_outbox"
                 f" WHERE canonical = '{account.email}'")
    assert kinds == "account_deleted"


@pytest.mark.parametrize("body, status, sentence", [
    ({}, 400, "Current password is required"),
    ({"current_password": ""}, 400, "Current password is required"),
    ({"current_password": None}, 400, "Current password is required"),
    ({"current_password": ["x"]}, 400, "A field has the wrong type"),
    ({"current_password": "wrong"}, 401, "Invalid credentials"),
    ({"current_password": "x" * 600}, 401, "Invalid credentials"),
], ids=str)
def test_without_the_password_nothing_is_deleted(site, account, body, status,
                                                 sentence):
    tokens = account.login()
    refused(site.client().post("/auth/delete-account", body,
                               token=tokens["access_token"]), status,
            sentence)
    refused(site.client().post("/auth/delete-account", {
        "current_password": account.password}), 401,
        "Authorization token is missing")
    assert left(site, account)["account"] == 1


def test_of_four_deletions_at_once_one_counts(site, account):
    tokens = account.login()
    answers = at_once([lambda: delete(site, tokens, account.password)] * 4)
    assert sorted(a.status_code for a in answers) == [200, 401, 401, 401]
    site.sink.wait(account.email, DELETED)
    site.settle_mail()
    assert len(site.sink.to(account.email, DELETED)) == 1


def test_a_login_that_races_it_leaves_nothing(site, account):
    tokens = account.login()
    answers = at_once([
        lambda: site.client().post("/auth/login", account.credentials())
    ] * 3 + [lambda: delete(site, tokens, account.password)])
    assert answers.pop().status_code == 200
    assert {a.status_code for a in answers} <= {200, 401}
    assert set(left(site, account).values()) == {0}


def test_a_former_address_hears_of_it_and_is_free(site):
    mover = Mover(site)
    old, new = mover.account.email, next_address()
    link = mover.move(new)
    granted(delete(site, mover.tokens, mover.account.password),
            "Account deleted")
    for email in old, new:
        assert len(site.sink.wait(email, DELETED)) == 1
    browser = Browser(site)
    browser.open("/take-back", link)
    browser.send("/take-back", {"action": "take-back"}, 400)
    assert site.unverified(email=old).id


@pytest.mark.parametrize("language, texts", [("en", EN), ("de", DE)])
def test_the_page_offers_the_export_and_deletes(site, account, language,
                                                texts):
    browser = Browser(site, language)
    browser.sign_in(account)
    assert list(browser.get("/account/").all("a", href="/account/delete"))
    page = browser.get("/account/delete")
    assert page.heading == texts["delete.title"]
    assert list(page.all("a", href="/account/export"))
    for password, status, key in (("", 400, "error.password_missing"),
                                  ("wrong", 401, "error.own_wrong")):
        page = browser.send("/account/delete", {
            "current_password": password}, status)
        assert page.beside("current_password") == texts[key]
        assert page.one("a", href="/forgot-password").text \
            == texts["login.forgot"]
    assert browser.is_signed_in()
    browser.goes(browser.post("/account/delete", {
        "current_password": account.password}), "/login?notice=deleted")
    assert browser.get("/login?notice=deleted").notice \
        == texts["notice.account_deleted"]
    assert not browser.is_signed_in()
    assert left(site, account)["account"] == 0


# The export. ----------------------------------------------------------------

def export(site, tokens):
    answer = site.client().get("/auth/export", token=tokens["access_token"])
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_export_has_all_that_is_held(site):
    mover = Mover(site)
    account, new = mover.account, next_address()
    other = site.account()
    other.login()
    account.reset_token()
    old = account.email
    mover.move(new)
    held = export(site, mover.tokens)
    assert held["account"]["id"] == account.id
    assert held["account"]["email"] == new
    assert held["account"]["password_changed_at"]
    assert [s["kind"] for s in held["sessions"]] == ["browser", "api"]
    assert held["sessions"][1]["address"] == mover.client.host \
        or held["sessions"][1]["address"].startswith("127.")
    assert held["sessions"][1]["user_agent"].startswith("python-requests")
    change, = held["email_changes"]
    assert (change["old_email"], change["new_email"]) == (old, new)
    assert {link["purpose"] for link in held["mailed_links"]} == {
        "verify", "reset", "confirm", "take_back"}
    assert {mail["kind"] for mail in held["mails"]} == {
        "verify", "confirm_address", "address_changed"}
    events = [event["event"] for event in held["events"]]
    assert events == ["account.address_changed", "session.started",
                      "account.address_change_asked", "session.started",
                      "account.verified", "account.created"]
    assert held["shortened"] == []
    times = re.findall(r'"(?:at|[a-z_]+_at|take_back_until)": "([^"]*)"',
                       json.dumps(held))
    assert len(times) > 20
    for at in times:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", at), at
    text = json.dumps(held)
    assert other.id not in text and other.email not in text
    assert "$y$" not in text and "\\\\x" not in text and "hash" not in text


def test_every_column_about_a_person_is_exported_or_a_secret(site):
    """A column that is added later has to be thought of here."""
    columns = rows(site, "SELECT string_agg(table_name || '.' || column_name,"
                   " ' ' ORDER BY table_name, column_name)"
                   " FROM information_schema.columns"
                   " WHERE table_schema = 'postern' AND table_name IN"
                   " ('account', 'password', 'session', 'one_time_token',"
                   "  'address_change', 'mail_outbox', 'audit_event')")
    told = """
        account.address account.created_at account.disabled_at account.id
        account.locale account.verified_at
        address_change.confirmed_at address_change.created_at
        address_change.new_address address_change.old_address
        address_change.take_back_until address_change.taken_back_at
        audit_event.at audit_event.client audit_event.event
        audit_event.session_id
        mail_outbox.canonical mail_outbox.created_at mail_outbox.ended_at
        mail_outbox.kind mail_outbox.state
        one_time_token.canonical one_time_token.created_at
        one_time_token.expires_at one_time_token.purpose
        one_time_token.used_at password.changed_at
        session.address session.created_at session.end_reason
        session.ended_at session.expires_at session.id session.kind
        session.last_seen_at session.user_agent"""
    secret = "one_time_token.hash password.hash session.secret_hash"
    plumbing = """
        account.canonical account.epoch account.locale_chosen
        address_change.account_id address_change.epoch address_change.id
        address_change.new_canonical address_change.number
        address_change.old_canonical audit_event.account_id audit_event.id
        mail_outbox.account_id mail_outbox.attempts mail_outbox.change_id
        mail_outbox.due_at mail_outbox.id mail_outbox.last_error
        mail_outbox.leased_until mail_outbox.locale mail_outbox.recipient
        one_time_token.account_id one_time_token.change_id
        one_time_token.epoch password.account_id session.account_id
        session.epoch session.refresh_gen session.rotated_at"""
    assert set(columns.split()) == set(" ".join(
        [told, secret, plumbing]).split())


def test_an_export_does_not_tell_who_has_an_address(site):
    """Asking for a change to it neither; nor a reset, which ends links."""
    told = []
    for new in site.account().email, next_address():
        mover = Mover(site)
        mover.ask(new)
        site.settle_mail()
        site.client().post("/auth/reset-password", {
            "token": mover.account.reset_token(),
            "new_password": mover.account.password})
        site.settle_mail()
        text = json.dumps(export(site, mover.account.login()))
        for name, own in ("new", new), ("own", mover.account.email), \
                ("host", mover.client.host):
            text = text.replace(own, name)
        text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "id", text)
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "time", text)
        told.append(re.sub(r"127(\.\d+){3}", "host", text))
    assert told[0] == told[1]
    assert "confirm_address" in told[0]


LONGEST = f"{'a' * 64}@{'.'.join(['d' * 61] * 3)}.com"
LISTS = ["email_changes", "events", "mailed_links", "mails", "sessions"]
AT_MOST = 2 << 20  # bytes: nginx/postern-fastcgi.conf holds them


def fill(site, account, entries=1100):
    """Gives an account the longest entries there can be, i seconds old."""
    assert len(LONGEST) == 254
    site.cluster.psql(
        f"CREATE TEMP TABLE n AS SELECT '{account.id}'::uuid AS of, i,"
        "  now() - i * interval '1 s' AS at, gen_random_uuid() AS id"
        f" FROM generate_series(1, {entries}) i;"
        " INSERT INTO postern.session (account_id, id, kind, secret_hash,"
        "  epoch, expires_at, address, user_agent, created_at, ended_at,"
        "  end_reason) SELECT of, id, 'browser', sha256('x'), 0,"
        "  now() + interval '1 h', repeat('f', 39), repeat(chr(1), 256), at,"
        "  at, 'address_taken_back' FROM n;"
        " INSERT INTO postern.address_change SELECT of, id,"
        f"  '{LONGEST}', '{LONGEST}', 0, at, i, '{LONGEST}', '{LONGEST}',"
        "  at, at, at FROM n;"
        " INSERT INTO postern.one_time_token (account_id, hash, purpose,"
        "  canonical, epoch, created_at, expires_at, used_at, change_id)"
        f" SELECT of, sha256(id::text::bytea), 'take_back', '{LONGEST}', 0,"
        "  at, at, at, id FROM n;"
        " INSERT INTO postern.mail_outbox (kind, account_id, change_id,"
        "  canonical, created_at, state, ended_at) SELECT"
        f" 'address_taken_back', of, id, '{LONGEST}', at, 'sent', at FROM n;"
        " INSERT INTO postern.audit_event (at, event, account_id, session_id,"
        "  client) SELECT at - k * interval '1 ms',"
        "  'account.address_change_asked', of, id, repeat('f', 39)"
        "  FROM n, generate_series(0, 4) k", site.database)


def test_a_long_history_is_told_by_its_newest(site, account):
    tokens = account.login()
    fill(site, account)
    answer = site.client().get("/auth/export", token=tokens["access_token"])
    held = answer.json()
    assert AT_MOST * 3 // 4 < len(answer.content) < AT_MOST
    assert held["shortened"] == LISTS
    assert held["sessions"][1]["user_agent"] == "\1" * 256
    for name in LISTS:
        times = [e.get("created_at") or e.get("asked_at") or e["at"]
                 for e in held[name]]
        assert len(times) > 100 and times == sorted(times, reverse=True)
    newest = held["sessions"][0]
    assert newest["ended_at"] is None, "the one that asks"


def test_many_short_entries_are_told(site, account):
    tokens = account.login()
    site.cluster.psql(
        "INSERT INTO postern.audit_event (at, event, account_id, client)"
        " SELECT now() - i * interval '1 s', 'session.started',"
        f" '{account.id}', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'"
        " FROM generate_series(1, 6000) i", site.database)
    held = export(site, tokens)
    assert len(held["events"]) == 5000 and held["shortened"] == ["events"]


def ask_and_never_read(site, tokens, host):
    """A socket on which an export was asked for; the kernel holds little of
    the answer: by loopback's large segments it would hold all."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    s.bind((host, 0))
    s.connect(("127.0.0.1", site.port))
    s.sendall("\r\n".join([
        "GET /auth/export HTTP/1.1", f"Host: 127.0.0.1:{site.port}",
        f"Authorization: Bearer {tokens['access_token']}", "", ""]).encode())
    return s


def test_who_does_not_read_an_export_holds_nobody_up(site, account):
    tokens, client = account.login(), site.client()
    fill(site, account, entries=300)
    before = exports(site)
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(ask_and_never_read(site, tokens, next_host()))
        for _ in range(20):
            begun = time.monotonic()
            answer = client.get("/auth/check", token=tokens["access_token"])
            assert answer.status_code == 204
            assert time.monotonic() - begun < 2
        until(lambda: exports(site) == before + 8, 10, "all exports")


def exports(site):
    """How many there were."""
    with open(site.log, encoding="utf-8", errors="replace") as f:
        return f.read().count("account.exported")


def test_a_client_has_two_exports_at_once(site, account):
    tokens, client = account.login(), site.client()
    fill(site, account, entries=300)
    before = exports(site)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(ask_and_never_read(site, tokens, client.host))
        until(lambda: exports(site) == before + 2, 10, "two exports")
        for path in "/auth/export", "/account/export":
            refused(client.get(path, token=tokens["access_token"]), 429)
        other = site.client()
        assert other.get("/auth/export", token=tokens["access_token"]
                         ).status_code == 200

    def served():
        return client.get("/auth/export", token=tokens["access_token"]
                          ).status_code == 200
    until(served, 10, "the places to be free again")


@pytest.mark.parametrize("head", [
    "Content-Length: 32000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("path", ["/auth/export", "/account/export"])
def test_nobody_keeps_an_exports_place_by_sending_slowly(site, path, head):
    """The body never comes: the refusal does not wait for it."""
    host = site.client().host
    with socket.create_connection(("127.0.0.1", site.port), 10,
                                  (host, 0)) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n"
                  .encode())
        s.settimeout(5)
        assert s.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_session_looks_the_same_in_the_list_and_in_the_export(site, account):
    tokens = site.client().post("/auth/login", account.credentials(),
                                headers={"User-Agent": None}).json()
    listed, = site.client().get("/auth/sessions", token=tokens[
        "access_token"]).json()["sessions"]
    held, = export(site, tokens)["sessions"]
    assert (held.pop("ended_at"), held.pop("end_reason")) == (None, None)
    assert listed.pop("current") and held == listed


def test_the_page_gives_the_export_as_a_file(site, account):
    browser = Browser(site)
    browser.sign_in(account)
    answer = browser.request("GET", "/account/export")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] \
        == 'attachment; filename="account.json"'
    assert answer.json()["account"]["email"] == account.email


def test_only_a_live_session_exports(site, account):
    tokens = account.login()
    for headers in ({}, {"Authorization": "Bearer x"},
                    {"Authorization": "Bearer " + tokens["refresh_token"]}):
        refused(site.client().get("/auth/export", headers=headers), 401)
    site.client().post("/auth/logout", token=tokens["access_token"])
    refused(site.client().get("/auth/export", token=tokens["access_token"]),
            401)
