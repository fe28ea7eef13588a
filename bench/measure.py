# SPDX-License-Identifier: ISC
"""The benchmark's questions, one function each; see README.md."""

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import time

import places
from places import (CORES, Scene, access_tokens, cookie, generations, load,
                    pgbench, pss_mib, refresh_token, say, statements_of,
                    time_start, write_requests)

rows = []


class Spread:
    """Some numbers of the same thing: their median and how far they lie."""

    def __init__(self, numbers):
        self.numbers = sorted(numbers)
        self.median = statistics.median(self.numbers)

    def __str__(self):
        return (f"{figure(self.median)} ({figure(self.numbers[0])}"
                f"..{figure(self.numbers[-1])})")


def figure(x):
    if x >= 1000:
        return f"{x:,.0f}"
    return f"{x:.1f}" if x >= 100 else f"{x:.3g}"


def verdict(number, target):
    if target == "-":
        return "-"
    limit = float(target.split()[1])
    good = number >= limit if target.startswith(">=") else number <= limit
    return "yes" if good else "NO"


def tell(what, floor, found, unit, target, ratio=None):
    """A row of the table.  floor and found are lists, a number a round;
    target is '>= 0.60' or '<= 3', of the ratio or else of what was found, or
    '-' for what only explains another row."""
    judged = Spread(ratio or found)
    rows.append((what, f"{figure(Spread(floor).median)} {unit}" if floor
                 else "-", f"{figure(Spread(found).median)} {unit}",
                 str(judged), target, verdict(judged.median, target)))
    print(" | ".join(rows[-1]), flush=True)


def rounds(n, one, other):
    """n times both, one after the other and every second time turned round:
    the results of each, and what the other had to the one's, a round."""
    a, b = [], []
    for i in range(n):
        if i % 2:
            b.append(other())
            a.append(one())
        else:
            a.append(one())
            b.append(other())
    return a, b, [y / x for x, y in zip(a, b)]


# Requests. -------------------------------------------------------------------

def bearer_checks(place, n):
    return write_requests(place, "bearer", [
        ("GET", "/auth/check", {"Authorization": f"Bearer {token}"}, "")
        for token in access_tokens(place, n)])


def cookie_checks(place, accounts, most=places.COOKIES):
    """Checks all over the accounts, by at most so many people."""
    some = random.sample(range(1, accounts + 1), min(accounts, most))
    return write_requests(place, "cookies", [
        ("GET", "/auth/check", {"Cookie": f"postern_session={cookie(i)}"}, "")
        for i in some])


def logins(place):
    body = '{"email": "u%d@example.com", "password": "%s"}'
    return write_requests(place, "logins", [
        ("POST", "/auth/login", {"Content-Type": "application/json"},
         body % (i, place.password)) for i in range(1, 2001)])


