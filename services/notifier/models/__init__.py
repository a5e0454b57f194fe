"""Whom mail may go to, and every mail that was, is or will be on its way."""

from services.notifier.models.base import Base
from services.notifier.models.contacts import Contact, Tenant
from services.notifier.models.deliveries import Delivery

__all__ = ["Base", "Contact", "Delivery", "Tenant"]
