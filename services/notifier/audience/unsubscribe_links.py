"""Signed links that turn a kind of mail off without signing in. Somebody with a link can do that and nothing else.

A link names a user and a kind of mail. It never expires: somebody may click on it years later.
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
    """The token in the link of a mail."""
    kind = delivery.context["cadence"] if delivery.template == DIGEST.name else delivery.topic
    return _sign(signer, delivery.user_id, kind)


def read(signer: Signer, token: str) -> tuple[UUID, str]:
    """Whose mail a link is about, and which kind of mail: a topic, or the cadence of a digest.

    Raises:
        NotFound: we have not signed it.
    """
    try:
        user_id, kind = _serializer(signer).loads(token)
        user = UUID(user_id)
    except (BadData, TypeError, ValueError, AttributeError) as error:
        raise NotFound("This link is not complete. Open the whole link in your mail.") from error
    if kind not in DEFAULTS and kind not in DIGESTS:
        raise NotFound("This kind of mail no longer exists.")
    return user, kind


@lru_cache(maxsize=2048)  # users often get several mails
def _sign(signer: Signer, user_id: UUID | None, kind: str) -> str:
    return str(_serializer(signer).dumps([str(user_id), kind]))


@lru_cache(maxsize=4)  # deriving the key costs more than signing with it
def _serializer(signer: Signer) -> URLSafeSerializer:
    return URLSafeSerializer(signer.derive("unsubscribe"), salt="unsubscribe")
