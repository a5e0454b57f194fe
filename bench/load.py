"""A load generator that costs little: one request, over and over, on a few kept connections of one thread.

A process of its own, so that it can be given a core: ``python -m bench.load PORT SECONDS CONNECTIONS STATUS`` reads the
request from standard input and prints a :class:`Load` as JSON.
"""

import json
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PATIENCE = 5.0  # seconds an answer may take


@dataclass(frozen=True)
class Load:
    """What came of it: answers with the expected status, how long it took, the generator's own processor time."""

    answers: int
    seconds: float
    own_cpu: float

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


def get(path: str, **headers: str) -> bytes:
    """The bytes of a GET; a header's ``_`` stands for ``-``."""
    fields = {"Host": "127.0.0.1", "Accept": "application/json"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def post(path: str, body: bytes, **headers: str) -> bytes:
    """The bytes of a POST of JSON."""
    head = get(path, **headers, Content_Type="application/json", Content_Length=str(len(body)))
    return head.replace(b"GET", b"POST", 1) + body


def run(port: int, request: bytes, *, seconds: float, connections: int, status: int = 200) -> Load:
    """Let a generator work for so long; it inherits the cores of the caller."""
    command = [sys.executable, "-m", "bench.load", str(port), str(seconds), str(connections), str(status)]
    done = subprocess.run(command, input=request, capture_output=True, timeout=seconds + 30, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    return Load(**json.loads(done.stdout))


def _generate(port: int, request: bytes, seconds: float, connections: int, status: int) -> Load:
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ, bytearray())
        connection.sendall(request)
    answers = 0
    started = time.perf_counter()
    until = started + seconds
    while (now := time.perf_counter()) < until:
        ready = selector.select(PATIENCE)
        if not ready:
            raise RuntimeError(f"no answer within {PATIENCE} s")
        for key, _events in ready:
            if _is_whole(key.data, key.fileobj.recv(65536), status):
                key.data.clear()
                key.fileobj.sendall(request)
                answers += 1
    return Load(answers, now - started, time.process_time())


def _is_whole(answer: bytearray, piece: bytes, status: int) -> bool:
    """Whether ``piece`` completes an answer with this status."""
    answer += piece
    end = answer.find(b"\r\n\r\n")
    if not piece or (end >= 0 and not answer.startswith(b"HTTP/1.1 %d" % status)):
        raise RuntimeError(f"not the answer that was expected: {bytes(answer[:500])!r}")
    if end < 0:
        return False
    head = bytes(answer[:end]).lower()
    length = head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]
    return len(answer) >= end + 4 + int(length)


if __name__ == "__main__":
    port, seconds, connections, status = sys.argv[1:]
    done = _generate(int(port), sys.stdin.buffer.read(), float(seconds), int(connections), int(status))
    print(json.dumps(asdict(done)))
