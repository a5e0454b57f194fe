"""Identity: tenants, users, roles, feature flags and API keys; signs access tokens and publishes its keys."""

from pathlib import Path

from chassis.process.service import Service, Task
from services.identity import settings
from services.identity.access import api as access_api
from services.identity.account import api as account_api
from services.identity.account import models as account_models
from services.identity.api_keys import api as api_keys_api
from services.identity.api_keys import own_api as own_api_keys_api
from services.identity.common.models import Base
from services.identity.factors import models as factor_models
from services.identity.links import api as links_api
from services.identity.links import models as link_models
from services.identity.oauth import api as oauth_api
from services.identity.privacy import models as privacy_models
from services.identity.scim import models as scim_models
from services.identity.sessions import tasks as session_tasks
from services.identity.sign_ins import models as sign_in_models
from services.identity.signing_keys import api as jwks_api
from services.identity.signing_keys import tasks as signing_key_tasks
from services.identity.sso import models as sso_models
from services.identity.teams import admin_api as users_api
from services.identity.teams import api as team_api
from services.identity.teams import invitation_api, tenant_api
from services.identity.teams import tasks as team_tasks
from services.identity.tenants import api as tenants_api
from services.identity.tenants import events as tenant_events
from services.identity.tenants import tasks as tenant_tasks
from services.identity.trail import api as trail_api
from services.identity.users import events as user_events

MODELS = (account_models, factor_models, link_models, privacy_models, scim_models, sign_in_models, sso_models)
"""Their tables are known once they are imported."""

service = Service(
    name="identity",
    metadata=Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=(
        oauth_api.blp,
        jwks_api.blp,
        account_api.blp,
        tenants_api.blp,
        users_api.blp,
        api_keys_api.blp,
        tenant_api.blp,
        team_api.blp,
        invitation_api.blp,
        own_api_keys_api.blp,
        links_api.blp,
        trail_api.blp,
        access_api.blp,
    ),
    events=(*tenant_events.EVENTS, *user_events.EVENTS),
    check=settings.of,
    schedule=(
        Task("rotate keys", 60, signing_key_tasks.rotate_keys),
        Task("name tenants", 60, tenant_tasks.name_tenants),
        Task("end tenants", 10, team_tasks.end_tenants),
        Task("trim", 600, session_tasks.trim),
    ),
)
