"""Fixtures: one simulator per test process, one simulated account per test."""

from __future__ import annotations

import itertools
import os

import pytest

from simulator import Simulator


@pytest.fixture(scope="session")
def simulator():
    """The simulator most tests share. Nothing starts onboarded; whatever is global to it stays as it is."""
    running = Simulator()
    yield running
    assert running.process.poll() is None, "the simulator died:\n" + "".join(running.log[-50:])
    code = running.stop()
    assert code == 0, f"exit code {code}"
    assert running.more_output() == [], "standard output is for the ready line alone"


_numbers = itertools.count(1)


@pytest.fixture
def number():
    """Makes account numbers no other test has."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    return lambda: str(200_000_000_000 + worker * 1_000_000_000 + next(_numbers))


@pytest.fixture
def account(simulator, number):
    """An account with an active replication set in us-east-1."""
    return simulator.account(number())


@pytest.fixture
def bare(simulator, number):
    """An account that never onboarded."""
    return simulator.account(number(), onboard=())


@pytest.fixture
def own(request):
    """Starts simulators for one test alone: for the clock, quotas, latency and the command line."""
    started = []

    def start(*arguments):
        started.append(Simulator(*arguments))
        return started[-1]

    yield start
    for each in started:
        each.kill()
