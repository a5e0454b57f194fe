"""A browser as far as ``/session`` sees it: it keeps its cookie, and says which page sends a request."""

import threading
from http.cookies import Morsel, SimpleCookie
from typing import Any

from tests.identity.conftest import PASSWORD

OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
ANNA = "anna@nordic-heating.example"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)


def cookie_of(answer: Any) -> Morsel[str] | None:
    """The one cookie that an answer sets."""
    lines = answer.headers.getlist("Set-Cookie")
    assert len(lines) <= 1
    return next(iter(SimpleCookie(lines[0]).values()), None) if lines else None


def together(work: Any, times: int) -> list[Any]:
    """The results of so many threads that begin at once."""
    results, start = [], threading.Barrier(times)

    def run() -> None:
        start.wait()
        results.append(work())

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == times
    return results


class Browser:
    """One browser: its cookie, its address and its ``User-Agent``."""

    def __init__(self, identity: Any, address: str = "192.0.2.1", device: str = FIREFOX) -> None:
        self.identity = identity
        self.sent = {"X-Concord-Client": address, "User-Agent": device, **OWN_PAGE}
        self.cookie: tuple[str, str] | None = None

    def sign_in(self, username: str = ANNA, password: str = PASSWORD, **more: Any) -> Any:
        return self.send("POST", "/session", json={"username": username, "password": password, **more})

    def renew(self) -> Any:
        return self.send("POST", "/session/renew")

    def sign_out(self) -> Any:
        return self.send("DELETE", "/session")

    def with_cookie(self, value: str) -> "Browser":
        """Another tab, or a thief, with this value of the cookie."""
        other = Browser(self.identity, self.sent["X-Concord-Client"], self.sent["User-Agent"])
        other.cookie = ("concord_session", value)
        return other

    def send(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> Any:
        cookie = {"Cookie": "=".join(self.cookie)} if self.cookie else {}
        answer = self.identity.nobody.open(path, method=method, headers=self.sent | cookie | (headers or {}), **options)
        if morsel := cookie_of(answer):
            self.cookie = (morsel.key, morsel.value) if morsel.value else None
        return answer
