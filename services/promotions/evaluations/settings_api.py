"""``/v2/tenants/{tenantUid}/settings``: how a tenant's promotions work."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.current import db
from chassis.http.problems import raises
from services.promotions.catalogue import queries as catalogue_queries
from services.promotions.common.api import TenantBlueprint, tagged
from services.promotions.evaluations import settings_actions
from services.promotions.evaluations.settings_schemas import SettingsIn, SettingsOut

blp = TenantBlueprint("settings", __name__, "/settings")


@blp.route("")
class Settings(MethodView):
    @blp.readers
    @blp.response(200, SettingsOut)
    def get(self):
        """Time zone, currency, strategy and price list, with their defaults."""
        with db.read() as session:
            return tagged(catalogue_queries.settings(session))

    @blp.admins
    @blp.arguments(SettingsIn)
    @blp.response(200, SettingsOut)
    @raises(409, "currency_does_not_fit")
    @raises(422, "unknown_pricelist")
    def put(self, changes):
        """Change what is named; what is left out stays as it is."""
        with db.begin() as session:
            changed = settings_actions.change(
                session, changes, expected=versions.if_match(), actor=caller(), now=utcnow()
            )
        return tagged(changed)
