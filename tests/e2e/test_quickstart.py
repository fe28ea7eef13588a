# SPDX-License-Identifier: ISC
"""Story: scripts/quickstart shows an application behind the gate.

Its own lines are run, those for nginx and the application, in front of a
posternd that the tests built: the script is read without its last line,
which would install packages, build, and make a cluster.
"""

import os
import shutil
import subprocess

import pytest

from client import Client, refused
from stack import SOURCE, as_owner, free_port, give, until

RUN = """
set -euo pipefail
eval "$(sed '$d' "$0")"
as_user=(env)
run=$1 dir=$1 port=$2 shared=$3 programs=$1/install
shift 3
for function; do
	"$function"
done
"""


class Quickstart:
    """A folder as the script makes it, with the sockets of a site's."""

    def __init__(self, site):
        self.site = site
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.run = os.path.join(site.home, "quickstart")
        for folder in "run", "kept", "log", "nginx/snippets", "nginx/temp", "install":
            os.makedirs(os.path.join(self.run, folder))
        # What the owner may not reach in the sources.
        scripts = shutil.copytree(os.path.join(SOURCE, "scripts"),
                                  os.path.join(self.run, "scripts"))
        self.script = os.path.join(scripts, "quickstart")
        shutil.copytree(os.path.join(SOURCE, "nginx"),
                        os.path.join(self.run, "share", "nginx"))
        shutil.copy(os.path.join(scripts, "demo-app"),
                    os.path.join(self.run, "install"))
        for pool in "web", "password":
            os.symlink(site.socket(pool),
                       os.path.join(self.run, "run", pool + ".sock"))
        for folder, _, _ in os.walk(self.run):
            give(folder)

    def do(self, *functions):
        done = subprocess.run(
            as_owner() + ["bash", "-c", RUN, self.script, self.run,
                          str(self.port), os.path.join(self.run, "share"),
                          *functions],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False,
            stderr=subprocess.STDOUT, text=True, timeout=60, cwd=self.run)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def answers(self):
        try:
            return Client(self).get("/healthz").status_code == 200
        except OSError:
            return False

    def running(self):
        """The names under which pids are kept."""
        return set(os.listdir(os.path.join(self.run, "kept")))


@pytest.fixture(scope="module")
def quickstart(open_site):
    quickstart = Quickstart(open_site)
    quickstart.do("start_app", "start_nginx")
    until(quickstart.answers, 20, "nginx of the quickstart")
    yield quickstart
    quickstart.do("stop_all")
    assert quickstart.running() == set()
    assert not quickstart.answers()


def test_its_application_greets_who_is_signed_in(quickstart, open_site):
    account, client = open_site.account(), Client(quickstart)
    assert quickstart.running() == {"app", "nginx"}
    refused(client.get("/app/", headers={"X-Auth-User": "root"}), 401)
    answer = client.get("/app/", headers={"Accept": "text/html"})
    assert answer.status_code == 303, answer.text
    assert "/login?next=" in answer.headers["Location"]
    token = account.login()["access_token"]
    answer = client.get("/app/", token=token,
                        headers={"X-Auth-Email": "root@example.com"})
    assert answer.text == f"Hello {account.email}\n"
    page = client.get("/app/", token=token, headers={"Accept": "text/html"})
    assert f"<h1>Hello {account.email}</h1>" in page.text
    assert account.id in page.text and "root" not in page.text
    assert page.headers["Cache-Control"] == "private, no-store"


def test_what_it_tells_to_try_names_the_application(quickstart):
    with open(quickstart.script, encoding="utf-8") as f:
        assert "\tstart_posternd\n\tstart_app\n\tstart_nginx\n" in f.read()
    said = quickstart.do("greet")
    assert f"http://127.0.0.1:{quickstart.port}/app/" in said
    assert "curl -s $url/app/ -H" in said
