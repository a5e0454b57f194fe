"""The loop that sends due mails: claim → render → send → settle.

The claim is committed before a mail is handed over, and the outcome after. Any number of senders may run. A crash
repeats at most the one mail in hand, and only one that must arrive; no lock is held while a server is waited for.
"""

from collections.abc import Callable, Sequence

from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.process.service import Runtime
from chassis.process.worker import stopping
from services.notifier import settings
from services.notifier.audience import unsubscribe_links
from services.notifier.common import wording
from services.notifier.deliveries.models import Delivery
from services.notifier.deliveries.rules import Trouble
from services.notifier.outbound import channels, renderer
from services.notifier.outbound.channels.base import Channel, NotTaken
from services.notifier.outbound.claims import Claim, claim_due, give_back
from services.notifier.outbound.letters import Letter
from services.notifier.outbound.settlement import settle

BATCH = 100  # mails over one connection

log = logger(__name__)


def send_due(runtime: Runtime) -> bool:
    """Send due mails over one connection; say whether there may be more."""
    settings.check(runtime.settings)
    channel = channels.connect(settings.load(), settings.mailbox(runtime.settings))
    try:
        return send_batch(runtime, channel)
    finally:
        channel.close()


def send_batch(runtime: Runtime, channel: Channel) -> bool:
    """Send up to ``BATCH`` mails; False when none is left or the server takes none just now."""
    sent = 0
    while sent < BATCH:
        claims = claim_due(runtime.database, utcnow())
        if not claims or not send_claims(runtime, claims, channel):
            return False
        sent += len(claims)
    return True


def send_claims(runtime: Runtime, claims: Sequence[Claim], channel: Channel) -> bool:
    """Hand claimed mails over, one after the other; False when the server takes none just now, or the process stops.

    The outcome of one is committed before the next is begun, so a crash leaves one mail in doubt. The next is rendered
    while the server looks at the text of the one before. A mail that cannot be handed over before its lease ends is
    given back, or another sender would send it as well; so is what a stopping process has not begun, or it would wait
    for the end of its lease.
    """
    deadline = settings.load().deadline
    letter = render(runtime, claims[0])
    for number, claim in enumerate(claims):
        if stopping.is_set() or (claim.until - utcnow()).total_seconds() < deadline:
            give_back(runtime.database, claims[number:], utcnow())
            return not stopping.is_set()
        handover = Handover(claim, letter, channel)
        handover.announce()
        handover.transfer()
        if number + 1 < len(claims):
            letter = render(runtime, claims[number + 1])
        handover.confirm()
        settle(runtime.database, claim, handover.failure, utcnow())
        if handover.failure and handover.failure.is_server:
            give_back(runtime.database, claims[number + 1 :], utcnow())
            return False
    return True


class Handover:
    """One letter on its way through a channel, step by step. After a failure the steps that follow do nothing."""

    def __init__(self, claim: Claim, letter: Letter | NotTaken, channel: Channel) -> None:
        self.failure = letter if isinstance(letter, NotTaken) else None
        self._claim = claim
        self._letter = letter
        self._channel = channel

    def announce(self) -> None:
        self._step(self._channel.announce)

    def transfer(self) -> None:
        self._step(self._channel.transfer)

    def confirm(self) -> None:
        self._step(self._channel.confirm)

    def _step(self, step: Callable[[Letter], None]) -> None:
        if self.failure or isinstance(self._letter, NotTaken):
            return
        try:
            step(self._letter)
        except NotTaken as failure:
            self.failure = failure
        except Exception as error:
            self.failure = _our_fault(self._claim.delivery, error, Trouble.UNKNOWN)


def render(runtime: Runtime, claim: Claim) -> Letter | NotTaken:
    """The letter of a claimed mail, or why there is none. Outside of any transaction."""
    delivery = claim.delivery
    try:
        links = links_of(runtime, delivery)
        return renderer.compose(delivery, claim.name, settings.load(), links, time_zone=claim.time_zone)
    except wording.Unmailable as error:
        return NotTaken(Trouble.PERMANENT, f"No mail can be sent to this recipient: {error}.")
    except Exception as error:
        return _our_fault(delivery, error, Trouble.TEMPORARY)


def links_of(runtime: Runtime, delivery: Delivery) -> dict[str, str]:
    """The addresses a mail may lead to."""
    own, public = settings.load(), runtime.settings.public_url
    links = own.links_url or f"{public}/api/v1"
    return {
        "links_url": links,
        "inbox_url": own.inbox_url or f"{links}/campaigns/invites",
        "unsubscribe_url": f"{public}/unsubscribe/{unsubscribe_links.token(runtime.signer, delivery)}",
    }


def _our_fault(delivery: Delivery, error: Exception, trouble: Trouble) -> NotTaken:
    log.error("a mail could not be made or sent", delivery_id=str(delivery.id), exc_info=error)
    return NotTaken(trouble, "Something went wrong on our side. The error has been logged.")
