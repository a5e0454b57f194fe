"""Evaluations that come together are written together, and everybody is told what became of one's own."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chassis.core.clock import utcnow
from services.promotions.evaluations import writer as keeping
from services.promotions.evaluations.campaign_cache import sets_of
from services.promotions.evaluations.models import Evaluation
from services.promotions.evaluations.writer import Keeper
from tests.e2e.harness import until
from tests.promotions.evaluations.shop import Shop, order
from tests.promotions.helpers import FJORD, MINE, count, ok, stored


@pytest.fixture
def shop(promotions):
    found = Shop(promotions)
    found.store()
    found.product("jeans", 800)
    return found


def evaluated(client, *lines):
    return ok(client.post(f"{MINE}/orders/evaluate", json=order(*lines)))


def a_row(kept):
    """Another row like one that is there."""
    names = ("store_uid", "record", "created_at", "tenant_id")
    return {name: getattr(kept, name) for name in names} | {"id": uuid4()}


@contextmanager
def writing_blocked(database):
    """Whoever writes an evaluation meanwhile waits for the end of the block."""
    with database.engine.begin() as connection:  # which is enough on SQLite
        if database.dialect == "postgresql":
            connection.execute(text("LOCK TABLE evaluations IN EXCLUSIVE MODE"))
        yield


def test_requests_at_once_are_kept_together_and_each_only_if_current(shop, promotions, till):
    """One writes for all who wait; those whose set has aged meanwhile are told so, and nobody else."""
    evaluated(till, ("jeans", 1))
    [kept] = stored(promotions, Evaluation)
    keeper = Keeper()
    stamp = sets_of(promotions.app).known(FJORD, "oslo-1", at=utcnow()).stamp
    stale = (stamp[0], stamp[1] - 1)
    asked = [stamp, stale, stamp, stamp, stale, stamp]
    with ThreadPoolExecutor(1 + len(asked)) as pool:
        with writing_blocked(promotions.database):
            first = pool.submit(keeper.keep, promotions.database, a_row(kept), stamp)
            until(lambda: keeper.is_writing and not len(keeper))
            answers = [pool.submit(keeper.keep, promotions.database, a_row(kept), each) for each in asked]
            until(lambda: len(keeper) == len(asked))
        assert first.result(10)
        assert [each.result(10) for each in answers] == [True, False, True, True, False, True]
    assert count(promotions, Evaluation) == 6
    assert [keeper.keep(promotions.database, a_row(kept), each) for each in (stamp, stale)] == [True, False]


@pytest.mark.parametrize("failure", [OSError, SystemExit])
def test_a_failure_is_told_to_all_who_wait_for_the_same_write_and_nobody_else(
    shop, promotions, till, monkeypatch, failure
):
    evaluated(till, ("jeans", 1))
    [kept] = stored(promotions, Evaluation)
    keeper, may_write, keep_many = Keeper(), Event(), keeping._keep_many
    stamp = sets_of(promotions.app).known(FJORD, "oslo-1", at=utcnow()).stamp
    batches = []

    def fail_where_several_wait(database, batch):
        assert may_write.wait(10)
        batches.append(len(batch))
        if len(batch) > 1:
            raise failure
        return keep_many(database, batch)

    monkeypatch.setattr(keeping, "_keep_many", fail_where_several_wait)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(keeper.keep, promotions.database, a_row(kept), stamp)
        until(lambda: keeper.is_writing and not len(keeper))
        others = [pool.submit(keeper.keep, promotions.database, a_row(kept), stamp) for _ in range(3)]
        until(lambda: len(keeper) == len(others))
        may_write.set()
        assert first.result(10)
        assert [type(each.exception(10)) for each in others] == [failure] * 3
    assert batches == [1, 3]
    assert keeper.keep(promotions.database, a_row(kept), stamp)
    assert count(promotions, Evaluation) == 3


def test_a_failure_to_keep_is_told(shop, promotions, till):
    evaluated(till, ("jeans", 1))
    [kept] = stored(promotions, Evaluation)
    row = a_row(kept) | {"store_uid": None}
    stamp = sets_of(promotions.app).known(FJORD, "oslo-1", at=utcnow()).stamp
    with pytest.raises(IntegrityError):
        Keeper().keep(promotions.database, row, stamp)
    assert Keeper().keep(promotions.database, a_row(kept), stamp)


def test_a_lost_connection_is_opened_again(shop, promotions, till):
    if promotions.database.dialect != "postgresql":
        pytest.skip("a file is never lost")
    evaluated(till, ("jeans", 1))
    lost = promotions.database._kept._connection.connection.driver_connection.info.backend_pid
    with promotions.database.engine.begin() as connection:
        assert connection.scalar(text("SELECT pg_terminate_backend(:lost, 1000)"), {"lost": lost})
    evaluated(till, ("jeans", 1))
    assert count(promotions, Evaluation) == 2
