# SPDX-License-Identifier: ISC
"""Story: the gate is shut, and says why: to people, to scripts, to other
sites, and when it cannot know."""

import re

import pytest

from client import parse_raw, raw_exchange, refused, sorry_page
from gate import NAVIGATION, cookie_of, reached, sign_in
from stack import Psql, end, until
from upstream import TYPE


@pytest.fixture(scope="module")
def account(gate_site):
    return gate_site.account()


@pytest.fixture(scope="module")
def signed_in(gate_site, account):
    """A browser that is; its cookies stay as they are."""
    return sign_in(gate_site, account)


@pytest.fixture(scope="module")
def tokens(account):
    return account.login()


# What happens when it is shut ---------------------------------------------


@pytest.mark.parametrize("headers, redirected", [
    (NAVIGATION, True),
    ({"Accept": "text/html,application/xhtml+xml"}, True),
    ({"Sec-Fetch-Mode": "navigate"}, True),
    ({"Sec-Fetch-Mode": "cors", "Accept": "text/html"}, False),
    ({"Accept": "application/json"}, False),
    ({}, False),
], ids=str)
def test_people_go_to_the_sign_in_and_scripts_hear_401(
        gate_site, headers, redirected):
    answer = gate_site.client().get("/app/", headers=headers)
    if redirected:
        assert answer.status_code == 303
        assert answer.headers["Location"] == "/login?next=/app/"
        assert answer.headers["Cache-Control"] == "no-store"
    else:
        body = refused(answer, 401, "Authorization token is missing")
        assert body["code"] == "token_missing"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("uri", [
    "/app/a?b=1&c=2", "/app/%20%26%2b%25?x=%26%2f", "/app/?next=//evil.example",
    "/app/a+b?;q=%C3%A4%0D%0A"])
def test_they_come_back_to_where_they_wanted(gate_site, account, uri):
    client = gate_site.client()
    raw = raw_exchange(gate_site, (
        f"GET {uri} HTTP/1.1\r\nHost: 127.0.0.1:{gate_site.port}\r\n"
        "Sec-Fetch-Mode: navigate\r\nConnection: close\r\n\r\n").encode())
    status, headers, _ = parse_raw(raw)
    assert status == 303
    values = account.credentials()
    page = client.get(headers["location"])
    values["next"] = re.search(r'name="next" value="([^"]*)"',
                               page.text)[1].replace("&amp;", "&")
    answer = client.request("POST", "/login", data=values,
                            headers={"Origin": gate_site.url})
    assert answer.headers["Location"] == uri


def test_from_another_host_the_sign_in_is_a_url(gate_site):
    answer = gate_site.client().get("/elsewhere/?a=1", headers=NAVIGATION)
    assert answer.headers["Location"] == gate_site.url + (
        "/login?next=https%3A//app.example.org/elsewhere/%3Fa%3D1")
    answer = gate_site.client().request("POST", "/app/", headers=NAVIGATION)
    assert answer.headers["Location"] == "/login"
    answer = gate_site.client().get("/app/" + "x" * 3000, headers=NAVIGATION)
    assert answer.headers["Location"] == "/login"


def test_the_applications_own_401_is_not_ours(gate_site, signed_in):
    answer = signed_in.get("/intercepted/refuse", headers=NAVIGATION,
                           check=False)
    assert answer.status_code == 401
    answer = signed_in.get("/app/refuse", headers=NAVIGATION, check=False)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == TYPE


# Other sites --------------------------------------------------------------

def sites(site):
    own = site.url
    return [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": own}, True),
        ({"Origin": own}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site", "Origin": own}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "nonsense"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": own + "0"}, False),
        ({"Origin": own.replace("127.0.0.1", "localhost")}, False),
        ({"Origin": own.replace("http:", "https:")}, False),
        ({"Origin": "null"}, False),
        ({}, False),
    ]


