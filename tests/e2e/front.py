# SPDX-License-Identifier: ISC
"""A second nginx before a site's posternd: the shipped files with changes of
the test's own, as sysadmins make them."""

import os
import shutil
import signal
import socket
import tempfile

from stack import NGINX_CONF, end, free_port, give, run, spawn, until


class Front:
    """`changes` are (file, old, new) in the site's own nginx files; http and
    server are lines to add there, {home} in them a folder of its own."""

    def __init__(self, site, changes=(), http="", server="", listen=""):
        self.site = site
        self.port = free_port()
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
        command = [shutil.which("nginx") or "/usr/sbin/nginx", "-p",
                   self.home, "-e", log, "-c",
                   os.path.join(self.home, "nginx.conf")]
        run(command + ["-t"], cwd=self.home)
        self.nginx = spawn(command, log, cwd=self.home)
        until(self.listens, 10, "nginx")

    def listens(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        end(self.nginx, signal.SIGTERM)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()
