"""SCIM as directories speak it: what a resource or a patch asks for, and what a filter looks for (RFC 7643, RFC 7644).

Names of attributes count in any case. Entra ID writes ``op`` with a capital, booleans as text and dotted names as keys;
Okta leaves out ``path``. Attributes that we do not keep are ignored.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chassis.core.emails import normal_address
from chassis.core.errors import Invalid, Malformed
from contracts.roles import Role
from services.identity.identity_providers.rules import signs_in_by_provider
from services.identity.sso.rules import mapped_role
from services.identity.tenants.rules import Kind
from services.identity.users.rules import ROLES

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
EXTERNAL_ID_MAX = 255
OPERATIONS_MAX = 100
NOTE_USE_EVERY = timedelta(minutes=1)
VIEWERS = {
    Kind.SUPPLIER: Role.SUPPLIER_VIEWER,
    Kind.RETAILER: Role.RETAILER_VIEWER,
    Kind.MERCHANT: Role.MERCHANT_VIEWER,
}
"""What people are to whom a directory gives no role."""
FILTERED = ("id", "username", "externalid", "emails", "emails.value", "active")

_NAME = r"[A-Za-z$][\w$-]*"
_PATH = re.compile(rf"(?P<attribute>{_NAME})(?:\[[^\]]*\])?(?:\.(?P<sub>{_NAME}))?")
_TERM = re.compile(r'([\w$:.-]+)\s+(\w+)\s+("(?:[^"\\]|\\.)*"|[\w.-]+)')
_AND_TERM = re.compile(rf"\s+(?:[aA][nN][dD])\s+{_TERM.pattern}")

Attributes = dict[str, Any]
"""Values by the name of their attribute in lower case, as ``name.givenname``; None for one that is taken away."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a directory wants of a person; what is None stays as it is.

    Attributes:
        name: whole; or else ``given`` and ``family``, of which one may be None.
        external_id: empty to take it away.
        roles: values that name a role; none of them to give the least.
    """

    email: str | None = None
    name: str | None = None
    given: str | None = None
    family: str | None = None
    external_id: str | None = None
    active: bool | None = None
    roles: tuple[str, ...] | None = None

    def named(self, current: str) -> str | None:
        """The name of a person who is called ``current`` until now; None where it stays."""
        if self.name or not (self.given or self.family):
            return self.name
        first, _, last = current.rpartition(" ")
        return " ".join(part for part in (self.given or first, self.family or last) if part)


def attributes_of(resource: Mapping[str, Any]) -> Attributes:
    """The attributes of a resource."""
    attributes: Attributes = {}
    for name, value in resource.items():
        key = _without_schema(name)
        if isinstance(value, Mapping) and key == "name":
            attributes |= {f"name.{sub.lower()}": part for sub, part in value.items()}
        elif key is not None:
            attributes[key] = value
    return attributes


def patched(operations: Any) -> Attributes:
    """What the operations of a patch set, the last one of an attribute counts (RFC 7644, 3.5.2).

    Raises:
        Malformed: these are no operations.
        Invalid: ``scimType`` says what is wrong with a path or value.
    """
    if not isinstance(operations, list) or not 0 < len(operations) <= OPERATIONS_MAX:
        raise Malformed(f"Send 1 to {OPERATIONS_MAX} Operations.")
    attributes: Attributes = {}
    for entry in operations:
        if not isinstance(entry, Mapping):
            raise Malformed("An operation is an object.")
        operation = {str(name).lower(): value for name, value in entry.items()}
        attributes |= _operation(str(operation.get("op")).lower(), operation.get("path"), operation.get("value"))
    return attributes


def _operation(op: str, path: Any, value: Any) -> Attributes:
    if op not in ("add", "replace", "remove"):
        raise Malformed("op is add, replace or remove.")
    if path is None or path == "":
        if op == "remove":
            raise invalid("noTarget", "Say in path what is to be removed.")
        if not isinstance(value, Mapping):
            raise invalid("invalidValue", "Without a path the value is an object.")
        return attributes_of(value)
    key = _without_schema(path) if isinstance(path, str) else ""
    if key is None:
        return {}
    match = _PATH.fullmatch(key)
    if match is None:
        raise invalid("invalidPath", "The path is not one of SCIM.")
    attribute, sub = match["attribute"], match["sub"]
    if op == "remove":
        value = None
    if attribute == "name" and sub is None:
        return attributes_of({"name": value})
    return {attribute if attribute == "roles" else f"{attribute}.{sub}" if sub else attribute: value}


def change_of(attributes: Attributes) -> Change:
    """What attributes ask for.

    Raises:
        Invalid: a value is not what its attribute can have.
    """
    return Change(
        email=_email(attributes),
        name=_text(attributes, "displayname") or _text(attributes, "name.formatted"),
        given=_text(attributes, "name.givenname"),
        family=_text(attributes, "name.familyname"),
        external_id=_external_id(attributes),
        active=_boolean(attributes["active"]) if attributes.get("active") is not None else None,
        roles=_roles(attributes),
    )


def role_of(values: Iterable[str], mapping: Mapping[str, str], kind: str) -> Role:
    """The role in a tenant of ``kind`` that values give: by the mapping of its identity provider, or by a role's own
    name; else the least.

    Raises:
        Invalid: a value names an outsider's role. The least of the tenant's own would be more.
    """
    roles = {str(role): str(role) for role in ROLES[Kind(kind)]} | dict(mapping)
    values = tuple(values)
    if any(value in roles and not signs_in_by_provider(roles[value]) for value in values):
        raise invalid("invalidValue", "A directory gives this role to nobody.")
    return mapped_role(roles, values, kind) or VIEWERS[Kind(kind)]


def terms(filter: str) -> list[tuple[str, Any]]:
    """The comparisons of a filter, all of which must hold: ``eq``, joined by ``and``.

    Raises:
        Invalid: ``invalidFilter``; RFC 7644 lets us decline what we do not know.
    """
    comparisons: list[tuple[str, Any]] = []
    text, end = filter.strip(), 0
    while end < len(text) or not comparisons:
        match = (_AND_TERM if comparisons else _TERM).match(text, end)
        key = _without_schema(match[1]) if match else None
        if match is None or match[2].lower() != "eq" or key not in FILTERED:
            raise invalid("invalidFilter", f"Filters compare {', '.join(FILTERED)} by eq and join by and.")
        try:
            value = json.loads(match[3])
        except ValueError:
            raise invalid("invalidFilter", "The filter compares with no JSON value.") from None
        comparisons.append((str(key), _boolean(value) if key == "active" else value))
        end = match.end()
    return comparisons


def invalid(scim_type: str, detail: str) -> Invalid:
    return Invalid(detail, more={"scimType": scim_type})


def _without_schema(name: str) -> str | None:
    """The name in lower case without the URI of the user's own schema; None for an extension's."""
    key = name.strip().lower()
    key = key.removeprefix(USER.lower()).lstrip(":") if key.startswith(USER.lower()) else key
    return None if key.startswith("urn:") else key


def _email(attributes: Attributes) -> str | None:
    if "username" not in attributes:
        return None
    value = attributes["username"]
    address = normal_address(value) if isinstance(value, str) else None
    if address is None:
        raise invalid("invalidValue", "userName is the e-mail address that the person signs in with.")
    return address


def _text(attributes: Attributes, name: str) -> str | None:
    value = attributes.get(name)
    return value.strip() or None if isinstance(value, str) else None


def _external_id(attributes: Attributes) -> str | None:
    if "externalid" not in attributes:
        return None
    value = attributes["externalid"]
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > EXTERNAL_ID_MAX:
        raise invalid("invalidValue", f"externalId is a text of at most {EXTERNAL_ID_MAX} characters.")
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise invalid("invalidValue", "active is true or false.")
    return value


def _roles(attributes: Attributes) -> tuple[str, ...] | None:
    if "roles" not in attributes and "usertype" not in attributes:
        return None
    return tuple(value for name in ("roles", "usertype") for value in _values(attributes.get(name)))


def _values(value: Any) -> list[str]:
    entries = value if isinstance(value, list) else [value]
    values = (entry.get("value") if isinstance(entry, Mapping) else entry for entry in entries)
    return [value for value in values if isinstance(value, str)]