def test_another_site_cannot_use_the_cookie(gate_site, signed_in, tokens,
                                            upstream):
    for method in "POST", "PUT", "DELETE":
        for headers, passes in sites(gate_site):
            before = upstream.seen
            answer = signed_in.request(method, "/app/", headers=headers)
            if passes:
                reached(answer)
                continue
            body = refused(answer, 403, "This request came from another site")
            assert body["code"] == "foreign_origin"
            assert upstream.seen == before
    for headers, _ in sites(gate_site):
        assert signed_in.get("/app/", headers=headers).status_code == 200
        assert gate_site.client().post(
            "/app/", headers=headers,
            token=tokens["access_token"]).status_code == 200


def test_a_location_knows_how_browsers_see_it(signed_in, gate_site):
    for origin, status in (("https://app.example.org", 200),
                           (gate_site.url, 403)):
        answer = signed_in.request("POST", "/elsewhere/",
                                   headers={"Origin": origin})
        assert answer.status_code == status


def upgrade(site, client, headers, upgrade="websocket"):
    lines = [f"{n}: {v}" for n, v in headers.items()]
    raw = raw_exchange(site, "\r\n".join([
        "GET /ws/ HTTP/1.1", f"Host: 127.0.0.1:{site.port}",
        f"Upgrade: {upgrade}", "Connection: Upgrade",
        f"Cookie: {cookie_of(client)}", *lines, "", ""]).encode())
    return parse_raw(raw)[0]


def test_another_site_cannot_open_a_websocket(gate_site, signed_in):
    for headers, passes in sites(gate_site):
        status = upgrade(gate_site, signed_in, headers)
        assert status == (101 if passes else 403), headers
    assert upgrade(gate_site, signed_in, {"Origin": "https://evil.example"},
                   "WebSocket") == 403


# The database -------------------------------------------------------------

def test_a_check_is_one_statement(gate_site, signed_in):
    psql = Psql(gate_site)
    psql(f"ALTER DATABASE {gate_site.database} SET log_statement = 'all';"
         " SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
         " WHERE usename = 'postern_web' AND datname = current_database()")
    reached(signed_in.get("/orders/"))
    log = gate_site.cluster.home + "/log"
    with open(log, encoding="utf-8") as f:
        f.seek(0, 2)
        for _ in range(10):
            reached(signed_in.get("/orders/"))
        pids = psql("SELECT string_agg(pid::text, '|') FROM pg_stat_activity"
                    " WHERE usename = 'postern_web'"
                    " AND datname = current_database()")
        psql(f"ALTER DATABASE {gate_site.database} RESET log_statement;"
             " SELECT 1")
        psql.close()
        ran = re.findall(rf"\[(?:{pids})\] .*(?:execute|statement:) (\S+)",
                         f.read())
    ran = [name for name in ran if name != "signing_key_all:"]
    assert ran == ["browser_session_check:"] * 10, ran


def unavailable(client):
    """Asserts that neither a script nor a person is told to sign in."""
    answer = client.get("/app/", check=False)
    assert refused(answer, 503)["code"] == "unavailable"
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Cache-Control"] == "no-store"
    answer = client.get("/app/", headers=NAVIGATION, check=False)
    assert "again in a moment" in sorry_page(answer, 503)


def test_without_the_database_it_is_503_and_no_sign_in(
        gate_site, signed_in, upstream):
    name, before = gate_site.database, upstream.seen
    gate_site.cluster.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        gate_site.cluster.psql("SELECT pg_terminate_backend(pid)"
                               " FROM pg_stat_activity"
                               f" WHERE datname = '{name}'")
        unavailable(signed_in)
        assert upstream.seen == before
    finally:
        gate_site.cluster.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    until(lambda: signed_in.get("/app/", check=False).status_code == 200, 10,
          "the database")


def test_without_posternd_it_is_503_too(gate_site, signed_in, upstream):
    before = upstream.seen
    assert end(gate_site.posternd) == 0
    unavailable(signed_in)
    assert upstream.seen == before
    gate_site.start_posternd()
    assert signed_in.get("/app/").status_code == 200
