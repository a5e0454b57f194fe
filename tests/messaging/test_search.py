"""Finding threads by the words in them."""

import unicodedata
from urllib.parse import urlencode

import pytest
from sqlalchemy import event, update

from chassis.core.principal import Principal, acting_as
from services.messaging.models import Message, Thread
from services.messaging.search import beginnings
from tests.messaging.helpers import RITA, ROLF, THREADS, begun, done, listed, write


@pytest.fixture
def search(anna, rolf):
    """Looks for words in three threads of Anna's, as they come in her list."""
    begun(anna, subject="Invoice 4711", firstMessage="For the window display")
    artwork = begun(anna, subject="Artwork", firstMessage="Banner in 100% size, name_final.png")
    begun(anna, RITA, subject="Åre opening", firstMessage="Come at nine, it's O'Brien's day")
    write(rolf, artwork, "The BANNER is too wide; back\\slash and 'quotes'")
    return lambda query, client=anna: [
        item["subject"] for item in client.get(THREADS, query_string={"q": query}).json["items"]
    ]


def test_words_are_found_in_subjects_and_in_any_message(search, rolf):
    assert search("artwork") == ["Artwork"]
    assert search("window") == ["Invoice 4711"]
    assert search("wide") == ["Artwork"]
    assert search("4711") == ["Invoice 4711"]
    assert search("opening") == ["Åre opening"]
    assert search("display", rolf) == ["Invoice 4711"]
    assert search("nowhere") == []


@pytest.mark.parametrize("query", ["banner", "Banner", "BANNER", "bann", "  banner  "])
def test_case_and_unfinished_words_do_not_matter(search, query):
    assert search(query) == ["Artwork"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_case_counts_for_no_letter_and_no_spelling(anna, form):
    """D62, on both databases."""
    begun(anna, subject=unicodedata.normalize(form, "Москва и Café"), firstMessage="ÅRSMØTE i STRASSE, Ёлка")
    for query in ("москва", "МОСКВА", "café", "CAFE\u0301", "årsmøte", "A\u030arsmøte", "straße", "ЁЛКА", "мос"):
        assert listed(anna, f"?{urlencode({'q': query})}") == [unicodedata.normalize("NFC", "Москва и Café")], query
    for query in ("cafe", "arsmote", "москве"):
        assert listed(anna, f"?{urlencode({'q': query})}") == [], query


def test_what_older_code_writes_is_found_too(anna, messaging):
    begun(anna, subject="Summer artwork", firstMessage="Banners")
    with acting_as(Principal.system("test")), messaging.database.begin() as session:
        session.execute(update(Thread).values(subject_folded=None))
        session.execute(update(Message).values(body_folded=None))
    assert listed(anna, "?q=artwork") == listed(anna, "?q=banners") == ["Summer artwork"]


def test_all_words_must_stand_in_one_text(search):
    assert search("too banner") == ["Artwork"]
    assert search("banner nine") == []
    assert search("artwork banner") == []


@pytest.mark.parametrize("query", ["%", "_", "ba*", "'", "\\", "& |", "()", ":*", "—"])
def test_signs_break_no_search(search, query):
    """Wildcards and operators stand for themselves or for a space."""
    assert set(search(query)) <= {"Artwork", "Åre opening"}


@pytest.mark.parametrize("query", ["b%r", "ban_er", "banner | nine", "!nowhere"])
def test_signs_between_letters_are_no_wildcards_or_operators(search, query):
    assert search(query) == []


@pytest.mark.parametrize(
    "query", ["100%", "name_final", "name_final.p", "back\\slash", "'quotes'", "it's", "O'Brien", "wide;"]
)
def test_words_with_signs_are_found(search, query):
    assert len(search(query)) == 1


def test_a_search_goes_with_the_other_filters_and_pages(anna, rolf):
    first, _ = begun(anna, subject="Offer one"), begun(anna, subject="Offer two")
    done(anna.put(f"{first}/archive"))
    assert listed(anna, "?q=offer") == ["Offer two"]
    assert listed(anna, "?q=offer&archived=true") == ["Offer one"]
    assert listed(rolf, "?q=offer") == ["Offer two", "Offer one"]
    page = rolf.get(f"{THREADS}?q=offer&page=2&pageSize=1").json
    assert ([item["subject"] for item in page["items"]], page["totalItems"]) == (["Offer one"], 2)
    assert listed(rolf, "?q=offer&updatedSince=2999-01-01T00:00:00Z") == []


def test_ids_of_tenants_are_no_words(search):
    """On PostgreSQL they are indexed beside the words, and no search reaches them."""
    tenant = str(ROLF.tenant_id)
    for query in (tenant, tenant[:8], f"@{tenant}", f"'@{tenant}'", f"@{tenant[:8]}"):
        assert search(query) == []


def test_a_query_holds_words_only():
    assert beginnings("spring  art'work, <b>!@") == "'spring':* & 'art':* & 'work':* & 'b':*"
    assert beginnings("%") == ""


def test_a_search_reads_the_indexes(messaging, search):
    """On PostgreSQL, where the expressions of query and index must be the same to the letter."""
    if messaging.database.dialect != "postgresql":
        pytest.skip("SQLite has no such index")
    seen = []
    note = lambda *args: seen.append(args[2:4])  # noqa: E731
    event.listen(messaging.database.engine, "before_cursor_execute", note)
    assert search("banner") == ["Artwork"]
    event.remove(messaging.database.engine, "before_cursor_execute", note)
    statement, parameters = seen[-1]
    with messaging.database.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters))
    assert "on ix_messages_search" in plan
