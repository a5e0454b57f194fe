"""An event as a tenant gets it, from the event log and by webhook alike."""

from collections.abc import Mapping
from typing import Any

# Not the other tenants an event names, nor who of theirs did it, nor what ties it to our logs.
PUBLIC = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "sequence", "data")


def public(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an envelope that tenants get: a CloudEvents envelope of its own right."""
    return {name: envelope[name] for name in PUBLIC if name in envelope}
