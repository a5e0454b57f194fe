"""Channels that a mail may leave by: an SMTP server, or the folder of the development mailbox."""
