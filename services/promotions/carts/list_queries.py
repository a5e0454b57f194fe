"""Lists as S4 has them: pages count from 0, and a list is sorted by its own fields or by those of its lines."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, String, Text, collate
from sqlalchemy.orm import Session

from chassis.http.pages import Page, paginate
from services.promotions.carts.campaign_rules import Bound


class Listed(Page):
    """A page of a list in the words of S4-5."""

    @property
    def number(self) -> int:
        return self.page - 1

    @property
    def size(self) -> int:
        return self.page_size

    @property
    def last(self) -> bool:
        return self.page >= self.total_pages


def list_page(
    session: Session,
    statement: Select[Any],
    oldest_first: Any,
    keys: Sequence[tuple[Any, bool]],
    *,
    page: int,
    size: int,
) -> Listed:
    """One page of ``statement``, sorted by ``keys``, columns that may be descending; what has none comes last.

    Where all keys are equal, and without any, the older comes first.
    """
    for column, descending in keys:
        comparable = _comparable(session, column)
        statement = statement.order_by((comparable.desc() if descending else comparable.asc()).nulls_last())
    rows = paginate(session, statement.order_by(oldest_first), page=page + 1, page_size=size)
    return Listed(rows.items, rows.page, rows.page_size, rows.total_items)


def within(column: Any, bound: Bound) -> Any:
    """A date filter as a condition; both signs include the moment itself (S4-4)."""
    return {
        "at_least": column >= bound.moment,
        "at_most": column <= bound.moment,
        "exactly": column == bound.moment,
    }[bound.sign]


def _comparable(session: Session, column: Any) -> Any:
    """Texts are compared character by character, on both databases."""
    is_text = isinstance(column.type, String | Text)
    return collate(column, "C") if is_text and session.get_bind().dialect.name == "postgresql" else column
