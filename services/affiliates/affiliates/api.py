"""Endpoints of affiliates: apply, approve, suspend (D30), invite to sign in (S2-22)."""

from flask import current_app
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.current import db
from chassis.http.pages import page_of
from chassis.http.problems import raises
from chassis.process.service import settings_of
from services.affiliates import settings
from services.affiliates.affiliates import actions, queries
from services.affiliates.affiliates.rules import Enrolment
from services.affiliates.affiliates.schemas import AffiliateIn, AffiliateOut, AffiliatesIn
from services.affiliates.common.dual_mount import MERCHANT, READERS, DualMount, location

blp = DualMount("affiliates")


@blp.route("")
class Affiliates(MethodView):
    @blp.allow(*READERS)
    @blp.arguments(AffiliatesIn, location="query")
    @blp.response(200, page_of(AffiliateOut))
    def get(self, filters):
        """The merchant's affiliates, newest first."""
        with db.read() as session:
            return queries.list_affiliates(session, **filters)

    @blp.allow(*MERCHANT)
    @blp.arguments(AffiliateIn)
    @blp.response(201, AffiliateOut)
    @raises(409, "affiliate_exists")
    def post(self, application):
        """Apply. The application waits for approval unless the merchant's settings let everybody in."""
        with db.begin() as session:
            affiliate = actions.apply(session, **application, actor=caller(), now=utcnow())
        return versions.set_etag(affiliate), 201, location(affiliate.id)


@blp.route("/<uuid:affiliate_id>")
class OneAffiliate(MethodView):
    @blp.allow(*READERS)
    @blp.response(200, AffiliateOut)
    def get(self, affiliate_id):
        """One of the merchant's affiliates."""
        with db.read() as session:
            affiliate = queries.get_affiliate(session, affiliate_id)
        return versions.set_etag(affiliate)


@blp.route("/<uuid:affiliate_id>/approve")
class ApproveAffiliate(MethodView):
    @blp.allow(*MERCHANT)
    @blp.response(200, AffiliateOut)
    def post(self, affiliate_id):
        """Let an affiliate spread links, for the first time or again."""
        return _enrol(affiliate_id, Enrolment.APPROVED)


@blp.route("/<uuid:affiliate_id>/suspend")
class SuspendAffiliate(MethodView):
    @blp.allow(*MERCHANT)
    @blp.response(200, AffiliateOut)
    def post(self, affiliate_id):
        """Stop an affiliate's links from working. What it has earned stays."""
        return _enrol(affiliate_id, Enrolment.SUSPENDED)


@blp.route("/<uuid:affiliate_id>/invite")
class InviteAffiliate(MethodView):
    @blp.allow(*MERCHANT)
    @blp.response(200, AffiliateOut)
    @raises(409, "affiliate_erased", "affiliate_suspended", "account_exists")
    @raises(429, "too_many_invitations")
    def post(self, affiliate_id):
        """Mail the affiliate an invitation to sign in and see its own numbers, for the first time or again (S2-22)."""
        most_a_day = settings.of(settings_of(current_app)).invitations_per_day
        with db.begin() as session:
            affiliate = actions.invite(
                session,
                affiliate_id,
                expected=versions.if_match(),
                most_a_day=most_a_day,
                actor=caller(),
                now=utcnow(),
            )
        return versions.set_etag(affiliate)


def _enrol(affiliate_id, status):
    with db.begin() as session:
        affiliate = actions.enrol(
            session, affiliate_id, status, expected=versions.if_match(), actor=caller(), now=utcnow()
        )
    return versions.set_etag(affiliate)
