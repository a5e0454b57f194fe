"""A browser at the platform's public address: it keeps cookies as browsers do, and says which page sends a request."""

from html.parser import HTMLParser
from http.cookies import Morsel, SimpleCookie
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from tests.e2e.harness import Platform

OWN_PAGE, TYPED, OTHER_SITE = "same-origin", "none", "cross-site"
"""Where a request comes from: a page of ours, the address bar or a mail, or a page of another site."""


class Browser:
    """Redirects are followed one by one, so that a test sees each of them."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.base = f"http://localhost:{platform.port}"
        self.cookies: dict[str, Morsel[str]] = {}
        self.bearer: dict[str, str] = {}

    def send(self, method: str, path: str, *, site: str = OWN_PAGE, **options: Any) -> requests.Response:
        """``path`` may be a whole address of ours. From another site no ``SameSite=Strict`` cookie goes along."""
        url = urljoin(self.base, path)
        sent = [cookie for cookie in self.cookies.values() if self._goes_along(cookie, urlsplit(url).path, site)]
        headers = {"Sec-Fetch-Site": site, **self.bearer}
        if sent:
            headers["Cookie"] = "; ".join(f"{cookie.key}={cookie.value}" for cookie in sent)
        answer = requests.request(method, url, headers=headers, allow_redirects=False, timeout=40, **options)
        for line in answer.raw.headers.getlist("Set-Cookie"):
            self._keep(SimpleCookie(line))
        return answer

    def sign_in(self, email: str, password: str) -> requests.Response:
        return self._as_signed_in(self.send("POST", "/session", json={"username": email, "password": password}))

    def renew(self) -> requests.Response:
        """As a page of ours does when it opens."""
        return self._as_signed_in(self.send("POST", "/session/renew"))

    def me(self) -> dict[str, Any]:
        answer = self.send("GET", "/api/v1/me")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def start_sso(self, address: str) -> requests.Response:
        """Our answer where single sign-on begins."""
        return self.send("GET", address, site=TYPED)

    def at_provider(self, started: requests.Response) -> str:
        """Where the provider sends the browser back to."""
        assert started.status_code == 303, started.text
        back = requests.get(started.headers["Location"], allow_redirects=False, timeout=20)
        assert back.status_code == 302, back.text
        return back.headers["Location"]

    def come_back(self, location: str) -> requests.Response:
        """Our answer to who comes from the provider's site."""
        return self.send("GET", location, site=OTHER_SITE)

    def sign_in_by_provider(self, address: str) -> requests.Response:
        """The whole way; our last answer. Who was let in has an access token from then on."""
        answer = self.come_back(self.at_provider(self.start_sso(address)))
        if answer.status_code == 303:
            assert self.renew().status_code == 200
        return answer

    def _as_signed_in(self, answer: requests.Response) -> requests.Response:
        if answer.status_code == 200:
            self.bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return answer

    def _goes_along(self, cookie: Morsel[str], path: str, site: str) -> bool:
        is_below = path == cookie["path"] or path.startswith(cookie["path"].rstrip("/") + "/")
        return is_below and not (site == OTHER_SITE and cookie["samesite"].lower() == "strict")

    def _keep(self, jar: SimpleCookie) -> None:
        for name, cookie in jar.items():
            if cookie["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = cookie


class Page(HTMLParser):
    """A page as a person reads it: its ``text``, where its ``links`` lead, and the ``fields`` of its form."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__()
        assert answer.headers["Content-Type"].startswith("text/html"), answer.text
        self.text, self.links, self.action = "", [], ""
        self.fields: dict[str, str] = {}
        self._in_style = False
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self._in_style = tag == "style"
        if tag == "a":
            self.links.append(known.get("href") or "")
        if tag == "form":
            self.action = known.get("action") or ""
        if tag == "input" and known.get("name"):
            self.fields[str(known["name"])] = known.get("value") or ""

    def handle_data(self, data: str) -> None:
        if not self._in_style:
            self.text += data


def is_page(answer: requests.Response, status: int, words: str) -> Page:
    """An answer that says these words to a person."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    page = Page(answer)
    assert words in page.text, page.text
    return page
