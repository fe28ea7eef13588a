# SPDX-License-Identifier: ISC
"""Story: PostgreSQL stops, dies, hangs, fills up, locks up and moves, under
load.  Every time: 503 within 2 s where it is needed and nowhere a hang, well
within 2 s of its return, and the books are right afterwards."""

import itertools
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import pytest

import posterns
from conftest import NO_LIMITS
from load import OK, Load, accounts, query
from stack import (Cluster, Psql, as_owner, children, end, free_port, give,
                   pg_program, signal_all, spawn, until)

MIX = "health ready refresh refresh register login"
CLIENTS = 8
SOAK = bool(os.environ.get("POSTERN_SOAK"))
HARM = 10 if SOAK else 1.0  # seconds of a fault,
SILENCE = 10 if SOAK else 2.2  # and of one that shows after 2 s only
ANSWER = 2.0  # seconds within which a 503 is there
RETURN = 2.0  # and within which all is well again
CONNECTIONS = 40


class Frail(Cluster):
    """A cluster that is configured by its file, so that it can change."""

    settings = {"listen_addresses": "", "fsync": "off",
                "max_connections": CONNECTIONS, "shared_buffers": "16MB",
                "full_page_writes": "off", "max_wal_size": "256MB",
                "log_min_messages": "warning"}

    def configure(self, **more):
        with open(os.path.join(self.data, "postgresql.conf"), "a",
                  encoding="ascii") as f:
            for name, value in (self.settings | more).items():
                f.write(f"{name} = '{value}'\n")

    def start(self):
        self.process = spawn(
            [pg_program("postgres"), "-D", self.data, "-c",
             f"unix_socket_directories={self.home}"],
            os.path.join(self.home, "log"), "INT", cwd=self.home)
        until(self.answers, 20, "PostgreSQL")
        return self

    def pids(self):
        return [self.process.pid, *children(self.process.pid)]


def make_cluster(stack, name, **settings):
    home = tempfile.mkdtemp(prefix=name, dir=stack.home)
    give(home)
    cluster = Frail(os.path.join(home, "pg"))
    cluster.configure(**settings)
    return cluster


@pytest.fixture(scope="module")
def cluster(stack):
    cluster = make_cluster(stack, "frail").start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def frail_site(stack, cluster):
    site = stack.site(cluster=cluster, **NO_LIMITS)
    yield site
    problems = site.stop()
    assert not problems, problems


# The faults: each does its harm when made, and heals it again. ---------------

class Fault:
    seconds = HARM


class Stopped(Fault):
    """Shut down by its administrator."""

    sig = signal.SIGINT

    def __init__(self, site):
        self.cluster = site.cluster
        end(self.cluster.process, self.sig)

    def heal(self):
        self.cluster.start()


class Killed(Stopped):
    """Every process of it, so that it comes back by recovery."""

    def __init__(self, site):
        self.cluster = site.cluster
        signal_all(self.cluster.pids(), signal.SIGKILL)
        self.cluster.process.wait()
        until(lambda: not self.cluster.answers(), 5, "its end")


class Hanging(Fault):
    seconds = SILENCE

    def __init__(self, site):
        self.pids = site.cluster.pids()
        signal_all(self.pids, signal.SIGSTOP)

    def heal(self):
        signal_all(self.pids, signal.SIGCONT)


def connect(cluster, database):
    """A connection of a stranger; None when there is no room."""
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.path.join(cluster.home, ".s.PGSQL.5432"))
    text = b"user\0postern_owner\0database\0" + database.encode() + b"\0\0"
    s.sendall(struct.pack(">II", 8 + len(text), 196608) + text)
    if s.recv(1) == b"R":
        return s
    s.close()
    return None


