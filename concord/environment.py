"""Settings for a command: what is wrong with the environment ends it with a message and no traceback."""

import sys

from chassis.process import settings


def settings_or_exit() -> settings.Settings:
    try:
        return settings.load()
    except settings.SettingsError as error:
        sys.exit(str(error))
