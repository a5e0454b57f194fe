"""Notification topics, one file each: events, wording, default cadence, digest section.

Topics only declare. ``audience`` decides who hears of a notice and how, ``outbound`` sends the mails.
"""

from collections.abc import Mapping

from services.notifier.topics.accounts import ACCOUNT, INVITATION, PASSWORD_RESET
from services.notifier.topics.affiliations import AFFILIATION
from services.notifier.topics.base import Cadence, Topic
from services.notifier.topics.commissions import COMMISSION
from services.notifier.topics.digests import DIGEST
from services.notifier.topics.invites import INVITE
from services.notifier.topics.messages import MESSAGE
from services.notifier.topics.relationships import RELATIONSHIP
from services.notifier.topics.responses import RESPONSE
from services.notifier.topics.tiers import TIER
from services.notifier.topics.webhooks import WEBHOOK

OF_ACCOUNTS = (INVITATION, PASSWORD_RESET, ACCOUNT)
ALL = (INVITE, RESPONSE, MESSAGE, TIER, RELATIONSHIP, WEBHOOK, AFFILIATION, COMMISSION, DIGEST, *OF_ACCOUNTS)
"""In the order in which a digest shows them."""

BY_NAME: Mapping[str, Topic] = {topic.name: topic for topic in ALL}

DEFAULTS: Mapping[str, Cadence] = {topic.name: topic.cadence for topic in ALL if topic.cadence}
"""The topics that people choose about, and what holds until they do."""

PRIVATE = frozenset(topic.name for topic in ALL if topic.private)
"""Only the reader of such a mail, and the operator, see that it was sent."""

OF_USERS = tuple(name for name in DEFAULTS if BY_NAME[name].roles)
"""What users choose by their preferences. Affiliates choose by the link of a mail alone, also those who sign in."""
