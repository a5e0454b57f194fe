"""What a report shows, and how a table is written so that a spreadsheet only shows it."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from chassis.errors import Invalid
from services.affiliates.rules.commission import CENT

MAX_DAYS = 366
USUAL_DAYS = 30
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(9998, 12, 31)  # days before and after them can be named as well
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four are full-width

BLANK = " \xa0\u3000\ufeff"  # what a spreadsheet may read over


class By(StrEnum):
    """What a report's rows are."""

    CAMPAIGN = "campaign"
    AFFILIATE = "affiliate"
    PRODUCT = "product"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Period:
    """Days in UTC, both included."""

    since: date
    until: date

    @property
    def begin(self) -> datetime:
        return datetime.combine(self.since, time.min, UTC)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.until + timedelta(days=1), time.min, UTC)


@dataclass
class Money:
    """Commission in one currency, by where it stands."""

    currency: str
    held: Decimal = Decimal(0)
    approved: Decimal = Decimal(0)
    reversed: Decimal = Decimal(0)


@dataclass
class Row:
    """One row of a report. ``clicks`` is None where clicks cannot be told apart: a click is of no one product."""

    key: str
    name: str = ""
    clicks: int | None = 0
    dead_clicks: int | None = 0
    conversions: int = 0
    money: dict[str, Money] = field(default_factory=dict)

    @property
    def rate(self) -> Decimal | None:
        """Conversions a click, to four places; None without clicks."""
        return (Decimal(self.conversions) / self.clicks).quantize(Decimal("0.0001")) if self.clicks else None

    @property
    def commission(self) -> list[Money]:
        return [self.money[currency] for currency in sorted(self.money)]

    def in_currency(self, currency: str) -> Money:
        return self.money.setdefault(currency, Money(currency))


def from_cents(cents: int | Decimal | None) -> Decimal:
    return int(cents or 0) * CENT


def usual_period(since: date | None, until: date | None, today: date) -> Period:
    """What was asked for; by itself the thirty days up to today.

    Raises:
        Invalid: more than ``MAX_DAYS``.
    """
    until = until or max(today, since or today)
    if since and (until - since).days >= MAX_DAYS:
        raise Invalid.field("to", f"At most {MAX_DAYS} days; without it the period ends today.")
    return Period(since or until - timedelta(days=USUAL_DAYS - 1), until)


def to_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in which no cell is a formula: what could be taken for one begins with an apostrophe, all are quoted."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int | Decimal):
        return str(value)
    text = str(value)
    return f"'{text}" if text.lstrip(BLANK).startswith(FORMULA) or text.startswith(FORMULA) else text
