# SPDX-License-Identifier: ISC
"""Story: people mistype, and scoundrels send forms that are none of ours."""

import pytest

from client import next_address, refused
from web import DE, EN, Browser, Page, check_page

SECRET = "a long enough secret"
FORMS = ["/register", "/login", "/forgot-password", "/check-email",
         "/verify-email", "/reset-password", "/dashboard",
         "/account/language", "/account/password", "/account/sessions"]


@pytest.fixture
def browser(site):
    return Browser(site)


# path, what is typed, status, the field it is said beside, the text.
WRONG = [
    ("/register", "", "", 400, "email", "email_missing"),
    ("/register", "kim@example.org", "", 400, "password",
     "password_missing"),
    ("/register", " \t ", SECRET, 400, "email", "email_missing"),
    ("/register", "kim", SECRET, 400, "email", "email_format"),
    ("/register", "kim@localhost", SECRET, 400, "email", "email_format"),
    ("/register", "<b>@example.org", SECRET, 400, "email", "email_format"),
    ("/register", "kim@example.org", "s3cr3t!", 400, "password",
     "password_short"),
    ("/register", "kim@example.org", "ä" * 7, 400, "password",
     "password_short"),
    ("/register", "kim@example.org", "x" * 512, 400, "password",
     "password_long"),
    ("/login", "", "", 400, "email", "credentials_missing"),
    ("/login", "", "", 400, "password", "credentials_missing"),
    ("/login", "kim@example.org", "", 400, "password", "password_missing"),
    ("/login", "", SECRET, 400, "email", "email_missing"),
    ("/login", "kim", SECRET, 401, "email", "credentials"),
    ("/login", '"><script>', SECRET, 401, "email", "credentials"),
    ("/forgot-password", "", None, 400, "email", "email_missing"),
    ("/forgot-password", "   ", None, 400, "email", "email_missing"),
    ("/check-email", "", None, 400, "email", "email_missing"),
]


@pytest.mark.parametrize(
    "path, email, password, status, field, text", WRONG,
    ids=lambda v: ascii(v)[:24])
@pytest.mark.parametrize("language", [None, "de"])
def test_a_mistake_is_told_beside_its_field(
        site, path, email, password, status, field, text, language):
    browser = Browser(site, language)
    page = browser.get(path)
    values = page.values() | {"email": email}
    if password is not None:
        values["password"] = password
    page = browser.send(path, values, status)
    said = (EN if language is None else DE)["error." + text]
    assert page.alert == said
    assert page.title.startswith(
        (EN if language is None else DE)["title.error"])
    assert page.beside(field) == said
    if text.startswith(("email", "password")):
        wrong = list(page.all("input", **{"aria-invalid": "true"}))
        assert [i["id"] for i in wrong] == [field] or email == password == ""
    assert page.values()["email"] == email
    assert not password or password not in page.html
    assert browser.cookies == {}


def test_a_taken_address_is_told(site, account, browser):
    answer = browser.fill("/register", account.credentials())
    page = check_page(Page(answer))
    assert page.status == 409
    assert page.beside("email") == EN["error.email_taken"]
    assert page.values()["email"] == account.email
    assert {"/login", "/forgot-password"} <= {
        a["href"] for a in page.all("a")}
    account.login()


def test_a_reset_form_keeps_its_link(account, browser):
    page = browser.open("/reset-password", account.reset_token())
    for password, text in (("", "missing"), ("s3cr3t!", "short"),
                           ("x" * 512, "long")):
        page = browser.send("/reset-password", page.values() | {
            "new_password": password}, 400)
        assert page.beside("new_password") == EN[f"error.password_{text}"]
        assert page.title.startswith(EN["title.error"])
        assert account.email in page.text
        assert not password or password not in page.html
    browser.finish("/reset-password", page.values() | {
        "new_password": "an entirely new secret"})


def test_a_disabled_account_is_told_after_the_right_password(
        site, account, browser):
    site.cluster.psql("UPDATE postern.account SET disabled_at = now()"
                      f" WHERE id = '{account.id}'", site.database)
    page = Page(browser.fill("/login", account.credentials()))
    assert page.alert == EN["error.disabled"]
    page = Page(browser.fill("/login", account.credentials() | {
        "password": "another one"}))
    assert page.alert == EN["error.credentials"]


def test_a_mistake_spends_nothing_of_a_limit(site, account, browser):
    for _ in range(8):
        browser.send("/login", {"email": account.email, "password": ""}, 400)
    assert browser.sign_in(account) == "/dashboard"


def test_a_wrong_password_keeps_where_the_sign_in_leads(account, browser):
    values = browser.get("/login?next=/app?a=1%26b=2").values()
    assert values["next"] == "/app?a=1&b=2"
    page = browser.send("/login", values | account.credentials() | {
        "password": "another one"}, 401)
    browser.goes(browser.post("/login", page.values() | {
        "password": account.password}), "/app?a=1&b=2")


# Password managers. ---------------------------------------------------------

def tokens(page):
    return {i["name"]: i["autocomplete"] for i in page.all("input")
            if i["autocomplete"]}


