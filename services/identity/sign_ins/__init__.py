"""Who signed in or tried to, when, from where, and with what outcome."""
