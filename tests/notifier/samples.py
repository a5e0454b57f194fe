"""One mail of every kind as its recipient gets it; ``make mails`` writes them to ``docs/mails`` to be looked at.

``python -m tests.notifier.samples FOLDER`` writes the HTML, and a picture of each where there is a Chromium.
"""

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import UUID

from chassis.process import settings as process
from services.notifier import settings
from services.notifier.deliveries.models import Delivery
from services.notifier.outbound import renderer
from services.notifier.topics import BY_NAME
from services.notifier.topics.accounts import CHANGES
from services.notifier.topics.sections import sections

SITE = "https://concord.example"
CONSOLE = f"{SITE}/console"
TOKEN = "cVq0T3n4tGm2Jw8yH5sKzR1bLx7uPd9eAfWkQo6iXvM"
TIME_ZONE = "Europe/Oslo"
LINKS = {
    "console_url": CONSOLE,
    "unsubscribe_url": "https://concord.example/unsubscribe/WyI4ZjNjIiwiaW52aXRlIl0.4nq1T0b3",
}
PARTNERS = {"supplier_name": "Nordic Heating", "retailer_name": "Fjord Retail"}
CAMPAIGN = {"campaign_id": "0b5e0000-0000-4000-8000-000000000003", "campaign_name": "Spring Showroom Push"}
THREAD = {
    "thread_id": "7a1d0000-0000-4000-8000-000000000004",
    "thread_subject": "Spring campaign artwork",
    "party_name": "Nordic Heating",
    "own_name": "Fjord Retail",
}
ARTWORK = {
    "sequence": 2,
    "sender_name": "Anna Lind",
    "preview": "Hi — here is the artwork for the spring push. Let me know if it works.",
    "at": "2026-03-02T08:30:00Z",
}
BANNER = {
    "sequence": 3,
    "sender_name": "Anna Lind",
    "preview": "The banner in Norwegian follows on Monday.",
    "at": "2026-03-02T08:32:00Z",
}
INVITE = PARTNERS | {
    "invite_id": "0d1e0000-0000-4000-8000-000000000007",
    "campaign_name": CAMPAIGN["campaign_name"],
    "participation_ask": "Feature the spring display for 4 weeks and run the 10% bundle offer.",
    "start_date": "2026-03-31T22:00:00Z",
    "end_date": "2026-05-15T21:59:00Z",
}
RESPONSE = PARTNERS | CAMPAIGN | {"response": "accepted", "note": "Happy to join. Can the display come a week earlier?"}
TIER = PARTNERS | {
    "headline": "Nordic Heating has made you a Gold partner",
    "tier_name": "Gold",
    "detail": "Your tier with Nordic Heating is Gold now. It was Silver until now.",
}
RELATIONSHIP = PARTNERS | {
    "headline": "Nordic Heating wants to work with you",
    "detail": "Nordic Heating asks Fjord Retail to be its partner on Concord.",
    "own_name": "Fjord Retail",
    "action": "Accept or decline",
}
WEBHOOK = {
    "headline": "We have stopped sending events to erp.nordic-heating.example",
    "receiver": "erp.nordic-heating.example",
    "description": "Campaigns into the ERP",
    "reason": "The receiver has taken nothing for three days.",
    "days": "30",
    "webhook_id": "0c7f0000-0000-4000-8000-000000000006",
}

APPROVED = {
    "headline": "Dashain Market has approved you as an affiliate",
    "detail": "Links that Dashain Market makes for you earn commission from now on.",
    "merchant_name": "Dashain Market",
}
SUSPENDED = APPROVED | {
    "headline": "Dashain Market has suspended you as an affiliate",
    "detail": "Your links no longer earn commission. Ask Dashain Market if you do not know why.",
}
CREDITED = {
    "headline": "You have earned 359.88 NPR with Dashain Market",
    "merchant_name": "Dashain Market",
    "campaign_title": "Dashain Sale",
    "order": "A-1",
    "order_status": "pending",
    "remaining": "",
}
REVERSED = CREDITED | {
    "headline": "Dashain Market has taken back 179.94 NPR of your commission",
    "order_status": "refunded",
    "remaining": "179.94 NPR",
}