class Crowded(Fault):
    """No connection left, and ours are lost."""

    ours = "usename IN ('postern_web', 'postern_password')"

    def __init__(self, site):
        self.held, self.psql = [], Psql(site)
        self.limit(0)
        until(lambda: self.count("pg_terminate_backend(pid)") == 0, 10,
              "our connections to go")
        while (s := connect(site.cluster, site.database)) is not None:
            self.held.append(s)
        self.limit(-1)  # a connection is allowed again, but there is none

    def limit(self, number):
        for role in "postern_web", "postern_password":
            self.psql(f"ALTER ROLE {role} CONNECTION LIMIT {number};"
                      " SELECT 1")

    def count(self, what):
        return int(self.psql(f"SELECT count({what}) FROM pg_stat_activity"
                             f" WHERE {self.ours}"))

    def heal(self):
        for s in self.held:
            s.close()
        self.psql.close()


class ReadOnly(Fault):
    def __init__(self, site):
        self.site = site
        self.set("SET default_transaction_read_only = on")

    def set(self, what):
        for sql in f"ALTER SYSTEM {what}", "SELECT pg_reload_conf()":
            query(self.site, sql)

    def heal(self):
        self.set("RESET default_transaction_read_only")


class Locked(Fault):
    """A table that every call but readiness needs, in another's hands."""

    seconds = SILENCE
    lock = "LOCK TABLE postern.account; SELECT 1"

    def __init__(self, site):
        self.psql = Psql(site)
        self.psql(f"BEGIN; {self.lock}")

    def heal(self):
        self.psql.close()


# The ordeal and the books afterwards. ----------------------------------------

def made(site):
    """The accounts of the load's clients and one more, made once a site,
    before there is a queue of mail."""
    if not hasattr(site, "made"):
        site.made = accounts(site, CLIENTS + 1)
    return site.made


def count_sessions(site):
    return int(query(site, "SELECT count(*) FROM postern.session")[0][0])


class Ordeal:
    """A load with a fault in it."""

    def __init__(self, site, fault, mix=MIX):
        self.site, before = site, posterns.kinds(site)
        self.sessions = count_sessions(site)
        with Load(site, mix, CLIENTS, rest=0.003,
                  accounts=made(site)[:CLIENTS]) as load:
            load.wait(200)
            self.harmed = time.monotonic()
            fault = fault(site)
            time.sleep(fault.seconds)
            fault.heal()
            self.healed = time.monotonic()
            load.wait_well(self.healed, 0.6, RETURN + 0.5)
            self.record = load.end()
        after = posterns.kinds(site)
        self.replaced = [k for p, k in before.items() if p not in after]

    def refusals(self):
        return [c for c in self.record.calls if c[3] == 503]

    def check_answers(self):
        r, refusals = self.record, self.refusals()
        assert not r.wrong([503]), r.tell(r.wrong([503]))
        assert not r.wrong(kinds=["health"]), r.tell(
            r.wrong(kinds=["health"]))
        assert refusals, f"the fault was none: {r.figures()}"
        bare = [c for c in refusals if not c[4].isdigit() or c[4] == "0"]
        assert not bare, f"{len(bare)} of {len(refusals)} 503 without" \
            " Retry-After"
        late = [c for c in r.calls if c[1] > ANSWER]
        assert not late, (f"{len(late)} calls over {ANSWER} s, the slowest"
                          f" {r.slowest():.2f} s: {r.figures()}")

    def check_return(self):
        r, kinds = self.record, {c[2] for c in self.record.calls}
        late = r.wrong(since=self.healed + RETURN)
        assert not late, f"unwell {RETURN} s after: {r.tell(late)}"
        first = {k: min((c[0] + c[1] for c in r.calls if c[2] == k
                         and c[3] == OK[k] and c[0] >= self.healed),
                        default=float("inf")) - self.healed for k in kinds}
        assert max(first.values()) < RETURN, f"well again after {first}"
        assert not self.replaced, (
            f"replaced: {self.replaced}: " + "; ".join(
                line for line in self.site.tail(100000).splitlines()
                if " supervisor " in line))

    def check_books(self):
        """Nothing acknowledged is lost, and nothing was done twice."""
        site, r = self.site, self.record
        names = ",".join(f"('{e}')" for e in r.registered + r.unknown)
        rows = query(site, f"""
            SELECT v.e, count(DISTINCT a.id), count(DISTINCT p.account_id),
              count(DISTINCT m.id), count(DISTINCT (u.at, u.event))
            FROM (VALUES {names}) v(e)
            LEFT JOIN postern.account a ON a.canonical = v.e
            LEFT JOIN postern.password p ON p.account_id = a.id
            LEFT JOIN postern.mail_outbox m ON m.account_id = a.id
              AND m.kind = 'verify'
            LEFT JOIN postern.audit_event u ON u.account_id = a.id
              AND u.event = 'account.created'
            GROUP BY v.e""")
        books = {row[0]: row[1:] for row in rows}
        lost = [e for e in r.registered if books[e] != ["1"] * 4]
        assert not lost, (
            f"{len(lost)} of {len(r.registered)} acknowledged registrations"
            f" are not there once: {[(e, books[e]) for e in lost[:5]]}")
        half = [e for e in r.unknown if books[e] not in (["1"] * 4,
                                                         ["0"] * 4)]
        assert not half, f"half done: {[(e, books[e]) for e in half]}"
        self.check_sessions()

    def check_sessions(self):
        r, client = self.record, self.site.client()
        refused = sum(1 for c in self.refusals() if c[2] == "login")
        rows = count_sessions(self.site) - self.sessions
        assert r.logins <= rows <= r.logins + refused, (
            f"{rows} sessions of {r.logins} acknowledged and {refused}"
            " refused logins")
        bad = [a.text for a in (
            client.post("/auth/refresh", token=t, check=False)
            for t in r.tokens) if a.status_code != 200]
        assert not bad, f"{len(bad)} of {len(r.tokens)} sessions lost: {bad}"
        self.check_login()

    def check_login(self):
        some = self.record.registered[-5:] + self.record.registered[:5]
        names = ",".join(f"'{e}'" for e in some)
        query(self.site, "UPDATE postern.account SET verified_at = now()"
              f" WHERE canonical IN ({names})")
        client = self.site.client()
        for address in some:
            answer = client.post("/auth/login", {
                "email": address, "password": "a long enough secret"})
            assert answer.status_code == 200, (address, answer.text)


