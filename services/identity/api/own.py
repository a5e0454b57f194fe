"""What several endpoints here need: the service's own settings, and its own name where nobody is signed in."""

from contextlib import AbstractContextManager

from flask import Flask, current_app

from chassis.core.principal import Principal, acting_as
from chassis.process.service import settings_of
from services.identity import settings as identity_settings
from services.identity.settings import IdentitySettings


def settings() -> IdentitySettings:
    return settings_for(current_app)


def settings_for(app: Flask) -> IdentitySettings:
    return identity_settings.of(settings_of(app))


def name() -> AbstractContextManager[None]:
    """Work as identity itself, across tenants: who is to be signed in is nobody yet."""
    return acting_as(Principal.system("identity"))
