"""The plain pages that mails lead to (issue, point 8): they work without scripts, and keep the token to themselves."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from services.identity.account import pages
from tests.identity.conftest import is_oauth_error
from tests.identity.test_recovery import ANNA, NEW, answer_all, ask, enforce_sso

INES = "ines@nordic-heating.example"


class Page(HTMLParser):
    """A page as a browser and a screen reader take it: ``elements`` with their attributes, and the ``text``."""

    def __init__(self, answer):
        super().__init__()
        self.status = answer.status_code
        assert self.status in (200, 422), answer.get_data(as_text=True)
        assert answer.content_type == "text/html; charset=utf-8"
        self.headers, self.source = answer.headers, answer.get_data(as_text=True)
        self.elements, self.text, self.style = [], "", ""
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.elements and self.elements[-1][0] == "style" and not self.style:
            self.style = data
        else:
            self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def input(self, name):
        (field,) = [attributes for attributes in self.all("input") if attributes.get("name") == name]
        return field

    def said_of(self, name):
        """What a screen reader says of a field: the texts that it is described by."""
        ids = self.input(name).get("aria-describedby", "").split()
        assert all(any(attributes.get("id") == id for _, attributes in self.elements) for id in ids)
        return ids


def get(identity, path, **query):
    return Page(identity.nobody.get(f"/account/{path}", query_string=query))


def post(identity, path, headers=None, **form):
    return Page(identity.nobody.post(f"/account/{path}", data=form, headers=headers))


@pytest.fixture
def ines(identity, tenant):
    """Somebody who is invited; the id of the user."""
    return identity.invited(tenant)


@pytest.fixture
def by_provider(identity):
    """The token of somebody who is invited where people sign in by the company's own sign-in only."""
    other = identity.tenant("Fjord <i>Retail</i>", "Retailer", slug="fjord")
    invited = identity.invited(other, "kari@fjord.example", "RetailerViewer")
    enforce_sso(identity, other)
    return identity.link(invited, "invitation").token


@pytest.fixture
def every_page(identity, anna, ines, by_provider):
    token, invitation = identity.link(anna).token, identity.link(ines, "invitation").token
    return {
        "password": get(identity, "password", token=token),
        "password refused": post(identity, "password", token=token, password="kort"),
        "invitation": get(identity, "invitation", token=invitation),
        "invitation by a provider": get(identity, "invitation", token=by_provider),
        "invitation refused": post(identity, "invitation", token=invitation, password="kort", name=""),
        "recover": get(identity, "recover"),
        "recover refused": post(identity, "recover", email=""),
        "asked": post(identity, "recover", email=ANNA),
        "no link": get(identity, "password", token="x"),
        "done": post(identity, "password", token=token, password=NEW),
        "welcome": post(identity, "invitation", token=invitation, password=NEW, name="Ines"),
    }


def test_no_page_has_a_script_or_anything_from_elsewhere(every_page):
    for name, page in every_page.items():
        tags = {tag for tag, _ in page.elements}
        assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base"}, name
        assert not re.search(r"\son\w+=|url\(|@import|style=\"", page.source), name
        for attributes in (attributes for _, attributes in page.elements):
            for address in (attributes.get("action"), attributes.get("href")):
                own = ("/account/", "/session/sso/fjord", "http://localhost:8080/console")
                assert address is None or address.startswith(own), name


