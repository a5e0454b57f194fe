"""A mail server that takes everything and keeps nothing, in a process of its own: ``python -m bench.sink PORT``."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.controller import Controller


class _Nowhere:
    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:
        return "250 OK"


@contextmanager
def sink() -> Iterator[int]:
    """A running one; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen([sys.executable, "-m", "bench.sink", str(port)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        assert process.stdout.readline(), "the mail server did not start"
        yield port
    finally:
        process.terminate()
        process.wait(10)


def main(port: int) -> None:
    server = Controller(_Nowhere(), hostname="127.0.0.1", port=port)
    server.start()
    print("ready", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))
