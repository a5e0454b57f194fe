"""Parts of the platform go away and come back; what was accepted is not lost and what was refused left nothing."""

import signal
from urllib.parse import urlsplit

import pytest

from tests.e2e import harness
from tests.e2e.harness import Forwarder, build_network, until
from tests.notifier.helpers import Inbox, mail_server
from tests.plugin import RABBITMQ

CAMPAIGN = {
    "name": "Faulty Towers",
    "description": "d",
    "participationAsk": "p",
    "startDate": "2027-01-01T00:00:00Z",
    "endDate": "2027-02-01T00:00:00Z",
}


@pytest.fixture(scope="module", params=["embedded", pytest.param("real", marks=pytest.mark.real)])
def fragile(request, tmp_path_factory):
    """A platform of its own whose broker (on the real engines) and mail server can be unplugged."""
    home = tmp_path_factory.mktemp(f"fragile-{request.param}")
    inbox = Inbox()
    with getattr(harness, request.param)(home) as engines, mail_server(inbox) as smtp_port:
        broker, smtp = Forwarder(RABBITMQ), Forwarder(("127.0.0.1", smtp_port))
        extra = {"CONCORD_SMTP_URL": f"smtp://127.0.0.1:{smtp.port}"}
        if engines.name == "real":
            path = urlsplit(engines.environment["CONCORD_BROKER_URL"]).path
            extra["CONCORD_BROKER_URL"] = f"amqp://guest:guest@127.0.0.1:{broker.port}{path}"
        running = harness.Platform(home, engines, extra, inbox=inbox)
        running.broker, running.smtp = broker, smtp
        try:
            running.start_all()
            yield running
        finally:
            running.stop_all()
            broker.close()
            smtp.close()


@pytest.fixture
def network(fragile):
    return build_network(fragile, retailers=2)


def send(network, **kwargs):
    campaign = network.supplier.post("/api/v1/campaigns", CAMPAIGN).json()["id"]
    answer = network.supplier.post(
        f"/api/v1/campaigns/{campaign}/send", {"retailerIds": list(network.retailers)}, **kwargs
    )
    return campaign, answer


def mailed(fragile, network):
    """Who got the mail about the campaign; there are others, about the relationship it rests on."""
    wanted = {retailer.email for retailer in network.retailers.values()}
    mails = fragile.mailbox()
    return sorted(mail["to"] for mail in mails if mail["to"] in wanted and CAMPAIGN["name"] in mail["subject"])


def test_with_the_broker_down_requests_succeed_and_events_go_out_later(fragile, network):
    if fragile.engines.name == "embedded":
        pytest.skip("the embedded broker is a file; it does not go away")
    fragile.broker.pull()
    campaign, answer = send(network)
    assert answer.status_code == 200
    assert network.supplier.get(f"/api/v1/campaigns/{campaign}").json()["inviteCount"] == 2
    assert mailed(fragile, network) == []
    fragile.broker.plug_in()
    until(lambda: len(mailed(fragile, network)) == 2, within=60, what="the mails after the broker is back")


def test_with_the_mail_server_down_the_invite_stands_and_the_mail_goes_out_later(fragile, network):
    fragile.smtp.pull()
    _, answer = send(network)
    assert answer.json()["invitesCreated"] == 2
    retailer = next(iter(network.retailers.values()))

    def delivery():
        items = retailer.get("/api/v1/notifications/deliveries?topic=invite").json()["items"]
        return next((item for item in items if item["attempts"] > 0), None)

    waiting = until(delivery, what="a failed attempt")
    assert waiting["state"] in ("new", "sending")
    assert retailer.get("/api/v1/campaigns/invites").json()["totalItems"] == 1
    fragile.smtp.plug_in()
    until(lambda: len(mailed(fragile, network)) == 2, within=90, what="the mails after the server is back")


def test_with_prm_down_sending_is_503_and_the_same_request_works_later(fragile, network):
    fragile.kill("prm")
    campaign, refused = send(network)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    detail = network.supplier.get(f"/api/v1/campaigns/{campaign}").json()
    assert (detail["status"], detail["inviteCount"]) == ("Draft", 0)
    fragile.start("prm")
    fragile.wait_until_ready("prm")
    body = {"retailerIds": list(network.retailers)}

    def works():
        answer = network.supplier.post(f"/api/v1/campaigns/{campaign}/send", body)
        return answer.status_code == 200 and answer

    assert until(works, within=40, what="the same request working").json()["invitesCreated"] == 2


def test_with_identity_down_signed_in_users_go_on(fragile, network):
    assert network.supplier.get("/api/v1/campaigns").status_code == 200
    retailer = next(iter(network.retailers.values()))
    assert retailer.get("/api/v1/campaigns/invites").status_code == 200
    fragile.kill("identity")
    try:
        _, answer = send(network)
        assert answer.json()["invitesCreated"] == 2
        assert retailer.get("/api/v1/campaigns/invites").json()["totalItems"] == 1
        assert network.supplier.get("/api/v1/me").status_code in (502, 503)
    finally:
        fragile.start("identity")
        fragile.wait_until_ready("identity")


@pytest.mark.parametrize("name", ["campaigns", "prm", "notifier"])
def test_a_service_killed_right_after_it_answered_loses_nothing(fragile, network, name):
    _, answer = send(network)
    assert answer.status_code == 200
    fragile.kill(name)
    fragile.start(name)
    fragile.wait_until_ready(name)
    until(lambda: len(mailed(fragile, network)) >= 2, within=60, what="the mails")
    assert set(mailed(fragile, network)) == {retailer.email for retailer in network.retailers.values()}


def test_every_process_stops_cleanly(fragile):
    """The last test of this platform: all are told at once, as by an orchestrator."""
    for process in fragile.processes.values():
        process.send_signal(signal.SIGTERM)
    for name, process in fragile.processes.items():
        assert process.wait(30) == 0, fragile.log(name)[-2000:]
    fragile.processes.clear()
