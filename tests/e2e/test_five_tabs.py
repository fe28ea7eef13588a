# SPDX-License-Identifier: ISC
"""Story: somebody has a single-page application open in five tabs of a real
browser for an hour, and stays signed in.

The tabs share what they keep, and all refresh when the access token is nearly
over.  The clock is moved: in the tabs, and by moving the session's times back.
Before they send, the tabs wait for each other, so that all five come with the
same refresh token; without that, the first to answer would save the others.
"""

import os
import re

import pytest

from browser import Chromium
from conftest import NO_LIMITS
from stack import SOURCE, Psql, give, until
from test_refresh_proofs import move_clock

TABS, ROUNDS, MINUTES = 5, 5, 14
INDEX = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<link rel="icon" href="data:,">
<title>An application</title>
<form>
<input id="email" autocomplete="username">
<input id="password" type="password" autocomplete="current-password">
<button>Sign in</button>
</form>
<p id="who">nobody</p>
<p id="tries">0</p>
<script src="app.js"></script>
"""
APP = """\
"use strict";
const EARLY = 90000; // ms before it is over
const show = (id, text) => document.getElementById(id).textContent = text;
let busy = false, tries = 0;

async function call(method, path, token, body) {
  const headers = {"Content-Type": "application/json"};
  if (token)
    headers.Authorization = "Bearer " + token;
  const answer = await fetch(path, {method, headers, credentials: "omit",
    body: body && JSON.stringify(body)});
  if (!answer.ok)
    throw new Error(path + ": " + answer.status);
  return answer.json();
}

async function keep(tokens) {
  localStorage.tokens = JSON.stringify({access: tokens.access_token,
    refresh: tokens.refresh_token,
    until: Date.now() + tokens.expires_in * 1000});
  show("who", (await call("GET", "/auth/me", tokens.access_token)).email);
}

async function look() {
  const kept = JSON.parse(localStorage.tokens || "null");
  if (busy || !kept || kept.until - Date.now() > EARLY)
    return;
  busy = true;
  try {
    await keep(await call("POST", "/auth/refresh", kept.refresh));
  } catch (e) {
    localStorage.removeItem("tokens");
    show("who", e.message);
  }
  show("tries", ++tries);
  busy = false;
}

document.forms[0].addEventListener("submit", async (event) => {
  event.preventDefault();
  const [email, password] = ["email", "password"].map(
    (id) => document.getElementById(id).value);
  await keep(await call("POST", "/auth/login", null, {email, password}));
});
setInterval(look, 50);
"""
# What the test does to a tab: its clock, and where it waits.
HOOK = """\
const now = Date.now, send = window.fetch;
Date.now = () => now.call(Date) + Number(localStorage.moved || 0);
window.fetch = async (path, options) => {
  const moved = localStorage.moved;
  if (path === "/auth/refresh") {
    localStorage["waits" + TAB] = moved;
    for (let n = 0; n < TABS; n++)
      while (localStorage["waits" + n] !== moved)
        await new Promise((go) => setTimeout(go, 5));
  }
  return send(path, options);
};
"""


def spa(root):
    """The files, and the example's location for them."""
    folder = os.path.join(root, "spa")
    os.makedirs(folder)
    for name, text in ("index.html", INDEX), ("app.js", APP):
        with open(os.path.join(folder, name), "w", encoding="ascii") as f:
            f.write(text)
    give(folder)
    with open(os.path.join(SOURCE, "nginx", "examples",
                           "single-page-app.conf"), encoding="utf-8") as f:
        location = re.search(r"\tlocation \^~ /spa/ \{.*?\n\t\}\n", f.read(),
                             re.DOTALL)
    # nginx.conf of the tests knows no types of files.
    return location[0].replace(
        "/srv/www;", root + "; types { text/html html;"
        " text/javascript js; }")


@pytest.fixture(scope="module")
def spa_site(stack):
    site = stack.site(locations=spa(os.path.join(stack.home, "tabs")),
                      access_token_lifetime="15m", **NO_LIMITS)
    yield site
    assert not site.stop()


@pytest.fixture
def browser(spa_site):
    """One in which tabs that nobody looks at are not slowed down."""
    browser = Chromium(flags=["--disable-background-timer-throttling",
                              "--disable-backgrounding-occluded-windows",
                              "--disable-renderer-backgrounding"])
    try:
        yield browser.begin(spa_site)
        browser.check()
    finally:
        browser.stop()


def open_tabs(browser):
    for n in range(TABS):
        if n > 0:
            browser.driver.switch_to.new_window("tab")
        browser.cdp("Page.addScriptToEvaluateOnNewDocument",
                    source=f"const TAB = {n}, TABS = {TABS};\n{HOOK}")
        browser.go("/spa/")
    return browser.driver.window_handles


def said(browser, tabs, selector):
    """What each of them shows there."""
    texts = []
    for tab in tabs:
        browser.driver.switch_to.window(tab)
        texts.append(browser.text(selector))
    return texts


def test_five_tabs_of_a_browser_stay_signed_in_for_an_hour(spa_site, browser):
    account, sql = spa_site.account(), Psql(spa_site)
    tabs = open_tabs(browser)
    browser.type(email=account.email, password=account.password)
    browser.find("button").click()
    until(lambda: browser.text("#who") == account.email, 10, "the sign-in")
    mine = f"account_id = '{account.id}'"
    session = sql(f"SELECT id FROM postern.session WHERE {mine}")
    for n in range(1, ROUNDS + 1):
        move_clock(sql, session, MINUTES)
        browser.run("localStorage.moved = arguments[0]",
                    n * MINUTES * 60 * 1000)
        until(lambda n=n: said(browser, tabs, "#tries")
              == [str(n)] * TABS, 15, f"all tabs, {n * MINUTES} minutes")
        assert said(browser, tabs, "#who") == [account.email] * TABS
    assert sql(f"SELECT count(*) FROM postern.audit_event WHERE {mine}"
               " AND event = 'session.stolen'") == "0"
    assert sql("SELECT string_agg(concat_ws(' ', id, refresh_gen,"
               " end_reason), ',') FROM postern.session"
               f" WHERE {mine}") == f"{session} {ROUNDS}"
    sql.close()
