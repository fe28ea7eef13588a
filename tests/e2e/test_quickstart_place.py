# SPDX-License-Identifier: ISC
"""Story: scripts/quickstart runs as root on a machine that others use too.

Its services run as www-data, which other web programs are as well, and its
folder below /var/tmp has a name that anybody can tell beforehand.  Neither
gets them root's files, nor a signal sent.  The whole script runs, but for the
packages and the build: the programs are those that the tests built.
"""

import hashlib
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import urllib.request

import pytest

from stack import BUILD, RUN_AS, SOURCE, free_port

SERVICE = "www-data"
RUN = """
eval "$(sed '$d' "$0")"
install_packages() { :; }
install_postern() {
	cp "$source/scripts/smtp-catcher" "$source/scripts/demo-app" "$run/install"
	programs=$source/sbin shared=$source/share
}
main "$@"
"""
# What somebody who owned a folder would put there: links to what root has,
# in place of what root writes, and processes that are not the script's.
PLANT = """
victim=$1 kept=$2
cd "$3"
rm -f secrets/web
for name in secrets/web.new log/{app,nginx,posternd,postgresql,error}.log \\
	nginx/nginx.conf nginx/snippets/postern-gate.conf run/catcher.port \\
	run/app.sock .postern.conf.new posternd.pid env; do
	ln -sfn "$victim" "$name"
done
for name in nginx app posternd catcher postgresql; do
	echo "$kept" >"run/$name.kept"
	echo "$kept" >"kept/$name"
done
: # whatever of it did not work
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def become(user):
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]


def started(pid):
    """When it did, in the kernel's words; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


