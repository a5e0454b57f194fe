"""A POST with an ``Idempotency-Key`` acts once (D7): its answer is stored in the transaction of its effect and
given again for 24 hours.

The same key with another body is refused (422), one whose first request still runs is told to wait (409). What was
refused before it began (400, 401, 403, 422 on the schema) is not stored, nor is a 5xx.

An answer may hold what is not for every eye, and a body a password: answers are stored encrypted and bodies as keyed
hashes, with keys that are not in the database. An answer with a secret that is shown once is not stored: the same
key then hears that it was done (409 ``already_done``).

A key belongs to its caller. Where nobody has signed in it belongs to whoever shows the same token
(``answer_shown_once``): strangers who choose the same key have nothing to do with each other. No cookie is ever stored.
"""

import base64
import contextlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet
from flask import Response, current_app, g, make_response, request
from sqlalchemy import LargeBinary, delete, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from chassis.core.clock import utcnow
from chassis.core.errors import Conflict, Failure, Invalid
from chassis.core.principal import NOBODY, Principal, acting_as, caller
from chassis.data.base import ChassisBase
from chassis.data.bulk import execute_counted, insert_ignoring
from chassis.data.database import Database
from chassis.data.unit_of_work import Unit
from chassis.http import versions

HEADERS = ("Idempotency-Key", "X-Idempotency-Key")
KEEP = timedelta(hours=24)
TRIM = 1000
FORGOTTEN = "answer_is_forgotten"
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


@dataclass(frozen=True)
class _Asked:
    """A request with a client's key; ``key`` and ``fingerprint`` as in :class:`IdempotencyRow`.

    Attributes:
        has_caller: whether somebody has signed in; otherwise what was shown stands for the caller.
    """

    key: str
    fingerprint: str
    tenant_id: UUID
    has_caller: bool = True


def answer_once(database: Database, view: Callable[[], Any], *, replay: bool = True) -> Any:
    """Run ``view`` for the request at hand, or give the first answer again when its key was used before; without
    ``replay`` it is ``already_done`` then."""
    client_key = _client_key()
    if client_key is None:
        return view()
    principal = caller()
    owner = (str(principal.tenant_id), str(principal.user_id))
    asked = _Asked(_key(client_key, *owner), _fingerprint(), principal.tenant_id)
    return _answer(database, view, asked, replay=replay)


def answer_shown_once(database: Database, view: Callable[[], Any], fields: Sequence[str]) -> Any:
    """As ``answer_once`` where nobody has signed in: the key belongs to whoever sends these fields of the body again.

    Whoever does may not try out the rest of the body, a password, against the first one: after one other body the
    stored answer is given to nobody any more.
    """
    client_key, body = _client_key(), _json_body()
    shown = [body.get(name) for name in fields] if isinstance(body, dict) else []
    if client_key is None or not shown or not all(isinstance(value, str) for value in shown):
        return view()  # which refuses a body without these fields
    owner = ("shown", _sealer().hash(json.dumps(shown).encode()))
    asked = _Asked(_key(client_key, *owner), _fingerprint(), NOBODY, has_caller=False)
    return _answer(database, view, asked)


def _answer(database: Database, view: Callable[[], Any], asked: _Asked, *, replay: bool = True) -> Any:
    if row := _first(database, asked.key):
        return _replay(database, row, asked)
    unit = Unit(at_begin=lambda session: _claim(session, asked.key))
    try:
        with unit.entered():
            response = versions.tag(make_response(view()))
            if unit.active and response.status_code < 500 and not g.get(FORGOTTEN):
                _store(unit.session_of(database), asked, response if replay else _already_done())
            unit.commit()
            return response
    except _Answered as first:
        return _replay(database, first.row, asked)
    except Failure as failure:
        if not unit.began and (row := _first(database, asked.key)):
            return _replay(database, row, asked)  # the first request ended while this one looked around
        return _store_refusal(database, asked, failure, began=unit.began)


def forget_answer() -> None:
    """Do not store the answer of the request at hand, which has not done what it says: its key may be tried again."""
    setattr(g, FORGOTTEN, True)


def trim(session: Session) -> int:
    """Delete some of the answers past their day."""
    old = select(IdempotencyRow.key).where(IdempotencyRow.created_at < utcnow() - KEEP).limit(TRIM)
    return execute_counted(session, delete(IdempotencyRow).where(IdempotencyRow.key.in_(old)))


def _client_key() -> str | None:
    client_key = next((request.headers[name] for name in HEADERS if name in request.headers), None)
    if client_key is None:
        return None
    if not 1 <= len(client_key) <= 255 or not all("!" <= character <= "~" for character in client_key):
        raise Invalid("Idempotency-Key must be 1 to 255 visible ASCII characters.", code="invalid_idempotency_key")
    return client_key


def _key(client_key: str, *owner: str) -> str:
    return _sealer().hash("\n".join((*owner, request.method, request.path, client_key)).encode())


def _json_body() -> Any:
    """What the body says; None where it is no JSON, or none at all."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(request.get_data())
    return None


def _fingerprint() -> str:
    body = request.get_data()
    with contextlib.suppress(ValueError, RecursionError):  # not JSON, or none: compare it as it stands
        body = json.dumps(json.loads(body), sort_keys=True).encode()
    return _sealer().hash(body + b"?" + request.query_string)


def _ourselves() -> contextlib.AbstractContextManager[None]:
    """Stored answers are read and written by nobody but this module."""
    return acting_as(Principal.system("idempotency"))


def _first(database: Database, key: str) -> IdempotencyRow | None:
    with _ourselves(), database.read() as session:
        return _find(session, key)


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


def _store(session: Session, asked: _Asked, response: Response) -> None:
    row = {
        "key": asked.key,
        "tenant_id": asked.tenant_id,
        "fingerprint": asked.fingerprint,
        "status": response.status_code,
        "headers": {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers},
        "body": _sealer().fernet.encrypt(response.get_data()),
        "created_at": utcnow(),
    }
    insert_ignoring(session, IdempotencyRow, [row])


def _store_refusal(database: Database, asked: _Asked, failure: Failure, *, began: bool) -> Response:
    if not began or failure.status not in (409, 412, 422) or failure.code == "request_in_progress":
        raise failure
    response = make_response(current_app.handle_user_exception(failure))
    with _ourselves(), database.begin() as session:
        with contextlib.suppress(_Answered, Conflict):  # another request has the key; its answer counts
            _claim(session, asked.key)
        _store(session, asked, response)
    return response


def _already_done() -> Response:
    """What is stored in place of an answer that is given once."""
    failure = Conflict("This was done, and its answer is shown once only.", code="already_done")
    return make_response(current_app.handle_user_exception(failure))


def _replay(database: Database, row: IdempotencyRow, asked: _Asked) -> Response:
    is_same = row.fingerprint == asked.fingerprint if asked.has_caller else _is_untried(database, asked)
    if not is_same:
        raise Invalid("This Idempotency-Key was used with another request.", code="idempotency_key_reused")
    response = Response(_sealer().fernet.decrypt(row.body), row.status, row.headers)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _is_untried(database: Database, asked: _Asked) -> bool:
    """Whether the body is the first one, and no other has been sent meanwhile; another one ends that for good."""
    with _ourselves(), database.begin() as session:
        row = session.scalar(select(IdempotencyRow).where(IdempotencyRow.key == asked.key).with_for_update())
        if row is not None and row.fingerprint != asked.fingerprint:
            row.fingerprint = ""
        return row is not None and row.fingerprint == asked.fingerprint
