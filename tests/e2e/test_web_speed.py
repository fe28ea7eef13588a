# SPDX-License-Identifier: ISC
"""Story: pages cost a worker next to nothing.

The promise, under 0.2 ms of worker CPU a page, is one of the program as it is
installed (posterns.fast_build()).  Beside it the floor: the same worker's
answer to GET /healthz, which has no database and no template.
"""

import os

import pytest

from conftest import NO_LIMITS
from posterns import fast_build
from test_reload import OwnProgram

PAGES = int(os.environ.get("POSTERN_PAGES", 2000))
MOST_MS = 0.2
FLOORS = 6  # measured: 2 to 2.5


class MeasuredSite(OwnProgram):
    """With the program as it is installed."""

    def install(self, source=None):
        return super().install(os.path.join(fast_build(), "posternd"))


def spent(site):
    """CPU time of all of the site's processes so far, in ms; but for the one
    that serves they sleep."""
    ticks = 0
    for pid in site.workers():
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            fields = f.read().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks * 1000 / os.sysconf("SC_CLK_TCK")


def cost(site, path):
    """CPU of the worker for one such request, in ms."""
    client, workers = site.client(), site.workers()
    for _ in range(50):
        client.get(path)
    before = spent(site)
    for _ in range(PAGES):
        client.get(path)
    assert site.workers() == workers
    return (spent(site) - before) / PAGES


@pytest.fixture(scope="module")
def measured_site(stack):
    site = MeasuredSite(stack, stack.cluster,
                        {"web_workers": 1, **NO_LIMITS})
    stack.sites.append(site)
    yield site.start()
    site.stop()


def test_a_page_costs_a_worker_next_to_nothing(measured_site):
    floor = cost(measured_site, "/healthz")
    page = cost(measured_site, "/login")
    print(f"page {page:.3f} ms, floor {floor:.3f} ms,"
          f" {page / floor:.1f} floors")
    assert page < MOST_MS and page < FLOORS * floor
