# SPDX-License-Identifier: ISC
"""Story: people look after their account, with JavaScript off: where it is
signed in, its password and its language."""

import pytest

from client import next_address, refused
from web import DE, EN, Browser, Page, catalogue, check_page

FIREFOX = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0)"
           " Gecko/20100101 Firefox/128.0")
SAFARI = ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)"
          " AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"
          " Mobile/15E148 Safari/604.1")
SECRET, NEW = "a long enough secret", "an entirely new secret"
OVERVIEW, SESSIONS = "/account/", "/account/sessions"
PASSWORD, LANGUAGE = "/account/password", "/account/language"
TITLES = {OVERVIEW: "account.title", SESSIONS: "sessions.title",
          PASSWORD: "password.title", LANGUAGE: "language.title"}

OPEN = ["/forgot-password", "/check-email", "/verify-email",
        "/reset-password", "/confirm-email", "/take-back"]  # to anybody


def signed_in(site, account, agent=None, language=None):
    browser = Browser(site, language, agent)
    browser.sign_in(account)
    return browser


@pytest.fixture
def browser(site, account):
    return signed_in(site, account, FIREFOX)


# All of them. ---------------------------------------------------------------

def test_the_pages_are_found_from_the_dashboard(account, browser):
    assert list(browser.get("/dashboard").all("a", href=OVERVIEW))
    page = browser.get(OVERVIEW)
    assert account.email in [dd.text for dd in page.all("dd")]
    links = [a["href"] for a in page.one("nav").all("a")]
    assert {SESSIONS, PASSWORD, LANGUAGE} <= set(links)
    for path in links:
        answer = browser.request("GET", path)
        assert answer.status_code == 200, path
        if answer.headers["Content-Type"].startswith("text/html"):
            assert list(check_page(Page(answer)).all("a", href=OVERVIEW))
    browser.goes(browser.request("GET", "/account"), OVERVIEW)


@pytest.mark.parametrize("path", TITLES)
def test_who_is_not_signed_in_is_asked_to(site, account, path):
    browser = Browser(site)
    browser.goes(browser.request("GET", path), f"/login?next={path}")
    assert browser.sign_in(account, f"/login?next={path}") == path
    assert browser.get(path).heading == EN[TITLES[path]]
    if path != OVERVIEW:
        browser.cookies = {}
        browser.goes(browser.post(path, {"end": "all"}),
                     f"/login?next={path}")


def test_a_form_of_another_site_changes_nothing(site, account, browser):
    elsewhere = signed_in(site, account)
    for path, values in (
            (SESSIONS, {"end": "all"}), (LANGUAGE, {"language": "de"}),
            (PASSWORD, {"current_password": account.password,
                        "new_password": NEW, "end_other_sessions": "yes"})):
        for headers in ({}, {"Origin": "https://evil.example"},
                        {"Sec-Fetch-Site": "cross-site"}):
            answer = browser.post(path, values, headers)
            assert answer.status_code == 403, path
            assert check_page(Page(answer)).heading \
                == EN["page.foreign_origin.title"]
    assert elsewhere.is_signed_in() and browser.is_signed_in()
    assert browser.get(OVERVIEW).language == "en"
    account.login()


# Where the account is signed in. --------------------------------------------

def entries(page):
    """What is said of each session: its heading, and its data by name."""
    found = []
    for part in page.one("main").inside:
        if isinstance(part, str):
            continue
        if part.tag == "h2" and part["id"]:
            found.append({"heading": part.text, "id": part["id"][2:]})
        if part.tag == "dl" and found:
            found[-1] |= {dt.text: dd.text for dt, dd in
                          zip(part.all("dt"), part.all("dd"))}
    return found


def ids(browser):
    return {e["heading"].split(" ")[0]: e["id"]
            for e in entries(browser.get(SESSIONS))}


