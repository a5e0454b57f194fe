"""What users do meanwhile: suppliers send campaigns, retailers respond, both talk; a few others go through everything
else that is published (:mod:`tests.chaos.stories`), some of them with a webhook."""

import itertools
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chassis.core.clock import utcnow
from tests.chaos.client import Accepted, Client, NotDone
from tests.chaos.stories import MERCHANT, STORIES, Cast, Story, campaign
from tests.e2e.harness import FEATURES, OPERATOR, Platform, User, new_tenant, new_user, relate

# Some 60 events a second in all. Two cores carry that beside a hundred restarts: the run is about what is lost, and a
# backlog that only grows would hide it.
PACE = 1.6  # seconds between two campaigns of a supplier
PAUSE = 0.3  # seconds between two messages of a supplier
BREATH = 3.0  # seconds between two tellings of a story
EVENTS = (
    *("identity.TenantCreated.v2", "identity.UserAdded.v1", "identity.UserRemoved.v1"),
    *("prm.RelationshipInvited.v1", "prm.RelationshipAccepted.v1"),
    *(f"campaigns.Campaign{what}.v1" for what in ("Created", "Sent", "Advanced")),
    *("campaigns.InviteCreated.v1", "campaigns.InviteResponded.v1"),
    *("messaging.ThreadStarted.v1", "messaging.MessagePosted.v1"),
)
"""What is published of what this module does."""


@dataclass(frozen=True)
class Hook:
    """A tenant's webhook for everything; what happened after ``since`` has to arrive at it."""

    id: str
    tenant_id: str
    since: datetime


@dataclass
class World:
    """Suppliers with retailers, of whom only some have somebody who answers and gets mail; and the stories' people."""

    suppliers: dict[str, User]
    retailers: dict[str, User]  # those with a user
    silent: list[str]  # those without any
    operator: User
    people: dict[str, tuple[str, User]]  # by their part: tenant and admin
    hooks: list[Hook]

    def cast(self, accepted: Accepted) -> Cast:
        """Clients for one thread."""
        tenants = {f"{part}_id": tenant_id for part, (tenant_id, _) in self.people.items()}
        clients = {part: Client(user, accepted) for part, (_, user) in self.people.items()}
        return Cast(operator=Client(self.operator, accepted), **clients, **tenants)


def build(platform: Platform, *, suppliers: int, retailers: int, silent: int, receiver: str) -> World:
    """Make the tenants, their users, relationships and webhooks through the API; these lead below ``receiver``."""
    operator = platform.user(*OPERATOR)

    def with_user(name: str, kind: str, features: list[str] | None = None) -> tuple[str, User]:
        tenant = new_tenant(operator, name, kind, features)
        return tenant, new_user(platform, operator, tenant, f"{name.replace(' ', '')}@chaos.example", f"{kind}Admin")

    sellers = dict(with_user(f"Supplier {number}", "Supplier") for number in range(suppliers))
    shops = dict(with_user(f"Retailer {number}", "Retailer") for number in range(retailers))
    quiet = dict(with_user(f"Retailer {retailers + number}", "Retailer") for number in range(silent))
    for supplier in sellers.values():
        for shop, retailer in {**shops, **quiet}.items():
            relate(supplier, retailer, shop)
    for shop in quiet:
        for user in operator.get(f"/api/v1/admin/tenants/{shop}/users").json()["items"]:
            assert operator.delete(f"/api/v1/admin/tenants/{shop}/users/{user['id']}").ok
    people = {
        "supplier": with_user("Story supplier", "Supplier"),
        "retailer": with_user("Story retailer", "Retailer"),
        "newcomer": with_user("Story newcomer", "Retailer"),
        "merchant": with_user("Story merchant", "Merchant", [*FEATURES, "affiliates"]),
    }
    relate(people["supplier"][1], people["retailer"][1], people["retailer"][0])
    settings = {"fallbackUrl": "https://shop.example/", "allowedHosts": ["shop.example"]}
    answer = people["merchant"][1].put(f"{MERCHANT}/settings", settings)
    assert answer.ok, answer.text
    hooks = [_hook(*people[part], receiver) for part in ("supplier", "retailer", "merchant")]
    return World(sellers, shops, list(quiet), operator, people, hooks)


