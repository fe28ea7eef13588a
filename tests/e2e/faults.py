# SPDX-License-Identifier: ISC
"""A PostgreSQL cluster that can be harmed, and the harms."""

import os
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

from load import query
from posterns import SOAK
from stack import (Cluster, Psql, as_owner, children, end, give, pg_program,
                   signal_all, spawn, until)

# Under refresh_grace: whose answer got lost at the start of a longer one is
# taken for a thief.
HARM = 8 if SOAK else 1.0  # seconds of a fault,
SILENCE = 8 if SOAK else 2.2  # and of one that shows after 2 s only
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

# The faults: each does its harm when made, and heals it again. ---------------

class Fault:
    seconds = HARM
    refuses = True  # requests that need the database
    # Seconds until mails go out again: the mailer tries every second.
    mail_return = 3.0


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


class Slow(Fault):
    """It runs for 20 ms of every 320, as on a worn out disk or a machine
    that does not get its turn."""

    seconds = SILENCE
    refuses = False  # some are answered late, some not

    def __init__(self, site):
        self.cluster, self.over = site.cluster, threading.Event()
        self.thread = threading.Thread(target=self.hold_up)
        self.thread.start()

    def hold_up(self):
        while not self.over.is_set():
            pids = self.cluster.pids()
            signal_all(pids, signal.SIGSTOP)
            self.over.wait(0.3)
            signal_all(pids, signal.SIGCONT)
            self.over.wait(0.02)

    def heal(self):
        self.over.set()
        self.thread.join()


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


class Severed(Fault):
    """Its administrator ends our connections, ten times."""

    def __init__(self, site):
        for _ in range(10):
            query(site, "SELECT pg_terminate_backend(pid) FROM"
                  " pg_stat_activity WHERE usename LIKE 'postern_%'")
            time.sleep(0.1)

    def heal(self):
        pass


class HangingWithNewWorkers(Hanging):
    """All workers are new ones, without a key to sign with."""

    def __init__(self, site):
        super().__init__(site)
        signal_all(site.workers(), signal.SIGKILL)


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
