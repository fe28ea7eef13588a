# SPDX-License-Identifier: ISC
"""Story: Postern as installed, by root, with its four system users: what each
process may do, and what it may not.

`make install` goes into a private root; posternd and PostgreSQL run in mount
namespaces of their own, where that root lies over the prefix and over
/etc/passwd and /etc/group, so that nothing of the machine is changed.
"""

import collections
import grp
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time

import pytest

import fcgi
import logsearch
from faulty_smtp import Authority, Relay
from posterns import fast_build, kinds_of
from stack import (READY_WITHIN, RUN_AS, SOURCE, children,
                   clean_environment, end, pg_program, signal_all, until)

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="root only: system users, mount namespaces")

KINDS = ("web", "password", "mailer", "janitor")
CREW = {"web": 2, "password": 1, "mailer": 1, "janitor": 1}
ROLES = {**{f"postern-{k}": [f"postern_{k}"] for k in KINDS},
         "root": ["postern_owner", "postern_admin"]}
ALL_ROLES = [r for roles in ROLES.values() for r in roles] + [RUN_AS]
SETGID, SETUID, KILL = 1 << 6, 1 << 7, 1 << 5
README = os.path.join(SOURCE, "README.md")
PRY = os.path.join(SOURCE, "tests", "e2e", "pry.py")
LOGIN = ("postern", "the secret of the relay")
PASSWORD = "a long enough secret"

# Lays the private root over the machine's, for the command that follows.
LAY = """
set -e
root=$1 prefix=$2
shift 2
mount --bind "$root/etc/passwd" /etc/passwd
mount --bind "$root/etc/group" /etc/group
mount --bind "$root/run" /run
mount --bind "$root$prefix" "$prefix"
exec "$@"
"""


def readme_block(after):
    """The block of code that follows the mention of a file."""
    with open(README, encoding="utf-8") as f:
        _, _, text = f.read().partition(after)
    return re.search(r"^```\w*\n(.*?)^```", text, re.S | re.M)[1]


def put_as_told(hba, line):
    """Where the README says: below the line of postgres, above the other
    local lines."""
    with open(README, encoding="utf-8") as f:
        told = " ".join(f.read().split())
    assert ("pg_hba.conf`, below the line of `postgres` (`local all postgres"
            " peer`)") in told
    lines = hba.splitlines(keepends=True)
    local = [i for i, text in enumerate(lines) if text.startswith("local")]
    assert lines[local[0]].split() == ["local", "all", "postgres", "peer"]
    return "".join(lines[:local[1]] + [line] + lines[local[1]:])


