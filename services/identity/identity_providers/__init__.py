"""The identity providers that tenants have configured (OpenID Connect); ``sso`` signs people in by them."""
