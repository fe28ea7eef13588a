# SPDX-License-Identifier: ISC
"""Story: workers that hang, loop or grow, and peers that dawdle, hold nobody
up: the supervisor replaces the former, and nobody waits for the latter."""

import glob
import os
import platform
import re
import resource
import shutil
import signal
import subprocess
import threading
import time

import pytest

import fcgi
from conftest import NO_LIMITS
from load import Load, accounts
from posterns import SOAK, kinds
from stack import as_owner, end, pg_program, signal_all, until

REPLACED = 2.0  # seconds until a hung child has its successor
PROMPT = 1.0    # seconds for an answer, whatever others do
CONNECTIONS = 2000
RETIRING = 20000 if SOAK else 2000
KINDS = {"web": 4, "password": 2, "others": 2}
CREW = ["janitor", "mailer"] + ["password"] * 2 + ["web"] * 4


@pytest.fixture(scope="module")
def busy_site(stack):
    """An instance whose children are stopped, looped and killed."""
    site = stack.site(request_timeout="1s", **NO_LIMITS)
    yield site
    site.stop()


@pytest.fixture(scope="module")
def steady_site(stack):
    """An instance that peers try the patience of."""
    site = stack.site(**NO_LIMITS)
    yield site
    problems = site.stop()
    assert not problems, problems


# Who is who. -----------------------------------------------------------------

def sockets_at(path):
    """The inodes of all sockets at a path: of the one that listens, and of
    every connection that was accepted from it."""
    with open("/proc/net/unix", encoding="utf-8") as f:
        rows = [line.split() for line in f]
    return {row[6] for row in rows if row[7:] == [path]}


def connections(pid, inodes):
    """How many of inodes a process has open."""
    found = set()
    for link in glob.glob(f"/proc/{pid}/fd/*"):
        try:
            found.update(re.findall(r"socket:\[(\d+)\]", os.readlink(link)))
        except OSError:
            pass
    return len(found & inodes)


def crews(site):
    """The pids of every kind of child, told apart by the sockets they have;
    mailer and janitor, which have none, are the others."""
    web = sockets_at(site.socket("web"))
    password = sockets_at(site.socket("password"))
    found = {kind: set() for kind in KINDS}
    for pid in site.workers():
        if connections(pid, web):
            found["web"].add(pid)
        elif connections(pid, password):
            found["password"].add(pid)
        else:
            found["others"].add(pid)
    return found


def complete(site):
    return {kind: len(pids) for kind, pids in crews(site).items()} == KINDS


def settled_crews(site):
    until(lambda: complete(site), 5, "all children")
    return crews(site)


def time_to_replace(site, gone):
    """Seconds until the pids in gone have their successors."""
    began = time.monotonic()
    until(lambda: not gone & site.workers().keys() and complete(site), 10,
          "successors")
    return time.monotonic() - began


# Hung. -----------------------------------------------------------------------

def killed(site, pids):
    """What the supervisor says that it killed, by kind."""
    with open(site.log, encoding="utf-8", errors="replace") as f:
        return {line.partition("kind=")[2].split()[0] for line in f
                if " child.killed " in line
                and any(f" pid={pid} " in line for pid in pids)}


@pytest.mark.parametrize("kind, n, names", [
    ("web", 1, {"web"}), ("password", 1, {"password"}),
    ("others", 2, {"mailer", "janitor"})])
def test_an_idle_child_that_is_stopped_is_replaced(busy_site, kind, n, names):
    site = busy_site
    victims = set(sorted(settled_crews(site)[kind])[:n])
    with Load(site, "health ready refresh login", 4, rest=0.01,
              accounts=accounts(site, 4)) as load:
        load.wait(20)
        signal_all(victims, signal.SIGSTOP)
        took = time_to_replace(site, victims)
        load.wait(50)
        record = load.end()
    assert killed(site, victims) == names
    assert took < REPLACED, f"{kind} was replaced after {took:.2f} s"
    # What a stopped worker had been woken for: 502, or no answer.
    wrong = record.wrong()
    assert len(wrong) <= (kind != "others"), record.tell(wrong)
    assert {c[3] for c in wrong} <= {0, 502}, record.tell(wrong)
    assert record.slowest() < REPLACED, record.figures()


