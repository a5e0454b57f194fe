"""What the endpoints of passkeys share: who we are to a device, challenges, and how a refusal is answered."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app

from chassis.core.clock import utcnow
from chassis.core.errors import Failure
from chassis.data.unit_of_work import outside_unit
from chassis.http.current import db
from chassis.process.service import settings_of
from services.identity.factors import passkey_actions
from services.identity.factors.passkey_actions import Purpose, Taken
from services.identity.factors.verification import Json, NotVerified, RelyingParty


def relying_party() -> RelyingParty:
    """Us at the public URL."""
    return RelyingParty.at(settings_of(current_app).public_url)


def take_challenge(purpose: Purpose, credential: Json) -> Taken:
    """Use up the challenge of a credential, in a transaction of its own. Raises as ``passkey_actions``."""
    with outside_unit(), db.begin() as session:
        return passkey_actions.take_challenge(session, purpose, credential, now=utcnow())


@contextmanager
def refused_as(failure: type[Failure]) -> Iterator[None]:
    """Answer what is not verified as ``passkey_refused``; why is for the log alone."""
    try:
        yield
    except NotVerified as error:
        detail = "This passkey was not accepted; ask for new options and try again."
        raise failure(detail, code="passkey_refused") from error
