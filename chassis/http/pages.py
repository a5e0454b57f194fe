"""Lists in pages: ``{"items", "page", "pageSize", "totalItems", "totalPages"}`` (http-contract, Lists)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from marshmallow import fields, validate
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from chassis.http.schemas import CamelSchema

MAX_PAGE = 1_000_000
MAX_PAGE_SIZE = 200


class PageIn(CamelSchema):
    """Query parameters of a list; a list with filters inherits from it."""

    page = fields.Integer(load_default=1, validate=validate.Range(1, MAX_PAGE))
    page_size = fields.Integer(load_default=20, validate=validate.Range(1, MAX_PAGE_SIZE))


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list and how long the whole is."""

    items: Sequence[Any]
    page: int
    page_size: int
    total_items: int

    @property
    def total_pages(self) -> int:
        return -(-self.total_items // self.page_size)


@cache
def page_of(item: type[CamelSchema]) -> type[CamelSchema]:
    """The schema of a page of ``item``, the same one for the same item."""
    name = item.__name__.removesuffix("Out").removesuffix("Schema") + "Page"
    return CamelSchema.from_dict(  # type: ignore[return-value]
        {
            "items": fields.List(fields.Nested(item), required=True),
            "page": fields.Integer(required=True),
            "page_size": fields.Integer(required=True),
            "total_items": fields.Integer(required=True),
            "total_pages": fields.Integer(required=True),
        },
        name=name,
    )


def paginate(
    session: Session,
    statement: Select[Any],
    *,
    page: int,
    page_size: int,
    to_item: Callable[[Any], Any] | None = None,
) -> Page:
    """Run an ordered select for one page: two statements, whatever the page holds.

    A select of one entity or column gives scalars, of several gives rows; ``to_item`` turns each into what the
    schema dumps.
    """
    total = session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
    rows = session.execute(statement.limit(page_size).offset((page - 1) * page_size))
    items = rows.scalars().all() if len(statement.column_descriptions) == 1 else rows.all()
    return Page([to_item(row) for row in items] if to_item else items, page, page_size, total)
