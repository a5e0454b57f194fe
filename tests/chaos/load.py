"""What users do meanwhile: suppliers send campaigns, retailers respond, both talk; and what was accepted of it.

A user whose request got no answer, or one that says "try again", sends the same request with the same key until it is
answered, as a client is told to. What is in :class:`Accepted` has had a 2xx answer.
"""

import itertools
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid4

import requests

from tests.e2e.harness import OPERATOR, Platform, User, new_tenant, new_user, relate

GIVE_UP = 90.0  # seconds a user tries the same request
PACE = 0.6  # seconds between two campaigns of a supplier: some 150 events a second in all, which two cores carry
AGAIN = {401, 409, 429, 500, 502, 503, 504}


@dataclass
class Accepted:
    """Everything that was promised, by the ids the answers gave."""

    campaigns: dict[str, str] = field(default_factory=dict)  # id: name, which no two requests share
    invites: dict[str, set[str]] = field(default_factory=dict)  # campaign: retailers it was sent to
    responses: dict[str, str] = field(default_factory=dict)  # invite: response
    messages: dict[str, str] = field(default_factory=dict)  # id: text, which no two requests share
    answered: int = 0
    refused: list[str] = field(default_factory=list)  # answers that no user should have had
    unanswered: int = 0

    def note(self, answer: requests.Response) -> None:
        self.answered += 1
        if not answer.ok:
            self.refused.append(
                f"{answer.request.method} {answer.request.path_url}: {answer.status_code} {answer.text}"
            )


@dataclass
class World:
    """Suppliers with retailers, of whom only some have somebody who answers and gets mail."""

    suppliers: dict[str, User]
    retailers: dict[str, User]  # those with a user
    silent: list[str]  # those without any


def build(platform: Platform, *, suppliers: int, retailers: int, silent: int) -> World:
    """Make the tenants, their users and their relationships through the API."""
    operator = platform.user(*OPERATOR)

    def with_user(number: int, kind: str) -> tuple[str, User]:
        tenant = new_tenant(operator, f"{kind} {number}", kind)
        email = f"{kind.lower()}{number}@chaos.example"
        return tenant, new_user(platform, operator, tenant, email, f"{kind}Admin")

    sellers = dict(with_user(number, "Supplier") for number in range(suppliers))
    shops = dict(with_user(number, "Retailer") for number in range(retailers))
    quiet = dict(with_user(retailers + number, "Retailer") for number in range(silent))
    for supplier in sellers.values():
        for shop, retailer in {**shops, **quiet}.items():
            relate(supplier, retailer, shop)
    for shop in quiet:
        for user in operator.get(f"/api/v1/admin/tenants/{shop}/users").json()["items"]:
            assert operator.delete(f"/api/v1/admin/tenants/{shop}/users/{user['id']}").ok
    return World(sellers, shops, list(quiet))


class Load:
    """Users at work in threads of their own until told to stop."""

    def __init__(self, platform: Platform, world: World, seed: int) -> None:
        self.accepted = Accepted()
        self._platform = platform
        self._world = world
        self._seed = seed
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        for user in self._world.suppliers.values():
            self._go(self._send_campaigns, user)
            self._go(self._talk, user)
        for user in self._world.retailers.values():
            self._go(self._respond, user)

    def stop(self) -> None:
        """No new requests; those under way are tried until they are answered."""
        self._stop.set()
        for thread in self._threads:
            thread.join(GIVE_UP + 30)

    def _go(self, story: Callable[[User, random.Random], None], user: User) -> None:
        own = User(user.base, user.email, user.password)  # a session belongs to one thread
        dice = random.Random(f"{self._seed} {story.__name__} {user.email}")

        def run() -> None:
            story(own, dice)

        thread = threading.Thread(target=run, name=f"{story.__name__} {user.email}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _send_campaigns(self, user: User, dice: random.Random) -> None:
        targets = [*self._world.retailers, *self._world.silent]
        started = time.monotonic()
        for number in itertools.count():
            if self._stop.wait(max(0.0, started + number * PACE - time.monotonic())):
                return
            name = f"{user.email} {number}"
            created = self._post(user, "/api/v1/campaigns", campaign(name))
            if created is None:
                continue
            self.accepted.campaigns[created["id"]] = name
            wanted = dice.sample(targets, dice.randint(len(targets) // 2, len(targets)))
            path = f"/api/v1/campaigns/{created['id']}"
            if self._post(user, f"{path}/send", {"retailerIds": wanted}) is not None:
                self.accepted.invites[created["id"]] = set(wanted)
                if dice.random() < 0.3:
                    self._post(user, f"{path}/status", {"status": "ResponsesIn"})

    def _respond(self, user: User, dice: random.Random) -> None:
        while not self._stop.is_set():
            inbox = self._get(user, "/api/v1/campaigns/invites?status=Pending&pageSize=50")
            for invite in inbox["items"] if inbox else []:
                if self._stop.is_set():
                    return
                response = dice.choice(["Accepted", "Declined"])
                path = f"/api/v1/campaigns/invites/{invite['id']}/respond"
                if self._post(user, path, {"response": response}) is not None:
                    self.accepted.responses[invite["id"]] = response
            self._stop.wait(0.2)

    def _talk(self, user: User, dice: random.Random) -> None:
        threads: list[str] = []
        for number in itertools.count():
            if self._stop.is_set():
                return
            text = f"{user.email} says {number}"
            if len(threads) < 5:
                retailer = dice.choice(list(self._world.retailers))
                body = {"retailerId": retailer, "subject": f"Talk {number}", "firstMessage": text}
                opened = self._post(user, "/api/v1/messaging/threads", body)
                if opened is not None:
                    threads.append(opened["id"])
                continue
            posted = self._post(user, f"/api/v1/messaging/threads/{dice.choice(threads)}/messages", {"body": text})
            if posted is not None:
                self.accepted.messages[posted["id"]] = text
            self._stop.wait(0.05)

    def _post(self, user: User, path: str, body: dict) -> dict | None:
        """The answer to a request that was accepted; None when nobody answered it for too long, or it was refused."""
        key = {"Idempotency-Key": str(uuid4())}
        return self._until_answered(lambda: user.post(path, body, headers=key), user)

    def _get(self, user: User, path: str) -> dict | None:
        return self._until_answered(lambda: user.get(path), user)

    def _until_answered(self, ask: Callable[[], requests.Response], user: User) -> dict | None:
        deadline = time.monotonic() + GIVE_UP
        while time.monotonic() < deadline:
            try:
                answer = ask()
            except (requests.RequestException, AssertionError):  # nobody there, or sign-in was refused
                time.sleep(0.2)
                continue
            if answer.status_code == 401:
                user.session.headers.pop("Authorization", None)
            if answer.status_code not in AGAIN or final(answer):
                with self._lock:
                    self.accepted.note(answer)
                return answer.json() if answer.ok else None
            time.sleep(0.2)
        with self._lock:
            self.accepted.unanswered += 1
        return None


def final(answer: requests.Response) -> bool:
    """Whether a 409 is about the thing itself and not about the first try still being under way."""
    return answer.status_code == 409 and answer.json().get("code") != "request_in_progress"


def campaign(name: str) -> dict[str, str]:
    return {
        "name": name,
        "description": "Sent while everything breaks.",
        "participationAsk": "Answer once.",
        "startDate": "2027-01-01T00:00:00Z",
        "endDate": "2027-02-01T00:00:00Z",
    }
