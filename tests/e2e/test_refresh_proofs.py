# SPDX-License-Identifier: ISC
"""Story: somebody has a copy of the database, the key file, all logs, or all
of it, and makes tokens of what is there, as an attacker would.

No refresh token comes out of it, whatever they have.  With a dump and the key
file together they can sign access tokens for sessions that live; one of the
tests says so, because the threat model does.
"""

import base64
import hashlib
import hmac
import itertools
import json
import re
import secrets
import signal
import subprocess
import time
import uuid

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

import gate
import logsearch
from client import at_once, refused
from posterns import ctl
from stack import READY_WITHIN, Psql, as_owner, pg_program, until
from test_access_tokens import b64, unb64
from test_refresh import INVALID, next_token, refresh

MASTER = re.compile(r"[0-9a-f]{64}")
BYTEA = re.compile(rb"\\x([0-9a-f]{64})\b")
WORD = re.compile(r"[A-Za-z0-9_.+/=-]{32,}")


class Loot:
    """What the attacker has: a dump, the key file, the logs."""

    def __init__(self, site):
        self.site = site
        done = subprocess.run(
            as_owner() + [pg_program("pg_dump"), "-h", site.cluster.home,
                          "-U", "root", "--inserts", site.database],
            cwd=site.home, capture_output=True, check=True, timeout=60)
        self.dump = done.stdout
        with open(site.options["key_file"], encoding="ascii") as f:
            self.master = bytes.fromhex(MASTER.search(f.read())[0])

    def key(self, use, master=None):
        """As domain/unit.c derives it."""
        return HKDF(hashes.SHA256(), 32, None, f"postern {use} 1".encode()
                    ).derive(master or self.master)

    @property
    def secrets(self):
        """Everything in the dump that has a secret's size, and what one may
        make of it."""
        found = {bytes.fromhex(h.decode()) for h in
                 BYTEA.findall(self.dump)}
        assert found
        for value in list(found):
            found |= {hashlib.sha256(value).digest(),
                      hmac.digest(self.master, value, "sha256")}
        return found | {self.master, bytes(32), b"\xff" * 32,
                        self.key("refresh token")}

    def signing_keys(self, master=None):
        """{kid: private key} of what opens under the key file."""
        rows = re.findall(
            rb"INSERT INTO postern\.signing_key VALUES \('([^']+)', 'ES256',"
            rb" '\\x([0-9a-f]+)', '\\x([0-9a-f]+)'", self.dump)
        assert rows
        found = {}
        for kid, _, sealed in rows:
            raw = bytes.fromhex(sealed.decode())
            seal = AESGCM(self.key("sealed signing key", master))
            try:
                der = seal.decrypt(raw[:12], raw[12:], kid + b" ES256")
            except InvalidTag:
                continue
            found[kid.decode()] = serialization.load_der_private_key(
                der, None)
        return found


def refresh_token(key, account, session, generation, secret):
    """As domain/refresh_token.c writes it."""
    body = (bytes([1, 1]) + account + session
            + generation.to_bytes(4, "big") + secret)
    return "prt_" + base64.urlsafe_b64encode(
        body + hmac.digest(key, body, "sha256")).rstrip(b"=").decode()


