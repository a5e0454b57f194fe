"""The way back in for an operator who is locked out: for people with access to the machine that identity runs on."""

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.process.service import Runtime
from services.identity import settings
from services.identity.account import password_actions
from services.identity.links.rules import token_of

PASSWORD_PAGE = "/account/password?token="  # noqa: S105  a path


def operator_link(runtime: Runtime, email: str, *, without_factors: bool = False) -> str | None:
    """The address of a page where an operator (PlatformAdmin) sets a new password, good once for an hour; None where no
    operator who may sign in has this e-mail address. It opens no account of a tenant.
    ``without_factors`` also forgets the second factors, for an operator who has lost them."""
    own = settings.of(runtime.settings)
    with acting_as(Principal.system("identity")), runtime.database.begin() as session:
        link = password_actions.make_operator_link(
            session, email, without_factors=without_factors, settings=own, now=utcnow()
        )
    return f"{runtime.settings.public_url}{PASSWORD_PAGE}{token_of(link.id, own.derive('links'))}" if link else None