@pytest.mark.parametrize("fault", [Stopped, Killed, Hanging, Crowded,
                                   ReadOnly, Locked])
def test_it_is_503_in_time_and_well_again_in_time(frail_site, fault):
    ordeal = Ordeal(frail_site, fault)
    ordeal.check_answers()
    ordeal.check_return()
    ordeal.check_books()


class RowLocked(Locked):
    """One account only, in another's hands."""

    def __init__(self, site):
        self.account = made(site)[CLIENTS]
        self.lock = ("SELECT 1 FROM postern.account WHERE canonical ="
                     f" '{self.account['email']}' FOR UPDATE")
        super().__init__(site)
        self.client = Load(site, "login", 1, accounts=[self.account])

    def heal(self):
        record = self.client.end()
        assert {c[3] for c in record.calls} == {503}, record.figures()
        assert record.slowest() < ANSWER, record.figures()
        super().heal()


def test_a_locked_row_is_its_own_account_s_trouble(frail_site):
    ordeal = Ordeal(frail_site, RowLocked)
    assert not ordeal.record.wrong(), ordeal.record.tell(
        ordeal.record.wrong())
    ordeal.check_books()


class Severed(Fault):
    """Its administrator ends our connections, ten times."""

    def __init__(self, site):
        for _ in range(10):
            query(site, "SELECT pg_terminate_backend(pid) FROM"
                  " pg_stat_activity WHERE usename LIKE 'postern_%'")
            time.sleep(0.1)

    def heal(self):
        pass


def test_a_lost_connection_is_hardly_noticed(frail_site):
    ordeal = Ordeal(frail_site, Severed)
    r, refusals = ordeal.record, ordeal.refusals()
    assert not r.wrong([503]), r.tell(r.wrong([503]))
    assert len(refusals) <= 10 * CLIENTS, r.figures()
    assert r.slowest() < ANSWER, r.figures()
    ordeal.check_return()
    ordeal.check_books()