def access_token(key, kid, site, account, session):
    """As domain/access_token.c writes it."""
    now = int(time.time())
    claims = {"iss": site.url, "aud": site.url, "sub": account, "iat": now,
              "exp": now + 900, "jti": str(uuid.uuid4()), "sid": session}
    signed = (b64({"alg": "ES256", "typ": "at+jwt", "kid": kid}) + "."
              + b64(claims))
    r, s = utils.decode_dss_signature(
        key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return signed + "." + b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


class Victim:
    """Someone signed in, who has refreshed a few times."""

    def __init__(self, site):
        self.site, self.account = site, site.account()
        first = self.account.login()
        self.token = first["refresh_token"]
        for _ in range(3):
            self.token = next_token(site.client(), self.token)
        claims = json.loads(unb64(first["access_token"].split(".")[1]))
        self.id, self.session = claims["sub"], claims["sid"]

    @property
    def ids(self):
        return uuid.UUID(self.id).bytes, uuid.UUID(self.session).bytes

    def is_signed_in(self):
        self.token = next_token(self.site.client(), self.token)


@pytest.fixture(scope="module")
def proof_site(stack):
    site = stack.site(limit_other="1000000/1m", access_token_lifetime="15m")
    yield site
    assert not site.stop()


@pytest.fixture(scope="module")
def victim(proof_site):
    return Victim(proof_site)


@pytest.fixture(scope="module")
def loot(victim):
    return Loot(victim.site)


def buys_nothing(site, tokens):
    client, tried = site.client(), 0
    for token in tokens:
        refused(refresh(client, token), 401, INVALID)
        refused(client.get("/auth/check", token=token), 401, INVALID)
        tried += 1
    return tried


def forgeries(loot, victim, keys):
    """The tag under every key, over every secret, for every generation that
    may be asked for: the one before, the present one, later ones."""
    return (refresh_token(key, *victim.ids, generation, secret)
            for key, secret, generation in itertools.product(
                keys, sorted(loot.secrets), (2, 3, 4, 2**32 - 2)))


def test_the_forger_knows_the_form(loot, victim):
    """With the client's own secret, what the forger makes is the very token:
    so the forgeries below lack nothing but that."""
    raw = base64.urlsafe_b64decode(victim.token[4:] + "==")
    generation = int.from_bytes(raw[34:38], "big")
    assert refresh_token(loot.key("refresh token"), *victim.ids, generation,
                         raw[38:70]) == victim.token
    assert raw[38:70] not in loot.secrets


def test_neither_dump_nor_key_file_nor_both_make_a_refresh_token(
        loot, victim):
    hashed = hashlib.sha256(
        base64.urlsafe_b64decode(victim.token[4:] + "==")[38:70]).digest()
    assert hashed in loot.secrets  # the dump is the right one
    keys = [loot.key("refresh token"), loot.master, bytes(32)]
    assert buys_nothing(victim.site, forgeries(loot, victim, keys)) > 100
    victim.is_signed_in()  # and no forgery ended the session


def test_a_dump_alone_signs_no_access_token(loot, victim):
    assert loot.signing_keys(bytes(32)) == {}
    foreign = ec.generate_private_key(ec.SECP256R1())
    kids = list(loot.signing_keys())
    tokens = [access_token(foreign, kid, victim.site, victim.id,
                           victim.session) for kid in kids]
    assert buys_nothing(victim.site, tokens) == len(kids) > 0


def test_dump_and_key_file_sign_access_tokens_of_living_sessions_only(
        loot, victim):
    """Said plainly: docs/threat-model.md."""
    site, client = victim.site, victim.site.client()
    [(kid, key)] = loot.signing_keys().items()
    forged = access_token(key, kid, site, victim.id, victim.session)
    assert client.get("/auth/check", token=forged).status_code == 204
    # What no row says is no session, and a session that ended stays so.
    invented = access_token(key, kid, site, victim.id, str(uuid.uuid4()))
    refused(client.get("/auth/check", token=invented), 401, INVALID)
    other = Victim(site)
    forged = access_token(key, kid, site, other.id, other.session)
    answer = client.post("/auth/logout", token=forged)
    assert answer.status_code == 200, answer.text
    refused(client.get("/auth/check", token=forged), 401, INVALID)
    refused(refresh(client, other.token), 401, INVALID)


def test_the_logs_hold_no_usable_token(loot, victim):
    """Every word of a token's length that any process wrote, tried."""
    text = ""
    for path in logsearch.logs(victim.site.home):
        with open(path, encoding="utf-8", errors="replace") as f:
            text += f.read()
    assert "/auth/refresh" in text  # the log of the requests is among them
    assert logsearch.hits(text) == []
    words = set(WORD.findall(logsearch.IDENTIFIERS.sub("-", text)))
    buys_nothing(victim.site, sorted(
        w for w in words if len(w) < 6000 and not w.startswith("/")))
    victim.is_signed_in()


def test_theft_is_audited_and_mailed_once(proof_site):
    victim = Victim(proof_site)
    first = victim.token
    for _ in range(2):
        victim.token = next_token(proof_site.client(), victim.token)
    answers = at_once(lambda: refresh(proof_site.client(), first)
                      for _ in range(5))
    assert {a.status_code for a in answers} == {401}
    proof_site.settle_mail()  # all that were owed have come by now
    mail = proof_site.sink.to(victim.account.email,
                              "We ended a sign-in of your account")
    assert len(mail) == 1 and "token=" not in mail[0].text
    sql = Psql(proof_site)
    assert sql("SELECT count(*) FROM postern.audit_event WHERE event ="
               f" 'session.stolen' AND account_id = '{victim.id}'"
               f" AND session_id = '{victim.session}'") == "1"
    assert sql("SELECT end_reason FROM postern.session WHERE id ="
               f" '{victim.session}'") == "stolen"
    sql.close()


def move_clock(sql, session, minutes):
    """The clock is moved by moving the row's times back."""
    moved = ", ".join(f"{c} = {c} - interval '{minutes} minutes'" for c in (
        "created_at", "rotated_at", "last_seen_at", "expires_at"))
    sql(f"UPDATE postern.session SET {moved} WHERE id = '{session}';"
        " SELECT 1")


def test_five_tabs_refresh_for_an_hour_and_stay_signed_in(proof_site):
    """They share what they keep, as the tabs of a browser do (those of a real
    one: test_five_tabs.py), and all wake when the access token is nearly
    over."""
    account = proof_site.account()
    kept = account.login()
    claims = json.loads(unb64(kept["access_token"].split(".")[1]))
    tabs = [proof_site.client() for _ in range(5)]
    sql = Psql(proof_site)
    for minutes in range(14, 75, 14):
        move_clock(sql, claims["sid"], 14)
        token = kept["refresh_token"]
        answers = at_once(lambda t=t, token=token: refresh(t, token)
                          for t in tabs)
        assert {a.status_code for a in answers} == {200}, minutes
        assert len({a.json()["refresh_token"] for a in answers}) == 1
        kept = answers[-1].json()
        # One tab slept through it and wakes with what it had.
        late = refresh(tabs[0], token)
        assert late.json()["refresh_token"] == kept["refresh_token"]
        left = 2592000 - minutes * 60
        assert left - 60 < kept["refresh_expires_in"] <= left
    assert tabs[0].get("/auth/check",
                       token=kept["access_token"]).status_code == 204
    assert sql("SELECT refresh_gen FROM postern.session"
               f" WHERE id = '{claims['sid']}'") == "5"
    sql.close()


def test_a_new_key_file_ends_what_the_old_one_made_and_nothing_else(
        proof_site):
    """What postern.conf(5) tells whoever lost it, or let it leak: the last
    test, because everybody's tokens are over then."""
    account, client = proof_site.account(), proof_site.client()
    old, reset = account.login(), account.reset_token()
    browser = gate.sign_in(proof_site, account)
    listed = {kid for kid, _ in keys_of(proof_site)}
    workers = proof_site.workers().items()
    with open(proof_site.options["key_file"], "w", encoding="ascii") as f:
        f.write(secrets.token_hex(32) + "\n")
    proof_site.posternd.send_signal(signal.SIGHUP)
    until(lambda: len(keys_of(proof_site)) > len(listed), READY_WITHIN,
          "a key under the new file")
    until(lambda: not workers & proof_site.workers().items(), READY_WITHIN,
          "the old workers' end")
    refused(client.get("/auth/check", token=old["access_token"]), 401,
            INVALID)
    refused(refresh(client, old["refresh_token"]), 401, INVALID)
    for kid, state in keys_of(proof_site):
        if kid in listed:
            done = ctl(proof_site, "key", "retire", kid)
            assert done.returncode == 0, done.stderr
        else:
            assert state == "signs"
    assert browser.get("/dashboard").status_code == 200
    assert client.get("/auth/check", token=account.login()["access_token"]
                      ).status_code == 204
    answer = client.post("/auth/reset-password", {
        "token": reset, "new_password": "another long secret"})
    assert answer.status_code == 200, answer.text


def keys_of(site):
    done = ctl(site, "key", "list")
    assert done.returncode == 0, done.stderr
    return [line.split()[:2] for line in done.stdout.splitlines()[1:]]