INVITATION = {
    "link_id": "0e2f0000-0000-4000-8000-000000000008",
    "expires_at": "2026-03-08T08:30:00Z",
    "email": "rolf@fjord-retail.example",
    "role": "Administrator",
    "tenant_name": "Fjord Retail",
    "invited_by": "Frida Fjord",
}
RESET = {"link_id": INVITATION["link_id"], "expires_at": "2026-03-01T09:30:00Z"}


def _secured(what: str, detail: str) -> dict[str, Any]:
    headline, explanation, label = CHANGES[what]
    texts = {"headline": headline, "explanation": explanation, "label": label, "detail": detail}
    return texts | {"origin": "198.51.100.23", "at": "2026-03-01T08:29:00Z", "by_provider": False}


NEW_DEVICE = _secured("new_device", "Firefox on Windows")


def _bergen(**changes: str) -> dict[str, str]:
    return RESPONSE | {"retailer_name": "Bergen Bygg", "response": "declined", "note": ""} | changes


RETAILERS_DAY = [
    ("invite", INVITE),
    ("invite", INVITE | {"campaign_name": "HVAC Installer Co-Marketing", "supplier_name": "Alpine Pumps"}),
    ("message", THREAD | ARTWORK),
    ("message", THREAD | BANNER),
    ("tier", TIER),
    ("relationship", RELATIONSHIP | {"headline": "Alpine Pumps wants to work with you"}),
]
SUPPLIERS_WEEK = [
    ("response", RESPONSE),
    ("response", _bergen()),
    *(("response", _bergen(retailer_name=f"Showroom {number}", response="accepted")) for number in range(1, 13)),
    ("response", _bergen(campaign_id="0b5e0000-0000-4000-8000-000000000005", campaign_name="Autumn Boiler Swap")),
    ("webhook", WEBHOOK),
    ("message", THREAD | ARTWORK | {"party_name": "Fjord Retail", "sender_name": "Rolf Fjord", "preview": "It works."}),
]
AFFILIATES_DAY = [("commission", CREDITED), ("commission", REVERSED)]
SAMPLES = {
    "invite": ("invite", INVITE),
    "response": ("response", RESPONSE),
    "message": ("message", THREAD | {"messages": [ARTWORK, BANNER], "left_out": 0}),
    "tier": ("tier", TIER),
    "relationship": ("relationship", RELATIONSHIP),
    "webhook": ("webhook", WEBHOOK),
    "affiliate-approved": ("affiliation", APPROVED),
    "affiliate-suspended": ("affiliation", SUSPENDED),
    "commission-credited": ("commission", CREDITED),
    "commission-reversed": ("commission", REVERSED),
    "invitation": ("invitation", INVITATION),
    "password-reset": ("password_reset", RESET),
    "account-new-device": ("account", NEW_DEVICE),
    "account-password-changed": ("account", _secured("password_changed", "Firefox on Windows")),
    "account-factor-added": ("account", _secured("factor_added", "Passkey “Phone”")),
    "account-factor-removed": ("account", _secured("factor_removed", "Authenticator app")),
    "account-email-changed": ("account", _secured("email_changed", "") | {"to_former_address": True}),
    "account-recovery-code": ("account", _secured("recovery_code_used", "Safari on iPhone")),
    "digest-affiliate": ("digest", {"cadence": "daily", "sections": sections(AFFILIATES_DAY)}),
    "digest-daily": ("digest", {"cadence": "daily", "sections": sections(RETAILERS_DAY)}),
    "digest-weekly": ("digest", {"cadence": "weekly", "sections": sections(SUPPLIERS_WEEK)}),
}


