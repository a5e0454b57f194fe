"""One thing written in several ways: how clients, browsers and people spell paths and queries (D60, D64)."""

import pytest

from tests.gateway.conftest import Caller, Platform


@pytest.mark.parametrize(
    "written", ["INV%2F2026", "INV%2f2026", "a%2Db%2Ec%5Fd%7Ee%41", "%252e", "%c3%a9", "a[1]|^", "a%40b%3Ac"]
)
def test_an_id_is_passed_on_as_it_was_written(call: Caller, platform: Platform, written: str) -> None:
    """The service brings it to its one encoding, and refuses what is escaped of the names of its endpoints."""
    assert call("GET", f"/api/v1/campaigns/{written}").status_code == 200
    assert platform.campaigns.seen[-1].target == f"/api/v1/campaigns/{written}"


@pytest.mark.parametrize(
    ("written", "passed_on"),
    [
        ('utm_campaign=a|b^[c]{d}"<e>`\\', None),
        ("q=%2F%00%zz", None),
        ("q=bl\u00c3\u00a5", "q=bl%C3%A5"),
    ],
)
def test_a_query_is_taken_as_browsers_send_it(
    call: Caller, platform: Platform, written: str, passed_on: str | None
) -> None:
    """Browsers leave some characters unescaped there; UTF-8 that comes as it is gets escaped."""
    assert call("GET", f"/r/maja-sale?{written}").status_code == 200
    assert platform.affiliates.seen[-1].target == f"/r/maja-sale?{passed_on or written}"


@pytest.mark.parametrize(
    ("written", "passed_on"),
    [
        ("maja-sale/", "maja-sale"),
        ("maja-sale///", "maja-sale"),
        ("maja-sale%0D%0A", "maja-sale"),
        ("maja-sale;", "maja-sale%3B"),
        ("maja-sale).", "maja-sale)."),
        ("maja-sale]", "maja-sale%5D"),
        ("maja-sale>", "maja-sale%3E"),
        ('maja-sale"', "maja-sale%22"),
        ("maja-sale\\", "maja-sale%5C"),
        ("maja-sale%", "maja-sale%25"),
        ("maja-sale%E2%80%9D", "maja-sale%E2%80%9D"),
        ("maja-sale\u00e2\u0080\u009d", "maja-sale%E2%80%9D"),
        ("MAJA-Sale", "MAJA-Sale"),
    ],
)
def test_a_link_is_followed_however_people_have_passed_it_on(
    call: Caller, platform: Platform, written: str, passed_on: str
) -> None:
    """D64: what a text has put around it does not make it nowhere; the service knows what to leave out."""
    assert call("GET", f"/r/{written}?utm_source=a|b").status_code == 200
    assert platform.affiliates.seen[-1].target == f"/r/{passed_on}?utm_source=a|b"
