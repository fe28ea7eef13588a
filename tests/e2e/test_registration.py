# SPDX-License-Identifier: ISC
"""Story: somebody makes an account."""

import uuid

import pytest

from client import granted, next_address, refused

DONE = ("Registration successful! Please check your email to verify your"
        " account.")
MISSING = "Email and password are required"
FORMAT = "Invalid email format"
SHORT = "Password must be at least 8 characters"
LONG = "Password must be at most 511 bytes"
TAKEN = "Email already registered"
GOOD = "a long enough secret"


def register(client, email, password=GOOD):
    return client.post("/auth/register", {"email": email,
                                          "password": password})


def test_a_new_account_is_told_to_look_for_its_mail(site, client):
    body = granted(register(client, next_address()), DONE, 201)
    assert str(uuid.UUID(body["user_id"])) == body["user_id"]


@pytest.mark.parametrize("body", [
    {},
    {"email": "someone@example.com"},
    {"password": GOOD},
    {"email": "", "password": GOOD},
    {"email": " ", "password": GOOD},
    {"email": " \t\r\n ", "password": GOOD},
    {"email": "someone@example.com", "password": ""},
    {"email": "", "password": ""},
    {"email": "not an address", "password": ""},
    {"Email": "someone@example.com", "password": GOOD},
])
def test_both_fields_must_be_there(site, client, body):
    refused(client.post("/auth/register", body), 400, MISSING)


LABEL = "x" * 63
LONG_DOMAIN = ".".join([LABEL, LABEL, LABEL, "y" * 50 + ".com"])  # 246

BAD_ADDRESSES = [
    "plain", "@example.com", "user@", "@", "user@@example.com",
    "a@b@example.com", "user@localhost", "user@com.", "user@example.com.",
    "user@.example.com", "user@example..com", "user@.", "user@..",
    "user@example。。com",
    ".user@example.com", "user.@example.com", "us..er@example.com",
    "us er@example.com", "user @example.com", "user@ example.com",
    "user@exa mple.com", "user@exam\tple.com", "us\tuser@example.com",
    '"user"@example.com', '"us er"@example.com', "user@[127.0.0.1]",
    "user@[IPv6:::1]", "user(comment)@example.com", "<user@example.com>",
    "user@example.com>", "User <user@example.com>", "mailto:user@example.com",
    "user@example.com, other@example.com", "user@example.com;",
    "user,other@example.com", "user;other@example.com", "us\\er@example.com",
    "user[1]@example.com", "user@example.com?subject=x",
    "user@exam_ple.com", "user@-example.com", "user@example-.com",
    "user@exam!ple.com", "user@example.com/path", "user@example.com:25",
    "üser@example.com", "usеr@example.com", "user@exam＠ple.com",
    "user＠example.com", "user@exa℀mple.com", "user@exa\u200emple.com",
    "user@" + "x" * 64 + ".com", "x" * 65 + "@example.com",
    "x" * 8 + "@" + LONG_DOMAIN, "x" * 5000 + "@example.com",
    "user@" + "x." * 2000 + "com", "user@" + "ü" * 300 + ".com",
    # Header and command injection.
    "user@example.com\r\nBcc: other@example.com",
    "user@example.com\nBcc: other@example.com",
    "user@example.com\r\n\r\nbody", "user\r\n@example.com",
    "user@example.com>\r\nRCPT TO:<other@example.com",
    "user@exam\rple.com", "user@exam\nple.com", "user@example.com\u0001",
    "user\u007f@example.com", "user@example.com\u2028x",
    "user@example.com%0d%0aBcc:other@example.com",
    # SQL metacharacters that no dot-atom has.
    "x');DROP@example.com", 'x"@example.com', "x\\'@example.com",
    "user@example.com'--", "user@exa'mple.com",
]


@pytest.mark.parametrize("email", BAD_ADDRESSES,
                         ids=[ascii(a)[1:60] for a in BAD_ADDRESSES])
def test_a_broken_address_is_refused(site, client, email):
    refused(register(client, email), 400, FORMAT)


@pytest.mark.parametrize("local", [
    "o'brien", "x'--", "'or'1'='1", "$$", "$1", "%s%n%x", "a%00b", "{{email}}",
    "{{#x}}", "a&b", "a|b", "`id`", "x*", "x/./y", "x=1", "x?y", "!#$%&'*+-/",
    "=?utf-8?q?x?=", "^_`{|}~", "0", "-", "a.b.c", "x" * 64,
])
def test_any_dot_atom_is_an_address_and_gets_its_mail(site, client, local):
    email = f"{local}@{next_address().replace('@', '.')}"
    granted(register(client, email), DONE, 201)
    mail = site.sink.wait(email, "Verify Your Email Address")[0]
    granted(client.post("/auth/verify-email", {"token": mail.token}),
            "Email verified successfully! You can now login.")
    body = granted(client.post("/auth/login", {
        "email": email, "password": GOOD}), "Login successful")
    assert body["user"]["email"] == email


