"""Callers of a service: principals, a client that signs for them, and another service as the caller."""

import io
from contextvars import Context
from typing import Any
from uuid import UUID, uuid4

from flask.testing import FlaskClient
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from werkzeug.test import Client
from werkzeug.urls import iri_to_uri

from chassis.core.principal import Principal
from chassis.http.identity import HEADER, Signer
from contracts.features import FEATURES
from contracts.roles import Role
from tests.plugin.documented import Documented


def principal(role: Role = Role.SUPPLIER_ADMIN, *, tenant_id: UUID | None = None, **attributes: Any) -> Principal:
    """Somebody of a tenant with every feature on; ``attributes`` change what should differ."""
    kind = {"Supplier": "Supplier", "Retailer": "Retailer", "Merchant": "Merchant"}
    defaults: dict[str, Any] = {
        "user_id": uuid4(),
        "name": f"A {role}",
        "tenant_name": f"Tenant {role}",
        "tenant_slug": f"tenant-{role.lower()}",
        "tenant_kind": next((kind[word] for word in kind if role.startswith(word)), "Platform"),
        "features": frozenset(FEATURES),
    }
    return Principal(tenant_id=tenant_id or uuid4(), role=role, **defaults | attributes)


class CallerClient(FlaskClient):
    """A client whose requests carry a signed identity; ``sender`` is the process that vouches for it."""

    signer: Signer | None = None
    who: Principal | None = None
    audience = ""
    documented: Documented | None = None

    def open(self, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], str):
            args = (iri_to_uri(args[0]), *args[1:])  # as every client writes it; what is encoded stays as it is
        headers = dict(kwargs.pop("headers", None) or {})
        if self.signer and self.who:
            headers.setdefault(HEADER, self.signer.sign(self.who, self.audience))
        answer = super().open(*args, headers=headers, **kwargs)
        if self.documented:
            self.documented.check()
        return answer


class WsgiAdapter(BaseAdapter):
    """Lets ``requests`` reach another service's WSGI application without a socket."""

    def __init__(self, application: Any) -> None:
        super().__init__()
        self._client = Client(application)

    def send(self, request: PreparedRequest, **_options: Any) -> Response:  # type: ignore[override]
        sent: dict[str, Any] = {"method": request.method, "headers": dict(request.headers), "data": request.body}
        # Nothing of the asking request (its caller, its transaction) is known on the other side, nor lost here.
        answer = Context().run(self._client.open, request.path_url, **sent)
        response = Response()
        response.status_code = answer.status_code
        response.headers.update(answer.headers)
        response.raw = io.BytesIO(answer.get_data())
        response.url = str(request.url)
        return response

    def close(self) -> None:
        pass
