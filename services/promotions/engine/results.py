"""What came of an evaluation: per line and unit what was taken off by whom, per campaign why or why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from .campaigns import Strategy
from .lines import LineResult
from .money import to_decimal, to_text
from .quantities import to_number


class Reason(StrEnum):
    """Why a campaign has applied or not."""

    APPLIED = "applied"
    QUANTITY_MISSING = "quantity_missing"  # below its quantityThreshold, and perhaps its amountThreshold too
    AMOUNT_MISSING = "amount_missing"
    NOT_STARTED = "not_started"
    ENDED = "ended"
    CODE_NOT_GIVEN = "code_not_given"
    OTHER_CUSTOMER_GROUP = "other_customer_group"
    OTHER_STORE = "other_store"
    NOTHING_QUALIFIES = "nothing_qualifies"  # no unit in the basket is for it
    NOTHING_TO_TAKE_OFF = "nothing_to_take_off"  # its units cost nothing, or not more than its price list says
    NOT_COMBINABLE = "not_combinable"  # something has applied already, and it cannot be combined
    EXCLUDED = "excluded"  # one that cannot be combined has applied
    BETTER_CAMPAIGN = "better_campaign"  # other campaigns give the customer more
    USED_UP = "used_up"  # its uses of all orders together
    BUDGET_SPENT = "budget_spent"  # what is left of its budget is less than it would give


class Outcome(NamedTuple):
    """What became of one campaign that was considered.

    Attributes:
        missing_quantity, missing_amount: how much more would have met its thresholds; 0 where they are met.
        quantity: the units that were counted: qualifying ones, or all for a discount on the order (D24).
        amount: the order total before campaign discounts, which an amountThreshold is compared with.
    """

    uid: str
    reason: Reason
    all_units: bool
    quantity: int
    amount: int
    applications: int = 0
    discount: int = 0
    missing_quantity: int = 0
    missing_amount: int = 0

    @property
    def applied(self) -> bool:
        return self.reason is Reason.APPLIED

    def to_record(self) -> list[Any]:
        return list(self)

    def missing(self, places: int) -> dict[str, Any]:
        shortfall: dict[str, Any] = {}
        if self.missing_quantity:
            shortfall["quantity"] = self.missing_quantity
        if self.missing_amount:
            shortfall["amount"] = to_text(self.missing_amount, places)
        return shortfall

    def sentence(self, places: int) -> str:
        """What was missing in words, ``needs 1 more unit``; empty where nothing was."""
        parts = []
        if self.missing_quantity:
            parts.append(f"{self.missing_quantity} more unit{'s' if self.missing_quantity > 1 else ''}")
        if self.missing_amount:
            parts.append(f"{to_text(self.missing_amount, places)} more")
        return f"needs {' and '.join(parts)}" if parts else ""


class CodeResult(NamedTuple):
    """What became of a code that was given: ``applied``, ``not_applicable`` with the reason, or ``unknown`` (D67).

    Unknown is a code that no campaign has which was given to the engine.
    """

    code: str
    status: str
    campaign: str | None = None
    reason: str | None = None

    @classmethod
    def of(cls, code: str, outcome: Outcome | None) -> "CodeResult":
        if outcome is None:
            return cls(code, "unknown")
        if outcome.applied:
            return cls(code, "applied", outcome.uid)
        return cls.refused(code, outcome.uid, outcome.reason)

    @classmethod
    def refused(cls, code: str, campaign: str, reason: Reason) -> "CodeResult":
        """A code whose campaign does not apply."""
        return cls(code, "not_applicable", campaign, str(reason))

    @property
    def is_unknown(self) -> bool:
        return self.status == "unknown"

    def to_wire(self) -> dict[str, str]:
        names = {"code": self.code, "status": self.status, "campaignUid": self.campaign, "reason": self.reason}
        return {name: value for name, value in names.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The whole answer.

    Attributes:
        places: the decimals of the currency.
        lines: in the basket's order.
        campaigns: in the order they were considered.
        codes: one for each code that was given, in that order.
        warnings: notes of the caller that made the basket; they are stored and shown unchanged.
    """

    strategy: Strategy
    at: datetime
    currency: str
    places: int
    lines: Sequence[LineResult]
    campaigns: Sequence[Outcome]
    codes: Sequence[CodeResult] = ()
    warnings: Sequence[Mapping[str, str]] = ()

    @property
    def gross(self) -> Decimal:
        return to_decimal(sum(line.gross for line in self.lines), self.places)

    @property
    def discount(self) -> Decimal:
        return to_decimal(sum(line.discount for line in self.lines), self.places)

    @property
    def net(self) -> Decimal:
        return to_decimal(sum(line.net for line in self.lines), self.places)

    def to_record(self) -> dict[str, Any]:
        """What to keep of it, small and exact; :meth:`from_record` makes the same of it again."""
        return {
            "strategy": str(self.strategy),
            "at": self.at.isoformat(),
            "currency": self.currency,
            "decimals": self.places,
            "lines": [line.to_record() for line in self.lines],
            "campaigns": [outcome.to_record() for outcome in self.campaigns],
            "codes": [list(result) for result in self.codes],
            "warnings": [dict(warning) for warning in self.warnings],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any], decimals: int = 2) -> "Evaluation":
        """
        Args:
            decimals: of the currency, for old records that do not say.
        """
        return cls(
            Strategy(record["strategy"]),
            datetime.fromisoformat(record["at"]),
            record["currency"],
            record.get("decimals", decimals),
            [LineResult.from_record(*line) for line in record["lines"]],
            [Outcome(uid, Reason(reason), *rest) for uid, reason, *rest in record["campaigns"]],
            [CodeResult(*result) for result in record.get("codes", ())],
            record.get("warnings", ()),
        )

    def to_wire(self) -> dict[str, Any]:
        """As JSON has it: camelCase, money as decimal strings.

        Sums of returned lines are below 0, so the net total may be; ``returned`` says what they take back (D69).
        """
        places = self.places
        sums = [(line.gross, line.discount) for line in self.lines]
        gross, discount = sum([amount for amount, _ in sums]), sum([amount for _, amount in sums])
        totals = {
            "gross": to_text(gross, places),
            "discount": to_text(discount, places),
            "net": to_text(gross - discount, places),
        }
        if returned := [line.net for line in self.lines if line.return_of]:
            totals["returned"] = to_text(-sum(returned), places)
        wire: dict[str, Any] = {
            "strategy": str(self.strategy),
            "at": self.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "currency": self.currency,
            "lines": [_line(line, *both, places) for line, both in zip(self.lines, sums, strict=True)],
            "totals": totals,
            "campaigns": [_outcome(outcome, places) for outcome in self.campaigns],
            "codes": [result.to_wire() for result in self.codes],
        }
        return wire | {"warnings": [dict(warning) for warning in self.warnings]} if self.warnings else wire


