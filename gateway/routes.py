"""Which path belongs to which service: the one table.

Paths are matched while they are encoded, segment by segment (``chassis.http.paths``): an id may have any letters, and
an encoded ``/`` never parts two segments (D60). A path that could be understood in more than one way is refused. A path
ending in ``/`` and one in another case are simply not in the table. What is not in the table does not exist:
``/internal`` of a service can only be reached behind the gateway.
"""

import re
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from chassis.http.error_formats import PROBLEM, ErrorFormat
from chassis.http.paths import BadPath
from contracts import features, services
from contracts.error_formats import MARKETING, MERCHANT, PAGE, SCIM, STORES


@dataclass(frozen=True)
class Route:
    """One line of the table.

    Attributes:
        path: ``{name}`` stands for one segment; everything below the path belongs to the route unless ``exact``.
        service: who answers, by its name in ``Settings.services``; also the audience of the identity passed on.
        feature: what the caller's tenant must have switched on.
        public: answered without a credential, and without an identity passed on.
        by_key: opened by a merchant's API key, and by nothing else.
        basic: hands ``Authorization: Basic`` on, for clients that sign in with their id and secret.
        bearer: hands ``Authorization: Bearer`` on, for a token that the service itself gives out and checks. Refused
            ones are counted against the caller's address, in a count of their own.
        sign_in: a POST tries a credential here; refused ones are counted against the caller's address.
        development: only in the development environment.
        read, total: timeouts in seconds where the general ones do not fit.
        setup: also open to people who must set up a second factor before anything else.
        cookies: the service may set cookies and gets those it has set.
        pages: the service writes its own pages for failures, which are passed on.
        error_format: how the gateway writes failures here, the same as the service (``chassis.http.error_formats``).
        max_body: bytes of a body where the general limit does not fit.
    """

    path: str
    service: str
    feature: str | None = None
    public: bool = False
    by_key: bool = False
    exact: bool = False
    basic: bool = False
    bearer: bool = False
    sign_in: bool = False
    development: bool = False
    read: float | None = None
    total: float | None = None
    setup: bool = False
    cookies: bool = False
    pages: bool = False
    error_format: ErrorFormat = PROBLEM
    max_body: int | None = None


BULK = 4 * 1024 * 1024  # 5,000 products in one call
ARCHIVE = 660  # seconds for all that is kept of a company; identity ends a fetch after 600


_identity = partial(Route, service=services.IDENTITY)
_campaigns = partial(Route, service=services.CAMPAIGNS, feature=features.CAMPAIGNS)
_prm = partial(Route, service=services.PRM, feature=features.PRM)
_messaging = partial(Route, service=services.MESSAGING, feature=features.MESSAGING)
_notifier = partial(Route, service=services.NOTIFIER)
_promotions = partial(Route, service=services.PROMOTIONS, feature=features.PROMOTIONS)
_affiliates = partial(Route, service=services.AFFILIATES)
_merchant = partial(_affiliates, feature=features.AFFILIATES, error_format=MERCHANT)
# Shoppers do not sign in; the service checks the shop's flag.
_shoppers = partial(Route, service=services.PROMOTIONS, public=True, error_format=MARKETING)

# The longest path that fits decides.
ROUTES = (
    _identity("/oauth/token", public=True, exact=True, basic=True, sign_in=True),
    _identity("/oauth/revoke", public=True, exact=True, basic=True),
    _identity("/.well-known/jwks.json", public=True, exact=True),
    # Only where a credential is tried: a neighbour's failures must not stop somebody who renews or signs out.
    _identity("/session", public=True, exact=True, cookies=True, sign_in=True),
    _identity("/session/passkey", public=True, exact=True, cookies=True, sign_in=True),
    _identity("/session", public=True, cookies=True),
    # Browsers are sent here; people read what is refused. It waits for a tenant's identity provider.
    _identity("/session/sso", public=True, cookies=True, pages=True, error_format=PAGE, read=25, total=30),
    # The links of mails lead here.
    _identity("/account", public=True, pages=True, error_format=PAGE),
    _identity("/scim/v2", public=True, bearer=True, error_format=SCIM),
    _identity("/api/v1/me", setup=True),
    _identity("/api/v1/tenant"),
    _identity("/api/v1/admin"),
    # An archive is written while it is fetched, and may be large.
    _identity("/api/v1/tenant/export", read=30, total=ARCHIVE),
    _identity("/api/v1/admin/tenants/{tenant}/export", read=30, total=ARCHIVE),
    _affiliates("/api/v1/admin/affiliate-campaigns"),
    _campaigns("/api/v1/campaigns"),
    _campaigns("/api/v1/campaigns/{id}/send", exact=True, read=30, total=35),
    _prm("/api/v1/prm"),
    _messaging("/api/v1/messaging"),
    _notifier("/api/v1/notifications"),
    _notifier("/api/v1/events", exact=True, read=30, total=35),  # long polling
    _notifier("/api/v1/events"),
    _notifier("/api/v1/webhooks"),
    _promotions("/v2/tenants"),
    _promotions("/v2/tenants/{tenant}/products", read=30, total=35, max_body=BULK),
    _promotions("/v2/tenants/{tenant}/pricelists", read=30, total=35, max_body=BULK),
    _promotions("/stores/company", error_format=STORES),
    _promotions("/marketing", error_format=MARKETING),
    _shoppers("/shops/{shop}/checkout/add", exact=True),
    _shoppers("/shops/{shop}/carts"),
    _affiliates("/affiliate/api/v1"),
    _merchant("/merchant/api/v1"),
    _merchant("/merchant/api/v1/products", read=30, total=35, max_body=BULK),
    _affiliates("/api/v1/public/campaigns", public=True, error_format=MERCHANT),
    _affiliates("/r", public=True, cookies=True, error_format=PAGE),  # people follow these
    _notifier("/unsubscribe", public=True, error_format=PAGE),  # the links of mails lead here, too
    _notifier("/dev/mailbox", public=True, exact=True, development=True),
    _notifier("/dev/mailbox.json", public=True, exact=True, development=True),
)

