"""Settings for a command: a wrong environment ends it with a message instead of a traceback."""

import sys

from chassis.process import settings


def settings_or_exit() -> settings.Settings:
    try:
        return settings.load()
    except settings.SettingsError as error:
        sys.exit(str(error))