def test_each_session_is_told_in_words(site, account, browser):
    phone = signed_in(site, account, SAFARI, "de")
    account.login(site.client())
    strange = signed_in(site, account, "<b>{{x}}</b>")
    told = entries(browser.get(SESSIONS))
    assert told[0]["heading"].startswith("Firefox"), "this one comes first"
    found = {e["heading"]: e for e in told}
    assert found.keys() == {
        f"Firefox on Windows {EN['sessions.current']}", "Safari on iPhone",
        f"{EN['device.unknown']} {EN['sessions.app']}",
        EN["device.unknown"]}
    mine = found[f"Firefox on Windows {EN['sessions.current']}"]
    assert mine[EN["sessions.seen"]] == EN["seen.now"]
    assert mine[EN["dashboard.client"]] == browser.client.host
    assert found["Safari on iPhone"][EN["dashboard.client"]] \
        == phone.client.host
    assert found[EN["device.unknown"]][EN["dashboard.client"]] \
        == strange.client.host
    headings = [e["heading"] for e in entries(phone.get(SESSIONS))]
    assert "Firefox auf Windows" in headings
    assert f"Safari auf iPhone {DE['sessions.current']}" in headings
    assert "Firefox on Windows" in browser.get("/dashboard").text


@pytest.mark.parametrize("ago, en, de", [
    ("119 s", "just now", "gerade eben"),
    ("2 min", "2 minutes ago", "vor 2 Minuten"),
    ("59 min", "59 minutes ago", "vor 59 Minuten"),
    ("61 min", "an hour ago", "vor einer Stunde"),
    ("23 h", "23 hours ago", "vor 23 Stunden"),
    ("25 h", "a day ago", "vor einem Tag"),
    ("6 days", "6 days ago", "vor 6 Tagen"),
])
def test_the_last_use_is_told_in_words(site, account, browser, ago, en, de):
    signed_in(site, account, SAFARI)
    site.cluster.psql(
        "UPDATE postern.session SET last_seen_at = now() - interval"
        f" '{ago}' WHERE account_id = '{account.id}'"
        " AND user_agent LIKE '%iPhone%'", site.database)
    for language, texts, want in ("en", EN, en), ("de", DE, de):
        browser.language = language
        last = entries(browser.get(SESSIONS))[-1]
        assert last["heading"].startswith("Safari")
        assert last[texts["sessions.seen"]] == want


@pytest.mark.parametrize("when, en, de", [
    ("2026-01-02T03:04:05Z", "2 January 2026, 03:04 UTC",
     "2. Januar 2026, 03:04 UTC"),
    ("2025-12-31T23:59:59Z", "31 December 2025, 23:59 UTC",
     "31. Dezember 2025, 23:59 UTC"),
])
def test_times_are_told_in_words(site, account, browser, when, en, de):
    for table, column in ("account", "id"), ("session", "account_id"):
        site.cluster.psql(f"UPDATE postern.{table} SET created_at = '{when}'"
                          f" WHERE {column} = '{account.id}'", site.database)
    for language, want in ("en", en), ("de", de):
        browser.language = language
        for path, times in ("/dashboard", 2), (OVERVIEW, 1), (SESSIONS, 1):
            assert [(t["datetime"], t.text) for t in
                    browser.get(path).all("time")] == [(when, want)] * times


def test_what_is_over_is_not_listed(site, account, browser):
    """An idle browser's session buys nothing any more: no list has it."""
    signed_in(site, account, SAFARI)
    assert len(entries(browser.get(SESSIONS))) == 2
    site.cluster.psql(
        "UPDATE postern.session SET last_seen_at = now() - interval"
        f" '8 days' WHERE account_id = '{account.id}'"
        " AND user_agent LIKE '%iPhone%'", site.database)
    page = browser.get(SESSIONS)
    assert len(entries(page)) == 1
    assert not list(page.all("button", value="others"))


def test_one_is_ended(site, account, browser):
    phone = signed_in(site, account, SAFARI)
    other = signed_in(site, account)
    gone = ids(browser)["Safari"]
    answer = browser.post(SESSIONS, {"end": gone})
    page = browser.get(browser.goes(answer, SESSIONS + "?notice=ended"))
    assert page.notice == EN["notice.session_ended"]
    assert len(entries(page)) == 2
    assert not phone.is_signed_in()
    assert other.is_signed_in() and browser.is_signed_in()
    # Pressed twice: what was wanted holds.
    browser.goes(browser.post(SESSIONS, {"end": gone}),
                 SESSIONS + "?notice=ended")


