"""The link cache of a process: bounded, and it keeps the links that are followed."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event

from services.affiliates.clicks import tracker
from services.affiliates.links import cache
from tests.affiliates.helpers import activated, linked, without_links_in_memory


@pytest.fixture
def links(affiliates, monkeypatch):
    """A link cache with room for three codes."""
    monkeypatch.setattr(cache, "MAX_LINKS", 3)
    without_links_in_memory(affiliates)
    yield tracker.of(affiliates.runtime).links
    without_links_in_memory(affiliates)


@contextmanager
def statements(service):
    """The statements that reach the database."""
    texts = []

    def add(_connection, _cursor, statement, *_):
        texts.append(statement)

    event.listen(service.database.engine, "before_cursor_execute", add)
    yield texts
    event.remove(service.database.engine, "before_cursor_execute", add)


def test_a_link_in_use_stays_when_unknown_codes_fill_the_cache(links, shop, affiliates):
    code = linked(shop, activated(shop))
    links.find(code)
    for number in range(10):
        links.find(f"nobody.x-{number}")
        links.refresh()
    with statements(affiliates) as texts:
        assert links.find(code).target
        assert texts == []
        links.find("nobody.x-0")
        assert texts
