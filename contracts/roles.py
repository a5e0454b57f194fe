"""Roles: what a caller may be."""

from enum import StrEnum

from chassis.core import principal


class Role(StrEnum):
    """What a caller may be. ``Machine`` is a tenant's own software, ``System`` one of our processes."""

    SUPPLIER_ADMIN = "SupplierAdmin"
    SUPPLIER_VIEWER = "SupplierViewer"
    RETAILER_ADMIN = "RetailerAdmin"
    RETAILER_VIEWER = "RetailerViewer"
    MERCHANT_ADMIN = "MerchantAdmin"
    MERCHANT_VIEWER = "MerchantViewer"
    AFFILIATE = "Affiliate"
    PLATFORM_ADMIN = principal.OPERATOR
    MACHINE = "Machine"
    SYSTEM = principal.SYSTEM


# Who speaks for a tenant: its admins, and its viewers. A viewer reads what an admin reads and writes nothing; secrets,
# webhooks, API keys, sign-ins and the settings of colleagues are for admins alone. The SupplierViewer is narrower: it
# reads the list and the details of campaigns, and nothing else (S0-7).
RETAILERS = (Role.RETAILER_ADMIN, Role.RETAILER_VIEWER)
MERCHANTS = (Role.MERCHANT_ADMIN, Role.MERCHANT_VIEWER)
ADMINS = (Role.SUPPLIER_ADMIN, Role.RETAILER_ADMIN, Role.MERCHANT_ADMIN)
VIEWERS = (Role.RETAILER_VIEWER, Role.MERCHANT_VIEWER)