def test_password_managers_know_the_fields(site, account, browser):
    assert tokens(browser.get("/login")) == {
        "email": "username", "password": "current-password"}
    assert tokens(browser.get("/register")) == {
        "email": "username", "password": "new-password"}
    assert tokens(browser.open("/reset-password", account.reset_token())) \
        == {"username": "username", "new_password": "new-password"}
    for path in "/login", "/register", "/forgot-password", "/check-email":
        fields = [i for i in browser.get(path).all("input", type="email")]
        assert len(fields) == 1 and fields[0]["autocomplete"] == "username"


# Where a form comes from. ---------------------------------------------------

OURS = [
    {"Sec-Fetch-Site": "same-origin"}, {"Origin": "OURS"},
    {"Origin": "OURS", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
]
FOREIGN = [
    {}, {"Origin": "null"}, {"Origin": ""}, {"Origin": "https://evil.example"},
    {"Origin": "OURS.evil.example"}, {"Origin": "OURS/"},
    {"Origin": "OURS, OURS"}, {"Referer": "OURS/login"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Origin": "OURS", "Sec-Fetch-Site": "cross-site"},
]


def put(headers, site):
    return {k: v.replace("OURS", site.url) for k, v in headers.items()}


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("path", FORMS)
def test_a_form_of_another_site_is_refused(site, browser, path, headers):
    answer = browser.post(path, {
        "email": next_address(), "password": SECRET, "action": "verify",
        "new_password": SECRET}, put(headers, site))
    assert answer.status_code == 403
    page = check_page(Page(answer))
    assert page.heading == EN["page.foreign_origin.title"]
    assert browser.set == []


@pytest.mark.parametrize("headers", OURS, ids=str)
def test_a_form_of_ours_is_taken(site, account, browser, headers):
    browser.goes(browser.post("/login", account.credentials(),
                              put(headers, site)), "/dashboard")
    browser.goes(browser.post("/dashboard", {"action": "sign-out"},
                              put(headers, site)))
    assert not browser.is_signed_in()


def test_a_foreign_form_signs_nobody_out(site, account, browser):
    browser.sign_in(account)
    for headers in FOREIGN:
        answer = browser.post("/dashboard", {"action": "sign-out"},
                              put(headers, site))
        assert answer.status_code == 403, headers
    assert browser.is_signed_in()


def test_a_link_from_elsewhere_is_followed(site, account, browser):
    """Lax: a GET from another site still finds the session."""
    browser.sign_in(account)
    browser.get("/dashboard", headers={"Sec-Fetch-Site": "cross-site",
                                       "Origin": "https://evil.example"})


# What is no form. -----------------------------------------------------------

@pytest.mark.parametrize("body, kind", [
    ('{"email": "a@example.org"}', "application/json"),
    ("email=a", "text/plain"), ("email=a", None), ("a=%zz", "FORM"),
    ("email=%00", "FORM"), ("email=%ff", "FORM"), ("&".join(["a=b"] * 500),
                                                  "FORM"),
], ids=lambda v: ascii(v)[:20])
@pytest.mark.parametrize("path", FORMS)
def test_what_is_no_form_is_refused_with_a_page(
        site, account, browser, path, body, kind):
    if path.startswith(("/account", "/dashboard")):
        browser.sign_in(account)
    headers = {"Sec-Fetch-Site": "same-origin"}
    if kind is not None:
        headers["Content-Type"] = kind.replace(
            "FORM", "application/x-www-form-urlencoded")
    answer = browser.request("POST", path, headers, data=body.encode())
    assert answer.status_code == 400
    page = check_page(Page(answer))
    assert page.heading == EN["page.bad_request.title"]


@pytest.mark.parametrize("path", FORMS)
def test_a_huge_form_is_refused_with_a_page(site, browser, path):
    answer = browser.post(path, {"email": "x" * 20000})
    assert answer.status_code == 413
    check_page(Page(answer))


def test_the_first_of_two_fields_counts(site, account, browser):
    other = site.account()
    answer = browser.post("/login", [
        ("email", account.email), ("password", account.password),
        ("email", other.email), ("next", "/a"), ("next", "/b")])
    browser.goes(answer, "/a")
    assert account.email in browser.get("/dashboard").text


@pytest.mark.parametrize("path", FORMS + ["/"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_told_what_there_is(site, browser, path, method):
    answer = browser.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"].startswith("GET, HEAD")
    check_page(Page(answer))


@pytest.mark.parametrize("path", ["/", "/login", "/register", "/check-email",
                                  "/forgot-password", "/verify-email",
                                  "/reset-password"])
def test_head_tells_what_get_would(browser, path):
    got, head = browser.get(path), browser.request("HEAD", path)
    assert head.status_code == 200 and head.content == b""
    for name in "Content-Length", "Content-Type", "Content-Security-Policy":
        assert head.headers[name] == got.headers[name]


def test_a_page_verifies_no_password_of_the_api(site, account):
    """The API keeps to JSON, whoever asks."""
    answer = site.client().request("POST", "/auth/login", data={
        "email": account.email, "password": account.password})
    refused(answer, 400, "Content-Type must be application/json")