def links_of(name: str) -> dict[str, str]:
    """The links of a sample: mails about accounts cannot be turned off."""
    topic = BY_NAME[SAMPLES[name][0]]
    if not topic.account:
        return LINKS
    links = {"console_url": CONSOLE, "recover_url": f"{SITE}/account/recover"}
    return links | ({"link_url": f"{SITE}{topic.link_page}?token={TOKEN}"} if topic.link_page else {})


def sample(name: str, *, to: str = "Rolf Fjord", address: str | None = "rolf@fjord-retail.example", **changes):
    """The letter of a sample, ``changes`` made to what it says; and the message its reader makes of it."""
    template, context = SAMPLES[name]
    context = context | changes
    delivery = Delivery(
        template=template,
        recipient=UUID("8f3c0000-0000-4000-8000-00000000000a"),
        address=address,
        context=context,
        subject=BY_NAME[template].subject_of(context),
        message_id="<0190.ab@concord.example>",
        thread_id=UUID(THREAD["thread_id"]) if template == "message" else None,
        queued_at=datetime(2026, 3, 1, 8, 30, tzinfo=UTC),
    )
    letter = renderer.compose(delivery, to, settings.of(process.load()), links_of(name), time_zone=TIME_ZONE)
    return letter, message_from_bytes(letter.content, policy=default)


def html_of(name: str) -> str:
    """What stands in ``docs/mails``, with the subject above it."""
    _letter, message = sample(name)
    html = message.get_body(("html",)).get_content().replace("\r\n", "\n")
    return html.replace("<head>", f"<!-- Subject: {message['Subject']} -->\n<head>", 1).rstrip() + "\n"


def text_of(name: str) -> str:
    _letter, message = sample(name)
    return message.get_body(("plain",)).get_content().replace("\r\n", "\n")


OF_ACCOUNTS = ("invitation", "password-reset", "account-new-device")
LIGHT, DARK = "--blink-settings=preferredColorScheme=1", "--blink-settings=preferredColorScheme=0"
PICTURES = [
    *((name, "", 600, LIGHT) for name in SAMPLES),
    *((name, "-dark", 600, DARK) for name in ("invite", "message", "digest-daily", *OF_ACCOUNTS)),
    *((name, "-phone", 375, LIGHT) for name in ("invite", "digest-daily", *OF_ACCOUNTS)),
]


def main(folder: Path) -> None:
    """Write every sample, and where there is a Chromium how it looks, some in the dark and on a phone too."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    for name in SAMPLES:
        page = folder / f"{name}.html"
        page.write_text(html_of(name))
        (folder / f"{name}.txt").write_text(text_of(name))
        print(page)
    for name, suffix, width, scheme in PICTURES if browser else ():
        _take_picture(browser, folder / f"{name}.html", folder / f"{name}{suffix}.png", width, scheme)


def _take_picture(browser: str, page: Path, picture: Path, width: int, scheme: str) -> None:
    height = _height(browser, page, width)
    common = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", scheme]
    size = [f"--window-size={width},{height}", f"--screenshot={picture.absolute()}"]
    subprocess.run([*common, *size, page.absolute().as_uri()], check=True, capture_output=True, timeout=60)


def _height(browser: str, page: Path, width: int) -> int:
    """How high a page is in a window of this width, asked of the browser itself."""
    asking = page.with_suffix(".measure.html")
    script = "<script>document.title=document.querySelector('.page').offsetHeight+' '+innerWidth</script></body>"
    asking.write_text(page.read_text().replace("</body>", script))
    try:
        command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--dump-dom"]
        size = f"--window-size={width},600"
        done = subprocess.run(
            [*command, size, asking.absolute().as_uri()], check=True, capture_output=True, text=True, timeout=60
        )
    finally:
        asking.unlink()
    result = re.search(r"<title>(\d+) \d+</title>", done.stdout)
    return int(result[1]) if result else 900


if __name__ == "__main__":
    main(Path(sys.argv[1]))
