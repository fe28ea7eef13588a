# SPDX-License-Identifier: ISC
"""Story: whoever asks for a link learns nothing about who has an account."""

import pytest

from client import granted, next_address, refused

FORGOT, RESEND = "/auth/forgot-password", "/auth/resend-verification"
MESSAGES = {
    FORGOT: "If an account exists with this email, you will receive a"
            " password reset link",
    RESEND: "If an unverified account exists with this email, a verification"
            " link has been sent.",
}
SUBJECTS = {FORGOT: "Password Reset Request",
            RESEND: "Verify Your Email Address"}
BOTH = pytest.mark.parametrize("path", [FORGOT, RESEND])

ODD = ["plain", "@", "a@", "@b", "a@b", "a b@example.com", "x" * 5000,
       "x" * 300 + "@example.com", "üser@example.com", "' OR 1=1 --",
       "user@example.com\r\nBcc: other@example.com", "a@b\u0001", "\x7f",
       "user@example..com", "😀", "<user@example.com>", "%00", "a@.", "."]


def ask(site, path, email, client=None):
    return (client or site.client()).post(path, {"email": email})


@BOTH
def test_everybody_gets_the_very_same_answer(site, path):
    addresses = [site.account().email, site.unverified().email,
                 next_address("unknown"), *ODD]
    answers = [ask(site, path, email) for email in addresses]
    for email, answer in zip(addresses, answers):
        assert answer.status_code == 200, (email, answer.text)
        granted(answer, MESSAGES[path])
    assert len({a.content for a in answers}) == 1
    assert len({tuple(sorted(a.headers)) for a in answers}) == 1


@BOTH
@pytest.mark.parametrize("body", [{}, {"email": ""}, {"email": " \t\r\n "},
                                  {"Email": "user@example.com"}])
def test_the_address_must_be_there(site, client, path, body):
    refused(client.post(path, body), 400, "Email is required")


def test_only_who_has_use_for_a_link_gets_one(site):
    verified, unverified = site.account(), site.unverified()
    unknown = next_address("unknown")
    for path in FORGOT, RESEND:
        for email in verified.email, unverified.email, unknown:
            granted(ask(site, path, email), MESSAGES[path])
    site.settle_mail()

    def mails(email, path):
        return len(site.sink.to(email, SUBJECTS[path]))
    assert mails(verified.email, FORGOT) == 1
    assert mails(unverified.email, FORGOT) == 1
    assert mails(verified.email, RESEND) == 1  # that of its registration
    assert mails(unverified.email, RESEND) == 2
    assert site.sink.to(unknown) == []


@BOTH
def test_mail_goes_to_the_stored_address(site, path):
    account = site.unverified(email=next_address("MiXeD"))
    before = len(site.sink.to(account.email, SUBJECTS[path]))
    granted(ask(site, path, f" {account.email.swapcase()}\t"), MESSAGES[path])
    mail = account.mails(SUBJECTS[path], before + 1)[-1]
    assert mail.recipient == account.email


@BOTH
def test_a_mailbox_gets_three_an_hour_and_nobody_is_told(site, path):
    account = site.unverified()
    before = len(site.sink.to(account.email, SUBJECTS[path]))
    spellings = [account.email, account.email.upper(),
                 f" {account.email} ", account.email.title(), account.email]
    answers = [ask(site, path, email) for email in spellings]
    for answer in answers:
        granted(answer, MESSAGES[path])
    assert len({a.content for a in answers}) == 1
    assert len({tuple(sorted(a.headers)) for a in answers}) == 1
    site.settle_mail()
    assert len(site.sink.to(account.email, SUBJECTS[path])) == before + 3


def test_the_two_mailbox_limits_are_apart(site):
    account = site.unverified()
    for path in FORGOT, RESEND:
        for _ in range(4):
            granted(ask(site, path, account.email), MESSAGES[path])
    site.settle_mail()
    assert len(site.sink.to(account.email, SUBJECTS[FORGOT])) == 3
    assert len(site.sink.to(account.email, SUBJECTS[RESEND])) == 1 + 3


def test_a_resent_link_verifies(site, client):
    account = site.unverified()
    granted(ask(site, RESEND, account.email), MESSAGES[RESEND])
    token = account.mails(SUBJECTS[RESEND], 2)[-1].token
    assert token != account.verification
    granted(client.post("/auth/verify-email", {"token": token}),
            "Email verified successfully! You can now login.")
