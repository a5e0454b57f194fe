"""Malformed HTTP, sent to the very server that production runs: refused, and no service hears of it."""

import random
import socket

import pytest

from tests.gateway.conftest import Platform, Served

START = "POST /api/v1/campaigns HTTP/1.1\r\n"
AUTH = "Authorization: Bearer {token}\r\n"

MALFORMED = {
    "length and chunks": START
    + "Host: x\r\n"
    + AUTH
    + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": START + "Host: x\r\n" + AUTH + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "two hosts": START + "Host: x\r\nHost: y\r\n" + AUTH + "Content-Length: 0\r\n\r\n",
    "space before colon": START + "Host: x\r\n" + AUTH + "Content-Length : 2\r\n\r\n{}",
    "unknown coding": START + "Host: x\r\n" + AUTH + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "bare line feeds": (START + "Host: x\r\n" + AUTH + "Content-Length: 0\r\n\r\n").replace("\r\n", "\n"),
    "folded line": START + "Host: x\r\n" + AUTH + "X-A: 1\r\n  2\r\nContent-Length: 0\r\n\r\n",
    "length of plus five": START + "Host: x\r\n" + AUTH + "Content-Length: +5\r\n\r\nabcde",
    "negative length": START + "Host: x\r\n" + AUTH + "Content-Length: -1\r\n\r\n",
    "chunked twice": START + "Host: x\r\n" + AUTH + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "old version in chunks": START.replace("1.1", "1.0") + AUTH + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no colon": START + "Host: x\r\n" + AUTH + "Nonsense\r\n\r\n",
    "control in a value": START + "Host: x\r\n" + AUTH + "X-A: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "space in the path": START.replace("campaigns", "camp aigns") + "Host: x\r\n" + AUTH + "\r\n",
    "a line too long": START + "Host: x\r\n" + "Authorization: Bearer " + "a" * 1_000_000 + "\r\n\r\n",
    "too many fields": START + "Host: x\r\n" + AUTH + "X-A: 1\r\n" * 500 + "\r\n",
    "a path too long": START.replace("campaigns", "a" * 9000) + "Host: x\r\n" + AUTH + "\r\n",
}


def first_line(served: Served, request: str) -> str:
    """The status line of the first answer; empty when the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
        try:
            sock.sendall(request.replace("{token}", served.token).encode("latin-1"))
            sock.shutdown(socket.SHUT_WR)
            return sock.recv(65536).split(b"\r\n")[0].decode("latin-1")
        except ConnectionError:
            return ""


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_http_goes_nowhere(served: Served, platform: Platform, kind: str) -> None:
    line = first_line(served, MALFORMED[kind])
    # Too long a request may be cut off while it is still being sent, and RFC 9112 wants 501 for an unknown coding.
    assert line.startswith(("HTTP/1.1 4", "HTTP/1.1 501")) or (not line and "too" in kind)
    assert not platform.campaigns.seen


def test_a_second_request_hidden_in_a_body_is_body(served: Served, platform: Platform) -> None:
    hidden = "GET /api/v1/campaigns/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    status, _, _ = served.raw(f"{START}Host: x\r\n{AUTH}Content-Length: {len(hidden)}\r\n\r\n{hidden}")
    assert status == 200
    assert [seen.target for seen in platform.campaigns.seen] == ["/api/v1/campaigns"]
    assert platform.campaigns.seen[0].body == hidden.encode()


def test_mutated_requests_never_reach_a_place_that_is_not_routed(served: Served, platform: Platform) -> None:
    """Each mutation is refused, or arrives as one plain request of the caller it was sent for."""
    chance = random.Random(7)
    good = START + "Host: x\r\n" + AUTH + "Content-Length: 2\r\n\r\n{}"
    spice = ["\r", "\n", "\0", " ", "\t", ":", ";", "//", "..", "%2e", "%00", "\v", "é", "\r\n", "0", ",", "chunked"]
    head_end = good.index("{token}")
    for _ in range(500):
        at = chance.choice([*range(head_end), *range(head_end + 7, len(good))])
        request = good[:at] + chance.choice(spice) + good[at + chance.randint(0, 1) :]
        line = first_line(served, request)
        assert not line.startswith("HTTP/1.1 50") or line.startswith("HTTP/1.1 501"), repr(request)
    for service in platform.all:
        for seen in service.seen:
            if seen.target.startswith(("/internal/access", "/internal/api-keys/used", "/.well-known/jwks.json")):
                # The gateway itself.
                continue
            assert seen.target.startswith("/api/v1/campaigns"), seen
            assert seen.caller is not None
            assert seen.caller.name == "Anna"
            assert "//" not in seen.target
