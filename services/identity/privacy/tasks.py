"""What the scheduler does for people: gathers exports, lets them go, and erases who was removed long ago."""

import json
import zlib
from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.core.clock import utcnow
from chassis.core.errors import Failure
from chassis.core.logs import logger
from chassis.core.principal import Principal
from chassis.process.service import Runtime
from privacy import erasures, people_duty
from privacy.person import Person
from services.identity import settings
from services.identity.privacy import actions, queries, rules
from services.identity.teams import actions as team_actions

AT_ONCE = 20

log = logger(__name__)


class _TooLarge(Exception):
    """A service keeps more about a person than an archive takes."""


def gather(runtime: Runtime) -> bool:
    """Ask the services that have not answered yet for one export that is due; True while there may be more due.

    A service that is away is asked again half a minute later; the others are not asked again.
    """
    database = runtime.database
    with database.begin() as session:
        export = actions.claim(session, utcnow())
        person = None if export is None else queries.person_of(session, export)
        id_waiting = None if export is None or not export.is_gathering else (export.id, export.waiting)
    if export is None or person is None or id_waiting is None:
        return export is not None
    export_id, waiting = id_waiting
    for service in waiting:
        try:
            _gather_from(runtime, service, export_id, person)
        except Failure as failure:
            log.warning("a service could not be asked what it keeps", service=service, error=failure.detail)
        except _TooLarge:
            with database.begin() as session:
                if locked := queries.lock_export(session, export_id):
                    actions.end_in_failure(session, locked, now=utcnow())
            log.error("what is kept about a person does not fit into an archive", service=service)
            return True
    _finish(runtime, export_id)
    return True


def forget_exports(runtime: Runtime) -> bool:
    """Delete archives after their seven days; True while there is more."""
    with runtime.database.begin() as session:
        return actions.forget_expired(session, now=utcnow())


def forget_outdated_exports(runtime: Runtime) -> bool:
    """Delete archives in which somebody may be who was erased meanwhile; False, for all are looked at."""
    with runtime.database.begin() as session:
        actions.forget_outdated(session)
    return False


def erase_removed(runtime: Runtime) -> bool:
    """Erase people who were removed long ago; True while there may be more."""
    now = utcnow()
    before = now - timedelta(days=settings.of(runtime.settings).keep_removed_users)
    system = Principal.system("identity")
    with runtime.database.begin() as session:
        users = queries.removed_users(session, before, AT_ONCE)
        for user in users:
            team_actions.erase_user(session, user.tenant_id, user.id, actor=system, now=now)
    return len(users) == AT_ONCE


def _gather_from(runtime: Runtime, service: str, export_id: UUID, person: Person) -> None:
    """Store all that a service shows. It is asked between transactions.

    Raises:
        Failure: it is away.
    """
    after, number, size = None, 0, 0
    while number == 0 or after is not None:
        part = _part(runtime, service, person, after)
        items = json.dumps(part["items"], ensure_ascii=False).encode()
        after, size = part["next"], size + len(items)
        if size > rules.MOST_BYTES:
            raise _TooLarge()
        with runtime.database.begin() as session:
            export = queries.lock_export(session, export_id)
            if export is None:
                return
            actions.add_part(session, export, service, number, zlib.compress(items), now=utcnow())
            if after is None:
                export.gathered(service)
        number += 1


def _part(runtime: Runtime, service: str, person: Person, after: str | None) -> dict[str, Any]:
    if service == runtime.service.name:
        return people_duty.kept_of(runtime.database, people_duty.tables_of(runtime), person, after=after)
    query: dict[str, Any] = {"tenantId": str(person.tenant_id), "emailDigest": person.email_digest}
    query |= {"earlierDigests": list(person.earlier_digests)} if person.earlier_digests else {}
    query |= {"after": after} if after else {}
    return runtime.client.get(service, f"/internal/people/{person.user_id}", params=query)


def _finish(runtime: Runtime, export_id: UUID) -> None:
    """Write the archive where all services have answered, else try again later. People who are being forgotten are not
    in it, whatever services have shown of them."""
    now = utcnow()
    with runtime.database.begin() as session:
        export = queries.lock_export(session, export_id)
        if export is None:
            return
        export.next_at = now + rules.RETRY
        if export.waiting:
            return
        services, forgotten = list(export.progress), erasures.people_of(session, export.tenant_id)
    files = []
    for service in services:
        with runtime.database.read() as session:
            items = [
                item
                for body in queries.parts(session, export_id, service)
                for item in json.loads(zlib.decompress(body))
            ]
        files.append((service, rules.by_table(rules.without_people(items, forgotten))))
    archive = rules.archive(files)
    with runtime.database.begin() as session:
        if export := queries.lock_export(session, export_id):
            actions.finish(session, export, archive, now=now)
