"""The notifier's sender beside a bare smtplib loop, both into the same mail server over one kept connection."""

import os
import smtplib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import UUID, uuid4

from bench.postgres import Databases, databases
from bench.sink import sink
from bench.table import Row
from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.data import migrate
from chassis.process import settings
from chassis.process.service import Runtime
from concord.keys import create_keys

MAILS = 1000
RETAILERS = 100
ROUNDS = 5
LEAST = 0.5
SENDER = "no-reply@concord.example"


def measure() -> list[Row]:
    """Mails a second of both, in turn."""
    ours, bare = [], []
    with sink() as port, databases(["notifier"]) as made, tempfile.TemporaryDirectory() as folder:
        limits = {"CONCORD_MAIL_RATE": "", "CONCORD_MAIL_RECIPIENT_RATE": ""}
        os.environ |= {"CONCORD_SMTP_URL": f"smtp://127.0.0.1:{port}", **limits}
        try:
            with notifier(made, Path(folder)) as runtime:
                retailers = [_add_retailer(runtime, number) for number in range(RETAILERS)]
                letter = _letter(runtime, retailers[0])
                _send_all(runtime, retailers[:1])  # what is loaded and compiled once
                for _ in range(ROUNDS):
                    ours.append(MAILS / _send_all(runtime, retailers))
                    bare.append(MAILS / _send_bare(port, letter))
        finally:
            for name in ("CONCORD_SMTP_URL", *limits):
                del os.environ[name]
    ratio = median(ours) / median(bare)
    return [
        Row(
            f"notifier: {MAILS:,} invite mails, claimed, written and settled one by one, against a bare smtplib loop",
            f"{median(ours):,.0f}/s",
            f"{median(bare):,.0f}/s",
            ratio,
            f"≥ {LEAST:g}",
            ratio >= LEAST,
        )
    ]


@contextmanager
def notifier(made: Databases, folder: Path) -> Iterator[Runtime]:
    """The notifier on a database of its own."""
    from services.notifier import service

    create_keys(folder / "keys", ["gateway", "notifier"])
    loaded = replace(settings.load(), home=folder, keys=folder / "keys", database_url=made.template, services={})
    runtime = Runtime(service, replace(loaded, database_url=made.url("notifier")))
    try:
        migrate.upgrade(service, runtime.database.engine)
        with acting_as(Principal.system("notifier")):
            yield runtime
    finally:
        runtime.close()


def _add_retailer(runtime: Runtime, number: int) -> UUID:
    from services.notifier.audience.contacts import upsert_contact

    tenant_id = uuid4()
    person = {"email": f"rolf@shop-{number}.example", "name": "Rolf Fjord", "role": "RetailerAdmin"}
    with runtime.database.begin() as session:
        upsert_contact(session, uuid4(), tenant_id, **person, sequence=1, now=utcnow())
    return tenant_id


def _send_all(runtime: Runtime, retailers: list[UUID]) -> float:
    """Seconds from a full queue to an empty one."""
    from services.notifier.outbound import sender

    for number in range(MAILS):
        _queue(runtime, retailers[number % len(retailers)])
    started = perf_counter()
    while sender.send_due(runtime):
        pass
    seconds = perf_counter() - started
    with runtime.database.engine.connect() as connection:
        unsent = connection.exec_driver_sql("SELECT count(*) FROM deliveries WHERE state <> 'sent'").scalar()
    assert unsent == 0
    return seconds


def _queue(runtime: Runtime, retailer_id: UUID) -> None:
    from services.notifier.audience.notices import notify
    from services.notifier.topics.base import Notice
    from services.notifier.topics.invites import INVITE

    context = {
        "campaign_name": "Spring Showroom Push",
        "participation_ask": "Feature the spring display for 4 weeks and run the 10% bundle offer.",
        "supplier_name": "Nordic Heating",
        "retailer_name": "Fjord Retail",
        "start_date": "2026-04-01T00:00:00Z",
        "end_date": "2026-05-15T00:00:00Z",
    }
    with runtime.database.begin() as session:
        notify(session, INVITE, [Notice(uuid4(), retailer_id, context)], now=utcnow())


def _letter(runtime: Runtime, retailer_id: UUID) -> bytes:
    """A finished mail as ours sends it, for the bare loop."""
    from services.notifier import settings as own
    from services.notifier.outbound import claims, renderer, sender, settlement

    _queue(runtime, retailer_id)
    [claim] = claims.claim_due(runtime.database, utcnow())
    settlement.settle(runtime.database, claim, None, utcnow())
    links, settings = sender.links_of(runtime, claim.delivery), own.of(runtime.settings)
    return renderer.compose(claim.delivery, claim.name, settings, links, time_zone=claim.time_zone).content


def _send_bare(port: int, letter: bytes) -> float:
    """Seconds for as many finished mails over one connection."""
    with smtplib.SMTP("127.0.0.1", port) as connection:
        connection.ehlo()
        started = perf_counter()
        for number in range(MAILS):
            connection.sendmail(SENDER, [f"rolf@shop-{number % RETAILERS}.example"], letter)
        return perf_counter() - started
