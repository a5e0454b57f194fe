"""The sabotage itself works: a fault turns its test red. All of them are tried by ``make sabotage``."""

import pytest

from tests.sabotage.__main__ import catch, main, run
from tests.sabotage.faults import FAULTS, Fault


def test_there_is_every_fault_that_we_promise_to_notice():
    assert len(FAULTS) == 16


@pytest.mark.nightly
def test_a_fault_turns_a_test_red_that_is_green_without_it():
    fault = FAULTS["If-Match ignored"]
    assert run(fault, broken=False)[0] == 0
    caught = catch(fault)
    assert caught is not None
    assert caught.startswith("tests/chassis/test_web.py::test_if_match")


@pytest.mark.nightly
def test_a_fault_that_nobody_notices_is_told(monkeypatch, capsys):
    unnoticed = Fault(
        "If-Match ignored", FAULTS["If-Match ignored"].apply, ("tests/chassis/test_resequencer.py", "-k", "whose_turn")
    )
    monkeypatch.setitem(FAULTS, "If-Match ignored", unnoticed)
    assert main(["If-Match ignored"]) == 1
    assert "NOT CAUGHT" in capsys.readouterr().out


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_every_fault_says_what_it_breaks(fault):
    assert fault.apply.__doc__
    assert fault.tests
