"""A browser at the running platform: its cookie, pages of the platform's own origin, forms, and links of mails."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

from tests.e2e.harness import until

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
COOKIE = "concord_session"


class Form(HTMLParser):
    """The one form of a page: where it goes, and what its fields hold."""

    def __init__(self, page):
        super().__init__()
        self.fields = {}
        self.action = self.method = ""
        self.scripts = 0
        self.feed(page.text)
        self.url = urljoin(page.url, self.action)

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        if tag == "form":
            self.action, self.method = known.get("action") or "", (known.get("method") or "get").lower()
        if tag == "input" and known.get("name"):
            self.fields[known["name"]] = known.get("value") or ""
        self.scripts += tag == "script"

    def send(self, **values):
        assert self.method == "post"
        assert set(values) <= set(self.fields), self.fields
        return requests.post(self.url, data=self.fields | values, timeout=20)


class Browser:
    """A browser at the platform: its cookie jar, and the access token that its page remembers."""

    def __init__(self, platform):
        self.platform = platform
        self.session = requests.Session()
        self.session.trust_env = False
        self.caller = {}

    def post(self, path, body=None, headers=SAME_ORIGIN):
        return self.session.post(self.platform.url + path, json=body, headers=headers, timeout=20)

    def sign_in(self, email, password, **more):
        return self._keep(self.post("/session", {"username": email, "password": password, **more}))

    def renew(self):
        return self._keep(self.post("/session/renew"))

    def passkey_options(self, **body):
        answer = self.post("/session/passkey/options", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def show_passkey(self, credential, **more):
        return self._keep(self.post("/session/passkey", {"credential": credential, **more}))

    def as_caller(self, answer):
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def get(self, path, headers=None):
        return self.session.get(self.platform.url + path, headers=headers or self.caller, timeout=20)

    def ask(self, method, path, body=None):
        """As whoever has signed in here last."""
        url = self.platform.url + path
        return self.session.request(method, url, json=body, headers=SAME_ORIGIN | self.caller, timeout=20)

    def _keep(self, answer):
        if answer.status_code == 200:
            self.caller = self.as_caller(answer)
        return answer


def link_in(platform, email, path, *, count=1):
    """The link of the newest mail to somebody that leads to a page of accounts, on this platform, and all such mails;
    waits for so many."""

    def arrived():
        mails = [mail for mail in platform.mailbox(email) if path in mail["text"]]
        return mails if len(mails) >= count else []

    mails = until(arrived, what=f"mail to {email}")
    link = next(word for word in mails[-1]["text"].split() if path in word)
    split = urlsplit(link)
    return f"{platform.url}{split.path}?{split.query}", mails
