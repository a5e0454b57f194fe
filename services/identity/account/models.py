"""What a person keeps with us beside the account itself."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantId, TenantScoped
from chassis.http.versions import Versioned
from services.identity.common.models import Base


class UserSettings(Versioned, TenantScoped, Base):
    """Saved views and the like, as the console keeps them: JSON, at most 16 KiB."""

    __tablename__ = "user_settings"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    settings: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    def replace(self, settings: dict[str, Any], now: datetime) -> None:
        self.settings = settings
        self.updated_at = now
