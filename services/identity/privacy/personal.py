"""What identity keeps of people."""

from collections.abc import Mapping
from typing import Any

from privacy.person import FORMER_USER, NO_ADDRESS
from privacy.personal_data import PersonalData
from services.identity.account.models import UserSettings
from services.identity.factors.models import Passkey, PasskeyChallenge, RecoveryCode, TotpSecret
from services.identity.links.models import AskedReset, Link
from services.identity.privacy.models import Export
from services.identity.sessions.models import RefreshToken, SignedIn
from services.identity.sign_ins.models import SignIn
from services.identity.users.models import User

ACCOUNT = "The account; until the person is removed."
UNDER_WAY = "Minutes to days; it ends by itself."


def _key(row: Mapping[str, Any]) -> str:
    return f"{row['id']}:{NO_ADDRESS}"


PERSONAL = (
    PersonalData(
        User,
        "Who signs in. A removed person is erased by themselves after CONCORD_KEEP_REMOVED_USERS days.",
        by_user=("id",),
        erase={
            "name": FORMER_USER,
            "name_folded": FORMER_USER,
            "email": NO_ADDRESS,
            "email_key": _key,
            "password_hash": None,
            "locale": None,
            "time_zone": None,
            "sso_subject": None,
            "external_id": None,
            "earlier_addresses": None,
        },
        secret=("password_hash", "earlier_addresses"),
    ),
    PersonalData(
        User,
        "Accounts of the same address: an affiliate's invitation, somebody who has come back.",
        letters=("email",),
        secret=("password_hash", "earlier_addresses"),
    ),
    PersonalData(UserSettings, ACCOUNT, by_user=("user_id",), delete=True),
    PersonalData(SignedIn, "Sign-ins that go on, with device and address.", by_user=("user_id",), delete=True),
    PersonalData(RefreshToken, UNDER_WAY, by_user=("user_id",), delete=True, secret=("digest",)),
    PersonalData(
        SignIn,
        "Who signed in or tried to, for the tenant's admins and the operator.",
        by_user=("user_id",),
        by_address=("account",),
        erase={"account": None, "device": "", "address": "", "network": ""},
    ),
    PersonalData(TotpSecret, ACCOUNT, by_user=("user_id",), delete=True, secret=("secret", "last_step")),
    PersonalData(RecoveryCode, ACCOUNT, by_user=("user_id",), delete=True, secret=("digest",)),
    PersonalData(Passkey, ACCOUNT, by_user=("user_id",), delete=True),
    PersonalData(PasskeyChallenge, UNDER_WAY, by_user=("user_id",), delete=True, secret=("challenge",)),
    PersonalData(Link, UNDER_WAY, by_user=("user_id",), delete=True, secret=("digest",)),
    PersonalData(AskedReset, UNDER_WAY, by_address=("email",), delete=True),
    PersonalData(
        Export,
        "Archives of all this; seven days.",
        by_user=("user_id",),
        delete=True,
        secret=("archive", "email_digest"),
    ),
)
