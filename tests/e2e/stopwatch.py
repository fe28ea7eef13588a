# SPDX-License-Identifier: ISC
"""Times two POSTs in turn: a process of its own, so that nothing else of
the tests (the mail sink above all) shares its interpreter.

Reads one JSON object from stdin: port, host (of the client), path, bodies
(two), pairs, rest.  "{n}" in a body becomes what no call had before.  Writes
the times in seconds as two JSON arrays.
"""

import http.client
import json
import os
import sys
import time

HEADERS = {"Content-Type": "application/json"}


def main():
    job = json.load(sys.stdin)
    connection = http.client.HTTPConnection(
        "127.0.0.1", job["port"], timeout=20, source_address=(job["host"], 0))
    times, statuses = [[], []], set()
    for n in range(-10, job["pairs"]):  # ten to warm up
        # Every other pair turned round: what one call leaves behind, such as
        # a mail on its way, is met by both alike.
        for which in (0, 1) if n % 2 else (1, 0):
            body = job["bodies"][which].replace(
                "{n}", f"{os.getpid()}-{n + 10}")
            started = time.perf_counter()
            connection.request("POST", job["path"], body, HEADERS)
            answer = connection.getresponse()
            answer.read()
            took = time.perf_counter() - started
            if n >= 0:
                times[which].append(took)
            statuses.add(answer.status)
            time.sleep(job["rest"])
    json.dump({"times": times, "statuses": sorted(statuses)}, sys.stdout)


main()
