"""Signed links that turn a kind of mail off without signing in: who holds one can do that and nothing else.

A link says whose mail and of what kind, and does not end: somebody may click on it years later.
"""

from functools import lru_cache
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer

from chassis.core.errors import NotFound
from chassis.http.identity import Signer
from services.notifier.audience.rules import DIGESTS
from services.notifier.deliveries.models import Delivery
from services.notifier.topics import DEFAULTS
from services.notifier.topics.digests import DIGEST


def token(signer: Signer, delivery: Delivery) -> str:
    """What stands in the link of a mail."""
    what = delivery.context["cadence"] if delivery.template == DIGEST.name else delivery.topic
    return _sign(signer, delivery.user_id, what)


def read(signer: Signer, token: str) -> tuple[UUID, str]:
    """Whose mail a link is about, and of what kind: a topic, or the cadence of a digest.

    Raises:
        NotFound: it is none of ours, or was changed.
    """
    try:
        user_id, what = _serializer(signer).loads(token)
        user = UUID(user_id)
    except (BadData, TypeError, ValueError, AttributeError) as error:
        raise NotFound("This link is not complete. Open the whole link of your mail.") from error
    if what not in DEFAULTS and what not in DIGESTS:
        raise NotFound("This link is of a kind of mail that there is no more.")
    return user, what


@lru_cache(maxsize=2048)  # who gets one mail often gets another
def _sign(signer: Signer, user_id: UUID | None, what: str) -> str:
    return str(_serializer(signer).dumps([str(user_id), what]))


@lru_cache(maxsize=4)  # deriving the key costs more than signing with it
def _serializer(signer: Signer) -> URLSafeSerializer:
    return URLSafeSerializer(signer.derive("unsubscribe"), salt="unsubscribe")