def refreshes(place):
    """Every session once, with its newest token."""
    generation = next(generations)
    return write_requests(place, "refreshes", [
        ("POST", "/auth/refresh", {
            "Authorization": f"Bearer {refresh_token(place, i, generation)}"},
         "") for i in range(1, place.accounts // 2 + 1)])


# Questions. ------------------------------------------------------------------

def check(scene, o):
    place, bare = scene.place(o.accounts[0]), scene.bare()
    scene.together(place, bare)
    for name, requests in (
            ("Bearer", bearer_checks(place, o.tokens)),
            ("cookie", cookie_checks(place, place.accounts))):
        def rate(which, seconds=o.seconds, asked=requests):
            return load(which, asked, seconds)["rate"]
        rate(bare, 1)
        rate(place, 1)
        floor, found, ratio = rounds(o.rounds, lambda: rate(bare),
                                     lambda: rate(place))
        tell(f"token check, {name}", floor, found, "/s", ">= 0.60", ratio)


def login(scene, o):
    place = scene.place(o.accounts[0])
    scene.together(place)
    requests, seconds = logins(place), 2 * o.seconds

    def crypt():
        return float(subprocess.run(
            [os.path.join(scene.home, "crypt_floor"),
             str(place.options["password_cost"]), str(seconds), str(CORES)],
            check=True, capture_output=True).stdout)

    def log_in():
        return load(place, requests, seconds, 2 * CORES)["rate"]
    load(place, requests, 1, 2 * CORES)
    floor, found, ratio = rounds(o.rounds, crypt, log_in)
    tell("login, against crypt() alone", floor, found, "/s", ">= 0.95", ratio)


def refresh_script(place):
    """Postern's own statements for pgbench, on sessions of its own."""
    token = refresh_token(place, 1, next(generations))

    def ask():
        status, _, body = places.fcgi.call(
            place, "POST", "/auth/refresh",
            HTTP_AUTHORIZATION=f"Bearer {token}")
        if status != 200:
            raise RuntimeError(f"refresh: {status} {body}")
    # Now and then a worker reads the signing keys again, too.
    found = min((statements_of(place, ask) for _ in range(4)), key=len)
    half = place.accounts // 2
    values = {
        "$1": f"('{places.ACCOUNT}' || lpad(to_hex(:i::int), 12, '0'))::uuid",
        "$2": f"('{places.API}' || lpad(to_hex(:i::int), 12, '0'))::uuid",
        "$3": "sha256('\\x" + places.API_SECRET.hex() + "'::bytea)",
        "$4": ":generation", "$5": "60"}
    lines = [f"\\set i random({half + 1}, {2 * half})",
             "\\set c random(1, 65000)"]
    for _, text, parameters in found:
        mine = values
        if "rate_limit_take" in text:
            mine = {"$1": "ARRAY['bench ' || :c::text]",
                    "$2": f"'{parameters[1]}'::float8[]",
                    "$3": f"'{parameters[2]}'::int[]"}
        for name, value in mine.items():
            text = text.replace(name, value)
        lines.append(text + ";")
    if len(lines) < 4:
        raise RuntimeError(f"these are not all of the statements: {found}")
    path = os.path.join(place.home, "refresh.sql")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    places.give(path)
    return path


def refresh(scene, o):
    place = scene.place(o.accounts[0])
    scene.together(place)
    script = refresh_script(place)

    def floor_rate(seconds=o.seconds):
        return pgbench(place, script, seconds, generation=next(generations))

    def rate(seconds=o.seconds):
        return load(place, refreshes(place), seconds)["rate"]
    for fsync in "on", "off":
        place.cluster.setting(fsync=fsync)
        floor_rate(1)
        rate(1)
        floor, found, ratio = rounds(o.rounds, floor_rate, rate)
        tell(f"refresh, against pgbench, fsync {fsync}", floor, found, "/s",
             ">= 0.60", ratio)
    place.cluster.setting(fsync="on")


def flood(scene, o):
    place, bare = scene.place(o.accounts[0]), scene.bare()
    scene.together(place, bare)
    checks, attack = cookie_checks(place, place.accounts), logins(place)

    # Far below what it can do, and in many hands: who waits for an answer
    # does not keep the others from asking.
    def p99(which):
        return load(which, checks, o.seconds, 64, pause=100)["p99"]

    def flooded():
        beside = places.Flood(place, attack, o.seconds + 2, 16)
        time.sleep(1)
        found = p99(place)
        beside.join()
        if beside.found is None:
            raise RuntimeError("the flood failed")
        return found

    # What the same hashes do to anybody on the same cores.
    def beside_hashes():
        with subprocess.Popen(
                ["nice", "-n", "10", os.path.join(scene.home, "crypt_floor"),
                 str(place.options["password_cost"]), str(o.seconds + 2),
                 str(CORES)], stdout=subprocess.DEVNULL):
            time.sleep(1)
            return p99(bare)
    p99(place)
    floor, found, ratio = rounds(o.rounds, lambda: p99(place), flooded)
    tell("checks' p99 in a login flood", floor, found, "ms", "<= 3", ratio)
    floor, found, ratio = rounds(o.rounds, lambda: p99(bare), beside_hashes)
    tell("the bare responder's p99 beside crypt()", floor, found, "ms", "-",
         ratio)


def memory(scene, o):
    place = scene.place(o.accounts[0])
    scene.alone(place)
    requests = [write_requests(place, "wake", [
        ("GET", "/readyz", {}, "")]), cookie_checks(place, 10000),
        refreshes(place), logins(place)]
    idle, loaded = [], []
    for _ in range(o.rounds):
        place.restart()
        time.sleep(1.5)
        idle.append(pss_mib(place.pids()))
        for asked in requests:
            load(place, asked, 2)
        # The hashes still under way are given back when they are done.
        time.sleep(1.5)
        loaded.append(pss_mib(place.pids()))
    tell("memory of all processes, idle", [], idle, "MiB", "<= 9")
    tell("memory of all processes, after a load", [], loaded, "MiB", "-")
    for pid in place.pids():
        pss, private = places.smaps(pid)
        print(f"    pid {pid}: PSS {pss} KiB, private and written to"
              f" {private} KiB")


def start(scene, o):
    place, bare = scene.place(o.accounts[0]), scene.bare()
    scene.together(place, bare)

    def time_it(which):
        which.stop_posternd()
        return time_start(which)
    floor, found, _ = rounds(5 * o.rounds, lambda: time_it(bare),
                             lambda: time_it(place))
    tell("cold start to the first answer", floor, found, "ms", "<= 40")


def growth(scene, o):
    small = scene.place(o.accounts[0])
    for accounts in o.accounts[1:]:
        large = scene.place(accounts)
        scene.together(small, large)
        # As many people come as before, from among all of them.
        asked = {p: cookie_checks(p, p.accounts, small.accounts)
                 for p in (small, large)}

        def cost(which, seconds=o.seconds, asked=asked):
            return 1e6 / load(which, asked[which], seconds)["rate"]
        for place in small, large:
            cost(place, 2)
        floor, found, ratio = rounds(o.rounds, lambda: cost(small),
                                     lambda p=large: cost(p))
        tell(f"cost of a check, {small.accounts:,} to {accounts:,} accounts",
             floor, found, "us", "<= 1.15", ratio)


QUESTIONS = {"memory": memory, "start": start, "check": check,
             "login": login, "refresh": refresh, "flood": flood,
             "growth": growth}


def read_arguments():
    parser = argparse.ArgumentParser(
        prog="bench/run", description="Measures Postern against floors that"
        " are taken in the same run.")
    parser.add_argument("what", nargs="*", metavar="WHAT",
                        help="of " + ", ".join(QUESTIONS) + "; all of them")
    parser.add_argument("--rounds", type=int, default=5, help="5")
    parser.add_argument("--seconds", type=int, default=5,
                        help="that one load runs: 5")
    parser.add_argument("--tokens", type=int, default=1000,
                        help="different access tokens in a load: 1000")
    parser.add_argument(
        "--accounts", default="10000,1000000",
        help="of the site, and those it grows to: 10000,1000000")
    o = parser.parse_args()
    o.accounts = [int(n) for n in o.accounts.split(",")]
    wrong = [w for w in o.what if w not in QUESTIONS]
    if wrong:
        parser.error(f"there is no {wrong[0]}: of {', '.join(QUESTIONS)}")
    if min(o.accounts) < 10000 or o.rounds < 1 or o.seconds < 1:
        parser.error("at least 10000 accounts, one round, one second")
    o.tokens = min(o.tokens, o.accounts[0] // 2)
    return o


def print_table():
    head = ("what", "floor", "Postern", "ratio (spread)", "target",
            "reached?")
    table = [head, *rows]
    widths = [max(len(row[n]) for row in table) for n in range(len(head))]
    table.insert(1, tuple("-" * w for w in widths))
    print()
    for row in table:
        print("| " + " | ".join(
            text.ljust(w) for text, w in zip(row, widths)) + " |")


def leave(*_):
    raise SystemExit(130)


def main():
    o = read_arguments()
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
    say("Starting PostgreSQL, nginx and Postern")
    scene = Scene()
    try:
        for name, question in QUESTIONS.items():
            if not o.what or name in o.what:
                say(f"{name}: {o.rounds} rounds")
                question(scene, o)
    finally:
        scene.stop()
    print_table()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