class HangingWithNewWorkers(Hanging):
    """All workers are new ones, without a key to sign with."""

    def __init__(self, site):
        super().__init__(site)
        signal_all(site.workers(), signal.SIGKILL)


def test_workers_that_start_while_it_hangs_are_no_worse(frail_site):
    frail_site.expect_crash = True  # the log tells of the kills
    ordeal = Ordeal(frail_site, HangingWithNewWorkers)
    r, last = ordeal.record, ordeal.harmed + 1
    assert not r.wrong([0, 502, 503]), r.tell(r.wrong([0, 502, 503]))
    assert not r.wrong([503], last), r.tell(r.wrong([503], last))
    assert not r.wrong([], last, ["health"]), r.tell(
        r.wrong([], last, ["health"]))
    late = [c for c in r.calls if c[1] > ANSWER]
    assert not late, (f"{len(late)} calls over {ANSWER} s, the slowest"
                      f" {r.slowest():.2f} s: {r.figures()}")
    ordeal.replaced = []
    ordeal.check_return()
    ordeal.check_books()


# Full. -----------------------------------------------------------------------

DISK = "96m"


class OnSmallDisk(Frail):
    """A cluster whose data lie on a file system of its own, in a mount
    namespace of its own, so that nothing has to be unmounted."""

    def start(self):
        script = (f"mount -t tmpfs -o size={DISK},mode=0755 tmpfs {self.disk}"
                  f" && cp -a {self.data} {self.disk}/data"
                  ' && exec "$@"')
        with open(os.path.join(self.home, "log"), "ab") as out:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig=INT", "--", "unshare", "-m", "sh",
                 "-c", script, "sh"] + as_owner("INT") +
                [pg_program("postgres"), "-D", f"{self.disk}/data", "-c",
                 f"unix_socket_directories={self.home}"],
                stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                start_new_session=True, cwd=self.home)
        until(self.answers, 20, "PostgreSQL")
        return self

    @property
    def disk(self):
        return self.home + ".disk"

    def inside(self, name):
        """A path on the disk, as we can reach it."""
        return f"/proc/{self.process.pid}/root{self.disk}/{name}"


class Full(Fault):
    def __init__(self, site):
        self.cluster = site.cluster
        with open(self.cluster.inside("filler"), "wb", buffering=0) as f:
            for size in 1 << 20, 1 << 12, 1:
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass

    def heal(self):
        os.unlink(self.cluster.inside("filler"))


def may_mount():
    return subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs",
                           "/mnt"], capture_output=True,
                          check=False).returncode == 0


@pytest.mark.skipif(not may_mount(), reason="mounting a small disk needs root")
def test_a_full_disk_is_503_and_well_again(stack):
    home = tempfile.mkdtemp(prefix="full", dir=stack.home)
    give(home)
    cluster = OnSmallDisk(os.path.join(home, "pg"))
    os.mkdir(cluster.disk)
    cluster.configure(wal_recycle="off", min_wal_size="32MB")
    site = stack.site(cluster=cluster.start(), **NO_LIMITS)
    try:
        ordeal = Ordeal(site, Full, "health ready register register register")
        ordeal.check_answers()
        ordeal.check_return()
        ordeal.check_books()
    finally:
        problems = site.stop()
        cluster.stop()
    assert not problems, problems


# Elsewhere. ------------------------------------------------------------------

