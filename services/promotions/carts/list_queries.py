"""Lists as S4 has them: pages count from 0, and a list is sorted by its own fields or by those of its lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, String, Text, collate
from sqlalchemy.orm import Session

from chassis.http.pages import Page, paginate
from services.promotions.carts.campaign_rules import Bound, SortKey


@dataclass(frozen=True)
class Listed:
    """A page of a list and how long the whole is (S4-5)."""

    found: Page

    @property
    def items(self) -> Sequence[Any]:
        return self.found.items

    @property
    def number(self) -> int:
        return self.found.page - 1

    @property
    def size(self) -> int:
        return self.found.page_size

    @property
    def total_items(self) -> int:
        return self.found.total_items

    @property
    def total_pages(self) -> int:
        return self.found.total_pages

    @property
    def last(self) -> bool:
        return self.number + 1 >= self.total_pages


def list_page(
    session: Session,
    statement: Select[Any],
    columns: Mapping[str, Any],
    *,
    sort: Sequence[SortKey],
    page: int,
    size: int,
) -> Listed:
    """One page of ``statement``, sorted by ``columns`` of these names; what has none comes last, whichever way.

    Where all keys are equal, and without any, the older comes first.
    """
    for key in sort:
        column = _comparable(session, columns[key.name](key.descending))
        statement = statement.order_by((column.desc() if key.descending else column.asc()).nulls_last())
    statement = statement.order_by(columns["id"](False))
    return Listed(paginate(session, statement, page=page + 1, page_size=size))


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
