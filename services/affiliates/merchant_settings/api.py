"""Settings of a merchant for all of its campaigns."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.current import db
from services.affiliates.common.dual_mount import MERCHANT, READERS, DualMount
from services.affiliates.merchant_settings import actions
from services.affiliates.merchant_settings.schemas import SettingsIn, SettingsOut
from services.affiliates.merchants import queries

blp = DualMount("settings")


@blp.route("")
class Settings(MethodView):
    @blp.allow(*READERS)
    @blp.response(200, SettingsOut)
    def get(self):
        """Default commission, fallback address, allowed hosts, and whether affiliates wait for approval."""
        with db.read() as session:
            merchant = queries.merchant(session, utcnow())
        return versions.set_etag(merchant)

    @blp.allow(*MERCHANT)
    @blp.arguments(SettingsIn)
    @blp.response(200, SettingsOut)
    def put(self, settings):
        """Replace all settings."""
        with db.begin() as session:
            merchant = actions.replace_settings(
                session, settings, expected=versions.if_match(), actor=caller(), now=utcnow()
            )
        return versions.set_etag(merchant)
