"""The group-commit writer: concurrent evaluations are written together, and each thread gets the result of its own."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Condition, Event
from unittest.mock import Mock
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from services.promotions.evaluations import writer as writing
from services.promotions.evaluations.campaign_cache import campaign_cache_of
from services.promotions.evaluations.models import Evaluation
from services.promotions.evaluations.writer import EvaluationWriter
from tests.e2e.harness import until
from tests.promotions.evaluations.shop import Shop, order
from tests.promotions.helpers import FJORD, MINE, count, ok, stored


@pytest.fixture
def shop(promotions):
    shop = Shop(promotions)
    shop.store()
    shop.product("jeans", 800)
    return shop


def evaluated(client, *lines):
    return ok(client.post(f"{MINE}/orders/evaluate", json=order(*lines)))


def a_row(evaluation):
    """Another row like that of ``evaluation``."""
    names = ("store_uid", "record", "created_at", "tenant_id")
    return {name: getattr(evaluation, name) for name in names} | {"id": uuid4()}


def write(writer, promotions, row, stamp):
    """For a caller, as requests do."""
    with acting_as(Principal.system("test")):
        return writer.write(promotions.database, row, stamp)


@contextmanager
def writing_blocked(database):
    """Threads that write evaluations wait until the block ends."""
    with database.engine.begin() as connection:  # which is enough on SQLite
        if database.dialect == "postgresql":
            connection.execute(text("LOCK TABLE evaluations IN EXCLUSIVE MODE"))
        yield


def test_concurrent_requests_are_written_together_and_each_only_if_current(shop, promotions, till):
    """One thread writes for all that wait. Those whose catalogue has changed meanwhile get False, the others True."""
    evaluated(till, ("jeans", 1))
    [evaluation] = stored(promotions, Evaluation)
    writer = EvaluationWriter()
    stamp = campaign_cache_of(promotions.app).last_read(FJORD, "oslo-1", at=utcnow()).stamp
    stale = (stamp[0], stamp[1] - 1)
    stamps = [stamp, stale, stamp, stamp, stale, stamp]
    with ThreadPoolExecutor(1 + len(stamps)) as pool:
        with writing_blocked(promotions.database):
            first = pool.submit(write, writer, promotions, a_row(evaluation), stamp)
            until(lambda: writer.is_writing and not len(writer))
            results = [pool.submit(write, writer, promotions, a_row(evaluation), offered) for offered in stamps]
            until(lambda: len(writer) == len(stamps))
        assert first.result(10)
        assert [result.result(10) for result in results] == [True, False, True, True, False, True]
    assert count(promotions, Evaluation) == 6
    assert [write(writer, promotions, a_row(evaluation), offered) for offered in (stamp, stale)] == [
        True,
        False,
    ]


@pytest.mark.parametrize("failure", [OSError, SystemExit])
def test_a_failure_reaches_every_thread_of_its_group_and_no_other(shop, promotions, till, monkeypatch, failure):
    evaluated(till, ("jeans", 1))
    [evaluation] = stored(promotions, Evaluation)
    writer, may_write, write_many = EvaluationWriter(), Event(), writing._write_many
    stamp = campaign_cache_of(promotions.app).last_read(FJORD, "oslo-1", at=utcnow()).stamp
    batches = []

    def fail_where_several_wait(database, batch):
        assert may_write.wait(10)
        batches.append(len(batch))
        if len(batch) > 1:
            raise failure
        return write_many(database, batch)

    monkeypatch.setattr(writing, "_write_many", fail_where_several_wait)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(write, writer, promotions, a_row(evaluation), stamp)
        until(lambda: writer.is_writing and not len(writer))
        others = [pool.submit(write, writer, promotions, a_row(evaluation), stamp) for _ in range(3)]
        until(lambda: len(writer) == len(others))
        may_write.set()
        assert first.result(10)
        assert [type(other.exception(10)) for other in others] == [failure] * 3
    assert batches == [1, 3]
    assert write(writer, promotions, a_row(evaluation), stamp)
    assert count(promotions, Evaluation) == 3


def test_a_thread_that_is_interrupted_leaves_the_queue(shop, promotions, till, monkeypatch):
    """The threads behind it still get their turn."""
    evaluated(till, ("jeans", 1))
    [evaluation] = stored(promotions, Evaluation)
    stamp = campaign_cache_of(promotions.app).last_read(FJORD, "oslo-1", at=utcnow()).stamp

    class InterruptedOnce(Condition):
        wait_for = Mock(side_effect=[KeyboardInterrupt, True])

    monkeypatch.setattr(writing, "Condition", InterruptedOnce)
    writer = EvaluationWriter()
    with pytest.raises(KeyboardInterrupt):
        write(writer, promotions, a_row(evaluation), stamp)
    assert len(writer) == 0
    assert write(writer, promotions, a_row(evaluation), stamp)


def test_a_writing_thread_that_fails_before_it_writes_blocks_nobody(shop, promotions, till, monkeypatch):
    evaluated(till, ("jeans", 1))
    [evaluation] = stored(promotions, Evaluation)
    stamp = campaign_cache_of(promotions.app).last_read(FJORD, "oslo-1", at=utcnow()).stamp
    monkeypatch.setattr(writing, "time", Mock(sleep=Mock(side_effect=[MemoryError, None])))
    writer = EvaluationWriter()
    with pytest.raises(MemoryError):
        write(writer, promotions, a_row(evaluation), stamp)
    assert len(writer) == 0
    assert write(writer, promotions, a_row(evaluation), stamp)


def test_a_failed_write_raises(shop, promotions, till):
    evaluated(till, ("jeans", 1))
    [evaluation] = stored(promotions, Evaluation)
    row = a_row(evaluation) | {"store_uid": None}
    stamp = campaign_cache_of(promotions.app).last_read(FJORD, "oslo-1", at=utcnow()).stamp
    with pytest.raises(IntegrityError):
        write(EvaluationWriter(), promotions, row, stamp)
    assert write(EvaluationWriter(), promotions, a_row(evaluation), stamp)


def test_a_lost_connection_is_opened_again(shop, promotions, till):
    if promotions.database.dialect != "postgresql":
        pytest.skip("a file is never lost")
    evaluated(till, ("jeans", 1))
    others = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE datname = current_database()"
    with promotions.database.engine.begin() as connection:
        connection.execute(text(f"{others} AND pid <> pg_backend_pid()"))
    evaluated(till, ("jeans", 1))
    assert count(promotions, Evaluation) == 2
