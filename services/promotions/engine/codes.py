"""Codes that customers give are compared without case and without the spaces around them (D67)."""

import unicodedata


def fold(code: str) -> str:
    """What codes are compared by: without the spaces around it and without case; empty for a blank one."""
    text = code.strip()
    if not any(map(str.isprintable, text)):
        return ""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
