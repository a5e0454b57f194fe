"""The loop that sends due mails: claim → render → send → settle.

A sender commits its claim before it hands a mail over, and the outcome after. Any number of senders may run. A crash
repeats at most the one mail being sent, and only if it must arrive. A sender holds no lock while it waits for a server.
"""

from collections.abc import Callable, Sequence

from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.process.lifecycle import stopping
from chassis.process.service import Runtime
from services.notifier import settings
from services.notifier.audience import unsubscribe_links
from services.notifier.common import wording
from services.notifier.deliveries.models import Delivery
from services.notifier.deliveries.rules import Trouble
from services.notifier.outbound import account_links, channels, renderer
from services.notifier.outbound.channels.base import Channel, Letter, NotTaken
from services.notifier.outbound.claims import Claim, claim_due, give_back
from services.notifier.outbound.settlement import Settler
from services.notifier.topics import BY_NAME

BATCH = 100  # mails over one connection

log = logger(__name__)


def send_due(runtime: Runtime) -> bool:
    """Send due mails over one connection; say whether there may be more."""
    channel = channels.connect(settings.of(runtime.settings))
    try:
        return send_batch(runtime, channel)
    finally:
        channel.close()


def send_batch(runtime: Runtime, channel: Channel) -> bool:
    """Send up to ``BATCH`` mails; False when none is left or the server takes none at present."""
    count = 0
    while count < BATCH:
        claims = claim_due(runtime.database, utcnow())
        if not claims or not send_claims(runtime, claims, channel):
            return False
        count += len(claims)
    return True


def send_claims(runtime: Runtime, claims: Sequence[Claim], channel: Channel) -> bool:
    """Hand claimed mails over, one after the other; False when the server takes none at present, or the process stops.

    The outcome of one mail is committed while the next is announced, but before the text of that goes out, so a crash
    leaves one mail in doubt. The next mail is rendered while the server checks the text of the one before. A mail that
    cannot be handed over before its lease ends is given back, or another sender would send it as well. A stopping
    process gives back what it has not begun, or those mails would wait for the end of their lease.
    """
    deadline = settings.of(runtime.settings).deadline
    letter = render(runtime, claims[0])
    with Settler(runtime.database) as settler:
        for number, claim in enumerate(claims):
            if stopping.is_set() or (claim.until - utcnow()).total_seconds() < deadline:
                give_back(runtime.database, claims[number:], utcnow())
                return not stopping.is_set()
            failure = attempt(claim, channel.announce, letter)
            settler.wait()
            failure = failure or attempt(claim, channel.transfer, letter)
            following = render(runtime, claims[number + 1]) if number + 1 < len(claims) else letter
            failure = failure or attempt(claim, channel.confirm, letter)
            letter = following
            settler.start(claim, failure)
            if failure and failure.is_server:
                give_back(runtime.database, claims[number + 1 :], utcnow())
                return False
    return True


def attempt(claim: Claim, step: Callable[[Letter], None], letter: Letter | NotTaken) -> NotTaken | None:
    """One step of handing a letter over; why that failed, or why there is no letter."""
    if isinstance(letter, NotTaken):
        return letter
    try:
        step(letter)
    except NotTaken as failure:
        return failure
    except Exception as error:
        return _our_fault(claim.delivery, error, Trouble.UNKNOWN)
    return None


def render(runtime: Runtime, claim: Claim) -> Letter | NotTaken:
    """The letter of a claimed mail, or why there is none. Outside of any transaction."""
    delivery = claim.delivery
    try:
        own, links = settings.of(runtime.settings), links_of(runtime, delivery)
        return renderer.compose(delivery, claim.name, own, links, time_zone=claim.time_zone)
    except NotTaken as failure:
        return failure
    except wording.Unmailable as error:
        return NotTaken(Trouble.PERMANENT, f"No mail can be sent to this recipient: {error}.")
    except Exception as error:
        return _our_fault(delivery, error, Trouble.TEMPORARY)


def links_of(runtime: Runtime, delivery: Delivery) -> dict[str, str]:
    """The addresses that the links in a mail begin with, or lead to.

    Raises:
        NotTaken: there is no secret link for it, or not now.
    """
    own, topic = settings.of(runtime.settings), BY_NAME[delivery.template]
    links = {"console_url": own.console_url}
    if not topic.account:
        token = unsubscribe_links.token(runtime.signer, delivery)
        return links | {"unsubscribe_url": f"{own.public_url}/unsubscribe/{token}"}
    if topic.link_page:
        return links | {"link_url": account_links.url_of(runtime, delivery, topic)}
    return links | {"recover_url": f"{own.public_url}/account/recover"}


def _our_fault(delivery: Delivery, error: Exception, trouble: Trouble) -> NotTaken:
    log.error("a mail could not be made or sent", delivery_id=str(delivery.id), exc_info=error)
    return NotTaken(trouble, "Something went wrong on our side. The error has been logged.")
