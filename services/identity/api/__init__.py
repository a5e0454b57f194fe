"""The endpoints, one module a noun."""

from services.identity.api import api_keys, audit, internal, jwks, me, oauth, tenants, users

BLUEPRINTS = (oauth.blp, jwks.blp, me.blp, tenants.blp, users.blp, api_keys.blp, audit.blp, internal.blp)
