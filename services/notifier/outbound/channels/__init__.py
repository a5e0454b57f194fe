"""Channels that a mail may leave by, one class each: an SMTP server, or the folder of the development mailbox."""

from pathlib import Path

from services.notifier.outbound.channels.base import Channel
from services.notifier.outbound.channels.folder import FolderChannel
from services.notifier.outbound.channels.mail import MailChannel
from services.notifier.settings import Settings


def connect(settings: Settings, folder: Path | None) -> Channel:
    """The channel this deployment is set to: its mail server, or the folder of the development mailbox."""
    if settings.smtp:
        return MailChannel(settings.smtp, settings)
    if folder is None:
        raise RuntimeError("there is neither a mail server nor a development mailbox")
    return FolderChannel(folder)
