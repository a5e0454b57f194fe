"""What this service publishes, one module a noun. A published shape never changes; a new shape is a new version."""

from services.promotions.events.settings import SettingsChanged

ALL: tuple[type, ...] = (SettingsChanged,)