class Pair:
    """A primary with a synchronous standby, and a site that knows both."""

    def __init__(self, stack):
        self.primary = make_cluster(stack, "primary", wal_level="replica",
                                    synchronous_standby_names="*").start()
        self.standby = object.__new__(Frail)
        self.standby.home = tempfile.mkdtemp(prefix="standby", dir=stack.home)
        give(self.standby.home)
        self.standby.data = os.path.join(self.standby.home, "data")
        self.standby.process = None
        done = subprocess.run(
            as_owner() + [pg_program("pg_basebackup"), "-h",
                          self.primary.home, "-U", "root", "-c", "fast",
                          "-R", "-D", self.standby.data],
            cwd=self.standby.home, capture_output=True, text=True,
            check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        self.standby.configure(synchronous_standby_names="")
        self.standby.start()
        self.site = stack.site(cluster=self.primary,
                               **NO_LIMITS)
        end(self.site.posternd)
        self.site.write_conf(database=(
            f"host={self.primary.home},{self.standby.home}"
            f" dbname={self.site.database} target_session_attrs=read-write"))
        self.site.start_posternd()

    def promote(self):
        site = self.site
        site.cluster = self.standby
        assert query(site, "SELECT pg_promote(true, 10)") == [["t"]]

    def stop(self):
        problems = self.site.stop()
        self.standby.stop(signal.SIGQUIT)
        if self.primary.process.poll() is None:
            signal_all(self.primary.pids(), signal.SIGCONT)
            self.primary.stop(signal.SIGQUIT)
        assert not problems, problems


class PrimaryKilled(Killed):
    pair = None

    def heal(self):
        self.pair.promote()


class PrimarySilent(Hanging):
    """A machine that is gone from the net answers nothing, not even no."""

    pair = None

    def heal(self):
        self.pair.promote()


@pytest.mark.parametrize("fault", [PrimaryKilled, PrimarySilent])
def test_a_promoted_standby_takes_over(stack, fault):
    fault.pair = pair = Pair(stack)
    try:
        ordeal = Ordeal(pair.site, fault)
        ordeal.check_answers()
        ordeal.check_return()
        ordeal.check_books()
    finally:
        pair.stop()


BOUNCER = """\
[databases]
* = host={cluster}
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {home}
auth_type = trust
auth_file = {home}/users
pool_mode = transaction
default_pool_size = 2
logfile = {home}/log
pidfile = {home}/pid
"""


@pytest.fixture
def bouncer(stack, frail_site):
    """A pooler in transaction mode in front of the frail cluster, with fewer
    connections than it has clients; its folder."""
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    if not os.path.exists(program):
        pytest.skip("pgbouncer is not installed")
    home = tempfile.mkdtemp(prefix="bouncer", dir=stack.home)
    with open(os.path.join(home, "ini"), "w", encoding="ascii") as f:
        f.write(BOUNCER.format(cluster=frail_site.cluster.home, home=home))
    with open(os.path.join(home, "users"), "w", encoding="ascii") as f:
        for role in "web password mailer janitor admin owner".split():
            f.write(f'"postern_{role}" ""\n')
    give(home)
    process = spawn([program, os.path.join(home, "ini")],
                    os.path.join(home, "out"), cwd=home)
    until(lambda: os.path.exists(os.path.join(home, ".s.PGSQL.6432")), 5,
          "pgbouncer")
    yield home
    end(process)


def test_behind_a_pooler_without_preparing_all_works(stack, bouncer, cluster):
    site = stack.site(cluster=cluster,
                      database_prepare="off", **NO_LIMITS)
    end(site.posternd)
    site.write_conf(database=f"host={bouncer} port=6432"
                    f" dbname={site.database}")
    site.start_posternd()
    try:
        account = site.account()
        assert account.login()["expires_in"] == 900
        account.reset_token()
        with Load(site, MIX, accounts=accounts(site, CLIENTS)) as load:
            load.wait(500)
            record = load.end()
        assert not record.wrong(), record.tell(record.wrong())
        check_posternctl(site, account)
    finally:
        problems = site.stop()
    assert not problems, problems


def check_posternctl(site, account):
    """Through the pooler all but what takes a session's lock."""
    for words in (["account", "show", account.email], ["key", "list"],
                  ["mail", "list"],
                  ["migrate", "--status", "--sql", site.cluster.sql]) * 2:
        done = posterns.ctl(site, *words)
        assert done.returncode == 0, done.stderr
    done = posterns.ctl(site, "migrate")
    assert done.returncode == 1 and "--database" in done.stderr, done
