# SPDX-License-Identifier: ISC
"""Story: a link to the sign-in names where to go on, and scoundrels write
such links too."""

import base64
from urllib.parse import quote

import pytest

from stack import Account
from web import DE, EN, Browser

HOME = "/dashboard"
LOCAL = ["/", "/app", "/app/", "/app?a=1&b=2#c", "/a//b", "/?next=//evil",
         "/grüße", "/a%2f%2fb", "/@evil.example", "/https://evil.example"]
HOSTILE = [
    "", "//evil.example", "///evil.example", "////evil.example/%2f..",
    "/\\evil.example", "\\/evil.example", "\\\\evil.example", "/a\\b",
    "https://evil.example", "https://site.evil.example", "http://evil.example",
    "HTTPS://evil.example", "https:evil.example", "https:/evil.example",
    "https:///evil.example", "https://127.0.0.1", "javascript:alert(1)",
    "JavaScript:alert(1)", "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>", "mailto:a@evil.example",
    "\t//evil.example", "/\t/evil.example", "/\n/evil.example",
    "/a\r\nSet-Cookie: x=y", "/a\r\nLocation: https://evil.example",
    "/\x01", "/\x7f", " //evil.example", " /app", "/app ", "/a b",
    "app", "./app", "../app", "?a", "#a", "evil.example", "@evil.example",
    ".evil.example", "/%zz\x0b", "\u2028//evil.example", "\u00a0/app",
]
ENCODED = ["%2f%2fevil.example", "%5cevil.example", "%252f%252fevil.example",
           "%09//evil.example"]  # what a GET's query decodes once


@pytest.fixture(scope="module")
def domain_site(stack):
    """Whose sessions are shared by the hosts of example.org."""
    return stack.site(public_url="https://login.example.org",
                      cookie_domain="example.org")


def leads(browser, account, wanted):
    """Where a sign-in leads: by the form, and by the link that opens it."""
    values = account.credentials() | {"next": wanted}
    by_form = browser.goes(browser.post("/login", values))
    by_link = browser.goes(browser.request(
        "GET", "/login?next=" + quote(wanted, safe="")))
    assert by_form == by_link
    assert len(browser.cookies) == 1
    return by_form.encode("latin-1").decode()


@pytest.fixture(scope="module")
def account(site):
    return site.account()


@pytest.fixture
def browser(site):
    return Browser(site)


@pytest.mark.parametrize("wanted", LOCAL, ids=ascii)
def test_a_path_of_this_site_is_followed(browser, account, wanted):
    assert leads(browser, account, wanted) == wanted


@pytest.mark.parametrize("wanted", HOSTILE, ids=ascii)
def test_nothing_else_is(browser, account, wanted):
    assert leads(browser, account, wanted) == HOME


@pytest.mark.parametrize("wanted", ENCODED)
def test_what_decodes_to_another_site_is_not_followed(
        browser, account, wanted):
    browser.sign_in(account)
    where = browser.goes(browser.request("GET", f"/login?next={wanted}"))
    assert where == HOME


@pytest.mark.parametrize("wanted", [
    "//evil.example", "https://evil.example", "/\\evil.example"])
def test_the_form_does_not_keep_it(browser, wanted):
    page = browser.get("/login?next=" + quote(wanted, safe=""))
    assert page.values().get("next") in (None, HOME)
    assert "evil" not in page.html


def test_a_broken_query_is_no_reason_to_refuse(browser):
    for query in "next=%zz", "next=%00", "next=%ff", "&&==&", "next", "%":
        browser.get("/login?" + query)


# Who is new, or forgot the password, still gets there. ----------------------

def test_a_way_over_registration_leads_there(site, browser):
    browser.get("/login?next=" + quote("/app?a=1&b=ü", safe=""))
    person = Account(site)
    browser.register(person.email, person.password)
    page = browser.open("/verify-email", site.sink.wait(person.email)[0].token)
    page = browser.finish("/verify-email", page.values("verify"))
    assert browser.get("/login").values()["next"] == "/app?a=1&b=ü"
    path, = [a["href"] for a in page.one("main").all("a")]
    where = browser.sign_in(person, path)
    assert where.encode("latin-1").decode() == "/app?a=1&b=ü"
    browser.sign_out()
    assert "postern_next" not in browser.cookies
    assert browser.sign_in(person) == HOME


