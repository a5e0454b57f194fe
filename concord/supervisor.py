"""Keeps several processes running on one machine, and shows their output.

A process that ends is started again after a growing delay, so that one that keeps failing neither stops the others nor
fills the terminal. Deployments have a supervisor of their own (compose, systemd, Kubernetes).
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from typing import IO, Any, BinaryIO

from chassis.core.backoff import Backoff

FIRST_DELAY, LONGEST_DELAY = 1.0, 30.0
GOOD_RUN = 60.0  # seconds; a process that ends later had no problem with its start
LOOK = 0.1  # seconds
STOP_WITHIN = 25.0  # seconds; a web server takes up to 20 to finish its requests
SYSTEM = "system"
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)


@dataclass(frozen=True)
class Command:
    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)


class Printer:
    """Writes whole lines, each with the time and the name of its process. ``output`` may close at any time."""

    def __init__(self, output: BinaryIO, names: Sequence[str], *, colour: bool) -> None:
        self._output = output
        self._width = max(map(len, (*names, SYSTEM)))
        self._colours = dict(zip(names, cycle(COLOURS), strict=False)) if colour else {}
        self._lock = threading.Lock()

    def write(self, name: str, line: bytes) -> None:
        head = f"{time.strftime('%H:%M:%S')} {name:{self._width}} | ".encode()
        if name in self._colours:
            head = b"\x1b[%dm%s\x1b[0m" % (self._colours[name], head)
        with self._lock, suppress(OSError, ValueError):
            self._output.write(head + line.rstrip(b"\r\n") + b"\n")
            self._output.flush()

    def say(self, text: str) -> None:
        self.write(SYSTEM, text.encode())


class Supervisor:
    """Runs commands until it is told to stop.

    A command that ends before :meth:`started` was called for it stops everything: it cannot start, and somebody has to
    look. Later it is started again, at first after ``first_delay`` seconds, then after twice as long each time up to
    ``longest_delay``, and after ``first_delay`` again once it has run for ``good_run`` seconds.
    """

    def __init__(
        self,
        commands: Sequence[Command],
        printer: Printer,
        *,
        first_delay: float = FIRST_DELAY,
        longest_delay: float = LONGEST_DELAY,
        good_run: float = GOOD_RUN,
    ) -> None:
        self._commands = commands
        self._printer = printer
        self._delays = (first_delay, longest_delay)
        self._good_run = good_run
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._started: set[str] = set()
        self._stopping = threading.Event()
        self._stops = 0
        self._status = 0
        self._lock = threading.Lock()

    def started(self, name: str) -> None:
        """Report that the command has started well."""
        self._started.add(name)

    def stop(self) -> None:
        """End everything; at once when called a second time.

        Only counts, because a signal handler must touch no lock: the thread, or the handler, that it interrupts may
        hold it.
        """
        self._stops += 1

    def run(self) -> int:
        """Start all commands, return when all have ended. Call it in the main thread: it listens to signals.

        Returns:
            0 when it was told to stop, else the exit status of the command that could not start.
        """
        threads = [
            threading.Thread(target=self._keep_running, args=(command,), name=command.name, daemon=True)
            for command in self._commands
        ]
        with _signals_to(self.stop):
            for thread in threads:
                thread.start()
            while not (self._stops or self._stopping.is_set()):
                time.sleep(LOOK)
            self._stopping.set()
            self._end(threads)
        return self._status

    def _keep_running(self, command: Command) -> None:
        backoff = Backoff(*self._delays)
        while not self._stopping.is_set():
            began = time.monotonic()
            status = self._run_once(command)
            if self._stopping.is_set():
                return
            if command.name not in self._started:
                self._give_up(command, status)
                return
            if time.monotonic() - began >= self._good_run:
                backoff.reset()
            delay = backoff.next()
            self._printer.say(f"{command.name} {_ending(status)}. It is started again in {delay:.1f} s.")
            self._stopping.wait(delay)

    def _run_once(self, command: Command) -> int:
        with self._lock:  # so nothing is started while everything is being stopped
            if self._stopping.is_set():
                return 0
            try:
                process = _start(command)
            except OSError as error:
                self._printer.say(f"{command.name}: {error}")
                return 1
            self._running[command.name] = process
        self._printer.say(f"{command.name} started (pid {process.pid}).")
        assert process.stdout is not None
        reader = threading.Thread(target=self._show, args=(command.name, process.stdout), daemon=True)
        reader.start()
        status = process.wait()
        _end_children(process, reader)
        return status

    def _show(self, name: str, lines: IO[bytes]) -> None:
        for line in lines:
            self._printer.write(name, line)

    def _give_up(self, command: Command, status: int) -> None:
        self._printer.say(f"{command.name} {_ending(status)} before it was ready. Its output above says why.")
        self._status = self._status or (status if status > 0 else 1)
        self._stopping.set()

    def _end(self, threads: Sequence[threading.Thread]) -> None:
        self._printer.say("Stopping everything.")
        with self._lock:
            for process in self._running.values():
                process.terminate()
        deadline = time.monotonic() + STOP_WITHIN
        patience = min(self._stops, 1)  # 0 where nobody asked for it, but a command could not start
        while any(thread.is_alive() for thread in threads):
            if time.monotonic() > deadline or self._stops > patience:
                self._kill([thread.name for thread in threads if thread.is_alive()])
                break
            time.sleep(LOOK)
        for thread in threads:
            thread.join(1)

    def _kill(self, names: Sequence[str]) -> None:
        for name in names:
            self._printer.say(f"{name} does not end and is killed.")
            _signal_group(self._running[name], signal.SIGKILL)


def _start(command: Command) -> subprocess.Popen[bytes]:
    """Start in a session of its own: Ctrl-C in the terminal reaches only the supervisor, which ends the processes."""
    return subprocess.Popen(  # noqa: S603  our own commands
        command.arguments,
        env=dict(command.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _end_children(process: subprocess.Popen[bytes], reader: threading.Thread) -> None:
    """End the children of a killed process, which keep its port. They are gone when nobody can write its output."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        reader.join(0.1)
        if not reader.is_alive():
            return
        _signal_group(process, number)
        reader.join(STOP_WITHIN - 5)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _ending(status: int) -> str:
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


@contextmanager
def _signals_to(stop: Any) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: stop()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
