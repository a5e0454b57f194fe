"""Processes of the platform that begin with everything loaded.

To start Python and load a service takes a second of a core, and tests start a hundred of them. A nursery loads all of
them once and forks each process from there; how a process starts from nothing, ``tests/e2e/test_up.py`` tries.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any


class Child:
    """A process of the nursery, with what of ``subprocess.Popen`` the tests use."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery

    def poll(self) -> int | None:
        """The status it ended with, minus the signal where one ended it; None while it runs."""
        if self.returncode is None:
            self.returncode = self._nursery.ask(poll=self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if timeout is not None and deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            time.sleep(0.005)
        return status


class Nursery:
    """One for a test process; it ends with that."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "tests.plugin.nursery", str(theirs.fileno())]
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True
            )
        self._stream = ours.makefile("rw")
        self._lock = threading.Lock()
        ours.close()

    def start(self, module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Child:
        """``python -m module arguments``, in a session of its own; what it says goes to the end of ``log``."""
        order = {"module": module, "arguments": list(arguments), "environment": dict(environment), "log": str(log)}
        return Child(self, self.ask(start=order))

    def ask(self, **question: Any) -> Any:
        with self._lock:
            self._stream.write(json.dumps(question) + "\n")
            self._stream.flush()
            return json.loads(self._stream.readline())

    def close(self) -> None:
        with suppress(OSError):
            self._stream.close()
        self._process.wait()


@cache
def nursery() -> Nursery:
    """The test process' own, from its first use on."""
    opened = Nursery()
    atexit.register(opened.close)
    return opened


def serve(orders: socket.socket) -> None:
    """Answer until the test process is gone. Nothing here has threads or open connections, so a fork is whole."""
    mains = _load()
    stream = orders.makefile("rw")
    for line in stream:
        question = json.loads(line)
        answer = _ended(question["poll"]) if "poll" in question else _fork(question["start"], mains, orders)
        stream.write(json.dumps(answer) + "\n")
        stream.flush()


def _load() -> Mapping[str, Callable[[Sequence[str]], object]]:
    """Everything that a process of the platform imports, and the modules that it may be started as."""
    import gateway.app  # noqa: F401
    from concord import cli, platform
    from tests.chaos import ledger

    for name in platform.SERVICES:
        platform.load(name)
    return {"concord": cli.main, "tests.chaos.ledger": lambda _arguments: ledger.main()}


def _ended(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _fork(order: Mapping[str, Any], mains: Mapping[str, Any], orders: socket.socket) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        orders.close()
        _become(order)
        status = _status_of(mains[order["module"]], order["arguments"])
    finally:
        os._exit(status)


def _become(order: Mapping[str, Any]) -> None:
    """A process like one that was started with this environment, these arguments and this log."""
    os.setsid()
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = [order["module"], *order["arguments"]]


def _status_of(main: Callable[[Sequence[str]], object], arguments: Sequence[str]) -> int:
    """Run it as Python runs a program: the status to end with."""
    try:
        main(arguments)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
