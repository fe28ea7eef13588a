# SPDX-License-Identifier: ISC
"""posternd's processes seen from outside, and posternctl."""

import glob
import os
import re
import subprocess

from stack import SOURCE, Site, as_owner, clean_environment

SOAK = bool(os.environ.get("POSTERN_SOAK"))


def ctl(site, *arguments):
    """posternctl with the site's configuration, run to its end."""
    return subprocess.run(
        as_owner() + [site.cluster.posternctl, *arguments, "-c", site.conf],
        cwd=site.home, env=clean_environment(), capture_output=True,
        text=True, check=False, timeout=30)


NAMES = {"postern-web": "web", "postern-passwor": "password",
         "postern-mailer": "mailer", "postern-janitor": "janitor"}


def kind_of(pid):
    """Which kind of process pid is, by the name that ps shows."""
    with open(f"/proc/{pid}/comm", encoding="ascii") as f:
        return NAMES.get(f.read().strip(), "starting")


def kinds(site):
    """{pid: kind} of posternd's children."""
    return kinds_of(site.workers())


def kinds_of(pids):
    """{pid: kind} of those that are still there."""
    found = {}
    for pid in pids:
        try:
            found[pid] = kind_of(pid)
        except (OSError, TypeError):
            continue  # gone meanwhile
    return found


def cpu_ticks(pid):
    """The processor time pid has used, in ticks of a hundredth of a
    second."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        user, system = f.read().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)


def private_kib(pid):
    """The memory that is pid's alone, written to: what a leak grows."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            return int(re.search(r"^Private_Dirty: +(\d+)", f.read(),
                                 re.M)[1])
    except PermissionError:  # an undumpable one, and we are not root
        with open(f"/proc/{pid}/statm", encoding="ascii") as f:
            _, resident, shared = f.read().split()[:3]
        return (int(resident) - int(shared)) * os.sysconf("SC_PAGESIZE") >> 10


def is_sanitized(program):
    with open(program, "rb") as f:
        return b"__asan_init" in f.read()


def fast_build():
    """The folder of a build as it is installed: memory, privileges and speed
    are judged by nothing else.  scripts/test makes it and says where."""
    told = os.environ.get("POSTERN_FAST_BUILD")
    fast = told or os.path.join(SOURCE, "build", "fast")
    program = os.path.join(fast, "posternd")
    how = (f"make one: mkdir -p {fast} && cd {fast} &&"
           f" {SOURCE}/configure --enable-werror && make")
    assert os.path.exists(program), f"there is no {program}; {how}"
    assert not is_sanitized(program), f"{program} has sanitizers; {how}"
    if not told:
        sources = glob.glob(os.path.join(SOURCE, "src", "**", "*.[ch]"),
                            recursive=True)
        assert os.path.getmtime(program) >= max(
            map(os.path.getmtime, sources)), (
                f"{program} is older than the sources: make -C {fast}")
    return fast


class OtherSite(Site):
    """An instance whose posternd is another one than the stack's."""

    program = None  # set before it is started

    def command(self, *more):
        return [self.program, *more, "-c", self.conf]


def start_other(stack, program, env=None, **options):
    site = OtherSite(stack, stack.cluster, options)
    site.program = program
    stack.sites.append(site)
    try:
        site.cluster.create(site.database)
        site.start_nginx()
        return site.start_posternd(**env or {})
    except BaseException:
        site.stop()
        raise