def _hook(tenant_id: str, admin: User, receiver: str) -> Hook:
    answer = admin.post("/api/v1/webhooks", {"url": f"{receiver}/{tenant_id}"})
    assert answer.status_code == 201, answer.text
    return Hook(answer.json()["id"], tenant_id, utcnow())


class Load:
    """Users at work in threads of their own until told to stop."""

    def __init__(self, platform: Platform, world: World, seed: int, ease: float = 1.0) -> None:
        """All pauses are ``ease`` times as long as written above."""
        self.accepted = Accepted()
        self._ease = ease
        self._platform = platform
        self._world = world
        self._seed = seed
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        for user in self._world.suppliers.values():
            self._go(self._send_campaigns, user)
            self._go(self._talk, user)
        for user in self._world.retailers.values():
            self._go(self._respond, user)
        for story in STORIES:
            self._begin(story.name, lambda story=story: self._tell(story))

    def stop(self) -> None:
        """No new requests; those under way are tried until they are answered, and stories told to their end."""
        self._stop.set()
        for thread in self._threads:
            thread.join(300)
            if thread.is_alive():
                self.accepted.refused.append(f"{thread.name} does not end")

    def _go(self, work: Callable[[Client, random.Random], None], user: User) -> None:
        dice = random.Random(f"{self._seed} {work.__name__} {user.email}")
        self._begin(f"{work.__name__} {user.email}", lambda: work(Client(user, self.accepted), dice))

    def _begin(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _tell(self, story: Story) -> None:
        """Tell a story again and again, once at least; one that broke off cannot be begun anew."""
        cast = self._world.cast(self.accepted)
        for number in itertools.count():
            try:
                story.tell(cast, f"{story.name.replace('_', '-')}-{number}")
            except NotDone:
                return
            if self._stop.wait(BREATH * self._ease):
                return

    def _send_campaigns(self, user: Client, dice: random.Random) -> None:
        targets = [*self._world.retailers, *self._world.silent]
        started = time.monotonic()
        for number in itertools.count():
            if self._stop.wait(max(0.0, started + number * PACE * self._ease - time.monotonic())):
                return
            try:
                self._send_campaign(user, f"{user.user.email} {number}", targets, dice)
            except NotDone:
                continue

    def _send_campaign(self, user: Client, name: str, targets: list[str], dice: random.Random) -> None:
        created = user.post("/api/v1/campaigns", campaign(name))
        self.accepted.campaigns[created["id"]] = name
        retailers = dice.sample(targets, dice.randint(len(targets) // 2, len(targets)))
        path = f"/api/v1/campaigns/{created['id']}"
        user.post(f"{path}/send", {"retailerIds": retailers})
        self.accepted.invites[created["id"]] = set(retailers)
        if dice.random() < 0.3:
            user.post(f"{path}/status", {"status": "ResponsesIn"})

    def _respond(self, user: Client, dice: random.Random) -> None:
        while not self._stop.wait(0.2 * self._ease):
            try:
                self._respond_to_all(user, dice)
            except NotDone:
                continue

    def _respond_to_all(self, user: Client, dice: random.Random) -> None:
        for invite in user.get("/api/v1/campaigns/invites?status=Pending&pageSize=50")["items"]:
            if self._stop.is_set():
                return
            response = dice.choice(["Accepted", "Declined"])
            user.post(f"/api/v1/campaigns/invites/{invite['id']}/respond", {"response": response})
            self.accepted.responses[invite["id"]] = response

    def _talk(self, user: Client, dice: random.Random) -> None:
        threads: list[str] = []
        for number in itertools.count():
            if self._stop.wait(PAUSE * self._ease):
                return
            try:
                self._say(user, f"{user.user.email} says {number}", threads, dice)
            except NotDone:
                continue

    def _say(self, user: Client, text: str, threads: list[str], dice: random.Random) -> None:
        if len(threads) < 5:
            retailer = dice.choice(list(self._world.retailers))
            body = {"retailerId": retailer, "subject": f"Talk {text}", "firstMessage": text}
            threads.append(user.post("/api/v1/messaging/threads", body)["id"])
            return
        path = f"/api/v1/messaging/threads/{dice.choice(threads)}/messages"
        self.accepted.messages[user.post(path, {"body": text})["id"]] = text