# What a merchant's API key opens (D1): the Merchant API at its documented paths. A request that carries X-API-Key is
# looked up here first. Some of these paths mean something else to a caller with a token.
KEY_ROUTES = (
    _merchant("/api/v1/products", by_key=True, read=30, total=35, max_body=BULK),
    *(
        _merchant(f"/api/v1/{noun}", by_key=True)
        for noun in ("campaigns", "affiliates", "links", "conversions", "settings", "ledger", "reports", "statements")
    ),
)

# Visible ASCII without ``#``, and UTF-8 that was sent as it is.
_QUERY = re.compile(r"[\x21\x22\x24-\x7e\x80-\xff]*")
_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
_FOR_PEOPLE = "/r/"
_LINK = re.compile(r"/r/[A-Za-z0-9._-]+")
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_TRAILING = re.compile(r"(?:/|%0[0-9A-Da-d])+\Z")


def split_target(target: str) -> tuple[str, str]:
    """Path and query (with its ``?``) of a request line's target; the path is not plain yet.

    Raises:
        BadPath: the query has what it cannot have.
    """
    path, mark, query = target.partition("?")
    if not _QUERY.fullmatch(query):
        raise BadPath("The query has a character that must be escaped.")
    if path.startswith(_FOR_PEOPLE) and not _LINK.fullmatch(path):
        path = _as_meant(path)
    return path, mark + _escaped(query, _VISIBLE)


def _as_meant(path: str) -> str:
    """The path of a link that people pass on (D64): texts add punctuation, slashes and line ends to it, and whatever
    was not escaped is meant as it stands."""
    path = _TRAILING.sub("", _LONE_PERCENT.sub("%25", path))
    return _escaped(path, "%/:@!$&'()*+,=")


def _escaped(text: str, as_it_is: str) -> str:
    """A part of a target as its client should have sent it."""
    return quote(text.encode("latin-1"), safe=as_it_is)


class Table:
    """The routes of one deployment, compiled into one pattern."""

    def __init__(self, routes: tuple[Route, ...] = ROUTES, *, development: bool = False) -> None:
        enabled = [route for route in routes if development or not route.development]
        # At each fork the longer and the literal path is tried before the shorter and the templated one.
        self.routes = sorted(enabled, key=lambda route: (-route.path.count("/"), "{" in route.path, -len(route.path)))
        self._match = re.compile("|".join(f"({_pattern(route)})" for route in self.routes)).match

    def find(self, path: str) -> Route | None:
        """The route of a plain path."""
        match = self._match(path)
        return self.routes[match.lastindex - 1] if match and match.lastindex and path[-1] != "/" else None

    def error_format(self, target: str) -> ErrorFormat | None:
        """The error format of the route that a target seems to name, before its path is checked."""
        match = self._match(target.partition("?")[0].rstrip("/"))
        return self.routes[match.lastindex - 1].error_format if match and match.lastindex else None

    @property
    def services(self) -> list[str]:
        return sorted({route.service for route in self.routes})


def _pattern(route: Route) -> str:
    literal = re.escape(route.path).replace(r"\{", "{").replace(r"\}", "}")
    return re.sub(r"\{\w+\}", "[^/]+", literal) + (r"\Z" if route.exact else r"(?:/|\Z)")
