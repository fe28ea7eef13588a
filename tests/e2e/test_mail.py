# SPDX-License-Identifier: ISC
"""Story: the mails that Postern sends, and a relay that has bad days."""

import re
import statistics
import time

import pytest

from client import next_address, raw_exchange, parse_raw

VERIFY = "Verify Your Email Address"
RESET = "Password Reset Request"
CHANGED = "Your password was changed"


def mail_of(account, subject):
    if subject == RESET:
        account.reset_token()
    if subject == CHANGED:
        answer = account.client.post("/auth/reset-password", {
            "token": account.reset_token(), "new_password": "another secret"})
        assert answer.status_code == 200, answer.text
    return account.mails(subject)[0]


@pytest.mark.parametrize("subject", [VERIFY, RESET, CHANGED])
def test_a_mail_is_well_made(site, account, subject):
    mail = mail_of(account, subject)
    message = mail.message
    assert message["Subject"] == subject
    assert message["To"].addresses[0].addr_spec == account.email
    assert message["From"].addresses[0].addr_spec == "postern@example.org"
    assert mail.sender == "postern@example.org"
    assert message["MIME-Version"] == "1.0"
    assert message["Date"].datetime is not None
    assert re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>", message["Message-ID"])
    for name in ("Subject", "To", "From", "Date", "Message-ID"):
        assert len(message.get_all(name)) == 1
    assert message.get_content_type() == "multipart/alternative"
    kinds = [p.get_content_type() for p in message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]
    for part in message.iter_parts():
        assert part.get_content_charset() == "utf-8"
    assert not message.defects
    assert all(len(line) <= 998 for line in mail.raw.split(b"\r\n"))
    assert b"\n" not in mail.raw.replace(b"\r\n", b"")
    assert "{{" not in mail.text + mail.html


@pytest.mark.parametrize("subject, path, lifetime", [
    (VERIFY, "/verify-email", "24 hours"),
    (RESET, "/reset-password", "1 hour"),
])
def test_a_link_stands_alone_and_names_its_lifetime(
        site, account, subject, path, lifetime):
    mail = mail_of(account, subject)
    assert re.fullmatch(re.escape(f"{site.url}{path}?token=")
                        + r"[A-Za-z0-9_-]+", mail.link)
    assert mail.text.count("token=") == 1
    assert re.search(rf"\b{lifetime}\b", mail.text), mail.text
    assert re.search(rf"\b{lifetime}\b", mail.html), mail.html
    assert f'href="{mail.link}"' in mail.html


def test_the_notice_of_a_new_password_has_no_link(site, account):
    mail = mail_of(account, CHANGED)
    for text in mail.text, mail.html:
        assert "http" not in text and "href" not in text
        assert "token" not in text


def test_message_ids_differ(site, account):
    ids = [mail_of(account, s).message["Message-ID"]
           for s in (VERIFY, RESET, CHANGED)]
    assert len(set(ids)) == 3


def test_the_host_of_a_link_is_the_configurations(site):
    email = next_address()
    body = ('{"email": "%s", "password": "a long enough secret"}'
            % email).encode()
    out = raw_exchange(site, b"POST /auth/register HTTP/1.1\r\n"
                       b"Host: evil.example\r\n"
                       b"X-Forwarded-Host: evil.example\r\n"
                       b"X-Forwarded-Proto: gopher\r\n"
                       b"Forwarded: host=evil.example\r\n"
                       b"X-Original-URL: http://evil.example/\r\n"
                       b"Referer: http://evil.example/\r\n"
                       b"Content-Type: application/json\r\n"
                       b"Content-Length: %d\r\nConnection: close\r\n\r\n%s"
                       % (len(body), body))
    assert parse_raw(out)[0] == 201, out
    mail = site.sink.wait(email, VERIFY)[0]
    assert mail.link.startswith(site.url + "/verify-email?token=")
    assert b"evil" not in mail.raw


def test_a_mail_leaves_at_once(site):
    took = []
    for _ in range(5):
        email = next_address()
        site.client().post("/auth/register", {
            "email": email, "password": "a long enough secret"})
        answered = time.monotonic()
        took.append(site.sink.wait(email, VERIFY)[0].at - answered)
    assert statistics.median(took) < 1, took


@pytest.fixture(scope="module")
def patient_site(stack):
    site = stack.site(mail_retry="1s", smtp_timeout="2s")
    yield site
    assert not site.stop()


@pytest.mark.parametrize("faults", [
    [("RCPT", "451 try later")],
    [("DATA", "452 no room")],
    [("DATA", "drop")],
    [("RCPT", "drop")],
    [("DATA", "hang")],
    [("RCPT", "450 grey"), ("DATA", "451 still")],
], ids=str)
def test_a_mail_outlives_a_relays_bad_day(patient_site, sink, faults):
    email = next_address()
    sink.fault(email, *faults)
    patient_site.client().post("/auth/register", {
        "email": email, "password": "a long enough secret"})
    mail = sink.wait(email, VERIFY, timeout=20)[0]
    answer = patient_site.client().post("/auth/verify-email",
                                        {"token": mail.token})
    assert answer.status_code == 200, answer.text
    assert len(sink.attempts[email]) == len(faults) + 1
    assert len(sink.to(email)) == 1


@pytest.mark.parametrize("faults", [
    [("RCPT", "550 no such user")], [("DATA", "554 refused")],
], ids=str)
def test_a_refused_mail_is_not_sent_again(patient_site, sink, faults):
    email = next_address()
    sink.fault(email, *faults)
    patient_site.client().post("/auth/register", {
        "email": email, "password": "a long enough secret"})
    time.sleep(3)
    assert len(sink.attempts[email]) == 1
    assert sink.to(email) == []


def test_a_relay_that_hangs_holds_up_nothing_for_long(patient_site, sink):
    stuck = next_address("stuck")
    sink.fault(stuck, ("DATA", "hang"))
    for email in stuck, next_address():
        patient_site.client().post("/auth/register", {
            "email": email, "password": "a long enough secret"})
    sink.wait(email, VERIFY, timeout=6)
    sink.wait(stuck, VERIFY, timeout=12)
