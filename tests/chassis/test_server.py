"""The web server that every process runs in, tried over raw sockets: slow, rude and broken clients."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import closing

import pytest
import requests

from chassis.process import worker
from tests.e2e.harness import free_ports, until

CHILD = """
import sys
from dataclasses import replace
from chassis.process import lifecycle, server, settings, worker
worker.SILENCE_SECONDS = worker.HEAD_SECONDS = 1
loaded = replace(settings.load(), bind=sys.argv[1], threads=2)
def app(environ, start_response):
    if environ["PATH_INFO"] == "/reading":
        environ["wsgi.input"].read()
    if environ["PATH_INFO"] == "/large-in-time":
        lifecycle.write_deadlines.start(environ["gunicorn.socket"], 1)
    body = b"x" * 50_000_000 if environ["PATH_INFO"].startswith("/large") else b"ok"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
server.serve_app(lambda: app, loaded, "tried")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    port = free_ports(1)
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, f"127.0.0.1:{port}"], stderr=stderr, env=os.environ | {"CONCORD_HOME": "var"}
        )
    try:
        until(lambda: _connects(port), what="the server starting")
        yield port, log
    finally:
        process.terminate()
        assert process.wait(20) == 0


def _connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def raw(port, data):
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as sock:
        sock.sendall(data)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    return answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nSecret//: abc\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: odd\r\n\r\n", 501),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    ],
)
def test_what_is_no_http_is_refused_with_a_problem_and_not_quoted(server, request_, status):
    port, log = server
    head, _, body = raw(port, request_).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"application/problem+json" in head
    assert json.loads(body)["code"] == "malformed_request"
    assert b"Secret" not in log.read_bytes()


def test_clients_that_stop_half_way_do_not_keep_the_others_out(server):
    port, _ = server
    half = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(4)]
    for sock in half:
        sock.sendall(b"GET / HTTP/1.1\r\nHos")
    assert requests.get(f"http://127.0.0.1:{port}/", timeout=10).text == "ok"
    for sock in half:
        sock.close()


def test_a_head_that_trickles_in_is_cut_off(server):
    port, _ = server
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as sock:
        cut = False
        for byte in b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"a" * 200:
            try:
                sock.sendall(bytes([byte]))
                sock.settimeout(0.1)
                cut = sock.recv(100) is not None
                break
            except TimeoutError:
                continue
            except OSError:
                cut = True
                break
        assert cut


@pytest.mark.parametrize("request_", [b"GET /large HTTP/1.1\r\n", b"POST /reading HTTP/1.1\r\nContent-Length: 9\r\n"])
def test_clients_that_fall_silent_in_a_body_or_an_answer_lose_their_thread(server, request_):
    port, _ = server
    silent = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(4)]
    for sock in silent:
        sock.sendall(request_ + b"Host: x\r\n\r\n")
    assert requests.get(f"http://127.0.0.1:{port}/", timeout=10).text == "ok"
    for sock in silent:
        sock.close()


def test_a_client_that_drips_through_an_answer_is_cut_off_when_its_time_is_over(server):
    """It is never silent for as long as a socket's own timeout, and the answer is one piece."""
    port, _ = server
    dripping = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(2)]
    for sock in dripping:
        sock.sendall(b"GET /large-in-time HTTP/1.1\r\nHost: x\r\n\r\n")

    def is_free():
        for sock in dripping:
            assert sock.recv(100)
        with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            sock.settimeout(0.2)
            try:
                return sock.recv(100).startswith(b"HTTP/1.1 200")
            except TimeoutError:
                return False

    assert not is_free()
    until(is_free, what="a thread being free")
    for sock in dripping:
        sock.close()


def test_silent_connections_hold_no_thread(server):
    port, _ = server
    silent = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(200)]
    assert requests.get(f"http://127.0.0.1:{port}/", timeout=4).text == "ok"
    for sock in silent:
        sock.close()


def test_clients_that_do_not_hang_up_do_not_hold_up_the_server(server):
    port, _ = server
    rude = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(3)]
    for sock in rude:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    for sock in rude:
        assert sock.recv(20).startswith(b"HTTP/1.1 200")
    started = time.monotonic()
    assert requests.get(f"http://127.0.0.1:{port}/", timeout=20).text == "ok"
    assert time.monotonic() - started < 5
    for sock in rude:
        sock.close()


@pytest.mark.parametrize("size", [60_000, 300_000, worker.LEFTOVER])
def test_a_connection_goes_on_after_a_body_that_nobody_has_read(server, size):
    """What was refused without reading it would otherwise end a connection that others' requests follow on."""
    port, _ = server
    first = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    answers = raw(port, first + b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answers.count(b"HTTP/1.1 200 OK") == 2
