# SPDX-License-Identifier: ISC
"""Story: the file system of the logs and of var is full, or whoever read the
log is gone: Postern keeps serving.

/dev/full takes no byte (ENOSPC), for any user; as root a full tmpfs is used
too, in a mount namespace of its own.
"""

import os
import signal
import subprocess
import time

import pytest

from conftest import NO_LIMITS
from posterns import kinds
from stack import as_owner, clean_environment, end, until

ROUNDS = 5


def serves(site):
    """A whole story through every process; how long each took."""
    took = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        account = site.account()
        tokens = account.login()
        answer = account.client.post("/auth/refresh",
                                     token=tokens["refresh_token"])
        assert answer.status_code == 200, answer.text
        account.client.post("/auth/login", account.credentials() | {
            "password": "the wrong secret"})
        took.append(time.monotonic() - began)
    return max(took)


class QuietSite:
    """Starts, and watches, a posternd whose log nobody can read."""

    def __init__(self, site):
        self.site = site

    def restart(self, stderr):
        """Again, with stderr for its log."""
        site = self.site
        end(site.posternd)
        site.posternd = subprocess.Popen(
            as_owner("TERM") + site.command(), cwd=site.home, stdout=stderr,
            stderr=stderr, stdin=subprocess.DEVNULL,
            env=clean_environment(), start_new_session=True)
        site.wait_ready()


@pytest.fixture
def own_site(stack):
    site = stack.site(**NO_LIMITS, web_workers=2, password_workers=1)
    yield site
    problems = site.stop()
    assert site.expect_crash or not problems, problems


def lives_through(site):
    """Serves, loses a worker, takes a new configuration, serves, leaves."""
    supervisor, slowest = site.posternd, serves(site)
    victim = next(p for p, k in kinds(site).items() if k == "web")
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in kinds(site) and len(kinds(site)) == 5, 10,
          "a new worker")
    before = site.workers()
    supervisor.send_signal(signal.SIGHUP)
    until(lambda: not before.keys() & site.workers().keys()
          and len(site.workers()) == 5, 15, "the new generation")
    slowest = max(slowest, serves(site))
    assert supervisor.poll() is None
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(15) == 0, f"left with {supervisor.returncode}"
    assert slowest < 5, f"the slowest of {2 * ROUNDS} took {slowest:.2f} s"


def test_a_full_log_stops_nothing(own_site):
    with open("/dev/full", "wb") as full:
        QuietSite(own_site).restart(full)
    lives_through(own_site)


def test_a_log_whose_reader_is_gone_stops_nothing(own_site):
    """`posternd 2>&1 | logger`, and logger dies; or journald does."""
    reader, writer = os.pipe()
    QuietSite(own_site).restart(writer)
    os.close(writer)
    os.close(reader)
    lives_through(own_site)


def test_full_logs_of_nginx_stop_nothing(own_site):
    for name in "postern.log", "nginx-error.log":
        path = os.path.join(own_site.home, name)
        if os.path.exists(path):
            os.unlink(path)
        os.symlink("/dev/full", path)
    own_site.nginx.send_signal(signal.SIGUSR1)  # open the logs again
    time.sleep(0.2)
    serves(own_site)


def test_no_request_needs_room_in_var(own_site):
    """The largest body there may be is never written to a file."""
    folders = [os.path.join(own_site.home, n) for n in
               ("nginx-body", "nginx-fastcgi")]
    for folder in folders:
        os.chmod(folder, 0)
    before = [os.stat(f).st_mtime_ns for f in folders]
    body = b'{"email": "nobody@example.com", "x": "%s"}' % (
        b"x" * (16384 - 40))
    for _ in range(20):
        answer = own_site.client().raw_post("/auth/forgot-password", body)
        assert answer.status_code == 200, answer.text
    assert [os.stat(f).st_mtime_ns for f in folders] == before
    assert len(body) == 16384


def test_a_full_disk_under_the_pid_file_keeps_serving(own_site):
    """The program is exchanged (SIGUSR2) while the pid file cannot be
    written: the service must not go with it."""
    path = own_site.options["pid_file"]
    os.unlink(path)
    os.symlink("/dev/full", path)
    before = own_site.workers()
    own_site.posternd.send_signal(signal.SIGUSR2)
    until(lambda: own_site.posternd.poll() is not None
          or not before.keys() & own_site.workers().keys(), 15,
          "new workers")
    assert own_site.posternd.poll() is None, (
        f"it ended with {own_site.posternd.returncode}: {own_site.tail(4)}")
    serves(own_site)


def test_a_start_on_a_full_disk_serves_and_tells(own_site):
    end(own_site.posternd)
    os.symlink("/dev/full", own_site.options["pid_file"])
    own_site.start_posternd()
    serves(own_site)
    assert "pid_file" in own_site.tail(10000)


FULL = """
set -e
mount -t tmpfs -o size=16k tmpfs "$1"
chmod 777 "$1"
shift
exec "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="root only: mounts a tmpfs")
def test_a_var_that_fills_up_under_it(own_site, tmp_path):
    """Log and pid file on one small tmpfs, which is filled while it runs;
    once there is room again, the log goes on."""
    var = os.path.join(own_site.home, "var")
    os.mkdir(var)
    end(own_site.posternd)
    own_site.posternd = subprocess.Popen(
        ["unshare", "-m", "--", "sh", "-c", FULL, "sh", var,
         *as_owner("TERM"), "sh", "-c", 'log=$1; shift; exec "$@" 2>>"$log"',
         "sh", var + "/log", *own_site.command()],
        cwd=own_site.home, stdin=subprocess.DEVNULL,
        env=clean_environment() | {"POSTERN_PID_FILE": var + "/pid"},
        start_new_session=True)
    own_site.wait_ready()
    inside = f"/proc/{own_site.posternd.pid}/root{var}"
    filler = os.path.join(inside, "filler")
    with open(filler, "wb", buffering=0) as f:
        with pytest.raises(OSError):
            while True:
                f.write(b"x" * 512)
    supervisor = own_site.posternd
    full = os.stat(inside + "/log").st_size
    serves(own_site)
    assert os.stat(inside + "/log").st_size - full < 4096, "it was not full"
    os.unlink(filler)
    serves(own_site)
    with open(inside + "/log", encoding="utf-8") as f:
        text = f.read()
    assert len(text) > full and "mail.sent" in text[full:], (
        f"{len(text) - full} bytes of log since there is room")
    lives_through(own_site)
    assert supervisor.returncode == 0
