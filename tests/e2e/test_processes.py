# SPDX-License-Identifier: ISC
"""Story: the sysadmin starts, changes, breaks and stops Postern."""

import os
import re
import signal
import stat
import subprocess
import tempfile
import threading
import time

import pytest

import fcgi
from client import granted, next_address, refused
from posterns import kinds
from stack import (Cluster, as_owner, children, clean_environment, give,
                   signal_all, until)

VERIFY = "Verify Your Email Address"


@pytest.fixture
def own_site(stack):
    """An instance of its own for one test."""
    site = stack.site(refresh_grace="0")
    yield site
    problems = site.stop()
    assert site.expect_crash or not problems, problems


def posternd(site, *arguments, **env):
    """Runs posternd to its end."""
    return subprocess.run(as_owner() + site.command(*arguments),
                          env=clean_environment() | env, cwd=site.home,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, timeout=30)


def gone(pid):
    return not os.path.exists(f"/proc/{pid}")


# Health. ---------------------------------------------------------------------

@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_it_says_that_it_is_well(site, client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")


# Configuration. --------------------------------------------------------------

def test_a_good_configuration_passes(site):
    done = posternd(site, "-t")
    assert done.returncode == 0, done.stdout


BAD_LINES = [
    "nonsense_option = 1", "web_workers = 0", "web_workers = 257",
    "web_workers = many", "web_workers =", "password_cost = 12",
    "refresh_grace = 61s", "refresh_grace = -1", "reset_lifetime = 0",
    "limit_login = 5", "limit_login = 0/1m", "limit_login = x/y",
    "database_prepare = maybe", "log_level = loud", "smtp_tls = maybe",
    "mail_from = nobody", "key_file = relative", "smtp_port = 65536",
    "public_url = ftp://example.com",
    "public_url = http://example.com/path?query", "no equals sign",
    "site_name = ", "request_timeout = 10y",
    "access_token_lifetime = 99999999999999999999s",
]


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_bad_option_is_told_by_file_and_line(site, tmp_path, line):
    name = line.partition("=")[0].strip()
    with open(site.conf, encoding="utf-8") as f:
        lines = [kept for kept in f.read().splitlines()
                 if kept.partition("=")[0].strip() != name]
    conf = os.path.join(site.home, "bad.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write("\n".join(lines + ["", "# a comment", line]) + "\n")
    done = subprocess.run(
        as_owner() + [site.command()[0], "-t", "-c", conf], cwd=site.home,
        env=clean_environment(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False, timeout=30)
    assert done.returncode == 1, done.stdout
    assert f"{conf}:{len(lines) + 3}:" in done.stdout, done.stdout


def test_all_problems_are_told(site):
    conf = os.path.join(site.home, "worse.conf")
    with open(site.conf, encoding="utf-8") as f:
        good = f.read()
    with open(conf, "w", encoding="utf-8") as f:
        f.write("nonsense = 1\nmore_nonsense = 2\n[a heading]\n" + good)
    done = subprocess.run(
        as_owner() + [site.command()[0], "-t", "-c", conf], cwd=site.home,
        env=clean_environment(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert f"{conf}:1:" in done.stdout and f"{conf}:2:" in done.stdout


def test_a_missing_option_is_told_by_file(site):
    done = posternd(site, "-t", POSTERN_PUBLIC_URL="")
    assert done.returncode == 1, done.stdout
    assert site.conf in done.stdout and "public_url" in done.stdout


@pytest.mark.parametrize("changes, word", [
    ({"key_file": "/nonexistent/key"}, "/nonexistent/key"),
    ({"template_dir": "/nonexistent/templates"}, "/nonexistent/templates"),
    ({"database": "host=/nonexistent dbname=postern"}, "database"),
    ({"smtp_user": "us", "smtp_password_file": "/nonexistent/relay"},
     "/nonexistent/relay"),
    ({"socket_group": "nobodys-group"}, "group nobodys-group does not exist"),
])
def test_what_is_missing_is_told(site, changes, word):
    env = {f"POSTERN_{k.upper()}": v for k, v in changes.items()}
    done = posternd(site, "-t", **env)
    assert done.returncode == 1, done.stdout
    assert word in done.stdout


def test_a_key_that_others_can_read_is_told(site):
    key = os.path.join(site.home, "open.key")
    with open(key, "w", encoding="ascii") as f:
        f.write("0123456789abcdef" * 4 + "\n")
    os.chmod(key, 0o644)
    done = posternd(site, "-t", POSTERN_KEY_FILE=key)
    assert done.returncode == 1, done.stdout
    assert key in done.stdout


def test_the_key_file_of_another_node_is_told(site):
    key = os.path.join(site.home, "other.key")
    with open(key, "w", encoding="ascii") as f:
        f.write("0123456789abcdef" * 4 + "\n")
    os.chmod(key, 0o600)
    give(key)
    done = posternd(site, "-t", POSTERN_KEY_FILE=key)
    assert done.returncode == 0, done.stdout
    assert f"opens with key_file {key}" in done.stdout, done.stdout
    assert "signing keys" not in posternd(site, "-t").stdout


def test_an_unmigrated_database_is_told(site):
    site.cluster.psql("CREATE DATABASE empty")
    done = posternd(site, "-t", POSTERN_DATABASE=f"host={site.cluster.home}"
                    " dbname=empty")
    assert done.returncode == 1, done.stdout
    assert "migrate" in done.stdout


def options_of(dump):
    return dict(re.findall(r"^(\w+) *= *(.*?) *$", dump, re.M))


def test_the_dump_shows_what_is_in_force(site):
    done = posternd(site, "-T")
    assert done.returncode == 0, done.stdout
    options = options_of(done.stdout)
    assert options["public_url"] == site.url
    assert options["password_cost"] == "1"
    assert options["limit_login"].startswith("5/")
    conf = os.path.join(site.home, "dump.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(done.stdout)
    again = subprocess.run(
        as_owner() + [site.command()[0], "-T", "-c", conf], cwd=site.home,
        env=clean_environment(), stdout=subprocess.PIPE, text=True,
        check=False, timeout=30)
    assert options_of(again.stdout) == options


def test_the_environment_wins_over_the_file(site):
    done = posternd(site, "-T", POSTERN_PASSWORD_COST="3",
                    POSTERN_SITE_NAME="Elsewhere")
    options = options_of(done.stdout)
    assert options["password_cost"] == "3"
    assert options["site_name"] == "Elsewhere"
    assert posternd(site, "-t", POSTERN_PASSWORD_COST="99").returncode == 1


def test_an_unknown_environment_option_is_a_warning(site):
    done = posternd(site, "-t", POSTERN_NONSENSE="1")
    assert done.returncode == 0, done.stdout
    assert "POSTERN_NONSENSE" in done.stdout


def test_it_does_not_start_with_a_bad_configuration(site):
    done = posternd(site, POSTERN_PASSWORD_COST="99")
    assert done.returncode != 0
    assert "password_cost" in done.stdout.lower()


# Signals. --------------------------------------------------------------------

class Caller(threading.Thread):
    """Calls without a pause and keeps what went wrong."""

    def __init__(self, site, path="/readyz"):
        super().__init__()
        self.site, self.path = site, path
        self.wrong, self.count, self.done = [], 0, False
        self.start()

    def run(self):
        client = self.site.client()
        while not self.done:
            answer = client.get(self.path, check=False)
            self.count += 1
            if answer.status_code != 200:
                self.wrong.append((answer.status_code, answer.text))

    def end(self):
        self.done = True
        self.join()
        return self.wrong


def test_the_pid_file_names_the_supervisor(own_site):
    path = own_site.options["pid_file"]
    with open(path, encoding="ascii") as f:
        assert int(f.read()) == own_site.posternd.pid
    assert not own_site.stop()
    assert not os.path.exists(path)


def test_sigterm_ends_every_process(own_site):
    supervisor, workers = own_site.posternd, own_site.workers()
    assert len(workers) >= 4 + 2 + 1 + 1
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(10) == 0, own_site.tail()
    until(lambda: all(gone(pid) for pid in workers), 2, "workers to end")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_running_request_is_finished(stack, sig):
    site = stack.site(password_cost=8)
    account, answers = site.account(), []
    thread = threading.Thread(target=lambda: answers.append(
        site.client().post("/auth/login", account.credentials())))
    thread.start()
    time.sleep(0.08)
    site.posternd.send_signal(sig)
    thread.join()
    granted(answers[0], "Login successful")
    assert site.posternd.wait(10) == 0
    assert not site.stop()


def answers(client):
    try:
        return client.get("/readyz", check=False, timeout=2).status_code == 200
    except OSError:
        return False


def test_requests_are_served_until_the_mailer_has_finished(stack):
    """A relay that hangs is no reason to be away at a restart."""
    site = stack.site(smtp_timeout="2s", mail_retry="1h")
    client, address, served = site.client(), next_address("hang"), 0
    mailer = next(p for p, kind in kinds(site).items() if kind == "mailer")
    site.sink.fault(address, ("RCPT", "hang"))
    client.post("/auth/register", {"email": address,
                                   "password": "a long enough secret"})
    until(lambda: address in site.sink.attempts, 5, "the relay to hang")
    site.posternd.send_signal(signal.SIGTERM)
    until(lambda: "supervisor.leaving" in site.tail(), 5, "the farewell")
    while not gone(mailer):
        answered = answers(client)
        assert answered or gone(mailer), f"not after {served} answers"
        served += 1
        time.sleep(0.05)
    assert served >= 5
    assert site.posternd.wait(5) == 0
    assert not site.stop()


def test_sighup_takes_up_a_changed_option_and_loses_no_request(own_site):
    account, caller = own_site.account(), Caller(own_site)
    kept = account.login()
    assert kept["expires_in"] == 900
    before = own_site.workers()
    own_site.write_conf(access_token_lifetime="7m")
    own_site.posternd.send_signal(signal.SIGHUP)
    until(lambda: not before.items() & own_site.workers().items(), 10,
          "new workers")
    assert account.login()["expires_in"] == 420
    assert caller.end() == [] and caller.count > 0
    answer = own_site.client().post("/auth/refresh",
                                    token=kept["refresh_token"])
    assert answer.status_code == 200, answer.text


def test_sighup_with_a_broken_file_changes_nothing(own_site):
    account, caller = own_site.account(), Caller(own_site)
    own_site.write_conf(password_cost="99")
    own_site.posternd.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert caller.end() == []
    assert account.login()["expires_in"] == 900
    own_site.write_conf(password_cost="1", access_token_lifetime="7m")
    own_site.posternd.send_signal(signal.SIGHUP)
    until(lambda: account.login()["expires_in"] == 420, 5, "the new option")


def test_sighup_takes_up_a_template_of_ones_own(stack):
    override = tempfile.mkdtemp(prefix="override", dir=stack.home)
    give(override)
    site = stack.site(template_override_dir=override)
    assert "Greetings" not in site.unverified().mails(VERIFY)[0].text
    shipped = os.path.join(site.options["template_dir"], "mail", "verify.txt")
    with open(shipped, encoding="utf-8") as f:
        text = f.read()
    os.mkdir(os.path.join(override, "mail"))
    with open(os.path.join(override, "mail", "verify.txt"), "w",
              encoding="utf-8") as f:
        f.write("Greetings from {{site_name}}.\n" + text)
    os.chmod(override, 0o755)
    site.posternd.send_signal(signal.SIGHUP)
    until(lambda: site.unverified().mails(VERIFY)[0].text.startswith(
        "Greetings from Postern."), 10, "the new template")
    assert not site.stop()


def test_a_changed_cost_keeps_every_password(own_site):
    account = own_site.account()
    for cost in 3, 1:
        before = own_site.workers()
        own_site.write_conf(password_cost=cost)
        own_site.posternd.send_signal(signal.SIGHUP)
        until(lambda: not before.items() & own_site.workers().items(), 10,
              "new workers")
        for _ in range(2):
            account.login()


def test_tokens_and_mails_outlive_a_restart(stack):
    site = stack.site(mail_retry="1s")
    account, waiting = site.account(), next_address("waiting")
    tokens = account.login()
    site.sink.fault(waiting, *[("RCPT", "451 later")] * 2)
    site.client().post("/auth/register", {
        "email": waiting, "password": "a long enough secret"})
    site.posternd.send_signal(signal.SIGTERM)
    assert site.posternd.wait(10) == 0
    site.start_posternd()
    granted(site.client().post("/auth/logout", token=tokens["access_token"]),
            "Logout successful")
    mail = site.sink.wait(waiting, VERIFY)[0]
    granted(site.client().post("/auth/verify-email", {"token": mail.token}),
            "Email verified successfully! You can now login.")
    assert not site.stop()


def test_all_works_without_prepared_statements(stack):
    site = stack.site(database_prepare="off")
    account = site.account()
    first = account.login()
    second = site.client().post("/auth/refresh", token=first["refresh_token"])
    assert second.status_code == 200, second.text
    granted(site.client().post("/auth/reset-password", {
        "token": account.reset_token(), "new_password": "another secret"}),
        "Password reset successful")
    refused(site.client().post("/auth/logout", token=first["access_token"]),
            401, "Invalid token")
    account.password = "another secret"
    granted(site.client().post("/auth/logout",
                               token=account.login()["access_token"]),
            "Logout successful")
    for _ in range(4):
        answer = site.client().post("/auth/resend-verification",
                                    {"email": account.email})
        assert answer.status_code == 200
    assert not site.stop()


def test_a_killed_worker_is_replaced(own_site):
    own_site.expect_crash = True  # the log tells of the kills
    account, before = own_site.account(), own_site.workers()
    signal_all(before, signal.SIGKILL)
    until(lambda: len(own_site.workers()) == len(before)
          and not before.keys() & own_site.workers().keys(), 10, "new workers")
    tokens = account.login()
    answer = own_site.client().post("/auth/refresh",
                                    token=tokens["refresh_token"])
    assert answer.status_code == 200, answer.text
    account.reset_token()


def test_a_stopped_worker_is_replaced(stack):
    site = stack.site(request_timeout="1s", web_workers=2)
    site.expect_crash = True
    before = site.workers()
    signal_all(before, signal.SIGSTOP)
    until(lambda: healthy(site), 15, "an answer")
    until(lambda: not before.keys() & site.workers().keys(), 20,
          "the stopped to be replaced")
    site.account().login()
    site.stop()


def healthy(site):
    try:
        return site.client().get("/healthz", check=False,
                                 timeout=2).status_code == 200
    except OSError:
        return False


def test_a_worker_makes_room_after_its_requests(stack):
    site = stack.site(worker_requests=20, web_workers=2)
    before, client = site.workers(), site.client()
    for _ in range(100):
        assert client.get("/healthz").status_code == 200
    until(lambda: len(before.items() - site.workers().items()) >= 2, 5,
          "fresh workers")
    until(lambda: len(site.workers()) == len(before), 5, "all workers")
    assert not site.stop()


def test_a_second_start_does_not_steal_the_sockets(own_site):
    done = posternd(own_site)
    assert done.returncode != 0, done.stdout
    for pool in "web", "password":
        assert stat.S_ISSOCK(os.stat(own_site.socket(pool)).st_mode)
    assert own_site.client().get("/readyz").status_code == 200
    assert fcgi.call(own_site, "GET", "/healthz")[0] == 200


def test_it_starts_over_what_a_crash_left(own_site):
    own_site.expect_crash = True
    workers = own_site.workers()
    own_site.posternd.kill()
    own_site.posternd.wait()
    until(lambda: all(gone(pid) for pid in workers), 10,
          "the orphans to end")
    own_site.start_posternd()
    own_site.account().login()


# The database. ---------------------------------------------------------------

@pytest.fixture
def frail_site(stack):
    """An instance whose cluster is its own, to be stopped."""
    home = tempfile.mkdtemp(prefix="frail", dir=stack.home)
    give(home)
    cluster = Cluster(os.path.join(home, "pg")).start()
    site = stack.site(cluster=cluster)
    site.expect_crash = True
    yield site
    site.stop()
    cluster.stop()


def unavailable(call):
    started = time.monotonic()
    answer = call()
    took = time.monotonic() - started
    refused(answer, 503)
    assert int(answer.headers["Retry-After"]) >= 1
    assert took < 2, took


def calls_of(site, account, tokens):
    client = site.client()

    def post(path, body=None, token=None):
        return lambda: client.post(path, body, token=token, check=False)
    return [
        post("/auth/login", account.credentials()),
        post("/auth/refresh", token=tokens["refresh_token"]),
        post("/auth/logout", token=tokens["access_token"]),
        post("/auth/forgot-password", {"email": account.email}),
        post("/auth/resend-verification", {"email": account.email}),
        post("/auth/verify-email", {"token": account.verification}),
        post("/auth/reset-password", {"token": account.verification,
                                      "new_password": "long enough"}),
        post("/auth/register", {"email": "someone.else@example.com",
                                "password": "long enough"}),
        lambda: client.get("/readyz", check=False),
    ]


def test_a_stopped_database_is_503_and_comes_back(frail_site):
    site, account = frail_site, frail_site.account()
    tokens = account.login()
    site.cluster.stop(signal.SIGQUIT)
    for call in calls_of(site, account, tokens):
        unavailable(call)
    assert site.client().get("/healthz").status_code == 200
    refused(site.client().post("/auth/login", {}), 400)
    refused(site.client().get("/nope"), 404)
    site.cluster.start()
    until(lambda: site.client().get("/readyz", check=False).status_code
          == 200, 10, "the database again")
    answer = site.client().post("/auth/refresh",
                                token=tokens["refresh_token"])
    assert answer.status_code == 200, answer.text
    account.login()
    account.reset_token()


def test_a_hung_database_is_503_in_time(frail_site):
    site, account = frail_site, frail_site.account()
    tokens = account.login()
    postmaster = site.cluster.process.pid
    pids = [postmaster, *children(postmaster)]
    signal_all(pids, signal.SIGSTOP)
    try:
        login, refresh, logout, forgot, *_, ready = calls_of(
            site, account, tokens)
        # Often enough for a worker to be asked again after its first loss.
        for call in login, refresh, logout, forgot, refresh, ready, ready:
            unavailable(call)
        assert site.client().get("/healthz").status_code == 200
    finally:
        signal_all(pids, signal.SIGCONT)
    until(lambda: site.client().get("/readyz", check=False).status_code
          == 200, 10, "the database again")
    account.login()
