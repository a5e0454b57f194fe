"""An event as a tenant gets it, from the event log and by webhook."""

from collections.abc import Mapping
from typing import Any

# Without the other tenants of an event, the user who caused it, and the ids that tie it to our logs.
PUBLIC = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "sequence", "data")


def public(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an envelope that tenants get; it is a CloudEvents envelope, too."""
    return {name: envelope[name] for name in PUBLIC if name in envelope}
