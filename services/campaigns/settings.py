"""The settings of this service alone."""

from dataclasses import dataclass
from functools import cache

from environs import Env

from chassis.process.settings import read


@dataclass(frozen=True)
class Settings:
    """How this deployment handles campaigns.

    Attributes:
        invites_need_relationship: only retailers with a relationship can be invited (D11).
    """

    invites_need_relationship: bool


@cache
def load() -> Settings:
    """The settings, read from the environment once a process."""
    return read(_build)


def _build(env: Env) -> Settings:
    return Settings(invites_need_relationship=env.bool("INVITES_NEED_RELATIONSHIP", True))