@pytest.mark.parametrize("language, texts", [("en", EN), ("de", DE)])
def test_the_sign_in_says_why_one_is_there(site, language, texts):
    browser = Browser(site, language)
    where = browser.goes(browser.request("GET", "/account/"))
    page = browser.get(where)
    assert page.notice == texts["notice.sign_in"]
    page = browser.send("/login", page.values(), 400)
    assert page.notice is None and page.alert
    for query in "", "?next=//evil.example", "?next=":
        assert browser.get("/login" + query).notice is None
    assert browser.get("/login?notice=signed-out&next=/a").notice \
        == texts["notice.signed_out"]


def test_the_latest_way_counts(account, browser):
    for wanted in "/a", "//evil.example", "/b":
        browser.get("/login?next=" + wanted)
    assert browser.sign_in(account, "/login?next=/dashboard") == HOME
    browser.sign_out()
    browser.get("/login?next=/a")
    browser.goes(browser.post("/login", account.credentials()), "/a")
    browser.sign_out()
    browser.get("/login?next=/a")
    browser.goes(browser.post("/login", account.credentials() | {
        "next": "//evil.example"}), HOME)


@pytest.mark.parametrize("wanted", HOSTILE, ids=ascii)
def test_no_cookie_leads_elsewhere(browser, account, wanted):
    value = base64.urlsafe_b64encode(wanted.encode()).decode().rstrip("=")
    browser.get("/login?next=" + quote(wanted, safe=""))
    assert "postern_next" not in browser.cookies
    browser.cookies["postern_next"] = value
    assert browser.get("/login").values()["next"] == HOME
    browser.goes(browser.post("/login", account.credentials()), HOME)


def test_a_long_way_is_forgotten(browser):
    long = "/" + "a" * 1023
    for wanted, kept in (long, long), (long + "a", HOME):
        browser.cookies = {}
        page = browser.get("/login?next=" + wanted)
        assert page.values()["next"] == wanted
        assert browser.get("/login").values()["next"] == kept


@pytest.mark.parametrize("wanted", [
    "https://app.example.org", "https://example.org/", "/app",
    "https://a.b.example.org/x?y=1#z", "https://app.example.org:8443/x",
    "https://APP.EXAMPLE.ORG/"])
def test_hosts_that_share_the_session_are_followed(domain_site, wanted):
    browser = Browser(domain_site)
    assert leads(browser, shared(domain_site), wanted) == wanted


@pytest.mark.parametrize("wanted", [
    "http://app.example.org", "https://evilexample.org",
    "https://example.org.evil.example", "https://example.org@evil.example",
    "https://app.example.org:x@evil.example", "https://evil.example/@a."
    "example.org", "https://evil.example/.example.org",
    "https://evil.example?.example.org", "https://evil.example#.example.org",
    "https://evil.example\\.example.org", "//app.example.org",
    "https://app.example.org.", "https://org", "https://",
    "https://evil.example:.example.org", "HTTPS://evil.example",
    "https://app.example.org\t.evil.example", "ftp://app.example.org",
    "https://evil.example%00.example.org", "https://evil.example%2f.example"
    ".org", "https://evil.example／.example.org", "https://[.example.org"])
def test_hosts_beside_them_are_not(domain_site, wanted):
    browser = Browser(domain_site)
    assert leads(browser, shared(domain_site), wanted) == HOME


def shared(site, kept={}):
    """One account for the tests of a site."""
    if site.url not in kept:
        kept[site.url] = site.account()
    return kept[site.url]


def test_the_cookie_is_the_domains(domain_site):
    browser = Browser(domain_site)
    browser.sign_in(shared(domain_site))
    cookie, = browser.set
    assert cookie.name == "__Secure-postern_session"
    assert cookie.attributes["domain"] == "example.org"
    assert {"secure", "httponly"} <= cookie.attributes.keys()
    policy = browser.get("/").headers["Content-Security-Policy"]
    assert "form-action 'self' https://example.org https://*.example.org" \
        in policy
    browser.sign_out()
    assert browser.set[0].attributes["domain"] == "example.org"
    assert not browser.is_signed_in()