def test_an_address_may_have_254_octets(site, client):
    email = "x" * 7 + "@" + LONG_DOMAIN
    assert len(email) == 254
    granted(register(client, email), DONE, 201)
    site.sink.wait(email, "Verify Your Email Address")


@pytest.mark.parametrize("password, sentence", [
    ("1234567", SHORT), ("x", SHORT), ("ééééééé", SHORT), ("😀" * 7, SHORT),
    ("       ", SHORT),
    ("x" * 512, LONG), ("é" * 256, LONG), ("😀" * 128, LONG),
    ("x" * 10000, LONG),
])
def test_a_password_has_its_bounds(site, client, password, sentence):
    refused(register(client, next_address(), password), 400, sentence)


@pytest.mark.parametrize("password", [
    "12345678", "éééééééé", "😀" * 8, " " * 8, "x" * 511, "é" * 255 + "x",
    " blanks at the ends ", "tab\tand\nnewline", "'; DROP TABLE x; --",
    "\x01\x02\x03\x04\x05\x06\x07\x08", "$y$j9T$abc$def", "{{password}}",
    "e\u0301" * 4,
], ids=ascii)
def test_a_password_is_taken_as_it_is(site, password):
    account = site.account(password=password)
    account.login()
    for other in (password[:-1] + "!", password + " ", " " + password):
        answer = site.client().post("/auth/login", {
            "email": account.email, "password": other})
        refused(answer, 401, "Invalid credentials")


@pytest.mark.parametrize("first, second", [
    ("a{0}@example.com", "a{0}@example.com"),
    ("a{0}@example.com", "A{0}@EXAMPLE.COM"),
    ("MiXeD{0}@Example.Com", "mixed{0}@example.com"),
    ("a{0}@example.com", "  a{0}@example.com\t\r\n"),
    ("a{0}@bücher.example", "a{0}@xn--bcher-kva.example"),
    ("a{0}@xn--bcher-kva.example", "A{0}@BÜCHER.example"),
    ("a{0}@bücher.example", "a{0}@bu\u0308cher.example"),
    ("a{0}@example.com", "a{0}@example。com"),
    ("a{0}@example.com", "a{0}@ｅｘａｍｐｌｅ.com"),
    ("a{0}@xn--bcher-kva.example", "a{0}@XN--BCHER-KVA.example"),
])
def test_one_address_has_one_account_however_spelled(site, first, second):
    tag = next_address("t").partition("@")[0]
    granted(register(site.client(), first.format(tag)), DONE, 201)
    for spelling in first, second:
        refused(register(site.client(), spelling.format(tag)), 409, TAKEN)


@pytest.mark.parametrize("first, second", [
    ("a.b{0}@example.com", "ab{0}@example.com"),
    ("a{0}+x@example.com", "a{0}@example.com"),
    ("a{0}@example.com", "a{0}@example.org"),
    ("a{0}@gmail.com", "a.{0}@gmail.com"),
    ("a{0}@strasse.example", "a{0}@straße.example"),
])
def test_other_addresses_are_other_accounts(site, client, first, second):
    tag = next_address("t").partition("@")[0]
    for address in first, second:
        granted(register(client, address.format(tag)), DONE, 201)


@pytest.mark.parametrize("typed, stored", [
    ("MiXeD{0}@EXAMPLE.Com", "MiXeD{0}@example.com"),
    ("  blanks{0}@example.com ", "blanks{0}@example.com"),
    ("idn{0}@bücher.example", "idn{0}@xn--bcher-kva.example"),
])
def test_mail_goes_to_the_local_part_as_typed_at_the_a_labels(
        site, client, typed, stored):
    tag = next_address("t").partition("@")[0]
    granted(register(client, typed.format(tag)), DONE, 201)
    mail = site.sink.wait(stored.format(tag), "Verify Your Email Address")[0]
    assert mail.recipient == stored.format(tag)


def test_a_refused_registration_makes_no_account_and_no_mail(site, client):
    email = next_address()
    refused(register(client, email, "short"), 400, SHORT)
    site.settle_mail()
    assert site.sink.to(email) == []
    granted(register(client, email), DONE, 201)


def test_a_taken_address_keeps_its_password(site):
    account = site.account()
    refused(register(site.client(), account.email, "another secret"), 409,
            TAKEN)
    account.login()
    site.settle_mail()
    assert len(site.sink.to(account.email)) == 1
