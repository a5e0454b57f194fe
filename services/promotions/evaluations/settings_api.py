"""``/v2/tenants/{tenantUid}/settings``: how a tenant's promotions work."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from services.promotions.catalogue import queries as catalogue_queries
from services.promotions.common.api import ADMINS, FEATURE, PREFIX, own_tenant
from services.promotions.evaluations import settings_actions
from services.promotions.evaluations.settings_schemas import SettingsIn, SettingsOut

blp = Blueprint("settings", __name__, url_prefix=f"{PREFIX}/settings", feature=FEATURE)


@blp.route("")
class Settings(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.response(200, SettingsOut)
    def get(self):
        """Time zone, currency, strategy and price list, with their defaults."""
        with db.read() as session:
            settings = catalogue_queries.settings(session)
        versions.set_etag(settings)
        return settings

    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(SettingsIn)
    @blp.response(200, SettingsOut)
    def put(self, changes):
        """Change what is named; what is left out stays as it is."""
        with db.begin() as session:
            changed = settings_actions.change(
                session, changes, expected=versions.if_match(), actor=caller(), now=utcnow()
            )
        versions.set_etag(changed)
        return changed