def test_all_children_stopped_at_once_are_replaced(busy_site):
    site = busy_site
    victims = set().union(*settled_crews(site).values())
    signal_all(victims, signal.SIGSTOP)
    began = time.monotonic()
    assert site.client().get("/healthz", timeout=10).status_code == 200
    answered = time.monotonic() - began
    took = time_to_replace(site, victims)
    assert answered < REPLACED, f"answered after {answered:.2f} s"
    assert took < REPLACED, f"replaced after {took:.2f} s"


class Lock:
    """The table of accounts, held so that a request waits in its middle."""

    def __init__(self, site):
        self.psql = subprocess.Popen(
            as_owner() + [pg_program("psql"), "-qXAt", "-h",
                          site.cluster.home, "-U", "root", "-d",
                          site.database],
            cwd=site.home, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        self.psql.stdin.write("BEGIN; LOCK TABLE postern.account,"
                              " postern.mail_outbox; SELECT 'locked';\n")
        self.psql.stdin.flush()
        while "locked" not in self.psql.stdout.readline():
            assert self.psql.poll() is None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.psql.communicate("ROLLBACK;\n", timeout=10)


class Call(threading.Thread):
    """One request in the background."""

    def __init__(self, site, method, path, body=None, **kw):
        super().__init__()
        self.client, self.arguments = site.client(), (method, path)
        self.kw = kw | {"json": body, "check": False}
        self.start()

    def run(self):
        began = time.monotonic()
        self.status = self.client.request(*self.arguments,
                                          **self.kw).status_code
        self.took = time.monotonic() - began


REQUESTS = {
    "web": ("POST", "/auth/forgot-password", {"email": "x@example.com"}),
    "password": ("POST", "/auth/login", {"email": "x@example.com",
                                         "password": "long enough"}),
}


def busy_ones(site, pool):
    """Workers that have a connection beside the socket they listen on."""
    inodes, busy = sockets_at(site.socket(pool)), []
    for pid in crews(site)[pool]:
        if connections(pid, inodes) > 1:
            busy.append(pid)
    return busy


@pytest.mark.parametrize("pool", REQUESTS)
def test_a_worker_stopped_in_a_request_is_replaced(busy_site, pool):
    site = busy_site
    settled_crews(site)
    with Lock(site):
        call = Call(site, *REQUESTS[pool])
        until(lambda: busy_ones(site, pool), 1, "a busy worker")
        victim, = busy_ones(site, pool)
        with Load(site, "health ready", 4, rest=0.01) as load:
            load.wait(20)
            os.kill(victim, signal.SIGSTOP)
            took = time_to_replace(site, {victim})
            load.wait(50)
            record = load.end()
        call.join()
    assert took < REPLACED, f"{pool} was replaced after {took:.2f} s"
    assert call.status == 502 and call.took < 2 * REPLACED, (
        f"the request inside it: {call.status} after {call.took:.2f} s")
    assert not record.wrong(), record.tell(record.wrong())


# Looping. --------------------------------------------------------------------

# "Jump to yourself", for the processors we know.
LOOPS = {"x86_64": b"\xeb\xfe", "aarch64": b"\x00\x00\x00\x14"}


def address_of(pid, symbol, file="posternd"):
    """Where a function of a running posternd, or of a library of its, is."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        first = next(line for line in f
                     if line.rpartition("/")[2].startswith(file)).split()
    table = [] if file == "posternd" else ["-D"]
    names = subprocess.run([shutil.which("nm") or "nm", *table, first[-1]],
                           capture_output=True, text=True, check=True).stdout
    return int(first[0].partition("-")[0], 16) + int(re.search(
        rf"^([0-9a-f]+) [tT] {symbol}(@|$)", names, re.M)[1], 16)


def patch(pid, address, code):
    """Writes into one process's program; returns what stood there."""
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as f:
        f.seek(address)
        before = f.read(len(code))
        f.seek(address)
        f.write(code)
    return before


def make_loop(pid, *function):
    """From now on this one process never returns from that function."""
    patch(pid, address_of(pid, *function), LOOPS[platform.machine()])


def may_patch(site):
    if platform.machine() not in LOOPS or shutil.which("nm") is None:
        return False
    try:
        with open(f"/proc/{min(site.workers())}/mem", "r+b"):
            return True
    except OSError:
        return False


def call_all(site, web):
    """Calls until each of these has one; who is quick may take two."""
    calls = []

    def all_are_busy():
        calls.append(Call(site, "GET", "/healthz"))
        return web <= set(busy_ones(site, "web"))
    until(all_are_busy, 1, "all to loop")
    return calls


@pytest.mark.parametrize("function", [
    ["healthz_get"],                    # serving
    ["fcgi_look"],                      # looking at what came
    ["FCGX_Accept_r", "libfcgi.so"]])   # parsing it
def test_a_worker_that_loops_is_replaced(busy_site, function):
    site = busy_site
    if not may_patch(site):
        pytest.skip("another process's code cannot be changed here")
    web = settled_crews(site)["web"]
    for pid in web:
        make_loop(pid, *function)
    calls = call_all(site, web)
    with Load(site, "ready login", 2, rest=0.01,
              accounts=accounts(site, 2)) as load:
        took = time_to_replace(site, web)
        load.wait(20)
        record = load.end()
    for call in calls:
        call.join()
    limit = 1.0 + REPLACED  # request_timeout and then some
    assert took < limit, f"{len(web)} were replaced after {took:.2f} s"
    slowest = max(call.took for call in calls)
    assert slowest < limit, f"the slowest inside took {slowest:.2f} s"
    assert {call.status for call in calls} <= {200, 502}
    assert not record.wrong(), record.tell(record.wrong())
    assert record.slowest() < limit, record.figures()
    assert site.client().get("/healthz").status_code == 200


# Where each kind loops, and the seconds after which it has to be replaced: at
# its start request_timeout and five, in a round its database's budget and
# five.  A janitor's are many, so this one waits for a long run.
AT_FIRST = {
    "web": ("token_cache_new", 6), "password": ("yescrypt_open", 6),
    "mailer": ("outbox_lease", 10),
} | ({"janitor": ("expiry_lock", 35)} if SOAK else {})


def test_who_loops_at_the_start_or_in_a_round_is_replaced(busy_site):
    site, supervisor = busy_site, busy_site.posternd.pid
    if not may_patch(site):
        pytest.skip("another process's code cannot be changed here")
    before = set().union(*settled_crews(site).values())
    loop = LOOPS[platform.machine()]
    places = [address_of(supervisor, symbol)
              for symbol, _ in AT_FIRST.values()]
    whole = [patch(supervisor, place, loop) for place in places]
    signal_all(before, signal.SIGKILL)
    # Their successors have it from the supervisor.
    until(lambda: not before & site.workers().keys() and
          sorted(kinds(site).values()) == CREW, 5, "successors")
    looping, began = kinds(site), time.monotonic()
    for place, code in zip(places, whole):
        patch(supervisor, place, code)
    for kind, (_, seconds) in AT_FIRST.items():
        pids = {pid for pid, k in looping.items() if k == kind}
        until(lambda: not pids & site.workers().keys(),
              began + seconds + REPLACED - time.monotonic(),
              f"the {kind} that loops to be replaced")
        assert killed(site, pids) == {kind}
    settled_crews(site)
    site.account().login()


# Growing, and worn out. ------------------------------------------------------

@pytest.mark.parametrize("option, word", [
    ({"worker_memory": 1}, "worker.bloated"),
    ({"worker_requests": 40}, None),
])
def test_workers_retire_without_losing_a_request(stack, option, word):
    site = stack.site(**NO_LIMITS, **option)
    before, seen = crews(site), set(site.workers())
    with Load(site, "health ready refresh login",
              accounts=accounts(site, 8)) as load:
        while load.count < RETIRING:
            seen |= site.workers().keys()
            load.wait(1)
        record = load.end()
    with open(site.log, encoding="utf-8") as f:
        grown = f.read().count("worker.bloated")
    until(lambda: complete(site), 5, "all children")
    after = crews(site)
    problems = site.stop()
    assert not problems, problems
    assert not record.wrong(), record.tell(record.wrong())
    assert record.slowest() < 2, record.figures()
    fresh = len(seen) - sum(KINDS.values())
    assert fresh >= 10, f"{fresh} fresh workers in {len(record)} requests"
    assert (grown > 0) == (word is not None), f"{grown} had grown"
    assert before["others"] == after["others"]


def own_mib(pid):
    """What a worker holds against worker_memory."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        _, resident, shared = f.read().split()[:3]
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGESIZE") / 2 ** 20


def grow(pid):
    """Has a process write to all of its memory what stands there.  Most of
    its arena, 4 MiB, was never touched: it grows by that at least."""
    page = os.sysconf("SC_PAGESIZE")
    with open(f"/proc/{pid}/maps", encoding="ascii") as f:
        areas = [line.split()[0].split("-") for line in f if " rw-p " in line]
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as f:
        for area in areas:
            pages = range(*(int(address, 16) for address in area), page)
            if len(pages) * page > 2 ** 26:
                continue  # a sanitizer's
            for at in pages:
                f.seek(at)
                byte = f.read(1)
                f.seek(at)
                f.write(byte)


def web_after(site, requests):
    """The one web worker, after so many."""
    with Load(site, "health ready", 2, count=requests) as load:
        record = load.join()
    assert not record.wrong(), record.tell(record.wrong())
    until(lambda: len(kinds(site)) == 4, 5, "all children")
    [web] = [pid for pid, kind in kinds(site).items() if kind == "web"]
    return web


def test_a_worker_retires_when_it_grows_over_its_limit(stack):
    site = stack.site(web_workers=1, password_workers=1, **NO_LIMITS)
    if not may_patch(site):
        pytest.skip("another process's memory cannot be changed here")
    limit = int(own_mib(web_after(site, 400)) + 3)
    end(site.posternd)
    site.write_conf(worker_memory=limit)
    site.start_posternd()
    web = web_after(site, 200)
    assert web_after(site, 100) == web and own_mib(web) < limit
    grow(web)
    assert own_mib(web) > limit
    assert web_after(site, 100) != web
    with open(site.log, encoding="utf-8") as f:
        assert f.read().count("worker.bloated") == 1
    problems = site.stop()
    assert not problems, problems


# Peers that dawdle. ----------------------------------------------------------

def half_a_record(site, pool):
    whole = fcgi.request("POST", "/auth/login", b'{"email": "x@example.com"}')
    s = fcgi.connect(site, pool)
    s.sendall(whole[:len(whole) // 2])
    return s


def silent_peer(site, pool):
    return fcgi.connect(site, pool)


def half_a_header(site, pool):
    s = fcgi.connect(site, pool)
    s.sendall(fcgi.begin()[:5])
    return s


def large_peer(site, pool):
    """Begins a body that is larger than any, and does not go on."""
    s = fcgi.connect(site, pool)
    body = b"x" * 200000
    whole = fcgi.request("POST", "/auth/forgot-password", body)
    s.setblocking(False)
    try:
        s.send(whole[:100000])
    except BlockingIOError:
        pass
    return s


def deaf_peer(site, pool):
    """Asks, and never reads the answer."""
    s = fcgi.connect(site, pool)
    s.sendall(fcgi.request("GET", "/readyz"))
    return s


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < CONNECTIONS + 1000:
        pytest.skip(f"only {hard} open files are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (CONNECTIONS + 1000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("peer, number", [
    (half_a_record, CONNECTIONS), (half_a_header, CONNECTIONS),
    (silent_peer, CONNECTIONS), (deaf_peer, 200), (large_peer, 200)])
def test_dawdling_peers_hold_nobody_up(steady_site, many_files, peer, number):
    site, dawdlers = steady_site, []
    before = site.workers()
    with Load(site, "health ready refresh login", 4, rest=0.01,
              accounts=accounts(site, 4)) as load:
        load.wait(20)
        try:
            for _ in range(number):
                dawdlers.append(peer(site, "web"))
            for _ in range(number // 10):
                dawdlers.append(peer(site, "password"))
            load.wait(100)
        finally:
            for s in dawdlers:
                s.close()
        record = load.end()
    assert not record.wrong(), record.tell(record.wrong())
    assert record.slowest() < PROMPT, (
        f"beside {len(dawdlers)} peers: {record.figures()}")
    assert site.workers() == before