class Root:
    """The private root, and all that runs in it."""

    def __init__(self, home):
        self.home = home
        os.chmod(home, 0o755)
        self.build = fast_build()
        self.postgres = self.posternd = None
        self.log = os.path.join(home, "posternd.log")
        self.install()
        self.make_users()
        tls = Authority(os.path.join(home, "tls"))
        self.relay = Relay(login=LOGIN, tls=tls.context("DNS:localhost"),
                           plain_auth=False)
        self.configure(tls.file)
        self.start_postgres()
        self.migrate()

    def stop(self):
        end(self.posternd)
        end(self.postgres)
        self.relay.stop()

    # Installing. -------------------------------------------------------------

    def install(self):
        run = ["make", "-s", "-C", self.build]
        shown = subprocess.run(
            run + ["--eval", "show: ; @echo $(prefix) $(sbindir)"
                   " $(sysconfdir)", "show"],
            capture_output=True, text=True, check=True).stdout.split()
        self.prefix, self.sbin, self.etc = shown
        assert self.prefix not in ("/", "/usr"), self.prefix
        done = subprocess.run(run + ["install", f"DESTDIR={self.home}"],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        for folder in "/etc", "/run", self.etc + "/postern":
            os.makedirs(self.home + folder, exist_ok=True)

    def make_users(self):
        for name in "passwd", "group":
            shutil.copy(f"/etc/{name}", f"{self.home}/etc/{name}")
        taken = {p.pw_uid for p in pwd.getpwall()} | {
            g.gr_gid for g in grp.getgrall()}
        free = (i for i in range(64200, 65000) if i not in taken)
        self.uid = {f"postern-{kind}": next(free) for kind in KINDS}
        with open(self.home + "/etc/passwd", "a", encoding="ascii") as f:
            for name, uid in self.uid.items():
                f.write(f"{name}:x:{uid}:{uid}::/nonexistent:"
                        "/usr/sbin/nologin\n")
        with open(self.home + "/etc/group", "a", encoding="ascii") as f:
            for name, uid in self.uid.items():
                f.write(f"{name}:x:{uid}:\n")
        self.uid["root"] = 0

    def write(self, name, text, mode):
        path = f"{self.etc}/postern/{name}"
        with open(self.home + path, "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(self.home + path, mode)
        return path

    def configure(self, ca_file):
        key = secrets.token_hex(32)
        logsearch.keep("the key file", key)
        logsearch.keep("the relay's password", LOGIN[1])
        self.key = self.write("key", key + "\n", 0o600)
        self.smtp_password = self.write("smtp-password", LOGIN[1] + "\n",
                                        0o600)
        options = {
            "public_url": "http://127.0.0.1:8080",
            "runtime_dir": "/run/postern", "socket_group": RUN_AS,
            "database": f"host={self.home}/pg dbname=postern",
            "key_file": self.key, "smtp_password_file": self.smtp_password,
            "smtp_user": LOGIN[0], "smtp_tls": "starttls",
            "smtp_host": "localhost", "smtp_port": self.relay.port,
            "smtp_ca_file": ca_file, "mail_from": "postern@example.org",
            "web_workers": CREW["web"],
            "password_workers": CREW["password"], "password_cost": 1}
        self.write("postern.conf", "".join(
            f"{k} = {v}\n" for k, v in options.items()), 0o644)

    # PostgreSQL, as the README has it. ---------------------------------------

    def inside(self, command):
        return ["unshare", "-m", "--", "sh", "-c", LAY, "sh", self.home,
                self.prefix, *command]

    @staticmethod
    def as_user(name_or_uid):
        return ["setpriv", f"--reuid={name_or_uid}", f"--regid={name_or_uid}",
                "--clear-groups", "--"]

    def start_postgres(self):
        self.pg = os.path.join(self.home, "pg")
        os.mkdir(self.pg)
        os.chmod(self.pg, 0o755)
        shutil.chown(self.pg, RUN_AS, RUN_AS)
        data = os.path.join(self.pg, "data")
        subprocess.run(self.as_user(RUN_AS) + [
            pg_program("initdb"), "--no-sync", "-A", "peer", "-E", "UTF8",
            "--locale=C.UTF-8", "-D", data], cwd=self.pg, check=True,
            stdout=subprocess.DEVNULL)
        with open(data + "/pg_ident.conf", "a", encoding="ascii") as f:
            f.write(readme_block("pg_ident.conf"))
        with open(data + "/pg_hba.conf", "r+", encoding="ascii") as f:
            # Debian's has a line for postgres above all others.
            debian = f"local all {RUN_AS} peer\n" + f.read()
            f.seek(0)
            f.write(put_as_told(debian, readme_block("pg_hba.conf")))
        with open(os.path.join(self.home, "pg.log"), "wb") as log:
            self.postgres = subprocess.Popen(
                self.inside(["setpriv", "--pdeathsig=INT", f"--reuid={RUN_AS}",
                             f"--regid={RUN_AS}", "--clear-groups", "--",
                             pg_program("postgres"), "-D", data, "-c",
                             "listen_addresses=", "-c", "fsync=off", "-c",
                             f"unix_socket_directories={self.pg}"]),
                stdout=log, stderr=log, cwd=self.pg, start_new_session=True)
        until(lambda: subprocess.run(
            [pg_program("pg_isready"), "-q", "-h", self.pg],
            check=False).returncode == 0, READY_WITHIN, "PostgreSQL")

    def psql(self, user, role, sql, database="postern"):
        return subprocess.run(
            self.as_user(user) + [pg_program("psql"), "-qXAt", "-h", self.pg,
                                  "-U", role, "-d", database, "-c", sql],
            cwd="/", capture_output=True, text=True, check=False)

    def migrate(self):
        for sql in ("CREATE ROLE postern_owner LOGIN CREATEROLE",
                    "CREATE DATABASE postern OWNER postern_owner"):
            done = self.psql(RUN_AS, RUN_AS, sql, "postgres")
            assert done.returncode == 0, done.stderr
        done = subprocess.run(self.inside([
            self.sbin + "/posternctl", "migrate", "--database",
            f"host={self.pg} dbname=postern user=postern_owner"]),
            capture_output=True, text=True, check=False, cwd="/",
            env=self.environment())
        assert done.returncode == 0, done.stderr

    # posternd. ---------------------------------------------------------------

    @staticmethod
    def environment(**more):
        # A process that changed its user cannot be traced by its leak check.
        return clean_environment() | {"HOME": "/root", "PATH":
                                      "/usr/sbin:/usr/bin:/sbin:/bin",
                                      "ASAN_OPTIONS": "detect_leaks=0"} | more

    def start(self, tracer=(), **env):
        with open(self.log, "ab") as log:
            return subprocess.Popen(
                self.inside(["setpriv", "--pdeathsig=TERM", "--", *tracer,
                             self.sbin + "/posternd"]),
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/",
                env=self.environment(**env), start_new_session=True)

    def ready(self, folder="postern"):
        site = Sockets(f"{self.home}/run/{folder}")

        def answers():
            try:
                return fcgi.call(site, "GET", "/readyz")[0] == 200
            except (OSError, AssertionError):
                return False
        until(answers, READY_WITHIN, f"posternd: {self.tail()}")
        return site

    def tail(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-20:])


class Sockets:
    """What fcgi.py wants of a site."""

    def __init__(self, folder):
        self.folder = folder

    def socket(self, pool):
        return os.path.join(self.folder, f"{pool}.sock")


@pytest.fixture(scope="module")
def root(stack):
    home = tempfile.mkdtemp(prefix="postern-root.", dir="/var/tmp")
    made = Root.__new__(Root)
    made.postgres = made.posternd = None
    try:
        made.__init__(home)
        yield made
    finally:
        made.stop()
        problems, _ = logsearch.search(home)
        shutil.rmtree(home, ignore_errors=True)
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="module")
def running(root):
    root.posternd = root.start()
    root.site = root.ready()
    yield root
    code = end(root.posternd)
    assert code == 0, f"posternd ended with {code}: {root.tail()}"


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f
                    if ":\t" in line)


