"""Work beside the web server is repeated, started again after failures, and ended together."""

import threading

import pytest

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
