"""What is kept about a person: for that person, and for the admins of their tenant."""

from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView
from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.data.lookup import one_or_404
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from contracts.services import SERVICES
from services.identity.common import fetches
from services.identity.privacy import actions, queries, rules
from services.identity.privacy.models import Export
from services.identity.privacy.schemas import ExportOut, MyExportOut
from services.identity.sessions.freshness import require_fresh
from services.identity.users.models import User
from services.identity.users.rules import ADMINS

MINE = "/api/v1/me/export"
TEAM = "/api/v1/tenant/users"
NO_ACCOUNT = "There is no account here that belongs to you."

blp = Blueprint("my-export", __name__, url_prefix=MINE)
team_blp = Blueprint("exports-of-people", __name__, url_prefix=f"{TEAM}/<uuid:user_id>/export")


@blp.route("")
class MyExport(MethodView):
    @blp.allow()
    @blp.response(202, ExportOut)
    @raises(404, "not_found")
    def post(self):
        """Have all that is kept about me gathered; while that is under way, the same export."""
        return _ask(caller().user_id, NO_ACCOUNT)

    @blp.allow()
    @blp.response(200, MyExportOut)
    @raises(404, "not_found")
    def get(self):
        """Everything kept about me, as far as it is gathered: progress by service, then the archive's path."""
        me = caller().user_id
        with db.read() as session:
            export = queries.latest_export(session, me, asked_by=me, now=utcnow())
            small = export.archive is not None and len(export.archive) <= rules.INLINE
            everything = rules.contents(export.archive) if small and export.archive else None
            return shown(export, MINE) | {"everything": everything}


@blp.route("/<uuid:export_id>/archive")
class MyArchive(MethodView):
    @blp.allow()
    @blp.alt_response(200, **fetches.ZIP)
    @blp.alt_response(429, **fetches.UNDER_WAY)
    @blp.alt_response(503, **fetches.BUSY)
    @raises(429, "fetch_under_way")
    @raises(503, "archives_busy")
    def get(self, export_id):
        """A zip file of JSON files, one a service."""
        return archive_answer(export_id, caller().user_id)


@team_blp.route("")
class ExportOfPerson(MethodView):
    @team_blp.allow(*ADMINS)
    @team_blp.response(202, ExportOut)
    @raises(403, "step_up_required")
    def post(self, user_id):
        """Have all that is kept about one of the own people gathered, also of one who was removed. Needs a password or
        factor that was shown a moment ago (403 `step_up_required`)."""
        require_fresh_for_others()
        return _ask(user_id, "There is no such user.")

    @team_blp.allow(*ADMINS)
    @team_blp.response(200, ExportOut)
    def get(self, user_id):
        """The newest export of this person that the caller has asked for."""
        with db.read() as session:
            export = queries.latest_export(session, user_id, asked_by=caller().user_id, now=utcnow())
            return shown(export, f"{TEAM}/{user_id}/export")


@team_blp.route("/<uuid:export_id>/archive")
class ArchiveOfPerson(MethodView):
    @team_blp.allow(*ADMINS)
    @team_blp.alt_response(200, **fetches.ZIP)
    @team_blp.alt_response(429, **fetches.UNDER_WAY)
    @team_blp.alt_response(503, **fetches.BUSY)
    @raises(403, "step_up_required")
    @raises(429, "fetch_under_way")
    @raises(503, "archives_busy")
    def get(self, user_id, export_id):
        """A zip file of JSON files, one a service. Needs a password or factor that was shown a moment ago (403
        `step_up_required`)."""
        require_fresh_for_others()
        return archive_answer(export_id, user_id)


def require_fresh_for_others() -> None:
    """All that is kept about somebody else is more than a stolen access token may fetch. What is kept about oneself
    stays open: it is everybody's right, also of people whose sign-in we cannot renew.

    Raises:
        Forbidden: ``step_up_required``.
    """
    with db.read() as session:
        require_fresh(session, caller(), utcnow())


def _ask(user_id: UUID, missing: str) -> dict[str, Any]:
    with db.begin() as session:
        user = _lock_own(session, user_id, missing)
        export = actions.ask(session, user, SERVICES, actor=caller(), now=utcnow())
        return shown(export, MINE if user_id == caller().user_id else f"{TEAM}/{user_id}/export")


def _lock_own(session: Session, user_id: UUID, missing: str) -> User:
    """A person of the caller's tenant who is not erased, locked until the transaction ends."""
    mine = select(User).where(User.id == user_id, User.tenant_id == caller().tenant_id, User.erased_at.is_(None))
    return one_or_404(session, mine.with_for_update(), missing)


def shown(export: Export, base: str) -> dict[str, Any]:
    names = ("id", "state", "progress", "created_at", "finished_at", "expires_at")
    archive = f"{base}/{export.id}/archive" if export.state == rules.READY else None
    return {name: getattr(export, name) for name in names} | {"archive": archive}


def archive_answer(export_id: UUID, user_id: UUID) -> Response:
    def read() -> bytes:
        with db.read() as session:
            return queries.archive_of(session, export_id, user_id, asked_by=caller().user_id, now=utcnow())

    return fetches.answer(f"export-{export_id}.zip", read)
