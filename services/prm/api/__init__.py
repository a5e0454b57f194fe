"""The HTTP side of partner management: load, one transaction, one action or query, dump."""

from flask import request

MAX_LIST_BODY = 4 * 1024 * 1024  # 50,000 ids need 2 MB


def accept_long_lists() -> None:
    """Let the bodies of a blueprint hold as many ids as a group may have; to be run before its requests."""
    request.max_content_length = MAX_LIST_BODY