def test_the_policy_lets_that_one_style_in_and_nothing_else(every_page):
    for page in every_page.values():
        own = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
        assert page.headers["Content-Security-Policy"] == (
            f"default-src 'none'; style-src 'sha256-{own}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in page.headers


def test_every_page_can_be_read_and_used_by_everybody(every_page):
    """A language, one heading, a title, and a label for each field; a fault is text that the field points to."""
    for name, page in every_page.items():
        assert page.all("html") == [{"lang": "en"}], name
        assert len(page.all("h1")) == 1, name
        assert re.search(r"<title>.+</title>", page.source), name
        assert page.all("meta")[1]["content"] == "width=device-width, initial-scale=1"
        labels = {attributes["for"] for attributes in page.all("label")}
        for field in page.all("input"):
            hidden = field.get("type") == "hidden" or field.get("aria-hidden") == "true"
            assert hidden or field["id"] in labels, name
        assert sum("autofocus" in field for field in page.all("input")) == ("refused" in name), name
        assert page.source.count("<title>Error: ") == ("refused" in name), name
    refused = every_page["invitation refused"]
    assert refused.said_of("name") == ["name-fault"]
    assert refused.said_of("password") == ["password-hint", "password-fault"]
    assert refused.input("name")["aria-invalid"] == "true"
    assert "between 12 and 128 characters" in refused.text
    assert every_page["invitation"].said_of("password") == ["password-hint"]


def test_the_token_is_in_the_hidden_field_and_nowhere_else(identity, anna):
    token = identity.link(anna).token
    page = get(identity, "password", token=token)
    assert page.input("token") == {"type": "hidden", "name": "token", "value": token}
    assert page.source.count(token) == 1
    assert token not in str(page.headers)


def test_a_password_is_set_by_the_form(identity, anna):
    """Also by way of the page that asks for the mail."""
    assert "mail with a link is on its way" in post(identity, "recover", email=f" {ANNA} ").text
    (event,) = answer_all(identity)
    assert event["data"]["userId"] == anna
    token = identity.link(anna).token
    page = get(identity, "password", token=token, utm_source="mail")
    assert ANNA in page.text
    refused = post(identity, "password", token=token, password="password1234")
    assert "Many people use this password" in refused.text
    assert refused.input("token")["value"] == token
    assert "value" not in refused.input("password")
    done = post(identity, "password", token=token, password="ett la\u030angt nytt lo\u0308senord")
    assert "Sign in with the new password" in done.text
    assert done.all("a")[0]["href"].endswith("/console")
    assert identity.sign_in(password="ett långt nytt lösenord").status_code == 200
    is_oauth_error(identity.sign_in(), 400, "invalid_grant")


def test_looking_at_a_link_changes_nothing(identity, anna, ines):
    """Programs look at the links of mails before people do."""
    token, invitation = identity.link(anna).token, identity.link(ines, "invitation").token
    before = identity.rows()
    for _ in range(3):
        get(identity, "password", token=token)
        get(identity, "invitation", token=invitation)
        get(identity, "recover")
    assert identity.rows() == before
    assert "is set" in post(identity, "password", token=token, password=NEW).text


def test_an_invitation_is_accepted_by_the_form(identity, ines):
    token = identity.link(ines, "invitation").token
    page = get(identity, "invitation", token=token)
    assert "Join Nordic Heating" in page.text
    assert INES in page.text
    assert page.input("name")["value"] == "Anna", "the name that the invitation gave"
    for name, password in (("", NEW), ("a\u202eb", NEW), ("Ines", "kort"), ("x" * 201, "kort")):
        refused = post(identity, "invitation", token=token, name=name, password=password)
        assert refused.input("name")["value"] == name
        assert "Error:" in refused.text
    is_oauth_error(identity.sign_in(INES, NEW), 400, "invalid_grant")
    welcome = post(identity, "invitation", token=token, name="Inès 👩🏽‍🔧 שרה", password=NEW)
    assert "Welcome" in welcome.text
    signed_in = identity.sign_in(INES, NEW)
    assert identity.claims(signed_in.json["access_token"])["name"] == "Inès 👩🏽‍🔧 שרה"
    assert "no longer valid" in post(identity, "invitation", token=token, name="X", password=NEW).text


def test_where_no_password_counts_none_is_asked_for(identity, by_provider):
    """Neither when the page is opened nor when the form of an older page comes."""
    form = {"token": by_provider, "name": "Kari", "password": NEW}
    for page in (get(identity, "invitation", token=by_provider), post(identity, "invitation", **form)):
        assert (page.all("input"), page.all("form")) == ([], [])
        assert "Join Fjord <i>Retail</i>" in page.text
        assert "kari@fjord.example" in page.text
        assert page.all("i") == []
        assert [link["href"] for link in page.all("a")] == ["/session/sso/fjord"]
        assert by_provider not in page.source
    is_oauth_error(identity.sign_in("kari@fjord.example", NEW), 400, "invalid_grant")


def test_links_that_are_not_good_are_answered_alike(identity, anna, ines):
    """Nothing of the account, and a way to a new link."""
    good = identity.link(anna).token
    used = identity.link(ines, "invitation").token
    post(identity, "invitation", token=used, name="Ines", password=NEW)
    asked = [get(identity, "password", token=token) for token in ("", "x", good[:-1], used)]
    asked += [get(identity, "password"), get(identity, "invitation", token=good), get(identity, "invitation")]
    asked += [post(identity, "password", token=token, password=NEW) for token in ("", "x\x00", used)]
    asked += [post(identity, "password"), post(identity, "invitation", token=good, name="X", password=NEW)]
    assert len({page.source for page in asked}) == 1
    assert "no longer valid" in asked[0].text
    assert asked[0].all("a")[0]["href"] == "/account/recover"
    assert "is set" in post(identity, "password", token=good, password=NEW).text


def test_every_address_gets_the_same_page(identity, anna):
    known, unknown = (post(identity, "recover", email=email) for email in (ANNA, "nobody@x.example"))
    assert known.source == unknown.source


@pytest.mark.parametrize("email", ["", " ", "a\x00b@x.example", "a\u202e@x.example", "x" * 321])
def test_what_cannot_be_an_address_is_asked_for_again(identity, email):
    page = post(identity, "recover", email=email)
    assert page.said_of("email") == ["email-fault"]
    assert identity.rows()["asked_resets"] == 0


def test_what_people_type_is_text(identity, tenant, ines):
    """Names of tenants and people are shown as they are, whatever they look like."""
    identity.admin.patch(f"/api/v1/admin/tenants/{tenant}", json={"name": "<b>Åkeri & 'Son'</b>\" 🏭"})
    token = identity.link(ines, "invitation").token
    page = post(identity, "invitation", token=token, name='"><script>alert(1)</script>', password="kort")
    assert "Join <b>Åkeri & 'Son'</b>\" 🏭" in page.text
    assert page.input("name")["value"] == '"><script>alert(1)</script>'
    assert page.all("script") == page.all("b") == []
    assert post(identity, "recover", email='"><script>' + "x" * 320).all("script") == []


def test_an_invitation_of_a_suspended_company_says_so_and_stays_good(identity, tenant, ines):
    token = identity.link(ines, "invitation").token
    company = f"/api/v1/admin/tenants/{tenant}"
    identity.admin.patch(company, json={"suspended": True})
    before = identity.rows()
    form = {"token": token, "name": "Ines", "password": NEW}
    for answer in (
        identity.nobody.get("/account/invitation", query_string={"token": token}),
        identity.nobody.post("/account/invitation", data=form),
    ):
        assert (answer.status_code, answer.content_type) == (403, "text/html; charset=utf-8")
        assert "access is suspended" in answer.get_data(as_text=True)
    assert identity.rows() == before
    identity.admin.patch(company, json={"suspended": False})
    assert "Welcome" in post(identity, "invitation", **form).text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_forms_of_foreign_pages_are_refused(identity, anna, site):
    """A browser says where a form was; older ones and programs do not, and there the token decides."""
    token = identity.link(anna).token
    for path, form in (("password", {"token": token, "password": NEW}), ("recover", {"email": ANNA})):
        answer = identity.nobody.post(f"/account/{path}", data=form, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403
        assert answer.content_type == "text/html; charset=utf-8"
    assert identity.rows()["asked_resets"] == 0
    page = post(identity, "password", {"Sec-Fetch-Site": "same-origin"}, token=token, password=NEW)
    assert "is set" in page.text


def test_a_fault_that_is_no_fields_is_a_page_for_people(identity, anna):
    answer = identity.nobody.put("/account/password")
    assert (answer.status_code, answer.content_type) == (405, "text/html; charset=utf-8")
    assert identity.nobody.get("/account/nothing").content_type == "text/html; charset=utf-8"


def test_asking_by_the_page_and_by_the_api_is_the_same(identity, anna):
    """The limits are shared, and so is what comes of it."""
    for _ in range(15):
        ask(identity, address="192.0.2.1")
        post(identity, "recover", {"X-Concord-Client": "192.0.2.1"}, email=ANNA)
    assert identity.rows()["asked_resets"] == 20


def test_the_style_reads_well_in_both_lights():
    """WCAG 2.2, 1.4.3: at least 4.5 to 1 between text and ground, in light and dark."""

    def luminance(color):
        parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    blocks = re.findall(r":root \{(.*?)\}", pages.STYLE, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        colors = dict(re.findall(r"--([\w-]+): (#\w{6})", block))
        pairs = [
            ("text", "card"),
            ("quiet", "card"),
            ("brand", "card"),
            ("on-brand", "brand"),
            ("fault", "fault-ground"),
        ]
        for text, ground in pairs:
            dark, light = sorted((luminance(colors[text]), luminance(colors[ground])))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)