def test_ending_this_one_signs_out(site, account, browser):
    phone = signed_in(site, account, SAFARI)
    browser.goes(browser.post(SESSIONS, {"end": ids(browser)["Firefox"]}),
                 "/login?notice=signed-out")
    assert browser.cookies == {} and not browser.is_signed_in()
    assert phone.is_signed_in()


@pytest.mark.parametrize("which", ["others", "all"])
def test_several_are_ended_at_once(site, account, browser, which):
    phone, tokens = signed_in(site, account, SAFARI), account.login()
    assert list(browser.get(SESSIONS).all("button", value=which))
    leads = browser.goes(browser.post(SESSIONS, {"end": which}))
    assert not phone.is_signed_in()
    refused(site.client().get("/auth/me", token=tokens["access_token"]), 401)
    assert browser.is_signed_in() is (which == "others")
    page = browser.get(leads)
    if which == "others":
        assert page.notice == EN["notice.others_ended"]
        assert len(entries(page)) == 1
    else:
        assert page.notice == EN["notice.signed_out"]


def test_no_other_account_can_be_reached(site, account, browser):
    victim = signed_in(site, site.account())
    theirs = entries(victim.get(SESSIONS))[0]["id"]
    browser.post(SESSIONS, {"end": theirs})
    for end in "all ", "ALL", "", "x", theirs + "0", "'":
        answer = browser.post(SESSIONS, {"end": end})
        assert answer.status_code == 400, end
        check_page(Page(answer))
    assert victim.is_signed_in() and browser.is_signed_in()


def test_hundreds_of_sessions_are_a_page_too(site, account, browser):
    """The latest 200, as over the API; what ends all ends the rest."""
    site.cluster.psql(
        "INSERT INTO postern.session (account_id, id, kind, secret_hash,"
        " epoch, expires_at, last_seen_at, address, user_agent) SELECT"
        " account_id, gen_random_uuid(), kind, secret_hash, epoch,"
        " expires_at, now() - interval '2 min', address, repeat('x', 2000)"
        " FROM postern.session, generate_series(1, 250)"
        f" WHERE account_id = '{account.id}'", site.database)
    assert len(entries(browser.get(SESSIONS))) == 200
    page = browser.get(browser.goes(browser.post(SESSIONS,
                                                 {"end": "others"})))
    assert len(entries(page)) == 1


# The password. --------------------------------------------------------------

def change(browser, current, new, ticked=True):
    values = browser.get(PASSWORD).values()
    assert values["end_other_sessions"]  # unless one says otherwise
    values |= {"current_password": current, "new_password": new}
    if not ticked:
        del values["end_other_sessions"]
    return browser.post(PASSWORD, values)


@pytest.mark.parametrize("ticked", [True, False])
def test_the_password_is_changed(site, account, browser, ticked):
    phone = signed_in(site, account, SAFARI)
    answer = change(browser, account.password, NEW, ticked)
    page = browser.get(browser.goes(answer, PASSWORD + "?notice=changed"))
    assert page.notice == EN["notice.password_changed"]
    assert phone.is_signed_in() is not ticked
    refused(site.client().post("/auth/login", account.credentials()), 401)
    account.password = NEW
    account.login()
    account.mails(EN["mail.password_changed.subject"])


@pytest.mark.parametrize("current, new, status, field, text", [
    ("", "", 400, "current_password", "current_missing"),
    ("", NEW, 400, "current_password", "current_missing"),
    (SECRET, "", 400, "new_password", "new_missing"),
    (SECRET, "s3cr3t!", 400, "new_password", "password_short"),
    (SECRET, "x" * 512, 400, "new_password", "password_long"),
    ("another one", NEW, 401, "current_password", "current_wrong"),
], ids=lambda v: ascii(v)[:20])
def test_a_mistake_is_told_beside_its_field(
        site, account, current, new, status, field, text):
    for language, texts in ("en", EN), ("de", DE):
        browser = signed_in(site, account, language=language)
        for ticked in True, False:
            answer = change(browser, current, new, ticked)
            page = check_page(Page(answer))
            assert page.status == status
            assert page.beside(field) == page.alert == texts[f"error.{text}"]
            assert page.title.startswith(texts["title.error"])
            assert ("end_other_sessions" in page.values()) is ticked
    assert browser.is_signed_in()
    account.login()


