"""Samples: an event as another service publishes it."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from uuid_utils.compat import uuid7

from chassis.core.clock import rfc3339, utcnow


def sample_event(event_type: str, data: Mapping[str, Any], **attributes: Any) -> dict[str, Any]:
    """An envelope as another service would publish it."""
    envelope = {
        "specversion": "1.0",
        "id": str(uuid7()),
        "source": f"/services/{event_type.partition('.')[0]}",
        "type": event_type,
        "subject": str(uuid4()),
        "time": rfc3339(utcnow()),
        "datacontenttype": "application/json",
        "tenantids": "",
        "sequence": 1,
        "actorid": str(uuid4()),
        "correlationid": "test",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "data": dict(data),
    }
    return envelope | attributes


def value_of(metric: Any) -> float:
    """The value of a counter or gauge, with its labels given."""
    [family] = metric.collect()
    return float(family.samples[0].value)
