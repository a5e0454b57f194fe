"""The smallest service there can be: notes that a tenant writes. The chassis is tried on it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from flask.views import MethodView
from marshmallow import fields
from sqlalchemy import ColumnElement, MetaData, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from uuid_utils.compat import uuid7

from chassis.core.clock import utcnow
from chassis.core.errors import Conflict, NotFound
from chassis.core.principal import caller
from chassis.data import audit
from chassis.data.base import Aggregate
from chassis.data.columns import NAMING, TYPES, BigId
from chassis.data.tenancy import TenantId, TenantScoped
from chassis.http import versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of, paginate
from chassis.http.problems import raises
from chassis.http.schemas import CamelSchema, text
from chassis.messaging import outbox
from chassis.messaging.events import Drop, Received, Subscriber, on, publishes
from chassis.messaging.resequencer import AheadRow
from chassis.process.service import Service
from contracts.roles import Role


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPES


class Note(Aggregate, versions.Versioned, TenantScoped, Base):
    __tablename__ = "notes"

    tenant_id: Mapped[UUID] = mapped_column(index=True)
    title: Mapped[str]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id


class Heard(Base):
    """What the ordered subscriber heard, in the order in which it took effect."""

    __tablename__ = "heard"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    event_id: Mapped[UUID]
    subject: Mapped[UUID]
    sequence: Mapped[int]


@publishes("sample.NoteWritten.v1")
@dataclass(frozen=True)
class NoteWritten:
    """Somebody wrote a note."""

    note_id: UUID
    title: str


class NoteIn(CamelSchema):
    title = text(50)


class NoteOut(NoteIn):
    id = fields.UUID(required=True)


blp = Blueprint("notes", __name__, url_prefix="/notes", feature="campaigns")


def note_of(session: Session, note_id: UUID) -> Note:
    return _found(session.scalar(select(Note).where(Note.id == note_id)))


def lock_note(session: Session, note_id: UUID) -> Note:
    return _found(session.scalar(select(Note).where(Note.id == note_id).with_for_update()))


def _found(note: Note | None) -> Note:
    if note is None:
        raise NotFound("No such note.")
    return note


@blp.route("")
class Notes(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.arguments(NoteIn)
    @blp.response(201, NoteOut)
    @raises(409, "refused")
    def post(self, data):
        with db.begin() as session:
            if data["title"] == "refuse me":
                raise Conflict(code="refused")
            note = Note(id=uuid7(), tenant_id=caller().tenant_id, title=data["title"], event_sequence=0)
            session.add(note)
            audit.record(session, "note.written", note, tenant_id=note.tenant_id, actor=caller(), now=utcnow())
            event = NoteWritten(note.id, note.title)
            outbox.add(session, note, event, tenants=(note.tenant_id,), actor=caller(), now=utcnow())
        versions.set_etag(note)
        return note

    @blp.allow(Role.SUPPLIER_ADMIN, Role.SUPPLIER_VIEWER)
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(NoteOut))
    def get(self, page):
        with db.read() as session:
            return paginate(session, select(Note).order_by(Note.id), **page)


@blp.route("/<uuid:note_id>")
class OneNote(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN, Role.SUPPLIER_VIEWER)
    @blp.response(200, NoteOut)
    def get(self, note_id):
        with db.read() as session:
            note = note_of(session, note_id)
        versions.set_etag(note)
        return note

    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.arguments(NoteIn)
    @blp.response(200, NoteOut)
    def put(self, data, note_id):
        with db.begin() as session:
            note = lock_note(session, note_id)
            versions.require(note, versions.if_match())
            note.title = data["title"]
            audit.record(session, "note.changed", note, tenant_id=note.tenant_id, actor=caller(), now=utcnow())
        versions.set_etag(note)
        return note

    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.response(204)
    def delete(self, note_id):
        with db.begin() as session:
            session.delete(lock_note(session, note_id))


class WrittenIn(CamelSchema):
    title = text(100)


@on("sample.NoteWritten.v1", WrittenIn)
def copy_note(session: Session, event: Received) -> None:
    """Handles its own event: each note is copied once; ``drop`` and ``fail`` show what failures do."""
    if event.data.title == "drop":
        raise Drop("asked to")
    if event.data.title == "fail":
        raise RuntimeError("asked to")
    session.add(Note(id=uuid7(), tenant_id=event.subject, title=f"copy of {event.data.title}", event_sequence=0))


@on("#")
def write_down(session: Session, event: Received) -> None:
    """Hears everything, in order; ``hear`` says what should go wrong."""
    if event.data.get("hear") == "drop":
        raise Drop("not for these ears")
    if event.data.get("hear") == "fail":
        raise RuntimeError("not heard")
    session.add(Heard(event_id=event.id, subject=event.subject, sequence=event.sequence))


def ahead_row(subscriber: Subscriber, event: Mapping[str, Any]) -> AheadRow:
    """An event that waits for its turn."""
    place = {"source": event["source"], "subject": UUID(event["subject"]), "sequence": event["sequence"]}
    body = {"event_id": UUID(event["id"]), "type": event["type"], "body": json.dumps(event)}
    return AheadRow(consumer=subscriber.name, since=utcnow(), **place, **body)


service = Service(
    name="sample",
    metadata=Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=(blp,),
    events=(NoteWritten,),
    subscriptions=(copy_note,),
    subscribers=(Subscriber("sample.history", (write_down,), ordered=True),),
)
