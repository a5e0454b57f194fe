"""Whom mail may go to and every mail on its way, the event log, and webhooks with every message on its way."""

from services.notifier.models.base import Base
from services.notifier.models.contacts import Contact, Tenant
from services.notifier.models.deliveries import Delivery
from services.notifier.models.event_log import EventLogEnd, EventViewer, LoggedEvent

__all__ = ["Base", "Contact", "Delivery", "EventLogEnd", "EventViewer", "LoggedEvent", "Tenant"]
