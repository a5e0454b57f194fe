"""Using second factors."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from chassis.data.bulk import execute_counted
from services.identity.common.secrets import digest
from services.identity.factors.models import RecoveryCode
from services.identity.settings import IdentitySettings


def use_code(session: Session, user_id: UUID, code: str, *, settings: IdentitySettings, now: datetime) -> bool:
    """Use up a code of this person; return whether it was good."""
    good = (RecoveryCode.user_id == user_id, RecoveryCode.digest == digest(code), RecoveryCode.used_at.is_(None))
    return execute_counted(session, update(RecoveryCode).where(*good).values(used_at=now)) > 0
