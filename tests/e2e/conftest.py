# SPDX-License-Identifier: ISC
"""Fixtures of the end-to-end tests; stack.py has what they start."""

import sys

sys.dont_write_bytecode = True

import pytest  # noqa: E402

import gate  # noqa: E402
from stack import Stack  # noqa: E402
from upstream import Upstream  # noqa: E402

# Limits that no test meets, for tests that must call often.
NO_LIMITS = {f"limit_{name}": "1000000/1m" for name in (
    "login", "login_minute", "login_hour", "forgot", "forgot_mailbox",
    "resend", "resend_mailbox", "change_email", "register", "other")}


def pytest_collection_modifyitems(items):
    def when(item):
        return (bool(item.get_closest_marker("late"))
                - bool(item.get_closest_marker("early")))
    items.sort(key=when)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed test shows what its instance logged last."""
    report = (yield).get_result()
    site = next((v for k, v in getattr(item, "funcargs", {}).items()
                 if k.endswith("site")), None)
    if report.failed and site is not None:
        report.sections.append(("posternd's log", site.tail()))


@pytest.fixture(scope="session")
def stack():
    stack = Stack()
    yield stack
    stack.stop()


@pytest.fixture(scope="session")
def site(stack):
    """The default instance: every option of the contract at its default,
    but for a cheap hash."""
    return stack.site()


@pytest.fixture(scope="session")
def open_site(stack):
    """An instance without limits and with an honest hash; the most talkative
    one, so that no debug line tells a secret either (logsearch.py)."""
    return stack.site(password_cost=5, log_level="debug", **NO_LIMITS)


@pytest.fixture(scope="session")
def upstream():
    """Applications behind the gate."""
    upstream = Upstream()
    yield upstream
    upstream.stop()


@pytest.fixture(scope="session")
def gate_site(stack, upstream):
    """An instance whose nginx protects applications."""
    return gate.start(stack, upstream)


@pytest.fixture
def client(site):
    return site.client()


@pytest.fixture
def account(site):
    return site.account()


@pytest.fixture(scope="session")
def sink(stack):
    return stack.sink


@pytest.fixture(autouse=True)
def no_worker_dies(request):
    """After every test: the logs tell of no crash, and the default instance
    has the very workers it had before."""
    before = None
    if "site" in request.fixturenames:
        site = request.getfixturevalue("site")
        before = site.workers()
    yield
    if "stack" not in request.fixturenames:
        return
    running = request.getfixturevalue("stack").sites
    problems = [line for s in running if not s.expect_crash
                for line in s.crashes()]
    assert not problems, "\n".join(problems)
    if before is not None and not request.node.get_closest_marker(
            "replaces_workers"):
        assert site.workers() == before, site.tail()
