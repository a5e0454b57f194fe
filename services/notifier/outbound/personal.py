"""What this room keeps of people."""

from privacy.personal_data import PersonalData
from services.notifier.outbound.models import Bounce

PERSONAL = (PersonalData(Bounce, "Mailboxes that refused mail; thirty days.", by_address=("address",), delete=True),)
