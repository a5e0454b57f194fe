"""``/api/v1/webhooks``: a tenant's events sent to addresses of its own, signed and in order."""

from flask import current_app
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.errors import Invalid
from chassis.core.principal import caller
from chassis.http import audit_trail, ssrf_guard, versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of
from chassis.http.problems import raises
from chassis.process.service import settings_of
from contracts.roles import ADMINS, Role
from services.notifier import settings
from services.notifier.event_log import event_types
from services.notifier.webhooks import actions, queries, schemas, signing

PREFIX = "/api/v1/webhooks"
OWNERS = (*ADMINS, Role.MACHINE)  # no viewers: a URL may itself be a secret, as those of chat systems are

blp = Blueprint("webhooks", __name__, url_prefix=PREFIX)


@blp.route("")
class Webhooks(MethodView):
    @blp.allow(*OWNERS)
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(schemas.WebhookOut))
    def get(self, page):
        """The caller's webhooks, oldest first."""
        with db.read() as session:
            return queries.webhooks(session, **page)

    @blp.allow(*OWNERS, replay=False)
    @blp.arguments(schemas.WebhookIn)
    @blp.response(201, schemas.WebhookWithSecretOut)
    @raises(409, "webhook_limit_reached")
    @raises(422, "forbidden_target")
    def post(self, data):
        """Set a webhook up. Only this answer contains its secret."""
        check_target(data["url"])
        with db.begin() as session:
            webhook = actions.create(session, **data, secret_box=secret_box(), actor=caller(), now=utcnow())
        versions.set_etag(webhook)
        return webhook, 201, {"Location": f"{PREFIX}/{webhook.id}"}


@blp.route("/<uuid:webhook_id>")
class OneWebhook(MethodView):
    @blp.allow(*OWNERS)
    @blp.response(200, schemas.WebhookOut)
    def get(self, webhook_id):
        """One webhook."""
        with db.read() as session:
            webhook = queries.webhook(session, webhook_id)
        versions.set_etag(webhook)
        return webhook

    @blp.allow(*OWNERS)
    @blp.arguments(schemas.WebhookUpdateIn)
    @blp.response(200, schemas.WebhookOut)
    @raises(422, "forbidden_target")
    def put(self, data, webhook_id):
        """Replace URL, types and description; what is queued already goes to the new URL. Read-only fields of the
        webhook may stand in the body, and are ignored."""
        with db.read() as session:
            webhook = queries.webhook(session, webhook_id)
        check_types(data["types"], webhook.types)
        check_target(data["url"])
        with db.begin() as session:
            webhook = actions.replace(session, webhook_id, **data, **change())
        versions.set_etag(webhook)
        return webhook

    @blp.allow(*OWNERS)
    @blp.response(204)
    def delete(self, webhook_id):
        """Delete a webhook; nothing more is sent to it."""
        with db.begin() as session:
            actions.delete(session, webhook_id, **change())


@blp.route("/<uuid:webhook_id>/pause")
class Pause(MethodView):
    @blp.allow(*OWNERS)
    @blp.response(200, schemas.WebhookOut)
    @raises(409, "invalid_transition")
    def post(self, webhook_id):
        """Send nothing until the webhook is resumed; events are kept for then."""
        with db.begin() as session:
            webhook = actions.pause(session, webhook_id, **change())
        versions.set_etag(webhook)
        return webhook


@blp.route("/<uuid:webhook_id>/resume")
class Resume(MethodView):
    @blp.allow(*OWNERS)
    @blp.response(200, schemas.WebhookOut)
    @raises(409, "invalid_transition")
    def post(self, webhook_id):
        """Go on sending to a paused or disabled webhook, at once."""
        with db.begin() as session:
            webhook = actions.resume(session, webhook_id, **change())
        versions.set_etag(webhook)
        return webhook


@blp.route("/<uuid:webhook_id>/rotate-secret")
class RotateSecret(MethodView):
    @blp.allow(*OWNERS, replay=False)
    @blp.response(200, schemas.WebhookWithSecretOut)
    def post(self, webhook_id):
        """A new secret, shown only here; the one before it signs, too, until ``previousSecretUntil``."""
        with db.begin() as session:
            webhook = actions.rotate_secret(session, webhook_id, secret_box=secret_box(), **change())
        versions.set_etag(webhook)
        return webhook


@blp.route("/<uuid:webhook_id>/test")
class Test(MethodView):
    @blp.allow(*OWNERS)
    @blp.response(202, schemas.WebhookMessageOut)
    @raises(409, "webhook_not_active")
    def post(self, webhook_id):
        """Send a message of type ``webhooks.Test.v1``; ``attempts`` shows the outcome."""
        with db.begin() as session:
            return actions.send_test(session, webhook_id, actor=caller(), now=utcnow())


@blp.route("/<uuid:webhook_id>/redeliver")
class Redeliver(MethodView):
    @blp.allow(*OWNERS)
    @blp.arguments(schemas.RedeliverIn)
    @blp.response(202, schemas.RedeliverOut)
    @raises(409, "webhook_not_active")
    @raises(422, "range_too_large")
    def post(self, request, webhook_id):
        """Send one event, or all events of a period that the webhook wants, again or for the first time."""
        with db.begin() as session:
            if "event_id" in request:
                return {"queued": actions.redeliver_one(session, webhook_id, request["event_id"], now=utcnow())}
            time = {"since": request["since"], "until": request.get("until")}
            return {"queued": actions.redeliver_since(session, webhook_id, **time, now=utcnow())}


@blp.route("/<uuid:webhook_id>/messages")
class Messages(MethodView):
    @blp.allow(*OWNERS)
    @blp.arguments(schemas.MessagesIn, location="query")
    @blp.response(200, page_of(schemas.WebhookMessageOut))
    def get(self, search, webhook_id):
        """Sent, current and future messages, the newest event first."""
        with db.read() as session:
            queries.webhook(session, webhook_id)
            return queries.messages(session, webhook_id, **search)


@blp.route("/<uuid:webhook_id>/attempts")
class Attempts(MethodView):
    @blp.allow(*OWNERS)
    @blp.arguments(schemas.AttemptsIn, location="query")
    @blp.response(200, page_of(schemas.WebhookAttemptOut))
    def get(self, search, webhook_id):
        """Every request to the webhook and its outcome, newest first."""
        with db.read() as session:
            queries.webhook(session, webhook_id)
            return queries.attempts(session, webhook_id, **search)


audit_trail.serve(blp, *OWNERS)


def check_types(types, known):
    """Refuse types of which none is published, but those that the webhook had before.

    Raises:
        Invalid: ``validation_failed``; its errors name the nearest published types.
    """
    if objections := event_types.objections(types, known):
        errors = [{"field": f"types.{place}", "message": objection} for place, objection in objections.items()]
        raise Invalid("; ".join(error["message"] for error in errors[:3]), errors=errors)


def check_target(url):
    """Refuse a URL we would not deliver to, as far as that is known without a name server.

    Raises:
        Invalid: ``forbidden_target``.
    """
    try:
        ssrf_guard.parse(url, loopback=settings.of(settings_of(current_app)).webhook_loopback)
    except ssrf_guard.BadTarget as error:
        raise Invalid.field("url", str(error), code="forbidden_target") from None


def secret_box():
    return settings.of(settings_of(current_app)).secret_box(signing.PURPOSE)


def change():
    """Who changes a webhook now, and which version they have seen."""
    return {"expected": versions.if_match(), "actor": caller(), "now": utcnow()}
