"""Channels that a mail may leave by, one class each: an SMTP server, or the folder of the development mailbox."""

from services.notifier.outbound.channels.base import Channel
from services.notifier.outbound.channels.folder import FolderChannel
from services.notifier.outbound.channels.smtp import SmtpChannel
from services.notifier.settings import NotifierSettings


def connect(settings: NotifierSettings) -> Channel:
    """The channel this deployment is set to: its mail server, or the folder of the development mailbox."""
    if settings.mailbox:
        return FolderChannel(settings.mailbox)
    assert settings.smtp, "production has a mail server"
    return SmtpChannel(settings.smtp, settings)
