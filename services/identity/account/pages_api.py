"""Pages for people who come from a mail: set a password, accept an invitation, ask for a link. They need no script.

A GET changes nothing, because programs look at the links of mails. A page that says what is wrong is a 422, which the
gateway passes on as it is (``Route.pages``). No cookie counts here. A form that sets a
password needs the token of the mail, which a foreign page does not have; a form that the browser says comes from a
foreign page is refused all the same. The token stands in the mail's address and in a hidden field, and nowhere else; no
query is ever logged.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Response, request
from flask.views import MethodView
from marshmallow import ValidationError

from chassis.core.clock import utcnow
from chassis.core.errors import Failure, Forbidden
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from contracts.error_formats import PAGE
from services.identity.account import pages, queries, recovery
from services.identity.account.schemas import AccountFormIn, LinkIn, NameIn, RecoverIn
from services.identity.common.context import as_identity, own_settings
from services.identity.identity_providers import failures as provider_failures
from services.identity.identity_providers import queries as provider_queries
from services.identity.links.rules import LinkInvalid
from services.identity.passwords import rules as password_rules
from services.identity.teams import enrolment
from services.identity.teams import queries as team_queries
from services.identity.tenants.models import Tenant
from services.identity.tenants.rules import SuspendedTenant
from services.identity.users.models import User

blp = Blueprint("account-pages", __name__, url_prefix="/account", error_format=PAGE)

HTML = {"type": "string"}
SUSPENDED = "The company's access is suspended; the link stays good."


@blp.errorhandler(LinkInvalid)
def explain_link(failure: LinkInvalid) -> Response:
    page = pages.message_page(
        "This link is no longer valid",
        "It may have been used, replaced by a newer one, or its time is over. Look for the newest mail.",
        "To set a password, ask for a new link. For an invitation, ask whoever has invited you to send it again.",
        button=pages.Button("Ask for a new link", "/account/recover"),
    )
    page.status_code = failure.status
    return page


@blp.errorhandler(SuspendedTenant)
def explain_suspension(failure: SuspendedTenant) -> Response:
    page = pages.message_page(
        "Your company's access is suspended",
        "Nothing is lost, and this link stays good as long as its mail says.",
        "Please ask an administrator of your company.",
    )
    page.status_code = failure.status
    return page


@blp.route("/password")
class PasswordPage(MethodView):
    @blp.public
    @blp.arguments(LinkIn, location="query")
    @blp.response(200, HTML, content_type="text/html")
    @blp.alt_response(422, schema=HTML, content_type=PAGE.media_type, description="The link is not good any more.")
    def get(self, query):
        """A form to set a new password, where a mail's link leads."""
        user, _tenant = _person_of_reset(query["token"])
        return pages.password_page(query["token"], user.email)

    @blp.public
    @blp.arguments(AccountFormIn, location="form")
    @blp.response(200, HTML, content_type="text/html")
    @blp.alt_response(422, schema=HTML, content_type=PAGE.media_type, description="The form again, with its faults.")
    @raises(403, "forbidden")
    def post(self, form):
        """Sets the password. One that is refused does not use the link up."""
        _refuse_foreign_forms()
        user, _tenant = _person_of_reset(form["token"])
        faults: dict[str, str] = {}
        with _gathered(faults):
            recovery.reset(form["token"], form["password"])
        if faults:
            return pages.password_page(form["token"], user.email, faults)
        return pages.message_page(
            "Your password is set", "You are signed out everywhere. Sign in with the new password.", button=_sign_in()
        )


