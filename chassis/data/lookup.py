"""The one row that a request names."""

from typing import TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

from chassis.core.errors import NotFound

T = TypeVar("T")


def one_or_404(session: Session, statement: Select[tuple[T]], missing: str) -> T:
    """The row that a statement selects, narrowed to what the caller may see.

    Raises:
        NotFound: there is none, or it is another tenant's (D5); ``missing`` says so.
    """
    row = session.scalar(statement)
    if row is None:
        raise NotFound(missing)
    return row
