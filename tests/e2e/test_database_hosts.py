# SPDX-License-Identifier: ISC
"""Story: PostgreSQL is several hosts, one of which takes over, or stands
behind a pooler.  Faults last longer with POSTERN_SOAK=1."""

import os
import shutil
import signal
import subprocess
import tempfile

import pytest

import posterns
from conftest import NO_LIMITS
from faults import Frail, Hanging, Killed, make_cluster
from load import Load, accounts, query
from ordeal import CLIENTS, MIX, Ordeal
from stack import as_owner, end, give, pg_program, signal_all, spawn, until


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
        self.site = stack.site(cluster=self.primary, **NO_LIMITS)
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
    # The mailer, for which nobody waits, gives it 5 s (process.c), and half
    # of that again when it connects.
    mail_return = 3.0 + 5.0 + 2.5

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
def bouncer(stack):
    """A pooler in transaction mode in front of the cluster, with fewer
    connections than it has clients; its folder."""
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    if not os.path.exists(program):
        pytest.skip("pgbouncer is not installed")
    home = tempfile.mkdtemp(prefix="bouncer", dir=stack.home)
    with open(os.path.join(home, "ini"), "w", encoding="ascii") as f:
        f.write(BOUNCER.format(cluster=stack.cluster.home, home=home))
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


def test_behind_a_pooler_without_preparing_all_works(stack, bouncer):
    site = stack.site(database_prepare="off", **NO_LIMITS)
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
