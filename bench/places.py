# SPDX-License-Identifier: ISC
"""What the benchmark runs: the end-to-end tests' private stack, but with a
durable PostgreSQL, many accounts, and a bare responder beside Postern.

Ids and secrets of the accounts are computed from their numbers, so that SQL,
pgbench and we know all of them without a list.
"""

import base64
import hashlib
import hmac
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import time

SOURCE = os.environ["POSTERN_SOURCE"]
BUILD = os.environ["POSTERN_BUILD"]
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(SOURCE, "tests", "e2e"))

import fcgi  # noqa: E402
from stack import (NGINX_CONF, Cluster, Site, Stack, as_owner,  # noqa: E402
                   clean_environment, end, give, pg_program, spawn, until)

ACCOUNT, SESSION, API = (f"019a0000-0000-7000-{n}000-" for n in "89a")
API_SECRET = bytes(range(32))  # of every session of the API
API_SESSIONS = 20000           # the first accounts have one each
COOKIES = 50000                # different ones in one load
CORES = os.cpu_count()
CONNECTIONS = 32

# Of refresh tokens: each must be higher than all before.
generations = itertools.count(1)


class Durable(Cluster):
    """PostgreSQL as it is installed, with a quarter of the memory."""

    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    settings = {"log_line_prefix": "%m [%p] %u ", "max_connections": "100",
                "max_wal_size": "4GB",
                "shared_buffers": f"{min(memory // 4, 4096)}MB"}

    def rows(self, sql, database):
        """What the last statement of sql has to say."""
        done = subprocess.run(
            as_owner() + [pg_program("psql"), "-qXAt", "-F", "\t", "-v",
                          "ON_ERROR_STOP=1", "-h", self.home, "-U", "root",
                          "-d", database],
            input=sql, cwd=self.home, capture_output=True, text=True,
            check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def setting(self, **values):
        """Changes settings of the running cluster."""
        self.rows("".join(f"ALTER SYSTEM SET {name} = '{value}';\n"
                          for name, value in values.items())
                  + "SELECT pg_reload_conf();", "postgres")
        for name, value in values.items():
            until(lambda n=name, v=value: self.rows(
                f"SHOW {n}", "postgres") == [[v]], 10, name)


class Place(Site):
    """Clients come from many addresses: X-Real-IP says from which."""

    nginx_conf = NGINX_CONF.replace(
        "  include snippets/postern-http.conf;\n",
        "  set_real_ip_from 127.0.0.1;\n  real_ip_header X-Real-IP;\n"
        "  include snippets/postern-http.conf;\n")

    def standard(self):
        limits = {f"limit_{name}": "1000000/1m" for name in (
            "login", "login_minute", "login_hour", "forgot", "other",
            "forgot_mailbox", "resend", "resend_mailbox", "register")}
        options = super().standard() | limits | {
            # As they are by default ...
            "password_workers": 0, "password_cost": 7, "worker_memory": 128,
            "web_workers": 4,
            # ... but for what a long run would meet.
            "access_token_lifetime": "1d", "refresh_grace": "60s"}
        with open(options["key_file"], encoding="ascii") as f:
            master = bytes.fromhex(f.read().strip())
        self.refresh_key = hkdf(master, b"postern refresh token 1")
        return options

    def pids(self):
        return [self.posternd.pid, *self.workers()]

    def stop_posternd(self):
        code = end(self.posternd)
        self.posternd = None
        if code != 0:
            raise RuntimeError(f"posternd ended with {code}: {self.tail()}")

    def restart(self):
        self.stop_posternd()
        return self.start_posternd()


class Bare(Place):
    """The responder in posternd's place."""

    def start(self):
        self.start_nginx()
        return self.start_posternd()

    def command(self, *more):
        return [os.path.join(self.stack.home, "responder"),
                self.socket("web"), str(self.options["web_workers"])]

    def wait_ready(self):
        until(lambda: os.path.exists(self.socket("web")), 10, "the responder")

    def stop_posternd(self):
        end(self.posternd)
        self.posternd = None
        os.unlink(self.socket("web"))

    def stop(self):
        end(self.posternd)
        end(self.nginx)
        self.posternd = self.nginx = None
        return []


class Scene(Stack):
    """The private stack, and what of it was started so far."""

    cluster_class = Durable

    def bring(self):
        super().bring()
        for name in "responder", "crypt_floor":
            path = os.path.join(self.home, name)
            with open(os.path.join(BUILD, "bench", name), "rb") as f, \
                    open(path, "wb") as out:
                out.write(f.read())
            os.chmod(path, 0o755)
        self.bare_place, self.places = None, {}

    def bare(self):
        if self.bare_place is None:
            place = Bare(self, self.cluster, {})
            self.sites.append(place)
            self.bare_place = place.start()
        return self.bare_place

    def place(self, accounts):
        """A Postern with so many accounts."""
        if accounts not in self.places:
            say(f"Making {accounts} accounts")
            place = Place(self, self.cluster, {})
            self.sites.append(place)
            fill(place.start(), accounts)
            place.accounts = accounts
            self.places[accounts] = place
        return self.places[accounts]

    def alone(self, place):
        """Stops every other one, so that nothing is shared with them."""
        for site in self.sites:
            if site is place and site.posternd is None:
                site.start_posternd()
            if site is not place and site.posternd is not None:
                site.stop_posternd()

    def together(self, *places):
        for site in places:
            if site.posternd is None:
                site.start_posternd()

    def stop(self):
        for site in list(self.sites):
            for problem in site.stop():
                print(problem, file=sys.stderr)
        self.sites = []
        if getattr(self, "cluster", None):
            self.cluster.stop()
        self.sink.stop()
        if os.environ.get("POSTERN_BENCH_KEEP"):
            print(f"kept: {self.home}", file=sys.stderr)
        else:
            subprocess.run(["rm", "-rf", "--", self.home], check=False)


def say(text):
    print(f"==> {text}", flush=True)


# Accounts and tokens. --------------------------------------------------------

FILL = f"""
SET synchronous_commit = off;
INSERT INTO postern.account (id, address, canonical, verified_at)
  SELECT ('{ACCOUNT}' || lpad(to_hex(i), 12, '0'))::uuid,
    'u' || i || '@example.com', 'u' || i || '@example.com', now()
  FROM generate_series(1, :n) i;
INSERT INTO postern.password (account_id, hash)
  SELECT ('{ACCOUNT}' || lpad(to_hex(i), 12, '0'))::uuid, p.hash
  FROM generate_series(1, :n) i, postern.password p
  WHERE p.account_id = ':model';
INSERT INTO postern.session (account_id, id, kind, secret_hash, epoch,
    expires_at, address)
  SELECT ('{ACCOUNT}' || lpad(to_hex(i), 12, '0'))::uuid,
    ('{SESSION}' || lpad(to_hex(i), 12, '0'))::uuid, 'browser',
    sha256(sha256(i::text::bytea)), 0, now() + interval '20 days',
    '192.0.2.1'
  FROM generate_series(1, :n) i;
INSERT INTO postern.session (account_id, id, kind, secret_hash, epoch,
    expires_at, address)
  SELECT ('{ACCOUNT}' || lpad(to_hex(i), 12, '0'))::uuid,
    ('{API}' || lpad(to_hex(i), 12, '0'))::uuid, 'api',
    sha256('\\x{API_SECRET.hex()}'), 0, now() + interval '20 days',
    '192.0.2.1'
  FROM generate_series(1, least(:n, {API_SESSIONS})) i;
VACUUM (FREEZE, ANALYZE) postern.account, postern.password, postern.session;
CHECKPOINT;
"""


def fill(place, n):
    """n accounts with the password of one that was made properly."""
    model = place.account()
    place.password = model.password
    place.cluster.rows(FILL.replace(":n", str(n)).replace(":model", model.id),
                       place.database)


def hkdf(key, info):
    """RFC 5869 with SHA-256, no salt, 32 bytes."""
    secret = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(secret, info + b"\1", "sha256")


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw_id(prefix, i):
    return bytes.fromhex(f"{prefix}{i:012x}".replace("-", ""))


def cookie(i):
    secret = hashlib.sha256(str(i).encode()).digest()
    return b64(b"\1" + raw_id(ACCOUNT, i) + raw_id(SESSION, i) + secret)


def refresh_token(place, i, generation):
    raw = (b"\1\1" + raw_id(ACCOUNT, i) + raw_id(API, i)
           + generation.to_bytes(4, "big") + API_SECRET)
    return "prt_" + b64(raw + hmac.digest(place.refresh_key, raw, "sha256"))


def access_tokens(place, n):
    """Access tokens of n accounts, through refreshes."""
    found, generation = [], next(generations)
    for i in range(1, n + 1):
        status, _, body = fcgi.call(
            place, "POST", "/auth/refresh",
            HTTP_AUTHORIZATION=f"Bearer {refresh_token(place, i, generation)}")
        if status != 200:
            raise RuntimeError(f"refresh: {status} {body}")
        found.append(json.loads(body)["access_token"])
    return found


def client(i):
    """One of 65,000 addresses."""
    return f"198.18.{i // 256 % 256}.{i % 256}"


# Loads. ----------------------------------------------------------------------

def write_requests(place, name, requests):
    """A file for load.lua of (method, path, headers, body)."""
    path = os.path.join(place.home, name)
    with open(path, "w", encoding="utf-8") as f:
        for n, (method, target, headers, body) in enumerate(requests):
            headers = {"Host": "localhost", "X-Real-IP": client(n)} | headers
            text = "|".join(f"{k}: {v}" for k, v in headers.items())
            f.write(f"{method}\t{target}\t{text}\t{body}\n")
    give(path)
    return path


class Load:
    """wrk under way."""

    def __init__(self, place, requests, seconds, connections=CONNECTIONS,
                 pause=0):
        threads = min(2, CORES)
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig=TERM", "--", "wrk", f"-t{threads}",
             f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s",
             os.path.join(HERE, "load.lua"), place.url, "--", requests,
             str(threads), str(pause)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.place = place

    def result(self):
        out = self.process.communicate()[0]
        line = next((text for text in out.splitlines()
                     if text.startswith("{")), None)
        if self.process.returncode != 0 or line is None:
            raise RuntimeError(f"wrk: {out}")
        found = json.loads(line)
        if found["refused"] or found["lost"] or not found["requests"]:
            raise RuntimeError(f"{self.place.home}: not every request was"
                               f" served: {line}\n{self.place.tail(5)}")
        return found


def load(*arguments, **more):
    return Load(*arguments, **more).result()


# Statements. -----------------------------------------------------------------

def statements_of(place, ask):
    """The statements that the web pool runs for ask(), with their parameters:
    [(name, text, [parameter])], as PostgreSQL's log has them."""
    log = os.path.join(place.cluster.home, "log")
    place.cluster.setting(log_statement="all")
    try:
        size = os.path.getsize(log)
        ask()
        time.sleep(0.2)
        with open(log, encoding="utf-8") as f:
            f.seek(size)
            lines = f.read().splitlines()
    finally:
        place.cluster.setting(log_statement="none")
    found = []
    for n, line in enumerate(lines):
        m = re.search(r"postern_web LOG:  execute ([^:]+): (.*)", line)
        if m is None:
            continue
        detail = lines[n + 1] if n + 1 < len(lines) else ""
        found.append((m[1], m[2], re.findall(r"\$\d+ = '([^']*)'", detail)))
    return found


def pgbench(place, script, seconds, **variables):
    """Transactions a second of as many clients as there are web workers."""
    command = [pg_program("pgbench"), "-n", "-M", "prepared", "-f", script,
               "-c", str(place.options["web_workers"]), "-T", str(seconds),
               "-h", place.cluster.home, "-U", "postern_web"]
    for name, value in variables.items():
        command += ["-D", f"{name}={value}"]
    done = subprocess.run(as_owner() + command + [place.database],
                          cwd=place.home, capture_output=True, text=True,
                          check=False)
    rate = re.search(r"^tps = ([0-9.]+)", done.stdout, re.M)
    if done.returncode != 0 or rate is None:
        raise RuntimeError(f"pgbench: {done.stdout}{done.stderr}")
    return float(rate[1])


# Memory and starting. --------------------------------------------------------

def smaps(pid):
    """KiB of a process: PSS and private."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        text = f.read()
    return [int(re.search(rf"^{name}: +(\d+)", text, re.M)[1])
            for name in ("Pss", "Private_Dirty")]


def pss_mib(pids):
    return sum(smaps(pid)[0] for pid in pids) / 1024


def time_start(place, path="/readyz"):
    """Milliseconds from exec to the first answer of a stopped place."""
    request = fcgi.request("GET", path)
    began = time.monotonic()
    place.posternd = spawn(place.command(), place.log, cwd=place.home,
                           env=clean_environment())
    while True:
        try:
            answer = fcgi.answer(fcgi.exchange(place, request))
            break
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > began + 20:
                raise
            time.sleep(0.0002)
    took = (time.monotonic() - began) * 1000
    if answer[0] not in (200, 204):
        raise RuntimeError(f"the first answer was {answer[0]}")
    return took


class Flood(threading.Thread):
    """A load that runs beside another one."""

    def __init__(self, *arguments, **more):
        super().__init__(daemon=True)
        self.load = Load(*arguments, **more)
        self.found = None
        self.start()

    def run(self):
        self.found = self.load.result()
