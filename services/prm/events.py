"""What partner management publishes. A published shape never changes; a new shape is a new version."""

from dataclasses import dataclass
from uuid import UUID

from chassis.messaging.events import publishes


@dataclass(frozen=True)
class _RelationshipEvent:
    """Subject: the relationship. Visible to both tenants; ``status`` is the new one."""

    relationship_id: UUID
    supplier_id: UUID
    supplier_name: str
    retailer_id: UUID
    retailer_name: str
    status: str


@publishes("prm.RelationshipInvited.v1")
@dataclass(frozen=True)
class RelationshipInvited(_RelationshipEvent):
    """A supplier invited a retailer, for the first time or again."""


@publishes("prm.RelationshipRequested.v1")
@dataclass(frozen=True)
class RelationshipRequested(_RelationshipEvent):
    """A retailer asked a supplier."""


@publishes("prm.RelationshipAccepted.v1")
@dataclass(frozen=True)
class RelationshipAccepted(_RelationshipEvent):
    """The side that was asked accepted."""


@publishes("prm.RelationshipDeclined.v1")
@dataclass(frozen=True)
class RelationshipDeclined(_RelationshipEvent):
    """The side that was asked declined."""


@publishes("prm.RelationshipPaused.v1")
@dataclass(frozen=True)
class RelationshipPaused(_RelationshipEvent):
    """The supplier paused the relationship; it still exists (D10)."""


@publishes("prm.RelationshipResumed.v1")
@dataclass(frozen=True)
class RelationshipResumed(_RelationshipEvent):
    """The supplier resumed a paused relationship."""


@publishes("prm.RelationshipEnded.v1")
@dataclass(frozen=True)
class RelationshipEnded(_RelationshipEvent):
    """The supplier ended the relationship."""


@dataclass(frozen=True)
class _TierEvent:
    """Subject: the tier. Visible to the supplier."""

    tier_id: UUID
    tier_name: str
    supplier_id: UUID
    supplier_name: str
    description: str | None
    sort_order: int
    benefits: tuple[str, ...]


@publishes("prm.TierCreated.v1")
@dataclass(frozen=True)
class TierCreated(_TierEvent):
    """A supplier made a tier."""


@publishes("prm.TierReplaced.v1")
@dataclass(frozen=True)
class TierReplaced(_TierEvent):
    """A supplier rewrote a tier with all its benefits; these are the new values."""


@publishes("prm.TierDeleted.v1")
@dataclass(frozen=True)
class TierDeleted(_TierEvent):
    """A supplier deleted a tier. A ``TierUnassigned`` for each retailer that held it came before (D16)."""


@publishes("prm.TierAssigned.v1")
@dataclass(frozen=True)
class TierAssigned:
    """A retailer got a tier; ``previous…`` names the one it left for it. Subject: the new tier. Visible to both."""

    tier_id: UUID
    tier_name: str
    supplier_id: UUID
    supplier_name: str
    retailer_id: UUID
    retailer_name: str
    previous_tier_id: UUID | None
    previous_tier_name: str | None


@publishes("prm.TierUnassigned.v1")
@dataclass(frozen=True)
class TierUnassigned:
    """A retailer lost its tier: taken away, tier deleted or relationship ended. Subject: the tier. Visible to both."""

    tier_id: UUID
    tier_name: str
    supplier_id: UUID
    supplier_name: str
    retailer_id: UUID
    retailer_name: str


ALL = (
    RelationshipInvited,
    RelationshipRequested,
    RelationshipAccepted,
    RelationshipDeclined,
    RelationshipPaused,
    RelationshipResumed,
    RelationshipEnded,
    TierCreated,
    TierReplaced,
    TierDeleted,
    TierAssigned,
    TierUnassigned,
)
