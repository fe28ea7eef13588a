# SPDX-License-Identifier: ISC
"""Tries everything that the JSON object on stdin names, and prints what it
could do: what a process that was taken over would try (test_separation.py)."""

import ctypes
import json
import os
import socket
import sys

job = json.load(sys.stdin)
libc = ctypes.CDLL(None, use_errno=True)
done = []
for path in job["files"]:
    try:
        with open(path, "rb") as f:
            if path.endswith("/mem"):
                f.seek(job["at"][path])
            f.read(16)
        done.append("read " + path)
    except OSError:
        pass
for path in job["folders"]:
    try:
        os.listdir(path)
        done.append("list " + path)
    except OSError:
        pass
for path in job["sockets"]:
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
        done.append("connect " + path)
    except OSError:
        pass
for pid in job["pids"]:
    if libc.ptrace(16, pid, 0, 0) == 0:
        done.append("trace %d" % pid)
        libc.ptrace(17, pid, 0, 0)
    try:
        os.kill(pid, 0)
        done.append("signal %d" % pid)
    except OSError:
        pass
print(json.dumps(done))
