"""The endpoints, one module a noun."""

from services.affiliates.api import (
    admin,
    affiliates,
    campaigns,
    conversions,
    ledger,
    links,
    merchants,
    products,
    public,
    redirects,
    reports,
)

BLUEPRINTS = (
    *campaigns.doors.blueprints,
    *links.doors.blueprints,
    *products.doors.blueprints,
    *affiliates.doors.blueprints,
    *conversions.doors.blueprints,
    *ledger.doors.blueprints,
    *reports.reports.blueprints,
    *reports.statements.blueprints,
    *merchants.doors.blueprints,
    admin.blp,
    public.blp,
    redirects.blp,
)
