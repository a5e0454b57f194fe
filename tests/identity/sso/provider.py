"""An OpenID Connect provider on loopback, made of Authlib's server parts, and a browser that signs in by it.

It is honest until told otherwise: ``lies`` replace claims of its ID tokens, ``answers`` whole answers of its endpoints.
"""

import logging
import threading
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import AuthorizationCodeMixin
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, Response, jsonify, request
from joserfc.jwk import ECKey, KeySet, RSAKey
from werkzeug.serving import make_server

from tests.plugin import CallerClient

CLIENT = "concord"
SECRET = "the-clients-secret"
SUPPORTED = {"authorization_response_iss_parameter_supported": False}


@cache
def _private_key(number: int) -> bytes:
    return RSAKey.generate_key(2048).as_pem(private=True)


class Person(dict[str, Any]):
    """Claims about a person; Authlib asks for an id."""

    def get_user_id(self) -> str:
        return str(self["sub"])


class _Client(ClientMixin):
    client_id = CLIENT

    def get_client_id(self):
        return CLIENT

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri.endswith("/session/sso/callback")

    def check_client_secret(self, client_secret):
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method, endpoint):
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


@dataclass
class _Code(AuthorizationCodeMixin):
    code: str
    redirect_uri: str
    scope: str
    nonce: str | None
    person: Person
    code_challenge: str | None
    code_challenge_method: str | None

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return None

    def get_acr(self):
        return None

    def get_amr(self):
        return None


@dataclass
class Provider:
    """``asked`` are the paths of its requests; ``person`` is who sits at the browser."""

    person: Person
    lies: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, _Code] = field(default_factory=dict)
    forms: list[dict[str, str]] = field(default_factory=list)
    thin: bool = False  # the ID token names nobody's address; the UserInfo endpoint does
    algorithm: str = "RS256"

    def __post_init__(self) -> None:
        self._rotations = 0
        self.rotate()
        app = self._app()
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://localhost:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def rotate(self, kid: str | None = "first") -> None:
        """Sign with a new key from now on, and publish it alone."""
        parameters = {"kid": kid, "use": "sig"} if kid else {"use": "sig"}
        self._rotations += 1
        self.signing = RSAKey.import_key(_private_key(self._rotations), parameters)
        self.published = KeySet([self.signing])

    def sign_with_elliptic_key(self) -> None:
        self.algorithm = "ES256"
        self.signing = ECKey.generate_key("P-256", {"kid": "elliptic", "use": "sig"})
        self.published = KeySet([self.signing])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _app(self) -> Flask:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        app = Flask("provider")
        server = AuthorizationServer(app, query_client=self._client, save_token=lambda _token, _request: None)
        server.register_grant(_grant(self), [_id_token(self)(require_nonce=True), CodeChallenge(required=True)])
        app.before_request(self._interfere)
        app.add_url_rule("/authorize", view_func=lambda: self._authorize(server), endpoint="authorize")
        app.add_url_rule("/token", view_func=lambda: server.create_token_response(), endpoint="token", methods=["POST"])
        app.add_url_rule("/keys", view_func=lambda: jsonify(self.published.as_dict(private=False)), endpoint="keys")
        app.add_url_rule("/userinfo", view_func=lambda: jsonify(self.person), endpoint="userinfo")
        app.add_url_rule("/.well-known/openid-configuration", view_func=self._discovery, endpoint="discovery")
        return app

    def _client(self, client_id: str) -> _Client | None:
        return _Client() if client_id == CLIENT else None

    def _authorize(self, server: AuthorizationServer) -> Response:
        grant = server.get_consent_grant(end_user=self.person)
        return server.create_authorization_response(grant_user=self.person or None, grant=grant)

    def _interfere(self) -> Any:
        self.asked.append(request.path)
        if request.path == "/token":
            self.forms.append(request.form.to_dict())
        answer = self.answers.get(request.path)
        return answer() if callable(answer) else answer

    def _discovery(self) -> Response:
        url = self.url
        document = {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "jwks_uri": f"{url}/keys",
            "userinfo_endpoint": f"{url}/userinfo",
            **SUPPORTED,
        }
        return jsonify({name: value for name, value in (document | self.metadata).items() if value is not None})


def _grant(provider: Provider) -> type[AuthorizationCodeGrant]:
    class Grant(AuthorizationCodeGrant):
        def save_authorization_code(self, code, request):
            data = request.payload.data
            provider.codes[code] = _Code(
                code,
                request.payload.redirect_uri,
                request.scope,
                data.get("nonce"),
                Person(request.user),
                data.get("code_challenge"),
                data.get("code_challenge_method"),
            )

        def query_authorization_code(self, code, client):
            return provider.codes.get(code)

        def delete_authorization_code(self, authorization_code):
            del provider.codes[authorization_code.code]

        def authenticate_user(self, authorization_code):
            return authorization_code.person

    return Grant


def _id_token(provider: Provider) -> type[OpenIDCode]:
    class IdToken(OpenIDCode):
        def exists_nonce(self, nonce, request):
            return any(code.nonce == nonce for code in provider.codes.values())

        def get_client_algorithm(self, client):
            return provider.algorithm

        def get_client_claims(self, client):
            return {"iss": provider.url, "aud": [CLIENT]}

        def get_encode_header(self, client):
            kid = provider.signing.kid
            return {"alg": provider.algorithm} | ({"kid": kid} if kid else {})

        def resolve_client_private_key(self, client):
            return provider.signing

        def generate_user_info(self, user, scope):
            shown = {"sub": user["sub"]} if provider.thin else dict(user)
            return shown | provider.lies

    return IdToken


@dataclass
class Browser:
    """Follows redirects one by one and keeps cookies, as a person's browser does."""

    identity: CallerClient
    cookies: dict[str, str] = field(default_factory=dict)

    def start(self, tenant: str, **query: str) -> Any:
        """Our answer at ``/session/sso/{tenant}``."""
        return self.visit(f"/session/sso/{tenant}", **query)

    def at_provider(self, answer: Any) -> str:
        """Where the provider sends the browser back to."""
        assert answer.status_code == 303, answer.get_data(as_text=True)
        back = requests.get(answer.headers["Location"], allow_redirects=False, timeout=10)
        assert back.status_code == 302, back.text
        return back.headers["Location"]

    def come_back(self, location: str) -> Any:
        """Our answer at the callback."""
        target = urlsplit(location)
        return self.visit(f"{target.path}?{target.query}")

    def sign_in(self, tenant: str, **query: str) -> Any:
        """The whole way; our last answer."""
        return self.come_back(self.at_provider(self.start(tenant, **query)))

    def visit(self, path: str, **query: str) -> Any:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        answer = self.identity.get(path, query_string=query or None, headers=headers if self.cookies else {})
        for cookie in answer.headers.getlist("Set-Cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            if "Max-Age=0" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer
