"""Signing in by the tenant's own identity provider, in a browser. Every failure is a page for a person."""

from contextlib import suppress
from http import HTTPStatus
from typing import NoReturn, cast

from flask import Response, current_app, redirect, request
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from chassis.process.service import settings_of
from contracts.error_formats import PAGE
from services.identity.common.clients import client_of_request
from services.identity.common.context import as_identity, own_settings
from services.identity.common.secrets import digest, new_secret, same
from services.identity.identity_providers import queries as provider_queries
from services.identity.identity_providers.failures import PATH
from services.identity.identity_providers.models import IdentityProvider
from services.identity.sessions import cookies, throttle
from services.identity.sessions.ending import end_presented, presented_sessions
from services.identity.sign_ins import actions as sign_in_actions
from services.identity.sign_ins.rules import How, Outcome
from services.identity.signing_keys.grants import Granted
from services.identity.sso import actions, browser, failures, pages, queries, rules
from services.identity.sso.failures import NotSignedIn
from services.identity.sso.models import SsoAttempt
from services.identity.sso.oidc import Providers
from services.identity.sso.provider_session import Client, ProviderAway, Unproved
from services.identity.sso.rules import Person
from services.identity.sso.schemas import CallbackIn, StartIn
from services.identity.tenants.models import Tenant

CALLBACK = f"{PATH}/callback"
TOO_OFTEN = "This network, or all together, began too many sign-ins; `Retry-After` says when the next is allowed."
TO_PROVIDER = "To the provider; the cookie `concord_sso_…` binds the browser for ten minutes."

log = logger(__name__)
blp = Blueprint("sso", __name__, url_prefix=PATH, error_format=PAGE)
blp.register_error_handler(NotSignedIn, pages.of_failure)


@blp.after_request
def keep_addresses_secret(response: Response) -> Response:
    """The callback's address has a code in it."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


@blp.route("/<tenant_slug>")
class Start(MethodView):
    @blp.public
    @blp.arguments(StartIn, location="query")
    @blp.response(303, description=TO_PROVIDER)
    @blp.alt_response(200, content_type=PAGE.media_type, description="Another site has sent the browser here: asks.")
    @blp.alt_response(429, content_type=PAGE.media_type, description=TOO_OFTEN)
    @raises(403, "forbidden")
    def get(self, query, tenant_slug):
        """Begin a sign-in by the tenant's identity provider; afterwards the browser goes to ``next``, or the
        console. No other site signs a browser in unseen: who comes from one is asked first."""
        tenant, provider = _provider_of(tenant_slug)
        if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            return pages.of_question(tenant.name)
        return self._begin(provider, query)

    @blp.public
    @blp.arguments(StartIn, location="query")
    @blp.response(303, description=TO_PROVIDER)
    @blp.alt_response(429, content_type=PAGE.media_type, description=TOO_OFTEN)
    @raises(403, "forbidden", "cross_site")
    def post(self, query, tenant_slug):
        """The same for who was asked; only a page of ours may send it."""
        cookies.require_own_page()
        return self._begin(_provider_of(tenant_slug)[1], query)

    def _begin(self, provider: IdentityProvider, query: dict[str, str]) -> Response:
        _count_start()
        state, nonce, verifier = new_secret(), new_secret(), new_secret()
        binding = browser.new_binding(presented_sessions())
        try:
            url = _providers().authorization_url(
                _client_of(provider), _redirect_uri(), state=state, nonce=nonce, verifier=verifier
            )
        except ProviderAway as failure:
            _report_away(provider, failure)
        with as_identity(), db.begin() as session:
            actions.begin(
                session,
                provider,
                state=state,
                browser=binding,
                nonce=nonce,
                verifier=verifier,
                next=rules.path_of_ours(query.get("next", "")),
                settings=own_settings(),
                now=utcnow(),
            )
        response = cast(Response, redirect(url, HTTPStatus.SEE_OTHER))
        browser.bind(response, state, binding)
        return response


@blp.route("/callback")
class Callback(MethodView):
    @blp.public
    @blp.arguments(CallbackIn, location="query")
    @blp.response(303, description="To where the person wanted to go, with the session's cookie.")
    @raises(403, "forbidden")
    def get(self, answer):
        """The provider sends the browser back here. The code is good once, and so is ``state``. The sign-in replaces
        one that this browser still has."""
        state = answer.get("state", "")
        attempt, provider = _attempt(state)
        try:
            granted = _sign_in(answer, attempt, provider)
        except NotSignedIn as failure:
            log.info("nobody was signed in", tenant_id=str(provider.tenant_id), reason=failure.title)
            _record(provider)
            raise
        end_presented(*browser.sessions_of(browser.shown(state)))
        public = settings_of(current_app).public_url
        target = f"{public}{attempt.next}" if attempt.next else f"{own_settings().console_url}/"
        response = cast(Response, redirect(target, HTTPStatus.SEE_OTHER))
        browser.release(response, state)
        cookies.keep(granted)
        return response


def _count_start() -> None:
    """Count a sign-in that begins, before the provider is asked and a row is written for it.

    Raises:
        TooManyAttempts: the client's network has begun too many.
    """
    with as_identity(), db.begin() as session:
        throttle.count_network(
            session,
            client_of_request(),
            "single sign-on",
            rules.STARTS_OF_NETWORK,
            settings=own_settings(),
            now=utcnow(),
        )


def _sign_in(answer: dict[str, str], attempt: SsoAttempt, provider: IdentityProvider) -> Granted:
    """What the person gets whom the provider names, which is asked before the transaction.

    Raises:
        NotSignedIn: the provider has declined, is away or proves nothing, or the person may not sign in.
    """
    if not answer.get("code"):
        raise failures.declined()
    person = _person(answer, attempt, provider)
    with as_identity(), db.begin() as session:
        return actions.sign_in(
            session, attempt, person, client=client_of_request(), settings=own_settings(), now=utcnow()
        )


def _record(provider: IdentityProvider) -> None:
    """Show the tenant's admins that somebody came back from their provider and was not let in."""
    with as_identity(), db.begin() as session:
        sign_in_actions.record(
            session,
            None,
            name=None,
            how=How.SSO,
            outcome=Outcome.SSO_REFUSED,
            client=client_of_request(),
            tenant_id=provider.tenant_id,
            now=utcnow(),
        )


def _provider_of(address: str) -> tuple[Tenant, IdentityProvider]:
    with as_identity(), db.read() as session:
        tenant = queries.tenant_of_address(session, address)
        provider = provider_queries.provider(session, tenant.id) if tenant else None
    if tenant is None or provider is None:
        raise failures.no_provider()
    if tenant.is_suspended:
        raise failures.suspended()
    return tenant, provider


def _attempt(state: str) -> tuple[SsoAttempt, IdentityProvider]:
    """The sign-in that comes back, with its tenant's provider; from now on it is used up.

    Raises:
        NotSignedIn: there is none, it began in another browser, or the tenant has changed its provider meanwhile.
    """
    with as_identity(), db.begin() as session:
        attempt = queries.attempt(session, digest(state), utcnow())
        binding = digest(browser.shown(state))
        if attempt is None or not same(binding, attempt.browser) or not actions.use_up(session, attempt):
            raise failures.expired()
        session.expunge(attempt)
        provider = provider_queries.provider(session, attempt.tenant_id)
    if provider is None or provider.issuer != attempt.issuer:
        raise failures.expired()
    return attempt, provider


def _person(answer: dict[str, str], attempt: SsoAttempt, provider: IdentityProvider) -> Person:
    """Whom the provider names for the code."""
    secret_box = own_settings().secret_box
    try:
        claims = _providers().claims(
            _client_of(provider),
            _redirect_uri(),
            code=answer["code"],
            iss=answer.get("iss"),
            nonce=secret_box.decrypt(attempt.nonce),
            verifier=secret_box.decrypt(attempt.verifier),
            role_claim=provider.role_claim if provider.role_mapping else "",
        )
    except ProviderAway as failure:
        _report_away(provider, failure)
    except Unproved as failure:
        log.warning("a provider's answer proves nothing", tenant_id=str(provider.tenant_id), reason=str(failure))
        raise failures.unproved() from None
    return rules.person_of(claims, provider.role_claim)


def _report_away(provider: IdentityProvider, failure: ProviderAway) -> NoReturn:
    log.warning("a provider is away", tenant_id=str(provider.tenant_id), reason=str(failure))
    raise failures.provider_away(provider.enforced) from None


def _client_of(provider: IdentityProvider) -> Client:
    secret = own_settings().secret_box.decrypt(provider.client_secret)
    return Client(provider.issuer, provider.client_id, secret)


def _redirect_uri() -> str:
    return settings_of(current_app).public_url + CALLBACK


def _providers() -> Providers:
    process = settings_of(current_app)
    with suppress(KeyError):
        return cast(Providers, current_app.extensions["providers"])
    made = Providers(loopback=process.development, places=max(1, process.threads // 2))
    return cast(Providers, current_app.extensions.setdefault("providers", made))
