"""Services that are slow or broken: every failure has its status, and what must not be is never sent twice."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from gateway.settings import GatewaySettings
from gateway.upstream import Upstream
from tests.gateway.conftest import Caller, Platform, Served
from tests.gateway.fakes import HTML, FakeService, Planned, is_problem

PATH = "/api/v1/campaigns"
JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

BROKEN = {
    "not HTTP": b"SSH-2.0-OpenSSH\r\n",
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "a bad status": b"HTTP/1.1 abc OK\r\n\r\n",
    "an unknown status": b"HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n",
    "a status too large": b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    "early hints only": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
    "too short": JSON_HEAD + b"Content-Length: 10\r\n\r\n{}",
    "chunks that break off": JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    "a broken chunk": JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "too many fields": JSON_HEAD + b"X-A: 1\r\n" * 200 + b"\r\n",
    "two lengths": JSON_HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a length that is none": JSON_HEAD + b"Content-Length: two\r\n\r\n{}",
    "length and chunks": JSON_HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": JSON_HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a line that is no field": JSON_HEAD + b"X Bad: 1\r\nContent-Length: 2\r\n\r\n{}",
    "a head that ends between fields": JSON_HEAD,
    "a very long line": JSON_HEAD + b"X-A: " + b"a" * 70_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_answer_is_502(call: Caller, campaigns: FakeService, kind: str) -> None:
    campaigns.plan(PATH, Planned(raw=BROKEN[kind]))
    is_problem(call("POST", PATH), 502, "upstream_broken")
    assert len(campaigns.seen) == 1


def test_an_answer_that_breaks_off_late_is_cut_not_finished(served: Served, campaigns: FakeService) -> None:
    campaigns.plan(PATH, Planned(raw=JSON_HEAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 500_000))
    request = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.token}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
        sock.sendall(request.encode())
        received = b"".join(iter(lambda: sock.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 200")
    assert len(received) < 1_000_000


def test_an_answer_without_length_ends_with_the_connection(call: Caller, campaigns: FakeService) -> None:
    campaigns.plan(PATH, Planned(raw=JSON_HEAD + b"\r\n{}"))
    assert call("GET", PATH).data == b"{}"


class Talkative:
    """A service that sends a second answer nobody asked for, and keeps the connection open."""

    def __init__(self) -> None:
        self.connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections.append(sock)
            sock.recv(65536)
            sock.sendall((JSON_HEAD + b"Content-Length: 2\r\n\r\n{}") * 2)

    def close(self) -> None:
        for sock in (self._listener, *self.connections):
            sock.close()


def test_bytes_after_an_answer_are_nobodys(start_gateway, platform: Platform) -> None:
    talkative = Talkative()
    call = start_gateway(services={"campaigns": talkative.url})
    assert [call("POST", PATH).data for _ in range(3)] == [b"{}"] * 3
    assert len(talkative.connections) == 3
    talkative.close()


@pytest.mark.parametrize("status", [400, 401, 404, 405, 409, 413, 500, 501, 502, 503, 504])
@pytest.mark.parametrize("body", [HTML, b""])
def test_an_error_page_becomes_a_problem(call: Caller, campaigns: FakeService, status: int, body: bytes) -> None:
    headers = {"Content-Type": "text/html", "Allow": "GET", "Retry-After": "7", "ETag": "x", "Content-Language": "en"}
    campaigns.plan(PATH, Planned(status, headers=headers, body=body))
    answer = call("GET", PATH)
    is_problem(answer, status, answer.json["code"])
    assert b"secret" not in answer.data
    assert (answer.headers["Allow"], answer.headers["Retry-After"]) == ("GET", "7")
    assert "ETag" not in answer.headers


@pytest.mark.parametrize("media", ["application/json", "application/problem+json", "application/vnd.x+json; v=1"])
def test_a_documented_error_stays_as_it_is(call: Caller, campaigns: FakeService, media: str) -> None:
    campaigns.plan(PATH, Planned(422, headers={"Content-Type": media}, body=b'{"error": "invalid_grant"}'))
    answer = call("GET", PATH)
    assert (answer.status_code, answer.json, answer.content_type) == (422, {"error": "invalid_grant"}, media)


# Time


def test_a_service_that_does_not_answer_is_504(call: Caller, campaigns: FakeService) -> None:
    never = threading.Event()
    campaigns.plan(PATH, Planned(until=never))
    is_problem(call("POST", PATH), 504, "upstream_timeout")
    never.set()
    assert len(campaigns.seen) == 1


class Dripping:
    """A service that keeps sending a byte at a time, so that no single wait is ever long."""

    def __init__(self, start: bytes) -> None:
        self._stop = threading.Event()
        self._start = start
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
                sock.recv(65536)
                sock.sendall(self._start)
                while not self._stop.wait(0.02):
                    sock.sendall(b"x")
            except OSError:
                if self._stop.is_set():
                    return

    def close(self) -> None:
        self._stop.set()
        self._listener.close()


@pytest.fixture
def dripping() -> Iterator[Callable[[bytes], Dripping]]:
    started: list[Dripping] = []

    def start(head: bytes) -> Dripping:
        started.append(Dripping(head))
        return started[-1]

    yield start
    for service in started:
        service.close()


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX-A: ", JSON_HEAD + b"Content-Length: 5000\r\n\r\n"])
def test_a_service_that_drips_is_504(start_gateway, dripping, head: bytes) -> None:
    call = start_gateway(services={"campaigns": dripping(head).url})
    is_problem(call("GET", PATH), 504, "upstream_timeout")


def test_sending_a_campaign_may_take_longer(call: Caller, campaigns: FakeService) -> None:
    later = threading.Event()
    path = f"{PATH}/1/send"
    campaigns.plan(path, Planned(until=later))
    threading.Timer(1.2, later.set).start()  # longer than every general timeout of this gateway
    assert call("POST", path).status_code == 200


# Connections


def test_connections_are_kept(start_gateway, campaigns: FakeService, platform: Platform) -> None:
    call = start_gateway()
    before = len(campaigns.connections)
    for _ in range(20):
        assert call("GET", PATH).status_code == 200
    assert len(campaigns.connections) - before == 1


def test_a_service_that_restarted_is_asked_on_a_new_connection(call: Caller, campaigns: FakeService) -> None:
    assert call("GET", PATH).status_code == 200
    campaigns.stop()
    campaigns.start()
    for method in ("POST", "GET", "PUT", "PATCH", "DELETE"):
        assert call(method, PATH).status_code == 200


class Closing:
    """A service that takes requests and closes the connection instead of answering, ``times`` over."""

    def __init__(self, times: int, first_answered: bool) -> None:
        self.requests: list[bytes] = []
        self._times = times
        self._first_answered = first_answered
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with sock:
                while request := sock.recv(65536):
                    self.requests.append(request.split(b" ")[0])
                    if len(self.requests) > 1 and self._times > 0:
                        self._times -= 1
                        break
                    if len(self.requests) == 1 and not self._first_answered:
                        break
                    sock.sendall(JSON_HEAD + b"Content-Length: 2\r\n\r\n{}")

    def close(self) -> None:
        self._listener.close()


@pytest.mark.parametrize(
    ("method", "status", "times"),
    [("GET", 200, 2), ("HEAD", 200, 2), ("POST", 502, 1), ("PATCH", 502, 1), ("PUT", 502, 1), ("DELETE", 502, 1)],
)
def test_only_what_changes_nothing_is_sent_again(
    start_gateway, platform: Platform, method: str, status: int, times: int
) -> None:
    closing = Closing(times=1, first_answered=True)
    call = start_gateway(services={"campaigns": closing.url})
    assert call("GET", PATH).status_code == 200  # the connection is kept, and ends at the next request
    assert call(method, PATH).status_code == status
    assert closing.requests.count(method.encode()) - (method == "GET") == times
    closing.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_is_sent_again_on_a_new_connection(start_gateway, platform: Platform, method: str) -> None:
    closing = Closing(times=0, first_answered=False)
    call = start_gateway(services={"campaigns": closing.url})
    is_problem(call(method, PATH), 502, "upstream_broken")
    assert closing.requests == [method.encode()]
    closing.close()


@pytest.mark.parametrize(("method", "tries"), [("GET", 2), ("PUT", 2), ("DELETE", 2), ("POST", 1), ("PATCH", 1)])
def test_connecting_is_tried_again_once_for_idempotent_methods(
    monkeypatch: pytest.MonkeyPatch, method: str, tries: int
) -> None:
    counted = []

    def refuse(*address: object) -> None:
        counted.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr("gateway.upstream.Connection", refuse)
    upstream = Upstream("campaigns", "http://127.0.0.1:1", GatewaySettings(), 1)
    with pytest.raises(Exception, match="unavailable"):
        upstream.ask(method, b"")
    assert len(counted) == tries
