# SPDX-License-Identifier: ISC
"""A second nginx before a site's posternd: the shipped files with changes of
the test's own, as sysadmins make them."""

import glob
import os
import shutil
import signal
import subprocess
import tempfile

from faulty_smtp import Authority
from stack import NGINX_CONF, as_owner, end, free_port, give, until


def make_certificate(site, home, names):
    """A certificate for names in the site's folder: (its authority's file,
    the path of its .pem and .key without these)."""
    authority = Authority(str(home))
    authority.context(names)
    made, = glob.glob(os.path.join(home, "authority[0-9]*.key"))
    stem = os.path.join(site.home, "tls")
    for end in ".pem", ".key":
        shutil.copy(made[:-4] + end, stem + end)
        give(stem + end)
    return authority.file, stem


class Front:
    """`changes` are (file, old, new) in the site's own nginx files; http and
    server are lines to add there, {home} in them a folder of its own; prefix
    is a command that runs nginx somewhere else."""

    def __init__(self, site, changes=(), http="", server="", listen="",
                 port=None, prefix=()):
        self.site, self.prefix = site, prefix
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.home = tempfile.mkdtemp(prefix="front.", dir=site.home)
        shutil.copytree(os.path.join(site.home, "nginx", "snippets"),
                        os.path.join(self.home, "snippets"))
        os.chmod(self.home, 0o755)
        give(self.home)
        for name, old, new in changes:
            self.change(name, old, new)
        self.write(http, server, listen)
        self.start()

    def change(self, name, old, new):
        path = os.path.join(self.home, "snippets", name)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        assert old in text, f"{name} has no {old!r}"
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace(old, new))

    def write(self, http, server, listen):
        text = NGINX_CONF.format(home=self.home, port=self.port,
                                 maps=http.replace("{home}", self.home),
                                 locations=server)
        with open(os.path.join(self.home, "nginx.conf"), "w",
                  encoding="utf-8") as f:
            f.write(text.replace(" backlog=1024;", f" {listen};"))

    def start(self):
        log = os.path.join(self.home, "nginx-error.log")
        command = [*self.prefix, *as_owner(),
                   shutil.which("nginx") or "/usr/sbin/nginx", "-p",
                   self.home, "-e", log, "-c",
                   os.path.join(self.home, "nginx.conf")]
        with open(log, "ab") as out:
            give(log)
            self.nginx = subprocess.Popen(
                command, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                cwd=self.home)
        until(self.listens, 10, "nginx")

    def listens(self):
        """nginx writes its pid when its sockets are open."""
        with open(os.path.join(self.home, "nginx-error.log"),
                  encoding="utf-8") as f:
            assert self.nginx.poll() is None, f.read()
        return os.path.exists(os.path.join(self.home, "nginx.pid"))

    def stop(self):
        end(self.nginx, signal.SIGTERM)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()
