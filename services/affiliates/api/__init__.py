"""The endpoints, one module a noun."""

from services.affiliates.api import admin, campaigns, merchants, public

BLUEPRINTS = (
    *campaigns.doors.blueprints,
    *merchants.doors.blueprints,
    admin.blp,
    public.blp,
)
