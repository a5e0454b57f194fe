"""Bodies of requests: counted, read whole before a service is asked, refused when they are not what they say."""

import socket
import threading
from http.client import HTTPResponse

import pytest

from tests.gateway.conftest import Caller, Platform, Served
from tests.gateway.fakes import FakeService, Planned, eventually

PATH = "/api/v1/campaigns"
LIMIT = 1024 * 1024
HEAD = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {{token}}\r\n"


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, LIMIT])
def test_a_body_arrives_whole(served: Served, campaigns: FakeService, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    assert served.request("POST", PATH, body=body[:size]).status == 200
    assert campaigns.seen[0].body == body[:size]
    assert campaigns.seen[0].get("Content-Length") == str(size)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_body_in_chunks_arrives_with_its_length(served: Served, campaigns: FakeService, method: str) -> None:
    pieces = [b"a" * 70_000, b"b", b"c" * 1000]
    assert served.request(method, PATH, body=iter(pieces)).status == 200
    assert campaigns.seen[0].body == b"".join(pieces)
    assert campaigns.seen[0].get("Content-Length") == "71001"
    assert campaigns.seen[0].get("Transfer-Encoding") is None


def test_one_byte_too_many_is_413(served: Served, campaigns: FakeService) -> None:
    answer = served.request("POST", PATH, body=b"x" * (LIMIT + 1))
    assert (answer.status, answer.json()["code"]) == (413, "request_entity_too_large")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not campaigns.seen


def test_too_much_in_chunks_is_413_too(served: Served, campaigns: FakeService) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    status, headers, body = served.raw(HEAD + "Transfer-Encoding: chunked\r\n\r\n", chunk * 17)
    assert (status, headers["content-type"]) == (413, "application/problem+json")
    assert b"request_entity_too_large" in body
    assert not campaigns.seen


@pytest.mark.parametrize("noun", ["products", "pricelists", "pricelists/spring/products"])
def test_thousands_of_products_are_let_through(served: Served, platform: Platform, noun: str) -> None:
    path = f"/v2/tenants/fjord-retail/{noun}"
    assert served.request("PUT", path, body=b"x" * (LIMIT + 1)).status == 200
    head = HEAD.replace(f"POST {PATH}", f"PUT {path}")
    status, _, body = served.raw(head + f"Content-Length: {4 * LIMIT + 1}\r\n\r\n", b"")
    assert (status, b"request_entity_too_large" in body) == (413, True)
    assert [len(request.body) for request in platform.promotions.seen] == [LIMIT + 1]


def test_the_limit_is_a_setting(start_gateway, campaigns: FakeService) -> None:
    call = start_gateway(max_body=10)
    assert call("POST", PATH, data=b"x" * 10).status_code == 200
    assert call("POST", PATH, data=b"x" * 11).status_code == 413
    assert len(campaigns.seen) == 1


def test_who_may_not_send_is_refused_before_the_body_is_read(call: Caller, campaigns: FakeService) -> None:
    call.token = None
    assert call("POST", PATH, data=b"x" * (LIMIT + 1)).status_code == 401


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity"])
def test_a_compressed_body_is_refused(call: Caller, campaigns: FakeService, encoding: str) -> None:
    answer = call("POST", PATH, data=b"x", headers={"Content-Encoding": encoding})
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")
    assert not campaigns.seen


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        ("Content-Length: 10\r\n", b"short"),
        ("Transfer-Encoding: chunked\r\n", b"5\r\nab"),
        ("Transfer-Encoding: chunked\r\n", b"zz\r\nab\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", b"2\r\nabXX0\r\n\r\n"),
    ],
)
def test_a_body_that_breaks_off_or_is_broken_is_refused(
    served: Served, campaigns: FakeService, framing: str, body: bytes
) -> None:
    status, headers, _ = served.raw(HEAD + framing + "\r\n", body)
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert not campaigns.seen


def test_a_body_that_trickles_in_is_ended(served: Served, campaigns: FakeService) -> None:
    stop = threading.Event()
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
        sock.sendall((HEAD + "Content-Length: 1000\r\n\r\n").replace("{token}", served.token).encode())

        def trickle() -> None:
            while not stop.wait(0.1):
                try:
                    sock.sendall(b"x")
                except OSError:
                    return

        sender = threading.Thread(target=trickle)
        sender.start()
        try:
            answer = HTTPResponse(sock)
            answer.begin()
            status, body = answer.status, answer.read()
        finally:
            stop.set()
            sender.join()
    assert status == 408
    assert b"slow_body" in body
    assert not campaigns.seen


# Answers


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 3_000_000])
def test_an_answer_of_known_length_arrives_whole(served: Served, campaigns: FakeService, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    campaigns.plan(PATH, Planned(body=body[:size]))
    answer = served.request("GET", PATH)
    assert answer.data == body[:size]
    assert answer.headers["Content-Length"] == str(size)


def test_an_answer_in_chunks_arrives_whole(served: Served, campaigns: FakeService) -> None:
    pieces = [b"a" * 100_000, b"b", b"c" * 200_000]
    campaigns.plan(PATH, Planned(body=pieces))
    assert served.request("GET", PATH).data == b"".join(pieces)


def test_pieces_are_passed_on_as_they_come(served: Served, campaigns: FakeService) -> None:
    more = threading.Event()

    class Pieces(list):
        def __iter__(self):
            yield b"first"
            more.wait(10)
            yield b"second"

    campaigns.plan(PATH, Planned(headers={"Content-Type": "text/event-stream"}, body=Pieces()))
    answer = served.http.request(
        "GET", PATH, headers={"Authorization": f"Bearer {served.token}"}, preload_content=False
    )
    assert answer.read1() == b"first"
    more.set()
    assert answer.read() == b"second"


@pytest.mark.parametrize("status", [200, 404])
def test_head_has_the_head_of_get(served: Served, campaigns: FakeService, status: int) -> None:
    campaigns.plan(PATH, Planned(status, body=b'{"a": 1}'))
    answer = served.request("HEAD", PATH)
    assert (answer.status, answer.data, answer.headers["Content-Length"]) == (status, b"", "8")
    assert served.request("GET", PATH).data == b'{"a": 1}'


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(served: Served, campaigns: FakeService, status: int) -> None:
    campaigns.plan(PATH, Planned(status, headers={"ETag": '"1"'}, body=b""))
    for _ in range(3):
        answer = served.request("GET", PATH)
        assert (answer.status, answer.data, answer.headers["ETag"]) == (status, b"", '"1"')


def test_redirects_are_the_clients_to_follow(call: Caller, campaigns: FakeService) -> None:
    campaigns.plan(PATH, Planned(303, headers={"Location": "http://elsewhere.example/x"}, body=b""))
    answer = call("GET", PATH)
    assert (answer.status_code, answer.headers["Location"]) == (303, "http://elsewhere.example/x")
    assert len(campaigns.seen) == 1


def test_a_client_that_leaves_frees_its_place(served: Served, campaigns: FakeService) -> None:
    campaigns.plan(PATH, Planned(body=b"x" * 5_000_000))
    for _ in range(30):
        with socket.create_connection(("127.0.0.1", served.port)) as sock:
            sock.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.token}\r\n\r\n".encode())
            assert sock.recv(100)
    campaigns.reset()
    assert eventually(lambda: all(served.request("GET", PATH).status == 200 for _ in range(20)))
