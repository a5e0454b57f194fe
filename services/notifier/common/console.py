"""Where the links of mails lead: the pages of the console, by what they show (CONSOLE.md, section 5)."""

from urllib.parse import quote

PAGES = {
    "invites": "/invites",
    "invite": "/invites/{}",
    "campaigns": "/campaigns",
    "campaign": "/campaigns/{}",
    "thread": "/messages/{}",
    "partners": "/partners",
    "tiers": "/tiers",
    "webhooks": "/developers/webhooks",
    "webhook": "/developers/webhooks/{}",
    "notifications": "/account/notifications",
    "security": "/account/security",
}


def page_url(console_url: str, page: str, *ids: str) -> str:
    """The address of a page of the console; ``ids`` name the thing that it shows.

    Raises:
        LookupError: there is no such page, or an id is missing.
    """
    return console_url + PAGES[page].format(*(quote(thing, safe="") for thing in ids))
