"""What a merchant has set for all of its campaigns."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.current import db
from services.affiliates import queries
from services.affiliates.common.dual_mount import MERCHANT, Doors
from services.affiliates.merchant_settings.schemas import SettingsIn, SettingsOut
from services.affiliates.merchants import actions

doors = Doors("settings", steers_links=True)


@doors.route("")
class Settings(MethodView):
    @doors.allow(*MERCHANT)
    @doors.response(200, SettingsOut)
    def get(self):
        """Default commission, fallback address, where links may lead, and whether affiliates wait for approval."""
        with db.read() as session:
            merchant = queries.merchants.merchant(session, utcnow())
        versions.set_etag(merchant)
        return merchant

    @doors.allow(*MERCHANT)
    @doors.arguments(SettingsIn)
    @doors.response(200, SettingsOut)
    def put(self, settings):
        """Replace all of them."""
        with db.begin() as session:
            merchant = actions.change(session, settings, expected=versions.if_match(), actor=caller(), now=utcnow())
        versions.set_etag(merchant)
        return merchant
