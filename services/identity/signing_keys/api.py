"""The public keys that access tokens are checked with."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from services.identity.common.context import as_identity, own_settings
from services.identity.signing_keys import queries, rules
from services.identity.signing_keys.schemas import JwksOut
from services.identity.signing_keys.tokens import to_jwk

blp = Blueprint("jwks", __name__, url_prefix="/.well-known")
MAX_AGE = f"public, max-age={int(rules.JWKS_MAX_AGE.total_seconds())}"


@blp.route("/jwks.json")
class Jwks(MethodView):
    @blp.public
    @blp.response(200, JwksOut)
    def get(self):
        """Every key that a living token may be signed with, and the one that signs next."""
        with as_identity(), db.read() as session:
            keys = queries.published_keys(session, token_lifetime=own_settings().token_lifetime, now=utcnow())
        return {"keys": [to_jwk(key.kid, key.public) for key in keys]}, 200, {"Cache-Control": MAX_AGE}