def test_the_password_cannot_be_guessed_without_end(account, browser):
    answers = [change(browser, f"guess number {i}", NEW).status_code
               for i in range(7)]
    # The sign-in was the first of five.
    assert answers == [401] * 4 + [429] * 3
    # What was not sent whole counts for nothing.
    assert change(browser, "", NEW).status_code == 400


def test_a_password_manager_knows_the_fields(account, browser):
    page = browser.get(PASSWORD)
    assert {i["name"]: i["autocomplete"] for i in page.all("input")
            if i["autocomplete"]} == {
        "username": "username", "current_password": "current-password",
        "new_password": "new-password"}
    assert page.values()["username"] == account.email


# The language. --------------------------------------------------------------

def choose(browser, language):
    return browser.goes(browser.fill(LANGUAGE, {"language": language}),
                        LANGUAGE + "?notice=saved")


def reset_mail(site, account, texts):
    site.client().post("/auth/forgot-password", {"email": account.email})
    return account.mails(texts["mail.reset.subject"])


def test_a_choice_of_language_wins(site, account, browser):
    assert browser.get(LANGUAGE).values()["language"] == "browser"
    page = browser.get(choose(browser, "de"))
    assert page.language == "de"
    assert page.notice == DE["notice.language_saved"]
    assert page.values()["language"] == "de"
    elsewhere = signed_in(site, account, language="en-GB, en;q=0.9")
    for path in list(TITLES) + OPEN + ["/dashboard", "/"]:
        assert elsewhere.get(path).language == "de", path
    for path in OPEN:
        page = elsewhere.send(path, {"email": "", "new_password": ""}, 400)
        assert page.language == "de", path
    reset_mail(site, account, DE)
    # Back to what the browser says.
    choose(elsewhere, "browser")
    assert elsewhere.get(OVERVIEW).language == "en"
    browser.language = "de"
    assert browser.get(OVERVIEW).language == "de"
    reset_mail(site, account, EN)
    choose(browser, "en")
    assert browser.get(OVERVIEW).language == "en"


@pytest.mark.parametrize("language", ["", "fr", "x" * 300, "<b>", None])
def test_no_other_language_is_taken(site, account, browser, language):
    values = {"else": "x"} if language is None else {"language": language}
    page = browser.send(LANGUAGE, values, 400)
    assert page.alert == EN["error.language"]
    assert page.title.startswith(EN["title.error"])
    assert page.values()["language"] == "browser"
    browser.language = "de"
    assert browser.get(LANGUAGE).language == "de"


def test_mails_come_in_the_language_of_the_registration(site):
    browser = Browser(site, "de-AT, en;q=0.3")
    email = next_address("german")
    browser.register(email, SECRET)
    link = site.sink.wait(email, DE["mail.verify.subject"])[0].token
    browser.finish("/verify-email", browser.open("/verify-email", link).values(
        "verify"))
    # Later, at the computer of a library: pages in its language, no mail.
    library = Browser(site, "en")
    library.goes(library.fill("/login", {"email": email,
                                         "password": SECRET}))
    assert library.get(OVERVIEW).language == "en"
    library.post("/forgot-password", {"email": email})
    site.sink.wait(email, DE["mail.reset.subject"])


@pytest.mark.parametrize("header, texts", [("de", DE), ("fr", EN)])
def test_an_app_registers_in_a_language_too(site, header, texts):
    email = next_address("app")
    answer = site.client().post("/auth/register", {
        "email": email, "password": SECRET},
        headers={"Accept-Language": header})
    assert answer.status_code == 201
    site.sink.wait(email, texts["mail.verify.subject"])


def test_the_catalogues_have_all_texts():
    assert catalogue("en").keys() == catalogue("de").keys()
