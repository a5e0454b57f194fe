"""Each signature once (S2-26): in one gateway, over several that share a Redis, and while that Redis is away."""

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from limits.storage import storage_from_string

from chassis.core.clock import CLOCKS_APART
from chassis.core.errors import Upstream
from gateway.replay_guard import InMemory, Shared, replay_guard
from gateway.signatures import KEEP, WINDOW
from tests.gateway.fakes import FakeIdentity, eventually, free_port
from tests.gateway.test_signatures import BODY, PATH, Merchant, refused
from tests.plugin import need_program


class Redis:
    """A Redis server of our own on loopback that keeps nothing."""

    def __init__(self) -> None:
        port = free_port()
        self.url = f"redis://127.0.0.1:{port}/0"
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([need_program("redis-server"), *options], stdout=subprocess.DEVNULL)
        assert eventually(lambda: storage_from_string(self.url, wrap_exceptions=True).check())

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)


@pytest.fixture(scope="module")
def redis_server() -> Iterator[Redis]:
    server = Redis()
    yield server
    server.stop()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_signature_is_remembered_as_long_as_its_moment_is_near() -> None:
    """It may be sent 300 s early and again 300 s late; and what is over takes no room."""
    assert 2 * WINDOW + CLOCKS_APART.total_seconds() < KEEP  # a gateway that is asked later may be behind
    clock = Clock()
    memory = InMemory(KEEP, clock)
    for started in range(0, 5 * KEEP, KEEP // 3):
        clock.now = started
        assert memory.is_first(f"at {started}")
        for later in (0, 1, KEEP // 2, KEEP - 1):
            clock.now = started + later
            assert not memory.is_first(f"at {started}")
        clock.now = started
    clock.now = 20 * KEEP
    memory.is_first("x")
    assert len(memory.used) == 1


def test_of_many_threads_one_is_first(redis_server: Redis) -> None:
    shared = Shared(storage_from_string(redis_server.url, wrap_exceptions=True), KEEP)  # type: ignore[arg-type]
    for store in (InMemory(KEEP), shared):
        with ThreadPoolExecutor(8) as pool:
            firsts = list(pool.map(lambda number, store=store: store.is_first(f"thing {number // 50}"), range(1000)))
        assert sum(firsts) == 20


def test_counting_in_memory_is_our_own() -> None:
    """The library's store for limits may let two threads both count to one."""
    assert isinstance(replay_guard(storage_from_string("memory://"), KEEP), InMemory)  # type: ignore[arg-type]


def test_gateways_that_share_a_redis_take_a_signature_once(
    start_gateway, identity: FakeIdentity, redis_server: Redis
) -> None:
    merchant = Merchant(identity)
    gateways = [start_gateway(limits_url=redis_server.url) for _ in range(3)]
    for gateway in gateways:
        gateway.token = None
    for _ in range(5):
        sent = merchant.headers(BODY)
        with ThreadPoolExecutor(6) as pool:
            answers = [pool.submit(gateway, "POST", PATH, headers=sent, data=BODY) for gateway in gateways * 2]
            assert sorted(answer.result().status_code for answer in answers) == [200] + [401] * 5


def test_a_restarted_gateway_remembers_through_redis(
    start_gateway, identity: FakeIdentity, redis_server: Redis
) -> None:
    merchant = Merchant(identity)
    sent = merchant.headers(BODY)
    for expected in (200, 401):
        call = start_gateway(limits_url=redis_server.url)
        call.token = None
        assert call("POST", PATH, headers=sent, data=BODY).status_code == expected


def test_without_its_redis_a_gateway_takes_no_signature(start_gateway, identity: FakeIdentity) -> None:
    """Limits lapse meanwhile, and who is signed in goes on; but a signature might be a copy."""
    server = Redis()
    call = start_gateway(limits_url=server.url)
    good, call.token = call.token, None
    merchant = Merchant(identity)
    assert call("GET", PATH, headers=merchant.headers()).status_code == 200
    server.stop()
    answer = call("GET", PATH, headers=merchant.headers())
    refused(answer, 503, "Signatures cannot be checked")
    assert answer.headers["Retry-After"]
    call.token = good
    assert call("GET", PATH).status_code == 200


def test_a_store_that_is_away_is_no_yes() -> None:
    storage = storage_from_string(f"redis://127.0.0.1:{free_port()}/0", wrap_exceptions=True)
    started = time.monotonic()
    with pytest.raises(Upstream):
        Shared(storage, KEEP).is_first("x")  # type: ignore[arg-type]
    assert time.monotonic() - started < 5
