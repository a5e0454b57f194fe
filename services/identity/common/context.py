"""What several endpoints need: identity's own settings, and identity as the caller where nobody has signed in."""

from contextlib import AbstractContextManager

from flask import current_app

from chassis.core.principal import Principal, acting_as
from chassis.process.service import settings_of
from services.identity import settings
from services.identity.settings import IdentitySettings


def own_settings() -> IdentitySettings:
    return settings.of(settings_of(current_app))


def as_identity() -> AbstractContextManager[None]:
    """Work as identity itself, across tenants."""
    return acting_as(Principal.system("identity"))
