"""The endpoints, one module a noun."""

from services.affiliates.affiliates import api
from services.affiliates.campaigns import admin_api, public_api
from services.affiliates.campaigns import api as campaigns_api
from services.affiliates.clicks import api as clicks_api
from services.affiliates.conversions import api as conversions_api
from services.affiliates.links import api as links_api
from services.affiliates.merchant_settings import api as merchant_settings_api
from services.affiliates.payouts import api as payouts_api
from services.affiliates.products import api as products_api
from services.affiliates.reports import api as reports_api

BLUEPRINTS = (
    *campaigns_api.doors.blueprints,
    *links_api.doors.blueprints,
    *products_api.doors.blueprints,
    *api.doors.blueprints,
    *conversions_api.doors.blueprints,
    *payouts_api.doors.blueprints,
    *reports_api.reports.blueprints,
    *reports_api.statements.blueprints,
    *merchant_settings_api.doors.blueprints,
    admin_api.blp,
    public_api.blp,
    clicks_api.blp,
)
