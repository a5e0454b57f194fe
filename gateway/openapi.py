"""One OpenAPI document for the whole platform, put together from what the services publish.

Only what the route table leads to is shown, so the document and the routes cannot differ. Two services may use one name
for different components; such names get the service's name in front.
"""

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from chassis.core.errors import Failure
from chassis.http.client import ServiceClient
from gateway.routes import Table

CACHE_SECONDS = 30.0
METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
# A request that an API key signs carries all three (S2-26).
SIGNING = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "timestamp": {"type": "apiKey", "in": "header", "name": "X-Timestamp"},
    "signature": {"type": "apiKey", "in": "header", "name": "X-Signature"},
}
DESCRIPTION = (
    "Percent-encode ids in paths: `INV/2026/1` is written `INV%2F2026%2F1`.\n\n"
    "Requests signed with an API key carry milliseconds since 1970 as `X-Timestamp`. Each signature is accepted once."
)
_REFERENCE = re.compile(r'"#/components/([^"/]+)/([^"/]+)"')
_PARAMETER = re.compile(r"\{[^{}/]+\}")

Document = dict[str, Any]
Name = tuple[str, str]  # section and name: ("schemas", "Problem")


class Catalogue:
    """The platform's document. A request for one older than ``CACHE_SECONDS`` makes it anew, and others wait for it."""

    def __init__(self, table: Table, key_table: Table, client: ServiceClient, public_url: str) -> None:
        self._table = table
        self._key_table = key_table
        self._client = client
        self._public_url = public_url
        self._made: Document = {}
        self._fresh_until = 0.0
        self._lock = Lock()

    def document(self) -> Document:
        with self._lock:
            if time.monotonic() >= self._fresh_until:
                self._made = self._make()
                self._fresh_until = time.monotonic() + CACHE_SECONDS
            return self._made

    def _make(self) -> Document:
        names = [name for name in self._table.services if name in self._client.addresses]
        with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
            documents = dict(zip(names, pool.map(self._document_of, names), strict=True))
        parts = {name: self._routed(name, part) for name, part in documents.items() if part is not None}
        document = merged(parts) | {"servers": [{"url": self._public_url}]}
        absent = sorted(name for name, part in documents.items() if part is None)
        return document | ({"x-unavailable": absent} if absent else {})

    def _document_of(self, service: str) -> Document | None:
        try:
            part = self._client.get(service, "/openapi.json")
        except Failure:
            return None
        shapes = [part.get("paths"), part.get("components", {}), *part.get("components", {}).values()]
        return part if all(isinstance(shape, dict) for shape in shapes) else None

    def _routed(self, service: str, part: Document) -> Document:
        """The part of a service's document that the gateway leads to.

        Some paths mean one thing with a token and another with an API key (D1). A document has room for one: the
        former. The whole Merchant API is shown under ``/merchant``.
        """
        paths = {}
        for path, item in part["paths"].items():
            concrete = _PARAMETER.sub("x", path)
            if not path.startswith("/") or not isinstance(item, dict):
                continue
            route = self._table.find(concrete)
            if route and route.service == service:
                paths[path] = item
            elif not route and (keyed := self._key_table.find(concrete)) and keyed.service == service:
                paths[path] = _signed(item)
        return part | {"paths": paths}


def _signed(item: Document) -> Document:
    """The operations of a path as a signing client sees them."""
    together: list[dict[str, list[str]]] = [{name: [] for name in SIGNING}]
    return {
        key: value | {"security": together} if key in METHODS and isinstance(value, dict) else value
        for key, value in item.items()
    }


def merged(parts: Mapping[str, Document]) -> Document:
    """Several services' documents as one."""
    parts = _without_clashes(parts)
    document: Document = {
        "openapi": next((part["openapi"] for part in parts.values() if "openapi" in part), "3.0.3"),
        "info": {"title": "Concord", "version": "v1", "description": DESCRIPTION},
        "paths": {},
        "components": {"securitySchemes": dict(SIGNING)},
        "tags": [],
    }
    operation_ids: set[str] = set()
    for service, part in parts.items():
        for path, item in part["paths"].items():
            document["paths"].setdefault(path, {}).update(_with_unique_ids(item, service, operation_ids))
        for section, entries in part.get("components", {}).items():
            document["components"].setdefault(section, {}).update(entries)
        tag_names = {tag["name"] for tag in document["tags"]}
        document["tags"] += [tag for tag in part.get("tags", ()) if tag["name"] not in tag_names]
    return document


def _with_unique_ids(item: Document, service: str, taken: set[str]) -> Document:
    item = dict(item)
    for method in METHODS:
        operation = item.get(method)
        if not isinstance(operation, dict) or "operationId" not in operation:
            continue
        if operation["operationId"] in taken:
            operation = item[method] = operation | {"operationId": f"{service}_{operation['operationId']}"}
        taken.add(operation["operationId"])
    return item


def _without_clashes(parts: Mapping[str, Document]) -> dict[str, Document]:
    """The documents with every clashing component renamed, and the references to it.

    Renaming can make components differ that were equal before, because they refer to renamed ones; hence the loop.
    """
    clashing: set[Name] = set()
    while True:
        renamed = {service: _renamed(part, service, clashing) for service, part in parts.items()}
        names = _clashes(renamed.values())
        if not names:
            return renamed
        clashing |= names


def _clashes(parts: Iterable[Document]) -> set[Name]:
    seen: dict[Name, Any] = {}
    names = set()
    for part in parts:
        for name, component in _components(part):
            if seen.setdefault(name, component) != component:
                names.add(name)
    return names


def _components(part: Document) -> Iterator[tuple[Name, Any]]:
    for section, entries in part.get("components", {}).items():
        for name, component in entries.items():
            yield (section, name), component


def _renamed(part: Document, service: str, names: set[Name]) -> Document:
    prefix = service.capitalize()

    def reference(match: re.Match[str]) -> str:
        section, name = match.groups()
        return f'"#/components/{section}/{prefix}{name}"' if (section, name) in names else match[0]

    part = json.loads(_REFERENCE.sub(reference, json.dumps(part)))
    for section, name in [name for name, _ in _components(part) if name in names]:
        entries = part["components"][section]
        entries[prefix + name] = entries.pop(name)
    return part
