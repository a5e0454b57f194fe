"""Processes of a platform on one machine: one that dies comes back, and none takes the others with it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e.harness import until

SUPERVISED = """
import os, sys
from concord.supervisor import Command, Printer, Supervisor
named = zip(sys.argv[2::2], sys.argv[3::2])
commands = [Command(name, [sys.executable, "-u", "-c", code], dict(os.environ)) for name, code in named]
delays = dict(first_delay=0.02, longest_delay=0.5, good_run=float(sys.argv[1]))
supervisor = Supervisor(commands, Printer(sys.stdout.buffer, sys.argv[2::2], colour=False), **delays)
for command in commands:
    if not command.name.startswith("new"):
        supervisor.started(command.name)
sys.exit(supervisor.run())
"""
STAYS = "print('I am up', flush=True); import signal; signal.pause()"
IGNORES = "import signal; signal.signal(15, signal.SIG_IGN); print('I am up', flush=True); signal.pause()"
FAILS = "import sys; sys.exit('no database')"
FORKS = "import os, signal; os.fork(); os.write(1, b'I am up %d\\n' % os.getpid()); signal.pause()"


class Supervised:
    def __init__(self, output: Path, commands: dict[str, str], good_run: float) -> None:
        self.output = output
        arguments = [part for item in commands.items() for part in item]
        with output.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SUPERVISED, str(good_run), *arguments], stdout=log, stderr=log
            )

    @property
    def said(self) -> str:
        return self.output.read_text()

    def pids(self, name: str) -> list[int]:
        return [int(pid) for pid in re.findall(rf"{name} started \(pid (\d+)\)", self.said)]

    def lines(self, name: str) -> int:
        return len(re.findall(rf"{name} +\| I am up", self.said))

    def ended(self) -> int:
        return self.process.wait(20)


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator:
    running: list[Supervised] = []

    def start(good_run: float = 60, **commands: str) -> Supervised:
        running.append(Supervised(tmp_path / f"output-{len(running)}", commands, good_run))
        return running[-1]

    yield start
    for supervised in running:
        family = [supervised.process, *psutil.Process(supervised.process.pid).children(recursive=True)] \
            if supervised.process.poll() is None else []  # fmt: skip
        for member in family:
            member.kill()
        supervised.process.wait(20)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_who_is_killed_is_started_again_and_the_others_go_on(supervise, how) -> None:
    supervised = supervise(prm=STAYS, campaigns=STAYS)
    until(lambda: supervised.lines("prm") == supervised.lines("campaigns") == 1)
    os.kill(supervised.pids("prm")[0], how)
    until(lambda: supervised.lines("prm") == 2)
    assert f"prm was killed by {how.name}. It is started again in " in supervised.said
    assert len(set(supervised.pids("prm"))) == 2
    assert is_alive(supervised.pids("campaigns")[0])
    assert len(supervised.pids("campaigns")) == 1


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # one that nobody has asked about yet
    except psutil.NoSuchProcess:
        return False


def delays(supervised: Supervised, name: str) -> list[float]:
    return [float(delay) for delay in re.findall(rf"{name} ended with status 1\. .* in ([0-9.]+) s", supervised.said)]


def test_who_keeps_failing_is_started_less_and_less_often(supervise) -> None:
    supervised = supervise(prm=FAILS, campaigns=STAYS)
    until(lambda: len(delays(supervised, "prm")) >= 7)
    waited = delays(supervised, "prm")
    assert waited[:5] == sorted(waited[:5])
    assert waited[0] <= 0.1
    assert all(0.2 <= delay <= 0.5 for delay in waited[5:])
    assert "prm       | no database" in supervised.said
    assert len(supervised.pids("campaigns")) == 1


def test_after_a_good_run_the_delay_is_short_again(supervise) -> None:
    supervised = supervise(good_run=0, prm=FAILS)
    until(lambda: len(delays(supervised, "prm")) >= 8)
    assert max(delays(supervised, "prm")) <= 0.1


def test_who_cannot_even_start_ends_everything_and_is_named(supervise) -> None:
    supervised = supervise(new=FAILS, prm=STAYS)
    assert supervised.ended() == 1
    assert re.search(r"new +\| no database", supervised.said)
    assert "new ended with status 1 before it was ready. Its output above says why." in supervised.said
    assert not any(is_alive(pid) for name in ("new", "prm") for pid in supervised.pids(name))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_ends_all_of_them(supervise, how) -> None:
    supervised = supervise(prm=STAYS, campaigns=STAYS, flaky=FAILS)
    until(lambda: supervised.lines("prm") == supervised.lines("campaigns") == 1)
    supervised.process.send_signal(how)
    assert supervised.ended() == 0
    assert not any(is_alive(pid) for name in ("prm", "campaigns") for pid in supervised.pids(name))
    assert len(supervised.pids("prm")) == 1, "nothing is started again while everything ends"


def test_a_second_ctrl_c_does_not_wait(supervise) -> None:
    supervised = supervise(prm=IGNORES)
    until(lambda: supervised.lines("prm") == 1)
    supervised.process.send_signal(signal.SIGINT)
    until(lambda: "Stopping everything" in supervised.said)
    asked = time.monotonic()
    supervised.process.send_signal(signal.SIGINT)
    assert supervised.ended() == 0
    assert time.monotonic() - asked < 10
    assert not is_alive(supervised.pids("prm")[0])


def test_what_a_killed_process_leaves_behind_is_ended_first(supervise) -> None:
    """Its children hold its port."""
    supervised = supervise(prm=FORKS)
    until(lambda: supervised.lines("prm") == 2)
    first = supervised.pids("prm")[0]
    family = {int(pid) for pid in re.findall(r"I am up (\d+)", supervised.said)}
    os.kill(first, signal.SIGKILL)
    until(lambda: supervised.lines("prm") == 4)
    assert not any(is_alive(pid) for pid in family)