class Sources:
    """As a clone would be, with what was built."""

    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="postern-qs.", dir="/var/tmp")
        os.chmod(self.home, 0o755)
        for name in "templates", "public", "sql", "nginx":
            shutil.copytree(os.path.join(SOURCE, name),
                            os.path.join(self.home, "share", name))
        shutil.copytree(os.path.join(SOURCE, "scripts"),
                        os.path.join(self.home, "scripts"))
        os.mkdir(os.path.join(self.home, "sbin"))
        for name in "posternd", "posternctl":
            shutil.copy(os.path.join(BUILD, name),
                        os.path.join(self.home, "sbin"))
        self.script = os.path.join(self.home, "scripts", "quickstart")

    def folder(self, name, owner=None, mode=0o755):
        path = os.path.join(self.home, name)
        os.mkdir(path, mode)
        if owner:
            shutil.chown(path, owner, owner)
        return path

    def quickstart(self, *arguments, prefix=()):
        """Its exit code, and what it said."""
        done = subprocess.run(
            [*prefix, "bash", "-c", RUN, self.script, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False,
            stderr=subprocess.STDOUT, text=True, timeout=120, cwd="/")
        return done.returncode, done.stdout


@pytest.fixture(scope="module")
def sources():
    sources = Sources()
    yield sources
    shutil.rmtree(sources.home)


@pytest.fixture
def stranger():
    """A process that is not the script's, as a line that names it."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield f"{process.pid} {started(process.pid)}"
        assert process.poll() is None, "somebody ended it"
        process.kill()


def plant(folder, victim, kept):
    subprocess.run(become(SERVICE) + ["bash", "-c", PLANT, "plant", victim,
                                      kept, folder],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   check=True, timeout=20)


def state(path):
    st = os.lstat(path)
    with open(path, encoding="ascii") as f:
        return st.st_uid, st.st_gid, st.st_mode, f.read()


def shell(command):
    return subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE,
                          check=True, text=True, timeout=20, cwd="/").stdout


def settings(path):
    with open(path, encoding="utf-8") as f:
        return dict(line.rstrip("'\n").split("='", 1) for line in f)


def answers(port):
    url = f"http://127.0.0.1:{port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def pids(folder):
    found = {}
    for name in os.listdir(os.path.join(folder, "kept")):
        with open(os.path.join(folder, "kept", name), encoding="ascii") as f:
            found[name] = f.read()
    return found


@pytest.fixture
def victim(sources):
    path = os.path.join(sources.home, "victim")
    with open(path, "w", encoding="ascii") as f:
        f.write("root's\n")
    os.chmod(path, 0o640)
    yield path
    os.unlink(path)


def test_it_starts_again_whatever_its_user_planted(sources, stranger, victim):
    folder, port = os.path.join(sources.home, "var"), free_port()
    start = ["--background", "--dir", folder, "--port", str(port)]
    before = state(victim)
    try:
        for _ in range(2):
            code, said = sources.quickstart(*start)
            assert code == 0, said
            assert answers(port) and f"http://127.0.0.1:{port}" in said
            told = re.search(r"^  posternctl +(.*)", said, re.MULTILINE)
            assert " signs " in shell(told[1])
            env = settings(os.path.join(folder, "env"))
            assert env["BASE_URL"] == f"http://127.0.0.1:{port}"
            running = pids(folder)
            with open(os.path.join(folder, "posternd.pid"),
                      encoding="ascii") as f:
                assert running["posternd"].split()[0] == f.read().strip()
            if os.geteuid() == 0:
                plant(folder, victim, stranger)
            assert state(victim) == before
    finally:
        code, said = sources.quickstart("--stop", "--dir", folder)
    assert code == 0, said
    assert state(victim) == before
    assert pids(folder) == {} and not answers(port)
    for name, line in running.items():
        pid, start = line.split()
        assert started(pid) != start, name


@needs_root
@pytest.mark.parametrize("user", ["root", RUN_AS])
@pytest.mark.parametrize("below", [False, True], ids=["dir", "var-tmp"])
def test_a_folder_of_somebody_elses_is_not_believed(
        sources, stranger, user, below):
    """Whoever was there first wrote what would be stopped."""
    name = f"{user}-{'long' * 20 if below else 'dir'}"
    folder = os.path.join(sources.home, name)
    if below:
        uid = pwd.getpwnam(user).pw_uid
        digest = hashlib.sha256(folder.encode()).hexdigest()[:12]
        place = f"/var/tmp/postern-{uid}-{digest}"
    else:
        place = folder
    os.mkdir(place)
    try:
        for name in "run", "kept":
            os.mkdir(os.path.join(place, name))
        for path, _, _ in os.walk(place):
            shutil.chown(path, SERVICE, SERVICE)
        plant(place, "/nowhere", stranger)
        assert pids(place)["nginx"] == stranger + "\n"
        for what in "--stop", "--background":
            code, said = sources.quickstart(
                what, "--dir", folder, "--port", str(free_port()),
                prefix=become(user))
            assert code == 1, said
            assert f"{place} belongs to somebody else ({SERVICE})" in said
        assert os.lstat(place).st_uid == pwd.getpwnam(SERVICE).pw_uid
    finally:
        shutil.rmtree(place)


def test_a_folder_that_others_can_write_is_not_believed(sources):
    folder = sources.folder("open")
    os.chmod(folder, 0o777)
    code, said = sources.quickstart("--stop", "--dir", folder)
    assert code == 1 and f"chmod go-w {folder}" in said, said


@needs_root
def test_sources_are_not_copied_into_a_folder_of_somebody_elses(sources):
    """scripts/test and bench/run would build what is there, and run it."""
    folder = sources.folder("copies", SERVICE)
    status = os.path.join(sources.home, "config.status")
    with open(status, "w", encoding="ascii"):
        pass
    done = subprocess.run(
        ["bash", "-c", 'source=$1; . "$1/scripts/lib.sh"; own_sources "$2"',
         "test", sources.home, os.path.join(folder, "src")],
        capture_output=True, text=True, timeout=20, check=False)
    os.unlink(status)
    assert done.returncode == 1 and os.listdir(folder) == []
    assert f"{folder} belongs to somebody else ({SERVICE})" in done.stderr
