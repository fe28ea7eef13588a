# SPDX-License-Identifier: ISC
"""Story: the sysadmin reloads, restarts, replaces and migrates a Postern
that is in use, and nobody notices."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

import fcgi
from conftest import NO_LIMITS
from load import Load, accounts, query
from stack import (SOURCE, Psql, Site, as_owner, clean_environment, give,
                   until)

REQUESTS = 100000 if os.environ.get("POSTERN_SOAK") else 10000
MIX = "health ready refresh ready refresh login ready refresh register"
SWITCHES_WITHIN = 10

# What systemd does between fork and exec: the sockets to 3 and on, and the
# environment that names them (sd_listen_fds(3)).
PASS_SOCKETS = """\
import os, sys
fds = [int(fd) for fd in sys.argv[1].split(",")]
high = [os.dup2(fd, 100 + n) for n, fd in enumerate(fds)]
for n, fd in enumerate(high):
    os.dup2(fd, 3 + n)
os.closerange(3 + len(fds), 256)
os.environ["LISTEN_FDS"] = str(len(fds))
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


class OwnProgram(Site):
    """A site whose program is a copy of its own, to be replaced."""

    @property
    def program(self):
        return os.path.join(self.home, "posternd")

    def install(self, source=None):
        """Puts a program there as package managers do: beside it, then
        renamed over it.  Returns its inode."""
        fresh = self.program + ".new"
        shutil.copy(source or os.path.join(self.stack.home, "posternd"),
                    fresh)
        os.replace(fresh, self.program)
        return os.stat(self.program).st_ino

    def command(self, *more):
        return [self.program, *more, "-c", self.conf]

    def start_posternd(self, **env):
        if not os.path.exists(self.program):
            self.install()
        return super().start_posternd(**env)

    def running(self):
        """The inode of the program that runs."""
        return os.stat(f"/proc/{self.posternd.pid}/exe").st_ino


class HeldSite(OwnProgram):
    """A site whose sockets are held by another: us, as systemd would."""

    def hold(self):
        self.held = []
        for pool in "password", "web":  # not in posternd's own order
            s = socket.socket(socket.AF_UNIX)
            s.bind(self.socket(pool))
            s.listen(4096)
            give(self.socket(pool))
            self.held.append(s)

    def start_posternd(self, **env):
        if not hasattr(self, "held"):
            self.hold()
            self.install()
        fds = [s.fileno() for s in self.held]
        with open(self.log, "ab") as out:
            self.posternd = subprocess.Popen(
                as_owner() + [sys.executable, "-c", PASS_SOCKETS,
                              ",".join(map(str, fds)), *self.command()],
                stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                start_new_session=True, cwd=self.home, pass_fds=fds,
                env=clean_environment() | env)
        self.wait_ready()
        return self

    def let_go(self):
        for s in self.held:
            s.close()


def bring(stack, kind, **options):
    site = kind(stack, stack.cluster, NO_LIMITS | options)
    stack.sites.append(site)
    try:
        return site.start()
    except BaseException:
        site.stop()
        raise


def end_well(site):
    problems = site.stop()
    assert not problems, problems


@pytest.fixture
def held_site(stack):
    site = bring(stack, HeldSite)
    yield site
    end_well(site)
    site.let_go()


@pytest.fixture
def own_site(stack):
    site = bring(stack, OwnProgram)
    yield site
    end_well(site)


def wait_for_new_workers(site, before):
    until(lambda: not before.items() & site.workers().items()
          and len(site.workers()) == len(before), SWITCHES_WITHIN,
          "new workers")


def reload(site):
    before = site.workers()
    site.posternd.send_signal(signal.SIGHUP)
    wait_for_new_workers(site, before)


def restart(site):
    site.posternd.send_signal(signal.SIGTERM)
    assert site.posternd.wait(SWITCHES_WITHIN) == 0, site.tail()
    site.start_posternd()


def replace(site):
    before, inode = site.workers(), site.install()
    site.posternd.send_signal(signal.SIGUSR2)
    until(lambda: site.running() == inode, SWITCHES_WITHIN, "the new program")
    wait_for_new_workers(site, before)


def lines(site, event):
    with open(site.log, encoding="utf-8", errors="replace") as f:
        return [line for line in f if f" {event} " in line]


# Reload, restart, replacement. -----------------------------------------------