def crew_of(root):
    return kinds_of(children(root.posternd.pid))


# Who they are. ---------------------------------------------------------------

def test_the_supervisor_keeps_three_capabilities(running):
    status = status_of(running.posternd.pid)
    three = SETUID | SETGID | KILL
    caps = {n: int(status[n], 16) for n in
            ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    assert caps == {"CapInh": 0, "CapPrm": three, "CapEff": three,
                    "CapBnd": three, "CapAmb": 0}, caps
    assert status["Uid"].split() == ["0"] * 4


def test_every_child_is_its_own_user_without_privileges(running):
    crew = crew_of(running)
    assert collections.Counter(crew.values()) == CREW, crew
    for pid, kind in crew.items():
        status, uid = status_of(pid), str(running.uid[f"postern-{kind}"])
        told = f"{kind}: { {k: status[k] for k in status if k in STATUS} }"
        assert status["Uid"].split() == [uid] * 4, told
        assert status["Gid"].split() == [uid] * 4, told
        assert status["Groups"].split() in ([], [uid]), told
        assert status["NoNewPrivs"] == "1", told
        for caps in "CapInh", "CapPrm", "CapEff", "CapAmb":
            assert int(status[caps], 16) == 0, told
        assert int(status["CapBnd"], 16) & ~(SETUID | SETGID | KILL) == 0, told


STATUS = ("Uid", "Gid", "Groups", "NoNewPrivs", "CapInh", "CapPrm", "CapEff",
          "CapBnd", "CapAmb", "Seccomp")


def test_limits_of_the_children(running):
    for pid, kind in crew_of(running).items():
        with open(f"/proc/{pid}/limits", encoding="ascii") as f:
            text = f.read()
        core = re.search(r"Max core file size +(\d+) +(\d+)", text)
        assert core.groups() == ("0", "0"), f"{kind}: {core[0]}"


def test_what_the_children_cannot_read_does_not_pass(running):
    """Though root, who asks, could: the key file of another user."""
    conf = f"{running.etc}/postern/other.conf"
    key = running.write("other-key", secrets.token_hex(32) + "\n", 0o600)
    uid = running.uid["postern-web"]
    os.chown(running.home + key, uid, uid)
    with open(running.home + running.etc + "/postern/postern.conf",
              encoding="ascii") as f:
        text = f.read().replace(f"= {running.key}\n", f"= {key}\n")
    running.write("other.conf", text, 0o644)
    check = running.inside([running.sbin + "/posternd", "-t"])
    done = [subprocess.run(check + more, capture_output=True, text=True,
                           check=False, cwd="/", env=running.environment())
            for more in ([], ["-c", conf])]
    assert done[0].returncode == 0, done[0].stderr
    assert done[1].returncode == 1 and key in done[1].stderr, done[1].stderr


# They work. ------------------------------------------------------------------

def post(root, path, body, pool="web", **more):
    status, _, text = fcgi.call(root.site, "POST", path,
                                json.dumps(body).encode(), pool, **more)
    return status, json.loads(text)


def test_separated_they_do_their_work(running):
    """Sign-up, a mail through TLS with the relay's password, sign-in."""
    email = "installed@example.com"
    person = {"email": email, "password": PASSWORD}
    status, answer = post(running, "/auth/register", person, "password")
    assert status == 201, answer
    try:
        mail = running.relay.wait(email)[0]
    except AssertionError as late:
        raise AssertionError(f"{late}\n{running.tail()}") from late
    status, answer = post(running, "/auth/verify-email",
                          {"token": mail.token})
    assert status == 200, answer
    status, answer = post(running, "/auth/login", person, "password")
    assert status == 200, answer
    logsearch.keep_fields("a login", answer)
    status, answer = post(running, "/auth/refresh", {}, HTTP_AUTHORIZATION=(
        "Bearer " + answer["refresh_token"]))
    assert status == 200, answer
    assert [s.authenticated for s in running.relay.sessions] == [True]


# The database. ---------------------------------------------------------------

def test_peer_authentication_lets_each_user_be_its_role_only(running):
    """Every user tries every role, the superuser's too."""
    let_in = {user: [role for role in ALL_ROLES if running.psql(
        running.uid[user], role, "SELECT 1").returncode == 0]
        for user in ROLES}
    assert let_in == ROLES, let_in
    refused = running.psql(running.uid["postern-web"], "postern_password",
                           "SELECT 1").stderr
    assert "eer authentication failed" in refused, refused


def test_the_readmes_lines_leave_the_superuser_in(running):
    """Its pg_dumpall goes through every database."""
    done = subprocess.run(
        running.as_user(RUN_AS) + [pg_program("pg_dumpall"), "--schema-only",
                                   "-h", running.pg],
        cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "CREATE TABLE postern.account " in done.stdout


def test_the_role_of_the_web_pool_reads_no_hash(running):
    done = running.psql(running.uid["postern-web"], "postern_web",
                        "SELECT hash FROM postern.password")
    assert done.returncode != 0 and "permission denied" in done.stderr


# Secrets, and other processes' memory. ---------------------------------------

def mapped_at(pid):
    """An address that can be read in pid."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        return int(next(line for line in f if " rw-p " in line).split("-")[0],
                   16)


def pry(root, user, pids):
    mem = {f"/proc/{p}/mem": mapped_at(p) for p in pids}
    job = {
        "pids": list(pids), "at": mem,
        "files": [root.home + root.key, root.home + root.smtp_password, *mem,
                  *(f"/proc/{p}/{n}" for p in pids for n in
                    ("environ", "maps", "auxv", "stack"))],
        "folders": [f"/proc/{p}/{n}" for p in pids for n in
                    ("fd", "cwd/", "map_files")],
        "sockets": [f"{root.home}/run/postern/{p}.sock"
                    for p in ("web", "password")]}
    with open(PRY, encoding="ascii") as f:
        program = f.read()  # that user may not reach the file
    done = subprocess.run(
        root.as_user(root.uid[user])[:-1] + [
            "--no-new-privs", "--", "/usr/bin/python3", "-c", program],
        cwd="/", input=json.dumps(job), capture_output=True, text=True,
        check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", KINDS)
def test_a_taken_over_process_reads_no_secret(running, kind):
    """As its user: the key, the relay's password, and the memory, files and
    environment of every process of Postern, its own kind included."""
    crew = crew_of(running)
    pids = [running.posternd.pid, *crew]
    own = {f"signal {p}" for p, k in crew.items() if k == kind}
    could = set(pry(running, f"postern-{kind}", pids))
    assert could == own, f"{kind} of {len(pids)} processes: {could - own}"


def test_what_is_pried_at_is_there(running):
    """The self-test of the one above: root can do all of it."""
    crew = crew_of(running)
    could = pry(running, "root", list(crew))
    assert len([c for c in could if c.startswith("read ")]) >= 2 + len(crew)
    for what in "list", "connect", "trace", "signal":
        assert [c for c in could if c.startswith(what)], (what, could)


def test_the_secrets_are_roots_alone(running):
    for path in running.key, running.smtp_password:
        found = os.stat(running.home + path)
        assert (found.st_uid, found.st_mode & 0o777) == (0, 0o600), path


def test_the_sockets_are_for_the_web_servers_group_alone(running):
    group = grp.getgrnam(RUN_AS).gr_gid
    folder = f"{running.home}/run/postern"
    for path, mode in ((folder, 0o750), (folder + "/web.sock", 0o660),
                       (folder + "/password.sock", 0o660)):
        found = os.stat(path)
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (
            0, group, mode), f"{path}: {found}"


# The order of things. --------------------------------------------------------

LINE = re.compile(r"^(\d+) +(.*)")
GIVE_UP = {
    "setgroups": r"setgroups\(",
    "setresgid": r"setresgid\((\d+), \1, \1\) += 0",
    "setresuid": r"setresuid\((\d+), \1, \1\) += 0",
    "no_new_privs": r"prctl\(PR_SET_NO_NEW_PRIVS, 1.*= 0",
    "no core": r"(prlimit64|setrlimit)\(.*RLIMIT_CORE.*rlim_cur=0.*= 0",
    "undumpable": r"prctl\(PR_SET_DUMPABLE, SUID_DUMP_DISABLE.*= 0",
}
# Where foreign bytes come from; the name service's daemon (nscd), which is
# asked for the user, is the machine's own.
FOREIGN = re.compile(r"(accept4?|connect|recvfrom|recvmsg)\((?!.*nscd)")


def calls_in(trace, pids):
    """{pid: its calls}, those put together that strace shows in two parts."""
    calls, begun = collections.defaultdict(list), {}
    with open(trace, encoding="utf-8", errors="replace") as f:
        for line in f:
            pid, text = LINE.match(line).groups()
            if pid not in pids:
                continue
            if text.endswith(" <unfinished ...>"):
                begun[pid] = text[:-len(" <unfinished ...>")]
                continue
            if text.startswith("<... "):
                text = begun.pop(pid) + text.partition(" resumed>")[2]
            calls[pid].append(text)
    return calls


def test_privileges_go_before_the_first_foreign_byte(root):
    """Every system call of every child, from fork on."""
    trace = os.path.join(root.home, "trace")
    env = {"POSTERN_RUNTIME_DIR": "/run/traced"}
    tracer = ["strace", "-f", "-qq", "-o", trace, "-e", "trace=setgroups,"
              "setresgid,setresuid,prctl,prlimit64,setrlimit,accept,accept4,"
              "connect,recvfrom,recvmsg"]
    process = root.start(tracer=tracer, **env)
    try:
        site = root.ready("traced")
        for _ in range(20):
            assert fcgi.call(site, "GET", "/readyz")[0] == 200
            assert fcgi.call(site, "GET", "/readyz", pool="password")[0] == 200
        [supervisor] = children(process.pid)
        crew = {str(p): k for p, k in kinds_of(children(supervisor)).items()}
    finally:
        end_traced(process)
    calls = calls_in(trace, crew)
    assert collections.Counter(crew[p] for p in calls) == CREW, crew
    for pid, kind in crew.items():
        first = next(i for i, c in enumerate(calls[pid])
                     if FOREIGN.match(c))
        before = calls[pid][:first]
        missing = [name for name, pattern in GIVE_UP.items()
                   if not any(re.match(pattern, c) for c in before)]
        assert not missing, (f"{kind}: {missing} not before call {first},"
                             f" {calls[pid][first]}: {before}")


def end_traced(process):
    """The tracer's child is told to leave, and the tracer goes with it."""
    signal_all(children(process.pid), signal.SIGTERM)
    deadline = time.monotonic() + 15
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    end(process)


# Another program. ------------------------------------------------------------

def test_a_new_program_takes_over_as_the_readme_says(running):
    """With the capabilities that are left: they must do for its check, its
    start and its children."""
    with open(README, encoding="utf-8") as f:
        assert "-s USR2 postern" in f.read()
    before = set(crew_of(running))
    running.posternd.send_signal(signal.SIGUSR2)
    until(lambda: crew_of(running) and not before & set(crew_of(running)),
          READY_WITHIN, f"new children: {running.tail()}")
    running.ready()
    assert "replace.now" in running.tail()
    until(lambda: collections.Counter(crew_of(running).values()) == CREW,
          READY_WITHIN, "the whole crew")
