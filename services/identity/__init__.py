"""Identity: tenants, users, roles, feature flags and API keys; signs access tokens and publishes its keys."""

from pathlib import Path

from chassis.process.service import Service, Task
from privacy.people_duty import PeopleDuty
from privacy.tenants_duty import TenantsDuty
from services.identity import settings
from services.identity.access import api as access_api
from services.identity.account import api as account_api
from services.identity.account import models as account_models
from services.identity.account import pages_api as account_pages_api
from services.identity.account import passkeys_api, recovery_api, step_up_passkey_api, totp_api
from services.identity.account import tasks as account_tasks
from services.identity.api_keys import api as api_keys_api
from services.identity.api_keys import own_api as own_api_keys_api
from services.identity.common.models import Base
from services.identity.factors import models as factor_models
from services.identity.factors import tasks as factor_tasks
from services.identity.identity_providers import models as identity_provider_models
from services.identity.links import api as links_api
from services.identity.links import models as link_models
from services.identity.links import tasks as link_tasks
from services.identity.oauth import api as oauth_api
from services.identity.privacy import affiliates_api as affiliates_privacy_api
from services.identity.privacy import api as privacy_api
from services.identity.privacy import models as privacy_models
from services.identity.privacy import tasks as privacy_tasks
from services.identity.privacy.personal import PERSONAL
from services.identity.scim import api as scim_api
from services.identity.scim import discovery_api, token_api
from services.identity.scim import models as scim_models
from services.identity.sessions import api as session_api
from services.identity.sessions import own_api as own_session_api
from services.identity.sessions import passkey_api as passkey_session_api
from services.identity.sessions import tasks as session_tasks
from services.identity.sign_ins import api as sign_ins_api
from services.identity.sign_ins import tasks as sign_in_tasks
from services.identity.signing_keys import api as jwks_api
from services.identity.signing_keys import tasks as signing_key_tasks
from services.identity.sso import api as sso_api
from services.identity.sso import models as sso_models
from services.identity.sso import provider_api
from services.identity.sso import tasks as sso_tasks
from services.identity.teams import admin_api as users_api
from services.identity.teams import api as team_api
from services.identity.teams import consumers as team_consumers
from services.identity.teams import events as team_events
from services.identity.teams import invitation_api, tenant_api
from services.identity.teams import tasks as team_tasks
from services.identity.tenant_data import TENANT_DATA
from services.identity.tenant_exports import api as tenant_exports_api
from services.identity.tenant_exports import models as tenant_export_models
from services.identity.tenant_exports import tasks as tenant_export_tasks
from services.identity.tenants import api as tenants_api
from services.identity.tenants import events as tenant_events
from services.identity.tenants import tasks as tenant_tasks
from services.identity.trail import api as trail_api
from services.identity.users import events as user_events

MODELS = (
    account_models,
    factor_models,
    identity_provider_models,
    link_models,
    privacy_models,
    scim_models,
    sso_models,
    tenant_export_models,
)
"""Their tables are known once they are imported."""

service = Service(
    name="identity",
    metadata=Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=(
        oauth_api.blp,
        session_api.blp,
        own_session_api.blp,
        sign_ins_api.blp,
        sign_ins_api.admin_blp,
        jwks_api.blp,
        account_api.blp,
        account_pages_api.blp,
        recovery_api.blp,
        links_api.blp,
        totp_api.blp,
        passkeys_api.blp,
        step_up_passkey_api.blp,
        passkey_session_api.blp,
        tenants_api.blp,
        users_api.blp,
        api_keys_api.blp,
        tenant_api.blp,
        team_api.blp,
        invitation_api.blp,
        own_api_keys_api.blp,
        trail_api.blp,
        access_api.blp,
        sso_api.blp,
        provider_api.blp,
        provider_api.operator_blp,
        scim_api.blp,
        discovery_api.blp,
        token_api.blp,
        privacy_api.blp,
        privacy_api.team_blp,
        affiliates_privacy_api.blp,
        tenant_exports_api.blp,
        tenant_exports_api.own_blp,
    ),
    events=(*tenant_events.EVENTS, *user_events.EVENTS, *team_events.EVENTS),
    subscriptions=team_consumers.SUBSCRIPTIONS,
    duties=(PeopleDuty(PERSONAL, erases_archive=True), TenantsDuty(TENANT_DATA)),
    check=settings.of,
    schedule=(
        Task("rotate keys", 60, signing_key_tasks.rotate_keys),
        Task("name tenants", 60, tenant_tasks.name_tenants),
        Task("end tenants", 10, team_tasks.end_tenants),
        Task("resets", 1, account_tasks.answer_asked_reset),
        Task("trim links", 600, link_tasks.trim),
        Task("trim", 600, session_tasks.trim),
        Task("trim sign-ins", 600, sign_in_tasks.trim),
        Task("trim passkey challenges", 600, factor_tasks.trim),
        Task("trim sso", 600, sso_tasks.trim),
        Task("exports", 5, privacy_tasks.gather),
        Task("outdated exports", 5, privacy_tasks.forget_outdated_exports),
        Task("old exports", 600, privacy_tasks.forget_exports),
        Task("removed users", 600, privacy_tasks.erase_removed),
        Task("exports of tenants", 5, tenant_export_tasks.gather),
        Task("old exports of tenants", 60, tenant_export_tasks.forget_exports),
    ),
)