def test_no_request_is_lost_whatever_the_sysadmin_does(held_site):
    site, part = held_site, REQUESTS // 6
    with Load(site, MIX, accounts=accounts(site, 8)) as load:
        for switch in (reload, reload, restart, reload, replace):
            load.wait(part)
            switch(site)
        load.wait(REQUESTS - load.count)
        record = load.end()
    assert len(record) >= REQUESTS
    assert not record.wrong(), record.tell(record.wrong())
    assert record.slowest() < 2, record.figures()
    rows = int(query(site, "SELECT count(*) FROM postern.session")[0][0])
    assert rows == record.logins, (
        f"{record.logins} logins acknowledged, {rows} sessions")


def test_three_reloads_at_once_lose_nothing(own_site):
    with Load(own_site, MIX, accounts=accounts(own_site, 8)) as load:
        load.wait(100)
        before = own_site.workers()
        for _ in range(3):
            own_site.posternd.send_signal(signal.SIGHUP)
            time.sleep(0.05)
        wait_for_new_workers(own_site, before)
        load.wait(500)
        record = load.end()
    assert not record.wrong(), record.tell(record.wrong())


WHOLE = fcgi.request("GET", "/healthz")


def begin_requests(site, count=40):
    """Requests of which half is there."""
    halves = [fcgi.connect(site) for _ in range(count)]
    for s in halves:
        s.sendall(WHOLE[:len(WHOLE) // 2])
    return halves


def end_requests(halves):
    """Their other half; all must be answered."""
    answers = []
    for s in halves:
        s.sendall(WHOLE[len(WHOLE) // 2:])
        answers.append(fcgi.read_all(s))
        s.close()
    statuses = [fcgi.answer(a)[0] if a else 0 for a in answers]
    assert statuses == [200] * len(halves), (
        f"{statuses.count(200)} of {len(halves)} were answered")


def test_a_request_that_is_half_there_is_answered_by_who_leaves(own_site):
    """Nobody else has what a worker that leaves has accepted."""
    site, halves = own_site, begin_requests(own_site)
    before = site.workers()
    site.posternd.send_signal(signal.SIGHUP)
    until(lambda: lines(site, "reload.done"), 5, "the reload")
    time.sleep(0.7)  # they are told once in half a second
    end_requests(halves)
    wait_for_new_workers(site, before)


def test_a_signal_that_all_processes_get_ends_none_in_its_work(own_site):
    """As systemctl kill sends it."""
    site, halves = own_site, begin_requests(own_site)
    before, inode = site.workers(), site.install()
    for pid in [*before, site.posternd.pid]:
        os.kill(pid, signal.SIGUSR2)
    until(lambda: site.running() == inode, SWITCHES_WITHIN, "the new program")
    end_requests(halves)
    wait_for_new_workers(site, before)
    assert not lines(site, "child.died")


def test_sockets_held_by_another_stay_when_it_leaves(held_site):
    site = held_site
    site.posternd.send_signal(signal.SIGTERM)
    assert site.posternd.wait(SWITCHES_WITHIN) == 0
    left = [pool for pool in ("web", "password")
            if not os.path.exists(site.socket(pool))]
    site.start_posternd()
    assert not left, f"{len(left)} of 2 sockets were removed: {left}"


def test_sockets_of_its_own_are_removed_after_a_replacement(own_site):
    replace(own_site)
    own_site.posternd.send_signal(signal.SIGTERM)
    assert own_site.posternd.wait(SWITCHES_WITHIN) == 0
    left = [pool for pool in ("web", "password")
            if os.path.exists(own_site.socket(pool))]
    own_site.start_posternd()
    assert not left, f"{len(left)} of 2 sockets were left behind: {left}"


def refuses_t(site):
    """A program that fails its -t, and does harm if it is run for good."""
    path = os.path.join(site.home, "bad")
    with open(path, "w", encoding="ascii") as f:
        f.write('#!/bin/sh\ncase "$*" in *-t*) exit 1 ;; esac\n'
                f'touch {site.home}/was-run\n')
    os.chmod(path, 0o755)
    return path


def no_program(site):
    path = os.path.join(site.home, "junk")
    with open(path, "w", encoding="ascii") as f:
        f.write("\x7fELF and nothing more\n")
    os.chmod(path, 0o755)
    return path


@pytest.mark.parametrize("bad", [refuses_t, no_program])
def test_a_program_that_does_not_pass_is_refused(own_site, bad):
    site, before, inode = own_site, own_site.workers(), own_site.running()
    site.install(bad(site))
    with Load(site, "health ready") as load:
        site.posternd.send_signal(signal.SIGUSR2)
        until(lambda: lines(site, "replace.refused"), 5, "the refusal")
        load.wait(200)
        record = load.end()
    site.install()
    assert not record.wrong(), record.tell(record.wrong())
    assert site.running() == inode and site.workers() == before
    assert not os.path.exists(os.path.join(site.home, "was-run"))


def held_t(site, status):
    """A program whose -t lasts until release(), and ends with that status."""
    path = os.path.join(site.home, "held")
    with open(path, "w", encoding="ascii") as f:
        f.write('#!/bin/sh\ncase "$*" in *-t*)\n'
                f'  touch {site.home}/trying\n'
                f'  until test -e {site.home}/go; do sleep 0.1; done\n'
                f'  exit {status} ;;\nesac\n'
                f'touch {site.home}/was-run\n')
    os.chmod(path, 0o755)
    return path


def begin_trial(site, status):
    site.install(held_t(site, status))
    site.posternd.send_signal(signal.SIGUSR2)
    until(lambda: os.path.exists(os.path.join(site.home, "trying")), 5,
          "the trial")


def release(site):
    with open(os.path.join(site.home, "go"), "w", encoding="ascii"):
        pass


def test_what_is_asked_for_during_a_trial_comes_after_it(own_site):
    site, before = own_site, own_site.workers()
    begin_trial(site, 1)
    for lifetime in "7m", "8m":
        site.write_conf(access_token_lifetime=lifetime)
        site.posternd.send_signal(signal.SIGHUP)
    release(site)
    until(lambda: lines(site, "reload.done"), 5, "the reload")
    assert len(lines(site, "replace.refused")) == 1
    wait_for_new_workers(site, before)
    assert site.account().login()["expires_in"] == 480
    site.install()


def test_a_program_that_passes_too_late_does_not_take_over(own_site):
    """Told to leave during the trial, and still at a request after it."""
    site, halves = own_site, begin_requests(own_site, 1)
    begin_trial(site, 0)
    site.posternd.send_signal(signal.SIGTERM)
    until(lambda: lines(site, "supervisor.leaving"), 5, "the farewell")
    release(site)
    time.sleep(0.3)  # it looks for the release ten times a second
    end_requests(halves)
    assert site.posternd.wait(SWITCHES_WITHIN) == 0
    assert not os.path.exists(os.path.join(site.home, "was-run"))
    assert not lines(site, "replace.refused")


# Configuration. --------------------------------------------------------------

def bad_template(site):
    folder = os.path.join(site.home, "override")
    os.makedirs(os.path.join(folder, "page"))
    with open(os.path.join(folder, "page", "message.html"), "w",
              encoding="ascii") as f:
        f.write("{{#never_closed}}")
    give(folder)
    return folder


BAD = {
    "a value out of bounds": lambda site: {"password_cost": "99"},
    "an unknown option": lambda site: {"nonsense": "1"},
    "no key file": lambda site: {"key_file": "/nonexistent/key"},
    "no templates": lambda site: {"template_dir": "/nonexistent"},
    "a broken template": lambda site: {
        "template_override_dir": bad_template(site)},
    "no password file": lambda site: {
        "web_database_password_file": "/nonexistent/password"},
    "no password of the relay": lambda site: {
        "smtp_user": "postern", "smtp_password_file": "/nonexistent/relay"},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_a_bad_configuration_is_refused_and_the_old_one_serves(
        own_site, change):
    site, before = own_site, own_site.workers()
    good = dict(site.options)
    with Load(site, "health ready refresh login",
              accounts=accounts(site, 8)) as load:
        load.wait(100)
        site.write_conf(**change(site))
        site.posternd.send_signal(signal.SIGHUP)
        until(lambda: lines(site, "reload.refused"), 5, "the refusal")
        load.wait(200)
        record = load.end()
    site.options = good
    site.write_conf()
    assert not record.wrong(), record.tell(record.wrong())
    assert site.workers() == before, (
        f"{len(before.items() - site.workers().items())} of {len(before)}"
        " workers were replaced")


def test_what_a_reload_leaves_as_it_was_is_told(own_site):
    site = own_site
    site.write_conf(socket_group="nogroup", web_workers="3",
                    pid_file=os.path.join(site.home, "elsewhere.pid"))
    site.posternd.send_signal(signal.SIGHUP)
    until(lambda: lines(site, "reload.done"), 5, "the reload")
    told = "".join(lines(site, "reload.partial"))
    assert "socket_group changes at" in told and "pid_file changes at" in told
    assert "runtime_dir" not in told and "web_workers" not in told


# A value that is not the default for every option, with what a careless
# writer would not quote.
ODD = {
    "site_name": 'Café "#1"; it\'s = \\ ours', "log_level": "debug",
    "web_workers": "3", "password_workers": "0", "worker_requests": "77",
    "worker_memory": "99", "request_timeout": "61s",
    "database": "host=/tmp,/var/tmp port=1,2 dbname='a b' "
                "target_session_attrs=read-write",
    "database_prepare": "off", "access_token_lifetime": "90s",
    "refresh_token_lifetime": "25h", "refresh_grace": "0",
    "verification_lifetime": "61m", "reset_lifetime": "59s",
    "unverified_lifetime": "8d", "limit_login": "7/90s",
    "limit_other": "1000000/1d", "smtp_host": "relay.example.org",
    "smtp_port": "65535", "smtp_tls": "starttls",
    "smtp_user": "it's me", "smtp_password_file": "/tmp/a b",
    "mail_from": "o'hara+x@example.org", "mail_retry": "1h",
}


def dump(site, conf):
    done = subprocess.run(
        as_owner() + [site.command()[0], "-T", "-c", conf], cwd=site.home,
        env=clean_environment(), capture_output=True, check=False,
        timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_dump_read_back_gives_the_same_dump(own_site):
    conf = os.path.join(own_site.home, "odd.conf")
    with open(conf, "w", encoding="utf-8") as f:
        for name, value in (own_site.options | ODD).items():
            f.write(f"{name} = {value}\n")
    first = dump(own_site, conf)
    with open(conf, "wb") as f:
        f.write(first)
    second = dump(own_site, conf)
    assert second == first, "the second dump differs from the first"
    options = dict(re.findall(r"^(\w+) = (.*)$", first.decode(), re.M))
    lost = [n for n, v in ODD.items() if n not in options
            or n in ("site_name", "database", "mail_from") and options[n] != v]
    assert not lost, f"{len(lost)} of {len(ODD)} options changed: {lost}"


# Migration. ------------------------------------------------------------------

NEXT = """\
ALTER TABLE postern.account ADD COLUMN nickname text NOT NULL DEFAULT '';
ALTER TABLE postern.session ADD COLUMN device uuid;
CREATE INDEX session_device ON postern.session (device);
INSERT INTO postern.schema_migration (version, name) VALUES (%d, 'nickname');
"""
BACKUP = 2.5  # seconds for which pg_dump reads a table of them


@pytest.fixture
def next_sql(own_site):
    """The migrations of the next version: one more, as patient for a lock as
    the newest is."""
    folder = os.path.join(own_site.home, "sql")
    shutil.copytree(os.path.join(SOURCE, "sql"), folder)
    newest = os.path.join(folder, max(os.listdir(folder)))
    with open(newest, encoding="utf-8") as f:
        patience, = re.findall(r"^SET LOCAL lock_timeout = .*;\n", f.read(),
                               re.M)
    number = len(os.listdir(folder)) + 1
    name = f"{number:04}_nickname.sql"
    with open(os.path.join(folder, name), "w", encoding="ascii") as f:
        f.write(patience + NEXT % number)
    return folder


def migrate(site, folder, *arguments):
    done = subprocess.run(
        as_owner() + [os.path.join(site.stack.home, "posternctl"), "migrate",
                      "--database", f"postgresql:///{site.database}?host="
                      f"{site.cluster.home}&user=postern_owner",
                      "--sql", folder, *arguments],
        cwd=site.home, capture_output=True, text=True, check=False,
        timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_next_migration_runs_while_this_version_serves(
        own_site, next_sql):
    site, last = own_site, max(os.listdir(next_sql))
    number, name = last[:4], last[5:-4]
    backup = Psql(site)
    with Load(site, MIX, accounts=accounts(site, 8)) as load:
        load.wait(200)
        assert re.search(rf"^{number} {name} +pending$",
                         migrate(site, next_sql, "--status"), re.M)
        assert re.search(rf"^{number} {name}: .*works, taken back$",
                         migrate(site, next_sql, "--dry-run"), re.M)
        assert re.search(rf"^{number} {name} +pending$",
                         migrate(site, next_sql, "--status"), re.M)
        load.wait(200)
        backup("BEGIN; LOCK TABLE postern.account IN ACCESS SHARE MODE;"
               " SELECT 1")
        end = threading.Timer(BACKUP, backup.close)
        end.start()
        began = time.monotonic()
        migrate(site, next_sql)
        assert time.monotonic() - began > BACKUP - 0.5
        end.join()
        load.wait(500)
        record = load.end()
    assert not record.wrong(), record.tell(record.wrong())
    assert record.slowest() < 1, record.figures()
    status = migrate(site, next_sql, "--status")
    assert re.search(rf"^{number} {name} +applied$", status, re.M), status
    assert "nothing to do" in migrate(site, next_sql)
    assert query(site, "SELECT count(*) FROM postern.account"
                 " WHERE nickname <> ''") == [["0"]]
    restart(site)
