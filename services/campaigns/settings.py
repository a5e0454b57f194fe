"""Settings of the campaigns service, beside those that every process has (``chassis.process.settings``)."""

from dataclasses import dataclass

from chassis.process.settings import Settings, read


@dataclass(frozen=True)
class CampaignsSettings:
    """See the table in the README.

    Attributes:
        invites_need_relationship: only retailers with a relationship can be invited (D11).
    """

    invites_need_relationship: bool


def of(_process: Settings) -> CampaignsSettings:
    """The settings of a process.

    Raises:
        SettingsError: a value is wrong.
    """
    return read(lambda env: CampaignsSettings(env.bool("INVITES_NEED_RELATIONSHIP", True)))
