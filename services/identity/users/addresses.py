"""The addresses by which a person is known to what is kept: the present one and, as digests, those before it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.data.encryption import SecretBox
from privacy.person import Person, email_digest
from services.identity import settings
from services.identity.users.models import User


def move(session: Session, user: User, email: str) -> None:
    """Give a locked user another address. A digest of the one before stays, encrypted, so that rows which know the
    person by it are found when they are exported or erased."""
    user.move_to(email, _secret_box(session).encrypt(email_digest(user.email)))


def person_of(session: Session, user: User) -> Person:
    """Whom rows may be about.

    An address that another person of the tenant has by now is left out: what it stands beside may be theirs.
    """
    secret_box = _secret_box(session)
    earlier = [secret_box.decrypt(encrypted) for encrypted in user.earlier_addresses or ()]
    own = dict.fromkeys([email_digest(user.email), *earlier])
    others = select(User.email_key).where(
        User.tenant_id == user.tenant_id, User.id != user.id, User.removed_at.is_(None)
    )
    if not earlier:
        others = others.where(User.email_key == user.email_key)
    taken = {email_digest(key) for key in session.scalars(others)} & own.keys()
    present, *rest = [digest for digest in own if digest not in taken] or [email_digest(str(user.id))]  # nobody's
    return Person(user.id, user.tenant_id, present, tuple(rest))


def _secret_box(session: Session) -> SecretBox:
    return settings.of(settings.process_of(session)).secret_box
