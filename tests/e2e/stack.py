# SPDX-License-Identifier: ISC
"""A whole private Postern: PostgreSQL, posternd, nginx, and a mail sink.

Everything lives in one folder that is removed at the end, and every process
is stopped by the pid that was kept for it.  Should pytest itself be killed,
the kernel ends its children (setpriv --pdeathsig).  As root all of it runs
as user postgres: initdb refuses root, and one user for all three needs no
permissions between them.
"""

import glob
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import logsearch
from client import Client, next_address
from mailsink import Sink

SOURCE = os.environ.get("POSTERN_SOURCE") or os.path.realpath(
    os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("POSTERN_BUILD") or os.path.join(
    SOURCE, "build", "test")
RUN_AS = "postgres"
SOCKET_PATH_MAX = 80  # of the folder; sun_path holds 107
READY_WITHIN = 20
STOP_WITHIN = 15

# What must never stand in a log: a sanitizer's report, a failed must().
CRASH = re.compile(
    r"AddressSanitizer|LeakSanitizer|UndefinedBehavior|runtime error:"
    r"|SUMMARY: | bug must=|Assertion|core dumped|signal=?(4|6|7|8|11)\b")

NGINX_CONF = """\
daemon off;
worker_processes 2;
pid {home}/nginx.pid;
error_log {home}/nginx-error.log warn;
events {{ worker_connections 1024; }}
http {{
  client_body_temp_path {home}/nginx-body;
  fastcgi_temp_path {home}/nginx-fastcgi;
  proxy_temp_path {home}/nginx-proxy;
  scgi_temp_path {home}/nginx-scgi;
  uwsgi_temp_path {home}/nginx-uwsgi;
  default_type application/octet-stream;
  include snippets/postern-http.conf;
  {maps}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    server_name _;
    include snippets/postern-server.conf;
    {locations}
  }}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def as_owner(death="TERM"):
    """What to put before a command so that it runs as the stack's owner."""
    prefix = ["setpriv", f"--pdeathsig={death}"]
    if os.geteuid() == 0:
        prefix += [f"--reuid={RUN_AS}", f"--regid={RUN_AS}", "--clear-groups"]
    return prefix + ["--"]


def owns(path):
    """Whether the stack's owner can write below path."""
    return subprocess.run(as_owner() + ["test", "-w", path, "-a", "-x", path],
                          check=False).returncode == 0


def give(path):
    if os.geteuid() == 0:
        shutil.chown(path, RUN_AS, RUN_AS)


def make_home():
    """The private folder: below the build folder, or where that does not do
    (not reachable for the owner, path too long for a socket) in /var/tmp."""
    if len(BUILD) < SOCKET_PATH_MAX - 30 and os.access(BUILD, os.W_OK):
        home = tempfile.mkdtemp(prefix="e2e.", dir=BUILD)
        give(home)
        if owns(home):
            return home
        os.rmdir(home)
    home = tempfile.mkdtemp(prefix="postern-e2e.", dir="/var/tmp")
    give(home)
    return home


def pg_program(name):
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    return found[-1] if found else shutil.which(name)


def run(command, **kw):
    done = subprocess.run(as_owner() + command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False,
                          timeout=60, **kw)
    assert done.returncode == 0, f"{command}: {done.stdout}"
    return done.stdout


def spawn(command, log, death="TERM", **kw):
    with open(log, "ab") as out:
        return subprocess.Popen(as_owner(death) + command, stdout=out,
                                stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL,
                                start_new_session=True, **kw)


def children(pid):
    """The live child processes of pid, as {pid: start time}."""
    found = {}
    for entry in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(entry, encoding="utf-8", errors="replace") as f:
                stat = f.read()
        except OSError:
            continue
        fields = stat.rpartition(")")[2].split()
        if int(fields[1]) == pid and fields[0] != "Z":
            found[int(stat.split()[0])] = int(fields[19])
    return found


def signal_all(pids, sig):
    """To each of them that did not leave meanwhile, as children do."""
    for pid in pids:
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            pass


def end(process, sig=signal.SIGTERM):
    """Stops what spawn() began, and its children should it not."""
    if process is None or process.poll() is not None:
        return process and process.returncode
    process.send_signal(sig)
    try:
        return process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        signal_all([*children(process.pid), process.pid], signal.SIGKILL)
        process.wait()
        return "did not stop"


def clean_environment():
    """Ours, without what posternd would take for options."""
    return {k: v for k, v in os.environ.items()
            if not k.startswith("POSTERN_")}


def until(true, within, what):
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, f"waited {within} s for {what}"
        time.sleep(0.02)


class Cluster:
    """A PostgreSQL cluster on a unix socket, roles without passwords."""

    settings = {"fsync": "off", "full_page_writes": "off",
                "max_connections": "200", "shared_buffers": "32MB",
                "max_wal_size": "256MB"}

    def __init__(self, home):
        self.home = home
        self.process = None
        os.mkdir(home, 0o700)
        give(home)
        self.data = os.path.join(home, "data")
        run([pg_program("initdb"), "--no-sync", "-A", "trust", "-U", "root",
             "-E", "UTF8", "--locale=C.UTF-8", "-D", self.data], cwd=home)

    def start(self):
        settings = {"listen_addresses": "",
                    "unix_socket_directories": self.home} | self.settings
        command = [pg_program("postgres"), "-D", self.data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self.process = spawn(command, os.path.join(self.home, "log"), "INT",
                             cwd=self.home)
        until(self.answers, READY_WITHIN, "PostgreSQL")
        return self

    def answers(self):
        return subprocess.run([pg_program("pg_isready"), "-q", "-h", self.home],
                              check=False).returncode == 0

    def stop(self, sig=signal.SIGINT):
        end(self.process, sig)

    def psql(self, sql, database="postgres"):
        run([pg_program("psql"), "-qX", "-v", "ON_ERROR_STOP=1",
             "-h", self.home, "-U", "root", "-d", database, "-c", sql],
            cwd=self.home)

    def create(self, database):
        """A migrated database, made as its owner would make it."""
        self.psql("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles"
                  " WHERE rolname = 'postern_owner') THEN CREATE ROLE"
                  " postern_owner LOGIN CREATEROLE; END IF; END $$")
        self.psql(f"CREATE DATABASE {database} OWNER postern_owner")
        run([self.posternctl, "migrate", "--database",
             f"postgresql:///{database}?host={self.home}&user=postern_owner",
             "--sql", self.sql], cwd=self.home)

    posternctl = os.path.join(BUILD, "posternctl")
    sql = os.path.join(SOURCE, "sql")


class Psql:
    """A session of the administrator's that stays."""

    def __init__(self, site):
        self.process = subprocess.Popen(
            as_owner() + [pg_program("psql"), "-qXAt", "-h",
                          site.cluster.home, "-U", "root", "-d",
                          site.database],
            cwd=site.home, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)

    def __call__(self, sql):
        """Runs statements without a result, and one with."""
        self.process.stdin.write(f"{sql};\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, sql
        return line.strip()

    def close(self):
        self.process.communicate(timeout=10)


class Stack:
    """What all instances share: folder, programs, cluster, sink."""

    cluster_class = Cluster

    def __init__(self):
        self.home = make_home()
        self.sites = []
        self.sink = Sink(free_port())
        try:
            self.bring()
            self.cluster = self.cluster_class(
                os.path.join(self.home, "pg")).start()
        except BaseException:
            self.stop()
            raise

    def bring(self):
        """Copies what the owner may not be able to reach in the source."""
        for name in "posternd", "posternctl":
            shutil.copy(os.path.join(BUILD, name), self.home)
        for name in "templates", "sql", "public":
            shutil.copytree(os.path.join(SOURCE, name),
                            os.path.join(self.home, name))
        Cluster.posternctl = os.path.join(self.home, "posternctl")
        Cluster.sql = os.path.join(self.home, "sql")

    def site(self, cluster=None, locations="", maps="", **options):
        """An instance; its nginx has these locations beside Postern's, and
        these lines in http { }."""
        site = Site(self, cluster or self.cluster, options)
        site.locations, site.maps = locations, maps
        self.sites.append(site)
        try:
            return site.start()
        except BaseException:
            site.stop()
            raise

    def stop(self):
        problems = [p for site in list(self.sites) for p in site.stop()]
        if getattr(self, "cluster", None):
            self.cluster.stop()
        self.sink.stop()
        problems += logsearch.search(self.home)[0]
        if not os.environ.get("POSTERN_E2E_KEEP"):
            shutil.rmtree(self.home, ignore_errors=True)
        assert not problems, "\n".join(problems)


class Site:
    """One posternd with its nginx and its database."""

    count = 0
    locations = maps = ""
    nginx_conf = NGINX_CONF

    def __init__(self, stack, cluster, options):
        Site.count += 1
        self.stack, self.sink, self.cluster = stack, stack.sink, cluster
        self.home = os.path.join(stack.home, f"site{Site.count}")
        self.run_dir = os.path.join(self.home, "run")
        for folder in self.home, self.run_dir, self.home + "/nginx":
            os.mkdir(folder, 0o755)
            give(folder)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.conf = os.path.join(self.home, "postern.conf")
        self.log = os.path.join(self.home, "posternd.log")
        self.posternd = self.nginx = None
        self.log_read = 0
        self.expect_crash = False
        self.options = self.standard() | options
        self.write_conf()

    def standard(self):
        key = os.path.join(self.home, "key")
        with open(key, "w", encoding="ascii") as f:
            f.write(secrets.token_hex(32) + "\n")
        os.chmod(key, 0o600)
        give(key)
        return {
            "public_url": self.url,
            "runtime_dir": self.run_dir,
            "socket_group": "",
            "pid_file": os.path.join(self.home, "posternd.pid"),
            "database": f"host={self.cluster.home} dbname={self.database}",
            "key_file": key,
            "password_workers": 2,
            "password_cost": 1,
            "template_dir": os.path.join(self.stack.home, "templates"),
            "static_dir": os.path.join(self.stack.home, "public"),
            "worker_memory": 65536,  # a sanitizer's shadow counts too
            "smtp_host": "127.0.0.1",
            "smtp_port": self.sink.port,
            "mail_from": "postern@example.org",
        }

    @property
    def database(self):
        return os.path.basename(self.home)

    def socket(self, pool):
        return os.path.join(self.run_dir, f"{pool}.sock")

    def write_conf(self, **changes):
        self.options |= changes
        with open(self.conf, "w", encoding="utf-8") as f:
            for name, value in self.options.items():
                f.write(f"{name} = {value}\n")
        give(self.conf)

    def start(self):
        self.cluster.create(self.database)
        self.start_nginx()
        return self.start_posternd()

    def start_posternd(self, **env):
        self.posternd = spawn(self.command(), self.log, cwd=self.home,
                              env=clean_environment() | env)
        self.wait_ready()
        return self

    def command(self, *more):
        return [os.path.join(self.stack.home, "posternd"), *more,
                "-c", self.conf]

    def start_nginx(self):
        snippets = os.path.join(self.home, "nginx", "snippets")
        os.mkdir(snippets)
        for path in glob.glob(os.path.join(SOURCE, "nginx", "*.conf")):
            with open(path, encoding="utf-8") as f:
                text = f.read()
            text = text.replace("/run/postern", self.run_dir)
            text = text.replace("/var/log/nginx", self.home)
            text = text.replace("/usr/local/share/postern", self.stack.home)
            with open(os.path.join(snippets, os.path.basename(path)),
                      "w", encoding="utf-8") as f:
                f.write(text)
        conf = os.path.join(self.home, "nginx", "nginx.conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(self.nginx_conf.format(
                home=self.home, port=self.port, maps=self.maps,
                locations=self.locations))
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        log = os.path.join(self.home, "nginx-error.log")
        command = [nginx, "-p", self.home, "-e", log, "-c", conf]
        run(command + ["-t"], cwd=self.home)
        self.nginx = spawn(command, log, "TERM", cwd=self.home)

    def wait_ready(self):
        client = self.client()

        def ready():
            assert self.posternd.poll() is None, self.tail()
            try:
                return client.get("/readyz", check=False).status_code == 200
            except OSError:
                return False
        try:
            until(ready, READY_WITHIN, "posternd")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.tail()}") from late

    def client(self, address=None):
        return Client(self, address)

    def account(self, **kw):
        """A verified account nobody else uses."""
        return Account(self, **kw).register().verify()

    def unverified(self, **kw):
        return Account(self, **kw).register()

    def settle_mail(self):
        """Returns when every mail queued so far was tried: the mailer makes
        first attempts in order, so one more that arrives is the proof."""
        Account(self).register()

    def workers(self):
        return children(self.posternd.pid)

    def crashes(self):
        """New lines in the log that tell of a crash."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding="utf-8", errors="replace") as f:
            f.seek(self.log_read)
            text = f.read()
            self.log_read = f.tell()
        return [line for line in text.splitlines() if CRASH.search(line)]

    def tail(self, lines=40):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-lines:])

    def stop(self):
        """Stops it; returns what went wrong, in words."""
        before = self.crashes()
        code = end(self.posternd)
        end(self.nginx, signal.SIGTERM)
        self.posternd = self.nginx = None
        if self in self.stack.sites:
            self.stack.sites.remove(self)
        problems = before + self.crashes()
        if code not in (0, None):
            problems.append(f"posternd ended with {code}: {self.tail(5)}")
        return problems


class Account:
    """Someone with an address, a password and a browser far from others."""

    def __init__(self, site, email=None, password="a long enough secret"):
        self.site, self.password = site, password
        self.email = email or next_address()
        self.id = None
        self.client = site.client()

    def register(self):
        answer = self.client.post("/auth/register", self.credentials())
        assert answer.status_code == 201, answer.text
        self.id = answer.json()["user_id"]
        self.verification = self.mails("Verify Your Email Address")[0].token
        return self

    def verify(self):
        answer = self.client.post("/auth/verify-email",
                                  {"token": self.verification})
        assert answer.status_code == 200, answer.text
        return self

    def credentials(self):
        return {"email": self.email, "password": self.password}

    def mails(self, subject, count=1):
        return self.site.sink.wait(self.email, subject, count)

    def login(self, client=None):
        client = client or self.site.client()
        answer = client.post("/auth/login", self.credentials())
        assert answer.status_code == 200, answer.text
        return answer.json()

    def reset_token(self):
        """A new reset link's token."""
        before = len(self.site.sink.to(self.email, "Password Reset Request"))
        answer = self.site.client().post("/auth/forgot-password",
                                         {"email": self.email})
        assert answer.status_code == 200, answer.text
        return self.mails("Password Reset Request", before + 1)[-1].token
