# SPDX-License-Identifier: ISC
"""Story: somebody clicks on a mailed link."""

import html
import re
from html.parser import HTMLParser

import pytest

from client import granted, next_address, refused

VERIFY, RESET = "/verify-email", "/reset-password"
BOTH = pytest.mark.parametrize("path", [VERIFY, RESET])
NEW = "an entirely new secret"


class Form(HTMLParser):
    """The one form of a page."""

    def __init__(self, text):
        super().__init__()
        self.method = self.action = None
        self.fields, self.kinds, self.count = {}, {}, 0
        self.feed(text)
        assert self.count >= 1, text

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.count += 1
        if self.count != 1:
            return  # the first form is the one to fill
        if tag == "form":
            self.method = attrs.get("method", "get").lower()
            self.action = attrs.get("action")
        if tag == "input" and attrs.get("name"):
            self.fields[attrs["name"]] = attrs.get("value") or ""
            self.kinds[attrs["name"]] = attrs.get("type", "text")

    def fill(self, password):
        return {n: password if self.kinds[n] == "password" else v
                for n, v in self.fields.items()}


def check_page(answer, status=200):
    """What every page keeps."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    h = answer.headers
    assert h["Content-Type"].lower().replace(" ", "") \
        == "text/html;charset=utf-8"
    assert h["Cache-Control"] == "no-store"
    assert h["X-Content-Type-Options"] == "nosniff"
    assert h["Referrer-Policy"] == "strict-origin"
    policy = h["Content-Security-Policy"]
    assert "unsafe-inline" not in policy and "frame-ancestors" in policy
    assert not re.search(r"<script(?! src=)|<style", answer.text)
    assert not re.search(r"\s(style|on\w+)=", answer.text)
    assert "{{" not in answer.text
    return answer


def click(client, path, token):
    """Follows a mailed link as a browser does; the page."""
    answer = client.get(f"{path}?token={token}")
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"] == path
    return check_page(client.get(path))


def submit(client, path, fields, status=303, headers=None):
    if headers is None:
        headers = {"Origin": client.site.url,
                   "Sec-Fetch-Site": "same-origin"}
    answer = client.request("POST", path, data=fields, headers=headers)
    if status == 403:
        assert answer.status_code == 403, answer.text
        return answer
    if status == 303:
        assert answer.status_code == 303, (answer.status_code, answer.text)
        assert answer.headers["Location"] == path
        return check_page(client.get(path))
    return check_page(answer, status)


def secret_for(account, path):
    """What the first form of the page asks for: elsewhere than where one
    registered, the password that was chosen there."""
    return account.password if path == VERIFY else NEW


def token_of(account, path):
    return account.verification if path == VERIFY else account.reset_token()


@BOTH
def test_the_token_goes_into_a_cookie(site, client, path):
    token = token_of(site.unverified(), path)
    answer = client.get(f"{path}?token={token}")
    assert answer.status_code == 303
    assert answer.headers["Location"] == path
    assert answer.headers["Cache-Control"] == "no-store"
    cookies = answer.raw.headers.getlist("Set-Cookie")
    assert len(cookies) == 1
    attributes = [a.strip().lower() for a in cookies[0].split(";")]
    assert not attributes[0].startswith("__host-")
    assert {"httponly", "samesite=lax", "path=/"} <= set(attributes)
    assert "secure" not in attributes  # http on loopback
    ages = [int(a[8:]) for a in attributes if a.startswith("max-age=")]
    assert len(ages) == 1 and 0 < ages[0] <= 3600


@BOTH
def test_the_page_names_the_account_of_a_good_token(site, client, path):
    account = site.unverified()
    page = click(client, path, token_of(account, path))
    assert account.email in page.text
    form = Form(page.text)
    assert form.method == "post" and form.action in (None, "", path)


@BOTH
def test_the_page_of_a_bad_token_looks_alike_without_a_name(
        site, client, path):
    account = site.unverified()
    token = token_of(account, path)
    page = click(client, path, token[:-8] + "AAAAAAAA")
    assert account.email not in page.text
    assert Form(page.text).method == "post"


@BOTH
def test_a_get_without_a_token_refuses_nothing(site, client, path):
    check_page(client.get(path))
    check_page(client.get(path + "?other=x"))


def test_a_click_verifies(site, client):
    account = site.unverified()
    page = click(client, VERIFY, account.verification)
    refused(site.client().post("/auth/login", account.credentials()), 403)
    submit(client, VERIFY, Form(page.text).fill(account.password))
    account.login()


def test_a_get_alone_verifies_nothing(site, client):
    account = site.unverified()
    for _ in range(3):
        click(client, VERIFY, account.verification)
    client.request("HEAD", f"{VERIFY}?token={account.verification}")
    refused(site.client().post("/auth/login", account.credentials()), 403)


def test_a_form_sets_the_new_password(site, account, client):
    session = account.login()
    page = click(client, RESET, account.reset_token())
    form = Form(page.text)
    assert "password" in form.kinds.values()
    submit(client, RESET, form.fill(NEW))
    refused(site.client().post("/auth/refresh",
                               token=session["refresh_token"]), 401)
    refused(site.client().post("/auth/login", account.credentials()), 401)
    account.password = NEW
    account.login()
    account.mails("Your password was changed")


@pytest.mark.parametrize("password", ["short", "", "x" * 512])
def test_a_refused_password_keeps_the_link_good(
        site, account, client, password):
    form = Form(click(client, RESET, account.reset_token()).text)
    again = Form(submit(client, RESET, form.fill(password), 400).text)
    account.login()
    submit(client, RESET, again.fill(NEW))
    account.password = NEW
    account.login()


@BOTH
@pytest.mark.parametrize("token", ["forged", "A" * 66, "A" * 2000])
def test_only_the_post_tells_of_a_bad_token(site, client, path, token):
    form = Form(click(client, path, token).text)
    submit(client, path, form.fill(NEW), 400)


@BOTH
def test_a_used_link_is_told_by_the_post(site, client, path):
    account = site.account()
    token = token_of(account, path)
    form = Form(click(client, path, token).text)
    if path == RESET:
        submit(client, path, form.fill(NEW))
    again = site.client()
    form = Form(click(again, path, token).text)
    submit(again, path, form.fill(secret_for(account, path)),
           400 if path == RESET else 303)


@BOTH
def test_a_post_without_a_token_is_refused(site, client, path):
    form = Form(client.get(path).text)
    submit(client, path, form.fill(NEW), 400)


FOREIGN = [
    {"Origin": "https://evil.example"}, {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "nonsense"},
    {"Origin": "http://127.0.0.1"}, {"Origin": "http://127.0.0.1:1"},
    {"Origin": "OURS.evil.example"}, {"Origin": "OURS0"},
    {"Origin": "OURS", "Sec-Fetch-Site": "cross-site"}, {},
]


@BOTH
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_form_of_another_site_is_refused(site, client, path, headers):
    account = site.unverified()
    headers = {k: v.replace("OURS", site.url) for k, v in headers.items()}
    form = Form(click(client, path, token_of(account, path)).text)
    secret = secret_for(account, path)
    submit(client, path, form.fill(secret), 403, headers)
    refused(site.client().post("/auth/login", account.credentials()), 403)
    submit(client, path, form.fill(secret))


@BOTH
@pytest.mark.parametrize("headers", [
    {"Origin": "OURS"}, {"Sec-Fetch-Site": "same-origin"},
    {"Origin": "OURS", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
], ids=str)
def test_our_own_form_is_taken(site, client, path, headers):
    account = site.unverified()
    headers = {k: v.replace("OURS", site.url) for k, v in headers.items()}
    form = Form(click(client, path, token_of(account, path)).text)
    submit(client, path, form.fill(secret_for(account, path)), 303, headers)


ODD_TOKENS = ["<script>alert(1)</script>", "a%0d%0aX-Evil:%201", "a;b",
              "a%00b", "%ff", "%", "a b", "a%20b", "%22%27%3E", "x" * 4000,
              "ü", "a=b&token=c", "", "a%3B%20Path=/x"]


@BOTH
@pytest.mark.parametrize("token", ODD_TOKENS, ids=ascii)
def test_an_odd_token_harms_nobody(site, client, path, token):
    answer = client.get(f"{path}?token={token}")
    assert answer.status_code in (200, 303), answer.text
    assert "X-Evil" not in answer.headers
    assert answer.headers.get("Location", path) == path
    page = check_page(client.get(path))
    assert "alert(1)" not in page.text and "evil" not in page.text.lower()


@BOTH
@pytest.mark.parametrize("query", [
    "token={}&x=%zz", "x=%ff&token={}", "&".join(
        ["token={}"] + [f"utm_{i}=x" for i in range(17)])], ids=ascii)
def test_what_trackers_add_to_a_link_does_not_break_it(
        site, client, path, query):
    account = site.unverified()
    token = token_of(account, path)
    answer = client.get(f"{path}?" + query.format(token))
    assert answer.status_code == 303
    assert answer.headers["Location"] == path
    assert account.email in client.get(path).text


def test_the_address_on_a_page_is_escaped(site, client):
    email = next_address("a&b'{{x}}")
    account = site.unverified(email=email)
    answer = client.get(f"{VERIFY}?token={account.verification}")
    assert answer.status_code == 303
    page = client.get(VERIFY)
    assert page.status_code == 200
    assert email in html.unescape(page.text)
    assert "a&b" not in page.text and "a&amp;b" in page.text


@pytest.mark.parametrize("body, content_type", [
    (b"{}", "application/json"), (b"a=%zz", None), (b"a=%00", None),
    (b"a=%ff", None), (b"&".join(b"f%d=x" % i for i in range(500)), None),
    (b"\xff\xfe", None), (b"a=b", "text/plain"),
    (b"--x\r\n", "multipart/form-data; boundary=x"),
], ids=lambda v: ascii(v)[:40])
def test_what_is_no_form_is_refused(site, account, client, body,
                                    content_type):
    """By the page that reads a form: a click has nothing but its cookie."""
    click(client, RESET, account.reset_token())
    answer = client.raw_post(
        RESET, body, content_type or "application/x-www-form-urlencoded",
        headers={"Origin": site.url, "Accept": "text/html"})
    check_page(answer, 400)
    account.login()


@BOTH
def test_a_large_form_is_refused(site, client, path):
    answer = client.raw_post(path, b"a=" + b"x" * 20000,
                             "application/x-www-form-urlencoded",
                             headers={"Origin": site.url})
    assert answer.status_code == 413, answer.text


def test_a_verified_account_hears_it_twice(site, client):
    account = site.account()
    page = click(client, VERIFY, account.verification)
    submit(client, VERIFY, Form(page.text).fill(account.password))


def test_a_link_on_a_page_is_one_of_ours(site, client):
    page = click(client, VERIFY, site.unverified().verification)
    for link in re.findall(r'(?:href|src|action)="([^"]*)"', page.text):
        assert link[:1] == "#" or re.match(r"/(?!/)", link), link


def test_a_browsers_refusal_is_a_page(site, client):
    answer = client.request("POST", VERIFY, data={"x": "y"}, headers={
        "Origin": "https://evil.example", "Accept": "text/html"})
    check_page(answer, 403)
    granted(client.post("/auth/forgot-password", {
        "email": next_address("unknown")}),
        "If an account exists with this email, you will receive a password"
        " reset link")
