"""A POST with an ``Idempotency-Key`` acts once (D7): its answer is stored in the transaction of its effect and
given again for 24 hours.

The same key with another body is refused (422), one whose first request still runs is told to wait (409). What was
refused before it began (400, 401, 403, 422 on the schema) is not stored, nor is a 5xx.

An answer may hold what is not for every eye, and a body a password: answers are stored encrypted and bodies as keyed
hashes, with keys that are not in the database. An answer with a secret that is shown once is not stored: the same
key then hears that it was done (409 ``already_done``).
"""

import base64
import contextlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet
from flask import Response, current_app, make_response, request
from sqlalchemy import LargeBinary, delete, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from chassis.core.clock import utcnow
from chassis.core.errors import Conflict, Failure, Invalid
from chassis.core.principal import caller
from chassis.data.base import ChassisBase
from chassis.data.bulk import execute_counted, insert_ignoring
from chassis.data.database import Database
from chassis.data.unit_of_work import Unit
from chassis.http import versions

HEADERS = ("Idempotency-Key", "X-Idempotency-Key")
KEEP = timedelta(hours=24)
TRIM = 1000
KEPT_HEADERS = ("Location", "ETag", "Content-Type", "Concord-Warnings")


class IdempotencyRow(ChassisBase):
    """A first answer; ``body`` is encrypted.

    ``key`` is a hash over tenant, caller, method, path and the client's key, so that nobody can read another's answer
    by guessing a key.
    """

    __tablename__ = "idempotency"

    key: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    fingerprint: Mapped[str]
    status: Mapped[int]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(index=True)


class _Answered(Exception):
    """Somebody else's first answer turned up when our transaction began."""

    def __init__(self, row: IdempotencyRow) -> None:
        self.row = row


class Sealer:
    """Hashes requests with a key, and encrypts stored answers with ``fernet``."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.fernet = Fernet(base64.urlsafe_b64encode(secret))

    def hash(self, data: bytes) -> str:
        return hmac.new(self._secret, data, "sha256").hexdigest()


def _sealer() -> Sealer:
    return current_app.extensions["sealer"]


def answer_once(database: Database, view: Callable[[], Any], *, replay: bool = True) -> Any:
    """Run ``view`` for the request at hand, or give the first answer again when its key was used before; without
    ``replay`` it is ``already_done`` then."""
    client_key = next((request.headers[name] for name in HEADERS if name in request.headers), None)
    if client_key is None:
        return view()
    key, fingerprint = _scope(client_key), _fingerprint()
    with database.read() as session:
        row = _find(session, key)
    if row:
        return _replay(row, fingerprint)
    unit = Unit(at_begin=lambda session: _claim(session, key))
    try:
        with unit.entered():
            response = versions.tag(make_response(view()))
            if unit.active and response.status_code < 500:
                _store(unit.session_of(database), key, fingerprint, response if replay else _already_done())
            unit.commit()
            return response
    except _Answered as first:
        return _replay(first.row, fingerprint)
    except Failure as failure:
        return _store_refusal(database, key, fingerprint, failure, began=unit.began)


def trim(session: Session) -> int:
    """Delete some of the answers past their day."""
    old = select(IdempotencyRow.key).where(IdempotencyRow.created_at < utcnow() - KEEP).limit(TRIM)
    return execute_counted(session, delete(IdempotencyRow).where(IdempotencyRow.key.in_(old)))


def _scope(client_key: str) -> str:
    if not 1 <= len(client_key) <= 255 or not all("!" <= character <= "~" for character in client_key):
        raise Invalid("Idempotency-Key must be 1 to 255 visible ASCII characters.", code="invalid_idempotency_key")
    principal = caller()
    parts = (str(principal.tenant_id), str(principal.user_id), request.method, request.path, client_key)
    return _sealer().hash("\n".join(parts).encode())


def _fingerprint() -> str:
    body = request.get_data()
    with contextlib.suppress(ValueError, RecursionError):  # not JSON, or none: compare it as it stands
        body = json.dumps(json.loads(body), sort_keys=True).encode()
    return _sealer().hash(body + b"?" + request.query_string)


def _find(session: Session, key: str) -> IdempotencyRow | None:
    return session.scalar(
        select(IdempotencyRow).where(IdempotencyRow.key == key, IdempotencyRow.created_at >= utcnow() - KEEP)
    )


def _claim(session: Session, key: str) -> None:
    """Lock the key until the transaction ends; on SQLite the write lock has done that already."""
    if session.get_bind().dialect.name == "postgresql":
        lock = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0))")
        if not session.execute(lock, {"key": key}).scalar():
            raise Conflict(
                "The first request with this Idempotency-Key is still running.",
                code="request_in_progress",
                headers={"Retry-After": "1"},
            )
    if row := _find(session, key):
        session.expunge(row)  # used after this transaction, which ends here
        raise _Answered(row)
    session.execute(delete(IdempotencyRow).where(IdempotencyRow.key == key))


def _store(session: Session, key: str, fingerprint: str, response: Response) -> None:
    row = {
        "key": key,
        "tenant_id": caller().tenant_id,
        "fingerprint": fingerprint,
        "status": response.status_code,
        "headers": {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers},
        "body": _sealer().fernet.encrypt(response.get_data()),
        "created_at": utcnow(),
    }
    insert_ignoring(session, IdempotencyRow, [row])


def _store_refusal(database: Database, key: str, fingerprint: str, failure: Failure, *, began: bool) -> Response:
    if not began or failure.status not in (409, 412, 422) or failure.code == "request_in_progress":
        raise failure
    response = make_response(current_app.handle_user_exception(failure))
    with database.begin() as session:
        with contextlib.suppress(_Answered, Conflict):  # another request has the key; its answer counts
            _claim(session, key)
        _store(session, key, fingerprint, response)
    return response


def _already_done() -> Response:
    """What is stored in place of an answer that is given once."""
    failure = Conflict("This was done, and its answer is shown once only.", code="already_done")
    return make_response(current_app.handle_user_exception(failure))


def _replay(row: IdempotencyRow, fingerprint: str) -> Response:
    if row.fingerprint != fingerprint:
        raise Invalid("This Idempotency-Key was used with another request.", code="idempotency_key_reused")
    response = Response(_sealer().fernet.decrypt(row.body), row.status, row.headers)
    response.headers["Idempotent-Replayed"] = "true"
    return response
