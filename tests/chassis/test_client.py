"""Calling an upstream that is away, slow, broken or rude: a quick 503, and the other threads go on."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chassis.core.errors import NotFound, Upstream
from chassis.core.principal import acting_as
from chassis.http.client import ServiceClient
from chassis.http.identity import Signer, Verifier
from tests.plugin import principal

ANNA = principal()


class FakeUpstream:
    """Answers what ``answer`` says, as ``(status, headers, body)``; remembers who asked."""

    def __init__(self):
        self.answer = (200, {}, b'{"ok": true}')
        self.gate = threading.Event()
        self.gate.set()
        self.asked = []
        self.read_whole = 0
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                upstream.asked.append(dict(self.headers))
                upstream.gate.wait(20)
                status, headers, body = upstream.answer
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(body)
                    upstream.read_whole += 1

            do_POST = do_GET

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def upstream():
    running = FakeUpstream()
    yield running
    running.gate.set()
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def client(upstream, test_settings):
    return ServiceClient({"prm": upstream.url}, Signer(test_settings.keys, "campaigns"), places=2)


def ask(client):
    with acting_as(ANNA):
        return client.get("prm", "/internal/x")


def test_the_caller_is_signed_on_by_us(client, upstream, test_settings):
    assert ask(client) == {"ok": True}
    token = upstream.asked[0]["X-Concord-Identity"]
    assert Verifier(test_settings.keys, "prm").verify(token) == (ANNA, "campaigns")


def test_a_503_that_says_come_back_later_is_passed_on_at_once(client, upstream):
    upstream.answer = (503, {"Retry-After": "5"}, b"{}")
    started = time.monotonic()
    with pytest.raises(Upstream) as refused:
        ask(client)
    assert time.monotonic() - started < 4
    assert int(refused.value.headers["Retry-After"]) > 0
    assert len(upstream.asked) == 3


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ((404, {}, b"{}"), NotFound),
        ((500, {}, b"{}"), Upstream),
        ((403, {}, b"{}"), Upstream),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), Upstream),
        ((200, {}, b"<html>"), Upstream),
        ((200, {}, b"[]"), Upstream),
        ((200, {}, b'{"a": "' + b"a" * 2000 + b'"}'), Upstream),
        ((200, {"Set-Cookie": "a=b"}, b"nonsense"), Upstream),
    ],
)
def test_odd_answers(client, upstream, answer, failure, monkeypatch):
    monkeypatch.setattr("chassis.http.client.MAX_ANSWER", 1000)
    upstream.answer = answer
    with pytest.raises(failure):
        ask(client)
    assert not any("Cookie" in headers for headers in upstream.asked)


@pytest.mark.parametrize("status", [200, 302, 404, 503])
def test_of_no_answer_more_than_the_limit_is_read(client, upstream, status, monkeypatch):
    """Nor of one that leads elsewhere or that is asked for again."""
    monkeypatch.setattr("chassis.http.client.MAX_ANSWER", 1000)
    upstream.answer = (status, {"Location": "/elsewhere"}, 20_000_000 * b" ")
    with pytest.raises((NotFound, Upstream)):
        ask(client)
    assert upstream.read_whole == 0


def test_an_upstream_that_is_not_there_or_not_known(client, test_settings):
    gone = ServiceClient({"prm": "http://127.0.0.1:9"}, Signer(test_settings.keys, "campaigns"))
    with pytest.raises(Upstream), acting_as(ANNA):
        gone.get("prm", "/")
    with pytest.raises(Upstream), acting_as(ANNA):
        gone.get("nobody", "/")


def test_an_upstream_that_hangs_holds_two_threads_and_no_third(client, upstream):
    upstream.gate.clear()
    with ThreadPoolExecutor(3) as pool:
        stuck = [pool.submit(ask, client) for _ in range(2)]
        while len(upstream.asked) < 2:
            time.sleep(0.01)
        with pytest.raises(Upstream, match="Too many"):
            ask(client)
        upstream.gate.set()
        assert [future.result() for future in stuck] == [{"ok": True}] * 2
    assert ask(client) == {"ok": True}
