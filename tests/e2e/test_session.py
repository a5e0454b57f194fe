"""A browser's sign-in through the gateway: the cookie comes through, and a sign-in that ends is refused everywhere."""

import requests

from tests.e2e.harness import PASSWORD, until

OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


def test_a_browser_signs_in_renews_and_signs_out(platform, network):
    """http-contract, "Sign-in in a browser"."""
    browser, url = requests.Session(), f"{platform.url}/session"
    body = {"username": network.supplier.email, "password": PASSWORD}
    refused = browser.post(url, json=body, headers={"Sec-Fetch-Site": "cross-site"}, timeout=10)
    assert (refused.status_code, refused.json()["code"]) == (403, "cross_site")
    signed_in = browser.post(url, json=body, headers=OWN_PAGE, timeout=10)
    assert set(signed_in.json()) == {"access_token", "expires_in"}
    [cookie] = browser.cookies
    assert (cookie.name, cookie.path) == ("concord_session", "/session")

    renewed = browser.post(f"{url}/renew", headers=OWN_PAGE, timeout=10)
    assert renewed.status_code == 200
    assert next(iter(browser.cookies)).value != cookie.value
    bearer = {"Authorization": f"Bearer {renewed.json()['access_token']}"}

    def sessions():
        return requests.get(f"{platform.url}/api/v1/me/sessions", headers=bearer, timeout=10)

    [current] = [session for session in sessions().json()["items"] if session["current"]]
    assert (current["device"], current["address"]) == ("python-requests", "127.0.0.1")

    assert browser.delete(url, headers=OWN_PAGE, timeout=10).status_code == 204
    assert not browser.cookies
    until(lambda: sessions().status_code == 401)
    assert browser.post(f"{url}/renew", headers=OWN_PAGE, timeout=10).status_code == 204


def test_the_companys_admin_reads_who_signed_in(platform, network):
    network.supplier.sign_in()
    rows = network.supplier.get("/api/v1/tenant/sign-ins").json()["items"]
    assert {row["account"] for row in rows} == {network.supplier.email}
    assert {(row["how"], row["outcome"], row["address"]) for row in rows} == {("password", "ok", "127.0.0.1")}
