"""The very first account of a deployment, without which nobody could make any other."""

from chassis.clock import utcnow
from chassis.identity import Principal, Role, acting_as
from chassis.service import Runtime
from services.identity.actions import users
from services.identity.schemas import UserIn


def platform_admin(runtime: Runtime, email: str, password: str, name: str = "Platform admin") -> bool:
    """Make sure that the platform's tenant and an admin with this address exist; returns whether it was made now.

    An admin who is there already keeps name and password.

    Raises:
        marshmallow.ValidationError: no proper address, or a password shorter than 10 or longer than 200 characters.
        Conflict: ``email_taken`` by a user of another tenant.
    """
    data = UserIn().load({"email": email, "name": name, "password": password, "role": Role.PLATFORM_ADMIN.value})
    now = utcnow()
    with acting_as(Principal.system("identity")), runtime.database.begin() as session:
        user = users.ensure_platform_admin(session, data["email"], data["name"], data["password"], now)
    return user.created_at == now
