"""What people change of their own account, but for the password (``password_actions``)."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis.core.errors import Failure
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.http import versions
from services.identity.account import queries, rules
from services.identity.account.models import UserSettings
from services.identity.users import actions as user_actions


def change_profile(session: Session, changes: Mapping[str, str | None], *, actor: Principal, now: datetime) -> None:
    """Change the actor's own ``name``, ``locale`` or ``time_zone``; publish it only if anything is different.

    Raises:
        Forbidden: ``no_account``.
    """
    user = queries.lock_person(session, actor)
    if user.change_profile(changes):
        audit.record(session, "user.changed", user, tenant_id=user.tenant_id, actor=actor, now=now)
        user_actions.publish_change(session, user, actor=actor, now=now)


def save_settings(
    session: Session, settings: dict[str, Any], *, expected: ETags | None, actor: Principal, now: datetime
) -> UserSettings:
    """Replace the actor's settings. They are the console's own and mean nothing here, so nothing is published.

    Raises:
        Failure: ``settings_too_large`` (413): over 16 KiB, nested too deeply, or with a number without end.
        Stale: ``expected`` is another version.
        Forbidden: ``no_account``.
    """
    user = queries.lock_person(session, actor)  # its row makes two first writes wait for each other
    row = queries.lock_settings(session, user)
    versions.require(row or queries.settings_of(session, actor), expected)
    if fault := rules.settings_fault(settings):
        raise Failure(fault, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, code="settings_too_large")
    if row is None:
        row = UserSettings(user_id=user.id, tenant_id=user.tenant_id, settings=settings, updated_at=now)
        session.add(row)
    else:
        row.replace(settings, now)
    session.flush()
    return row
