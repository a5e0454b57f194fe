"""Settings of the campaigns service, beside those that every process has (``chassis.process.settings``)."""

from dataclasses import dataclass

from environs import Env

from chassis.process.service import Runtime
from chassis.process.settings import read


@dataclass(frozen=True)
class CampaignSettings:
    """How this deployment handles campaigns.

    Attributes:
        invites_need_relationship: only retailers with a relationship can be invited (D11).
    """

    invites_need_relationship: bool


def of(runtime: Runtime) -> CampaignSettings:
    """The settings of this process, read from the environment once."""
    settings: CampaignSettings = runtime.memory.get("settings") or runtime.memory.setdefault("settings", load())
    return settings


def load() -> CampaignSettings:
    """Read the settings from the environment.

    Raises:
        SettingsError: a value is wrong.
    """
    return read(_build)


def _build(env: Env) -> CampaignSettings:
    return CampaignSettings(invites_need_relationship=env.bool("INVITES_NEED_RELATIONSHIP", True))