@blp.route("/invitation")
class InvitationPage(MethodView):
    @blp.public
    @blp.arguments(LinkIn, location="query")
    @blp.response(200, HTML, content_type="text/html")
    @blp.alt_response(403, schema=HTML, content_type=PAGE.media_type, description=SUSPENDED)
    @blp.alt_response(422, schema=HTML, content_type=PAGE.media_type, description="The link is not good any more.")
    def get(self, query):
        """A form to accept an invitation, where a mail's link leads. Where people sign in by the company's own sign-in
        only, it leads there: signing in accepts the invitation."""
        user, tenant, by_provider = _person_of_invitation(query["token"])
        if by_provider:
            return _lead_to_provider(user, tenant)
        return pages.invitation_page(query["token"], user.email, tenant.name, user.name)

    @blp.public
    @blp.arguments(AccountFormIn, location="form")
    @blp.response(200, HTML, content_type="text/html")
    @blp.alt_response(422, schema=HTML, content_type=PAGE.media_type, description="The form again, with its faults.")
    @raises(403, "forbidden")
    def post(self, form):
        """Accepts it. A name or password that is refused does not use the link up."""
        _refuse_foreign_forms()
        user, tenant, by_provider = _person_of_invitation(form["token"])
        if by_provider:
            return _lead_to_provider(user, tenant)
        faults: dict[str, str] = {}
        with _gathered(faults):
            name = NameIn().load({"name": form["name"]})["name"]
        with _gathered(faults):
            password_rules.check(form["password"], email=user.email, tenant_name=tenant.name)
        if faults:
            return pages.invitation_page(form["token"], user.email, tenant.name, form["name"], faults)
        password = enrolment.typed(form["password"])
        with as_identity(), db.begin() as session:
            enrolment.join(session, form["token"], name=name, password=password, settings=own_settings(), now=utcnow())
        return pages.message_page(
            "Welcome to Concord", "Your account is ready. Sign in with your new password.", button=_sign_in()
        )


@blp.route("/recover")
class RecoverPage(MethodView):
    @blp.public
    @blp.response(200, HTML, content_type="text/html")
    def get(self):
        """A form that asks for a link to set a new password."""
        return pages.recover_page()

    @blp.public
    @blp.arguments(AccountFormIn, location="form")
    @blp.response(200, HTML, content_type="text/html")
    @blp.alt_response(422, schema=HTML, content_type=PAGE.media_type, description="The form again, with its faults.")
    @raises(403, "forbidden")
    def post(self, form):
        """The same page for every address, in the same time."""
        _refuse_foreign_forms()
        try:
            email = RecoverIn().load({"email": form["email"].strip()})["email"]
        except ValidationError:
            return pages.recover_page(form["email"], {"email": "Type your e-mail address."})
        recovery.ask(email)
        return pages.message_page(
            "Look into your mailbox",
            "If there is an account with this address, a mail with a link is on its way. The link is good for an hour.",
            "No mail after a few minutes? Look among the unwanted ones, or ask your company's administrator.",
        )


def _person_of_reset(token: str) -> tuple[User, Tenant]:
    with as_identity(), db.read() as session:
        return queries.person_of_reset(session, token, settings=own_settings(), now=utcnow())


def _person_of_invitation(token: str) -> tuple[User, Tenant, bool]:
    """Who is invited, by whom, and whether they can sign in by the company's identity provider only.

    Raises:
        LinkInvalid: as ``team_queries.person_of_invitation``.
        SuspendedTenant: the company is suspended; the link stays good.
    """
    with as_identity(), db.read() as session:
        user, tenant = team_queries.person_of_invitation(session, token, settings=own_settings(), now=utcnow())
        tenant.require_active()  # before somebody types a password for nothing
        return user, tenant, provider_queries.is_enforced(session, tenant.id, user.role)


def _lead_to_provider(user: User, tenant: Tenant) -> Response:
    return pages.provider_page(user.email, tenant.name, provider_failures.sign_in_path(tenant.address))


def _sign_in() -> pages.Button:
    return pages.Button("Sign in", own_settings().console_url)


@contextmanager
def _gathered(faults: dict[str, str]) -> Iterator[None]:
    """Add what is wrong with a field to ``faults``, for its page; any other failure goes on, such as a link that is not
    good."""
    try:
        yield
    except ValidationError as refusal:
        faults |= {name: " ".join(messages) for name, messages in refusal.normalized_messages().items()}
    except Failure as refusal:
        if not refusal.errors:
            raise
        faults |= {fault["field"]: fault["message"] for fault in refusal.errors}


def _refuse_foreign_forms() -> None:
    """Browsers say where a form was; without that word it is let through, because the token is what counts.

    Raises:
        Forbidden: it was on another site's page.
    """
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        raise Forbidden("This form was sent by another site's page.")
