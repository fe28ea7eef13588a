# SPDX-License-Identifier: ISC
"""An nginx whose locations show every way to use the gate, and what a test
says of them."""

import json

import jwt

import logsearch
from upstream import TYPE

UUID = "00000000-0000-7000-8000-000000000000"
SPOOFED = {"X-Auth-User": UUID, "X-Auth-Email": "root@example.com",
           "X-Auth-Session": UUID, "X-Auth-Token": "forged",
           "x-aUTH-uSER": UUID, "X_Auth_User": UUID, "X_AUTH_EMAIL": "x@y.z"}
NAMES = {"x-auth-user", "x-auth-email", "x-auth-session", "x-auth-token"}
PROTECT = "include snippets/postern-protect.conf;"

MAPS = """
map $postern_email $is_admin {
  default 0;
  ~^admin[0-9]*@example\\.com$ 1;
}
"""
LOCATIONS = """
include snippets/postern-gate.conf;
set $up http://127.0.0.1:{http};
location /app/ {{ {protect} proxy_pass $up; }}
location /open/ {{ include snippets/postern-clear.conf; proxy_pass $up; }}
location /cookie/ {{
  set $postern_accept cookie; set $postern_audience cookies;
  {protect} proxy_pass $up;
}}
location /bearer/ {{
  set $postern_accept bearer; {protect} proxy_pass $up;
}}
location /orders/ {{
  set $postern_audience orders; {protect} proxy_pass $up;
}}
location /stock/ {{
  {protect} set $postern_audience https://stock.example.org; proxy_pass $up;
}}
location /verified/ {{
  set $postern_verified on; {protect} proxy_pass $up;
}}
location /elsewhere/ {{
  set $postern_origin https://app.example.org; {protect} proxy_pass $up;
}}
location /wrong/accept {{
  set $postern_accept cokie; {protect} proxy_pass $up;
}}
location /wrong/verified {{
  set $postern_verified yes; {protect} proxy_pass $up;
}}
location /wrong/audience {{
  set $postern_audience "a b"; {protect} proxy_pass $up;
}}
location /intercepted/ {{
  {protect} proxy_intercept_errors on; proxy_pass $up;
}}
location /large/ {{
  client_max_body_size 8m; {protect} proxy_pass $up;
}}
location /ws/ {{
  {protect} proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection upgrade;
  proxy_pass $up;
}}
location ~ ^/rest/(.*)$ {{
  {protect} proxy_set_header X-Rest $1; proxy_pass $up;
}}
location ~ ^/open-rest/(.*)$ {{
  include snippets/postern-clear.conf;
  proxy_set_header X-Rest $1; proxy_pass $up;
}}
location /admin/ {{
  {protect}
  try_files /nonexistent @admin;
}}
location @admin {{
  if ($is_admin = 0) {{ return 403; }}
  include snippets/postern-identity.conf;
  proxy_pass $up;
}}
location /scgi/ {{
  scgi_param CONTENT_LENGTH $content_length;
  {protect} scgi_pass 127.0.0.1:{scgi};
}}
location /uwsgi/ {{ {protect} uwsgi_pass 127.0.0.1:{uwsgi}; }}
location /fastcgi/ {{ {protect} fastcgi_pass 127.0.0.1:{fastcgi}; }}
location /open-scgi/ {{
  scgi_param CONTENT_LENGTH $content_length;
  include snippets/postern-clear.conf; scgi_pass 127.0.0.1:{scgi};
}}
location /open-uwsgi/ {{
  include snippets/postern-clear.conf; uwsgi_pass 127.0.0.1:{uwsgi};
}}
location /open-fastcgi/ {{
  include snippets/postern-clear.conf; fastcgi_pass 127.0.0.1:{fastcgi};
}}
"""
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html,*/*;q=0.8"}


def start(stack, upstream):
    """An instance with these locations."""
    return stack.site(maps=MAPS, locations=LOCATIONS.format(
        protect=PROTECT, http=upstream.http, scgi=upstream.scgi,
        uwsgi=upstream.uwsgi, fastcgi=upstream.fastcgi))


def sign_in(site, account):
    client = site.client()
    answer = client.request("POST", "/login", data=account.credentials(),
                            headers={"Origin": site.url})
    assert answer.status_code == 303, answer.text
    return client


def cookie_of(client):
    """The whole Cookie header of a browser that is signed in."""
    value = client.session.cookies["postern_session"]
    logsearch.keep("a session's cookie", value)
    return f"postern_session={value}"


def reached(answer):
    """What the application saw of a request that reached it."""
    assert answer.status_code == 200, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == TYPE
    seen = json.loads(answer.content)
    seen["sent"] = seen["headers"]
    seen["headers"] = dict(seen["headers"])
    assert len(seen["headers"]) == len(seen["sent"]), seen["sent"]
    return seen


def identity(answer):
    return {n: v for n, v in reached(answer)["headers"].items()
            if n.replace("_", "-") in NAMES}


def claims_of(token):
    logsearch.keep("an identity token", token)
    return jwt.decode(token, options={"verify_signature": False})
