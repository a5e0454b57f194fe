"""What an API key looks like."""

import secrets


def new_api_key() -> str:
    """The public half of an API key; its prefix lets scanners and people recognise it."""
    return f"ck_{secrets.token_hex(12)}"
