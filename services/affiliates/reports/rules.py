"""Periods and rows of reports, and CSV tables that a spreadsheet shows without running anything."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from chassis.core.errors import Invalid

MAX_DAYS = 366
DEFAULT_DAYS = 30
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(9998, 12, 31)  # a margin, so that the days before and after exist
BOM = "\ufeff"  # without it a spreadsheet does not read UTF-8
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four are full-width
BLANK = " \xa0\u3000\ufeff"  # what a spreadsheet may ignore


class By(StrEnum):
    """What a report's rows are."""

    CAMPAIGN = "campaign"
    AFFILIATE = "affiliate"
    PRODUCT = "product"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Period:
    """A merchant's days, first and last included. They begin at midnight in its time zone (D61)."""

    since: date
    until: date
    zone: ZoneInfo

    @property
    def begin(self) -> datetime:
        return datetime.combine(self.since, time.min, self.zone).astimezone(UTC)

    @property
    def end(self) -> datetime:
        """The first moment after the period."""
        return datetime.combine(self.until + timedelta(days=1), time.min, self.zone).astimezone(UTC)

    def offsets(self) -> list[tuple[datetime, int]]:
        """Minutes that the zone's clocks are ahead of UTC, each with the moment from which they are; the first is the
        period's begin."""
        changes, at = [(self.begin, self._minutes_at(self.begin))], self.begin
        while at < self.end:
            later = min(at + timedelta(days=1), self.end)
            if self._minutes_at(later) != self._minutes_at(at):
                moment = self._change_between(at, later)
                changes.append((moment, self._minutes_at(moment)))
            at = later
        return changes

    def _minutes_at(self, moment: datetime) -> int:
        offset = moment.astimezone(self.zone).utcoffset() or timedelta()
        return round(offset.total_seconds() / 60)

    def _change_between(self, before: datetime, after: datetime) -> datetime:
        """The first full minute with the later offset."""
        while after - before > timedelta(minutes=1):
            middle = before + (after - before) // 2
            middle = middle.replace(second=0, microsecond=0)
            if self._minutes_at(middle) == self._minutes_at(before):
                before = middle
            else:
                after = middle
        return after


@dataclass
class Money:
    """Commission in one currency, by state."""

    currency: str
    held: Decimal = Decimal(0)
    approved: Decimal = Decimal(0)
    reversed: Decimal = Decimal(0)


@dataclass
class Row:
    """One row of a report. ``clicks`` is None in reports by product, because no click belongs to one product."""

    key: str
    name: str = ""
    clicks: int | None = 0
    dead_clicks: int | None = 0
    conversions: int = 0
    money: dict[str, Money] = field(default_factory=dict)

    @property
    def rate(self) -> Decimal | None:
        """Conversions per click, to four places; None without clicks."""
        return (Decimal(self.conversions) / self.clicks).quantize(Decimal("0.0001")) if self.clicks else None

    @property
    def commission(self) -> list[Money]:
        return [self.money[currency] for currency in sorted(self.money)]

    def add(self, currency: str, held: Decimal, approved: Decimal, taken_back: Decimal) -> None:
        self.money[currency] = Money(currency, held, approved, taken_back)


def period_of(since: date | None, until: date | None, now: datetime, zone: ZoneInfo) -> Period:
    """The period asked for, by default the thirty days up to today.

    Raises:
        Invalid: more than ``MAX_DAYS``.
    """
    today = now.astimezone(zone).date()
    until = until or max(today, since or today)
    if since and (until - since).days >= MAX_DAYS:
        raise Invalid.field("to", f"At most {MAX_DAYS} days; without it the period ends today.")
    return Period(since or until - timedelta(days=DEFAULT_DAYS - 1), until, zone)


def to_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV table with a byte order mark.

    All cells are quoted. A cell that a spreadsheet could take for a formula begins with an apostrophe.
    """
    text = io.StringIO(BOM)
    text.seek(0, io.SEEK_END)
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
