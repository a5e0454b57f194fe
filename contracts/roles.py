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
