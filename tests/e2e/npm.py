# SPDX-License-Identifier: ISC
"""What the tests take from npm, as package-lock.json says it to the byte."""

import os
import shutil
import subprocess

from stack import BUILD, SOURCE


def modules():
    """The folder node_modules, put into the build folder by npm."""
    folder = os.path.join(BUILD, "npm")
    lock = os.path.join(folder, "package-lock.json")
    done = os.path.join(folder, "done")  # the lock that was installed
    source = os.path.join(SOURCE, "tests", "e2e")
    os.makedirs(folder, exist_ok=True)
    if not same(done, os.path.join(source, "package-lock.json")):
        for name in "package.json", "package-lock.json":
            shutil.copy(os.path.join(source, name), folder)
        run = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder, capture_output=True, text=True, timeout=120,
            check=False)
        assert run.returncode == 0, run.stderr
        shutil.copy(lock, done)
    return os.path.join(folder, "node_modules")


def same(one, other):
    if not os.path.exists(one):
        return False
    with open(one, "rb") as a, open(other, "rb") as b:
        return a.read() == b.read()
