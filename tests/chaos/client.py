"""A user who repeats a request until it is answered, as a client is told to; and what was accepted of all of theirs."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import requests

from tests.e2e.harness import User

GIVE_UP = 90.0  # seconds a user tries the same request
AGAIN = {401, 409, 429, 500, 502, 503, 504}


class NotDone(Exception):
    """A request was refused, or nobody answered it for too long; it is noted where it belongs."""


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
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def note(self, answer: requests.Response, *, repeated: bool) -> None:
        """Write an answer down. What is not there any more, or has its new state, was done by the request before it,
        which got no answer; a POST has its key for that."""
        with self.lock:
            self.answered += 1
            if not answer.ok and not (repeated and answer.request.method != "POST"):
                self.refused.append(
                    f"{answer.request.method} {answer.request.path_url}: {answer.status_code} {answer.text}"
                )

    def give_up(self) -> None:
        with self.lock:
            self.unanswered += 1


class Client:
    """One user in one thread. Every method returns the answer's JSON, or raises :class:`NotDone`."""

    def __init__(self, user: User, accepted: Accepted) -> None:
        self.user = User(user.base, user.email, user.password)  # a session belongs to one thread
        self._accepted = accepted

    def get(self, path: str) -> Any:
        return self._insist("GET", path, None)

    def post(self, path: str, body: Any = None) -> Any:
        return self._insist("POST", path, body, headers={"Idempotency-Key": str(uuid4())})

    def put(self, path: str, body: Any = None) -> Any:
        return self._insist("PUT", path, body)

    def patch(self, path: str, body: Any) -> Any:
        return self._insist("PATCH", path, body)

    def delete(self, path: str) -> Any:
        return self._insist("DELETE", path, None)

    def sign_in_again(self) -> None:
        """What comes next has a sign-in of its own, which counts as fresh (step-up)."""
        self.user.session.headers.pop("Authorization", None)

    def follow(self, code: str) -> str | None:
        """Follow a link as somebody new; the click's id, None where the link led to the fallback."""
        answer = self._repeat(lambda: self._open(f"{self.user.base}/r/{code}"))
        return parse_qs(urlsplit(answer.headers["Location"]).query).get("clickId", [None])[0]

    def _open(self, address: str) -> requests.Response | None:
        answer = requests.get(address, allow_redirects=False, timeout=20)
        return answer if answer.status_code == 302 else None

    def _insist(self, method: str, path: str, body: Any, **kwargs: Any) -> Any:
        tries = 0

        def ask() -> requests.Response | None:
            nonlocal tries
            tries += 1
            answer = self.user.ask(method, path, body, **kwargs)
            if answer.status_code == 401:
                self.user.session.headers.pop("Authorization", None)
            return answer if answer.status_code not in AGAIN or is_final(answer) else None

        answer = self._repeat(ask)
        self._accepted.note(answer, repeated=tries > 1)
        if not answer.ok:
            raise NotDone(f"{method} {path}: {answer.status_code}")
        return answer.json() if answer.content else None

    def _repeat(self, ask: Callable[[], requests.Response | None]) -> requests.Response:
        deadline = time.monotonic() + GIVE_UP
        while time.monotonic() < deadline:
            try:
                answer = ask()
            except (requests.RequestException, AssertionError):  # nobody there, or sign-in was refused
                answer = None
            if answer is not None:
                return answer
            time.sleep(0.2)
        self._accepted.give_up()
        raise NotDone("nobody answered")


def is_final(answer: requests.Response) -> bool:
    """Whether a 409 is about the thing itself and not about the first try still being under way."""
    return answer.status_code == 409 and "Retry-After" not in answer.headers
