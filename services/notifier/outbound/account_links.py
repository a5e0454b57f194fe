"""Asks identity for the secret link of a mail, at the moment of sending and outside of any transaction.

The link is in the mail and nowhere else: no event, row or log has it. Identity gives the same link each time.
"""

from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from marshmallow import EXCLUDE, ValidationError

from chassis.core.clock import utcnow
from chassis.core.emails import address_key
from chassis.core.errors import NotFound, Upstream
from chassis.process.service import Runtime
from contracts.services import IDENTITY
from services.notifier import settings
from services.notifier.deliveries.models import Delivery
from services.notifier.deliveries.rules import Trouble
from services.notifier.outbound.channels.base import NotTaken
from services.notifier.outbound.schemas import LinkIn
from services.notifier.topics.base import Topic

PAUSE = timedelta(seconds=5)
"""Identity is not asked for so long after it was away, so that other mails do not wait for it each time."""

ASK_AGAIN_AT = "when identity is asked for links again"

OVER = "The link of this mail is used, replaced or over, or its recipient may not use it any more."
AWAY = "The identity service did not give out the link of this mail."
ELSEWHERE = "The address of this person has just changed."


def url_of(runtime: Runtime, delivery: Delivery, topic: Topic) -> str:
    """The address that the button of a mail leads to, with its secret.

    Raises:
        NotTaken: ``obsolete`` where there is no such link any more; ``temporary`` where identity is away.
    """
    link = _ask(runtime, UUID(delivery.context["link_id"]))
    if link["purpose"] != topic.link_purpose:
        raise NotTaken(Trouble.OBSOLETE, OVER)
    if address_key(link["email"]) != address_key(delivery.address or ""):
        raise NotTaken(Trouble.TEMPORARY, ELSEWHERE)  # until our copy of the user has it, too
    return f"{settings.of(runtime.settings).public_url}{topic.link_page}?token={quote(link['token'], safe='')}"


def _ask(runtime: Runtime, link_id: UUID) -> dict[str, Any]:
    if (again := runtime.memory.get(ASK_AGAIN_AT)) and utcnow() < again:
        raise NotTaken(Trouble.TEMPORARY, AWAY)
    try:
        return LinkIn(unknown=EXCLUDE).load(runtime.client.get(IDENTITY, f"/internal/links/{link_id}"))
    except NotFound:
        raise NotTaken(Trouble.OBSOLETE, OVER) from None
    except ValidationError:
        raise NotTaken(Trouble.TEMPORARY, AWAY) from None  # its text may hold what was sent
    except Upstream as error:
        runtime.memory[ASK_AGAIN_AT] = utcnow() + PAUSE
        raise NotTaken(Trouble.TEMPORARY, AWAY) from error
