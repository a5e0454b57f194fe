"""Twenty seconds of chaos. Too short for its dice to be even, so a run that proves little does not fail."""

import random

import pytest

from tests.chaos import servers
from tests.chaos.__main__ import report
from tests.chaos.fleet import FEW_MEMBERS
from tests.chaos.run import Plan, run
from tests.plugin import need_program


@pytest.mark.real
def test_nothing_is_lost_doubled_or_inverted():
    if not servers.are_installed():
        need_program("initdb and rabbitmq-server")
    plan = Plan(
        seconds=20,
        pause=1,
        seed=random.randrange(10**6),
        drain=120,  # the end is as hard as the middle
        suppliers=2,
        retailers=3,
        silent=8,
        members=FEW_MEMBERS,
        ease=2,  # other tests run beside it
    )
    outcome = run("real", plan, say=print)
    assert outcome.sound, report(outcome)
    assert outcome.kills, report(outcome)
    assert outcome.verdict.events, report(outcome)
