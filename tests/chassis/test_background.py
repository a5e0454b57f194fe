"""Work beside the web server is repeated, started again after failures, and ended together."""

import threading
import time

import pytest

from chassis.core.bell import Bell
from chassis.process.background import Background
from tests.e2e.harness import until


@pytest.fixture
def background():
    running = Background(longest_pause=0.2)
    yield running
    running.stop()


def test_a_task_is_repeated_at_once_while_there_is_more_to_do(background):
    left = [3, 2, 1]
    calls = []

    def task():
        calls.append(1)
        return left and left.pop()

    background.repeat("task", 60.0, task)
    until(lambda: len(calls) == 4, what="the task having nothing left")


def test_work_that_failed_is_started_again(background):
    calls = []

    def work(stop):
        calls.append(1)
        if len(calls) < 3:
            raise ValueError
        stop.wait()

    background.run("work", work)
    until(lambda: len(calls) == 3, what="the third attempt")


def test_a_task_that_must_finish_runs_until_nothing_is_left_when_the_process_stops(background):
    started = threading.Event()
    left = []

    def task():
        started.set()
        return bool(left and left.pop())

    background.repeat("task", 60.0, task, at_exit=True)
    started.wait(10)
    left.extend([1, 2, 3])
    background.stop()
    assert not left


def test_work_that_waits_is_woken_to_stop(background):
    wake = threading.Event()
    ended = threading.Event()

    def work(stop):
        while not stop.is_set():
            wake.wait()
        ended.set()

    background.run("work", work, wake=wake)
    background.stop()
    assert ended.is_set()


def test_a_bell_wakes_all_tasks_that_wait_for_it(background):
    bell, calls = Bell(), []
    for number in range(3):
        background.repeat(f"task {number}", 60.0, lambda number=number: calls.append(number), bell=bell)
    until(lambda: len(calls) == 3, what="the first looks")
    bell.ring()
    until(lambda: len(calls) == 6, what="the looks after the ring")


def test_a_ring_while_a_task_works_is_not_missed(background):
    bell, calls = Bell(), []

    def task():
        calls.append(1)
        if len(calls) == 1:
            bell.ring()

    background.repeat("task", 60.0, task, bell=bell)
    until(lambda: len(calls) == 2, what="the look for what came meanwhile")


def test_a_ring_does_not_hurry_work_that_failed():
    """Or a failing database would be asked as often as something is committed elsewhere."""
    background, bell, calls = Background(longest_pause=60.0), Bell(), []

    def task():
        calls.append(time.monotonic())
        raise ValueError

    background.repeat("task", 60.0, task, bell=bell)
    until(lambda: len(calls) == 4, what="some attempts")
    bell.ring()
    until(lambda: len(calls) == 5, what="the next attempt")
    background.stop()
    assert calls[4] - calls[3] > 0.7


def test_a_task_that_waits_for_a_bell_is_woken_to_stop(background):
    started = threading.Event()
    background.repeat("task", 60.0, started.set, bell=Bell())
    started.wait(10)
    begun = time.monotonic()
    background.stop()
    assert time.monotonic() - begun < 5


def test_a_task_is_told_to_stop_while_it_looks_how_often_the_bell_has_rung():
    class Slow(Bell):
        """The process is told to stop before the first look ends."""

        @property
        def rings(self):
            if threads and not stopper.is_alive() and not stopper.ident:
                stopper.start()
                time.sleep(0.2)
            return self.count

        @rings.setter
        def rings(self, count):
            self.count = count

    background, threads = Background(), []
    stopper = threading.Thread(target=background.stop)
    threads.append(stopper)
    begun = time.monotonic()
    background.repeat("task", 60.0, lambda: None, bell=Slow())
    until(lambda: stopper.ident is not None)
    stopper.join(20)
    assert time.monotonic() - begun < 5
