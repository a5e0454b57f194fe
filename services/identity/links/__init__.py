"""Links in mails that are good once: to set a password, to accept an invitation."""
