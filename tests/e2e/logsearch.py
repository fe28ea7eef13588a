# SPDX-License-Identifier: ISC
"""Every secret that the tests used, and the search for them in the logs.

The client and the mail sink hand in what they meet: passwords, tokens,
cookies, links.  When a stack is stopped, all its logs are searched, and a hit
fails the run.  scripts/test has those of `make check` searched
(logsearch.py FILE|FOLDER...).  Long secrets are found by their first or last 16 characters
too, as a log may cut its lines; and anything that looks like a token of ours
is a hit even if nobody handed it in.
"""

import json
import os
import re
import sys
import threading
import urllib.parse

PART = 16     # characters of a token that give it away
SHORTEST = 8  # a shorter one would be found by accident

TOKENS = re.compile(r"[A-Za-z0-9_.~+/-]{%d,}" % PART)
# Identifiers that may be in a log: they make up most of it.
IDENTIFIERS = re.compile(
    r"\b(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|[0-9a-f]{32})\b")
SUSPECT = re.compile(
    r"token=[A-Za-z0-9_-]{8,}|\bprt_[A-Za-z0-9_-]{8,}|\beyJ[A-Za-z0-9_-]{16,}"
    r"|\$y\$[./A-Za-z0-9]+\$", re.A)
FIELDS = ("password", "current_password", "new_password", "token",
          "access_token", "refresh_token")

_lock = threading.Lock()
_words = {}  # secrets to look for as they are, with what they are
_parts = {}  # beginnings and ends of tokens, likewise


def keep(what, secret):
    """Hands in a secret; what it is, in words, for the message of a hit."""
    if not isinstance(secret, str) or len(secret) < SHORTEST:
        return
    if len(set(secret)) < 4 or secret.isalpha() and len(secret) < PART:
        return  # a row of x; or "password", in every log as a word
    with _lock:
        if len(secret) >= 2 * PART and TOKENS.fullmatch(secret):
            _parts[secret[:PART]] = _parts[secret[-PART:]] = what
            return
        _words[secret] = what
        _words[urllib.parse.quote(secret)] = what
        _words[urllib.parse.quote_plus(secret)] = what
        _words[json.dumps(secret)[1:-1]] = what


def keep_fields(where, fields):
    """Hands in the secrets among a form's or an object's fields."""
    if not isinstance(fields, dict):
        return
    for name in FIELDS:
        value = fields.get(name)
        keep(f"{name} of {where}",
             value[0] if isinstance(value, list) and value else value)


def keep_bytes(where, body):
    """Hands in the secrets of a body that a test wrote itself."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    if not isinstance(text, str):
        return
    try:
        keep_fields(where, json.loads(text))
    except (ValueError, RecursionError):
        keep_fields(where, urllib.parse.parse_qs(text))


def keep_answer(answer):
    """Hands in the tokens and cookies of an HTTP answer."""
    where = f"the answer of {answer.request.path_url.partition('?')[0]}"
    for cookie in answer.cookies:
        keep(f"cookie {cookie.name} of {where}", cookie.value)
    if answer.headers.get("Content-Type", "").startswith("application/json"):
        try:
            keep_fields(where, answer.json())
        except ValueError:
            pass


def keep_links(text):
    for token in re.findall(r"token=([A-Za-z0-9_-]+)", text):
        keep("the token of a mailed link", token)


def logs(home):
    """The logs below home, in a stack's folder; or home, where it is one."""
    found = [home]
    for folder, folders, files in os.walk(home):
        folders[:] = [f for f in folders if f not in ("data", "templates")]
        found += [os.path.join(folder, name) for name in files
                  if name == "log" or name.endswith(".log")]
    return sorted(p for p in found if os.path.isfile(p))


def hits(text):
    """What of the secrets text holds, in words (never the secret)."""
    with _lock:
        words, parts = list(_words.items()), dict(_parts)
    found = {what for word, what in words if word in text}
    found |= {f"what looks like a token ({m[:4]}...)"
              for m in SUSPECT.findall(text)}
    rest = IDENTIFIERS.sub("-", text)
    for token in set(TOKENS.findall(rest)):
        for i in range(len(token) - PART + 1):
            if token[i:i + PART] in parts:
                found.add(parts[token[i:i + PART]])
    return sorted(found)


def search(home):
    """Problems in words: the secrets found in the logs below home; and how
    much was searched."""
    problems, size = [], 0
    for path in logs(home):
        with open(path, encoding="utf-8", errors="replace") as f:
            text = f.read()
        size += len(text)
        name = os.path.relpath(path, os.path.dirname(home))
        problems += [f"{name} holds {what}"
                     for what in hits(text)]
    return problems, size


def main(places):
    """Searches these logs, and those below these folders; each must be
    there, and hold something."""
    problems = []
    source = os.path.join(os.path.dirname(__file__), "..", "db", "test_db.h")
    with open(source, encoding="utf-8") as f:
        keep("the password of the database tests", re.search(
            r'^#define GOOD_PASSWORD "(.*)"$', f.read(), re.M)[1])
    for place in places:
        found, size = search(place)
        problems += found
        if size == 0:
            problems.append(f"{place}: there is nothing to search")
    print("\n".join(problems) or f"no secret in {' '.join(places)}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