def _line(line: LineResult, gross: int, discount: int, places: int) -> dict[str, Any]:
    units: list[dict[str, Any]] = []
    sign = 1 if line.return_of is None else -1
    for run in line.runs:
        parts = [{"campaignUid": uid, "amount": to_text(sign * amount, places)} for uid, amount in run.parts]
        units += [{"discount": to_text(sign * run.discount, places), "campaigns": parts}] * run.length
    wire: dict[str, Any] = {
        "lineId": line.id,
        "productUid": line.product,
        "quantity": to_number(line.quantity),
        "unitPrice": to_text(line.unit_price, places),
        "gross": to_text(gross, places),
        "discount": to_text(discount, places),
        "net": to_text(gross - discount, places),
        "units": units,
    }
    if line.return_of:
        evaluation, origin, numbers = line.return_of
        wire["returnOf"] = {"evaluationId": evaluation, "lineId": origin, "units": list(numbers)}
    return wire


def _outcome(outcome: Outcome, places: int) -> dict[str, Any]:
    wire: dict[str, Any] = {
        "campaignUid": outcome.uid,
        "status": "applied" if outcome.applied else "skipped",
        "reason": str(outcome.reason),
        "applications": outcome.applications,
        "discount": to_text(outcome.discount, places),
        "basis": {
            "quantityOf": "all_units" if outcome.all_units else "qualifying_units",
            "quantity": outcome.quantity,
            "amountOf": "order_total_before_campaigns",
            "amount": to_text(outcome.amount, places),
        },
    }
    if outcome.missing_quantity or outcome.missing_amount:
        wire |= {"missing": outcome.missing(places), "detail": outcome.sentence(places)}
    return wire
