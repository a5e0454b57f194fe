"""Which settings are accepted, and that no refusal tells a password."""

from dataclasses import replace

import pytest

from chassis.process.settings import SettingsError
from services.notifier import service, settings
from tests.notifier.helpers import own_settings


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", ("mail.example", 25, "plain", None, "")),
        ("smtp://mail.example:1025/", ("mail.example", 1025, "plain", None, "")),
        ("smtp://u:p@mail.example?starttls=true", ("mail.example", 587, "starttls", "u", "p")),
        ("smtps://u%40x:p%2F%3A@mail.example", ("mail.example", 465, "tls", "u@x", "p/:")),
        ("smtps://mail.example:2465?starttls=false", ("mail.example", 2465, "tls", None, "")),
    ],
)
def test_mail_servers_as_they_are_written(configure, url, expected):
    configure(SMTP_URL=url)
    server = own_settings().smtp
    assert (server.host, server.port, server.security, server.user, server.password) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://u:hunter2@mail.example",
        "smtp://",
        "smtp://u:hunter2@mail.example",
        "smtp://u:hunter2@mail.example:port?starttls=true",
        "smtps://u:hunter2@mail.example/path",
        "smtps://u:hunter2@mail.example?tls=true",
        "smtp://u:hunter2@mail.example?starttls=yes",
    ],
)
def test_a_wrong_address_is_refused_without_telling_the_password(configure, url):
    configure(SMTP_URL=url)
    with pytest.raises(SettingsError, match="CONCORD_SMTP_URL") as refused:
        own_settings()
    assert "hunter2" not in str(refused.value)


def test_every_wrong_setting_is_named_at_once(configure):
    configure(SMTP_URL="x", MAIL_FROM="nobody", MAIL_DOMAIN="a b", SMTP_TIMEOUT="soon")
    with pytest.raises(SettingsError) as refused:
        own_settings()
    for name in ("SMTP_URL", "MAIL_FROM", "MAIL_DOMAIN", "SMTP_TIMEOUT"):
        assert f"CONCORD_{name}" in str(refused.value)


def test_credentials_are_not_in_what_gets_printed(configure):
    configure(SMTP_URL="smtps://user:hunter2@mail.example")
    assert "hunter2" not in repr(own_settings())
    assert "user" not in repr(own_settings().smtp)


def test_production_needs_a_mail_server(notifier, configure):
    runtime = notifier.runtime
    runtime.settings = replace(runtime.settings, environment="production")
    with pytest.raises(SettingsError, match="CONCORD_SMTP_URL: required in production"):
        service.check(runtime.settings)
    with pytest.raises(SettingsError, match="CONCORD_SMTP_URL"):
        service.schedule[0].run(runtime)


def test_a_lease_outlives_any_attempt(configure):
    configure(SMTP_TIMEOUT=2)
    assert own_settings().lease.total_seconds() > own_settings().deadline > 3 * own_settings().timeout


def test_production_needs_a_secret_and_keeps_webhooks_out_of_its_own_network(notifier, configure):
    production = replace(notifier.runtime.settings, environment="production", public_url="https://concord.example")
    configure(SMTP_URL="smtp://mail.example", WEBHOOK_LOOPBACK="true")
    with pytest.raises(SettingsError, match=r"NOTIFIER_SECRET: required(.|\n)*WEBHOOK_LOOPBACK: not in production"):
        service.check(production)
    configure(WEBHOOK_LOOPBACK="false", NOTIFIER_SECRET="s" * 32)
    service.check(production)
    assert not settings.of(production).webhook_loopback
    assert "sss" not in repr(own_settings())


@pytest.mark.parametrize("public", ["http://localhost:8080", "http://concord.example"])
def test_production_links_mails_to_where_one_click_is_safe(notifier, configure, public):
    """RFC 8058: a link to unsubscribe is one of https; and this machine is nobody else's."""
    configure(SMTP_URL="smtp://mail.example", NOTIFIER_SECRET="s" * 32)
    production = replace(notifier.runtime.settings, environment="production", public_url=public)
    with pytest.raises(SettingsError, match="CONCORD_PUBLIC_URL"):
        service.check(production)
    service.check(replace(production, public_url="https://concord.example"))
    service.check(replace(production, environment="dev"))


def test_a_development_machine_may_forbid_webhooks_to_itself(notifier, configure):
    assert own_settings(notifier).webhook_loopback
    configure(WEBHOOK_LOOPBACK="false")
    assert not own_settings(notifier).webhook_loopback


def test_a_short_secret_is_refused_and_not_told(configure):
    configure(NOTIFIER_SECRET="hunter2")
    with pytest.raises(SettingsError, match="CONCORD_NOTIFIER_SECRET") as refused:
        own_settings()
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "http://localhost:8080/console"),
        ({"CONSOLE_URL": "https://console.example/"}, "https://console.example"),
        ({"CONSOLE_URL": "https://concord.example/console"}, "https://concord.example/console"),
    ],
)
def test_the_links_of_mails_begin_with_the_consoles_address(notifier, configure, variables, expected):
    configure(**variables)
    assert own_settings(notifier).console_url == expected


@pytest.mark.parametrize("url", ["console", "javascript:alert(1)", "https://x.example/?a=b", "https://x.example/ y"])
def test_a_console_that_is_no_address_is_refused(configure, url):
    configure(CONSOLE_URL=url)
    with pytest.raises(SettingsError, match="CONCORD_CONSOLE_URL"):
        own_settings()


def test_production_leads_to_a_console_over_https(notifier, configure):
    configure(SMTP_URL="smtp://mail.example", NOTIFIER_SECRET="s" * 32, CONSOLE_URL="http://console.example")
    production = replace(notifier.runtime.settings, environment="production", public_url="https://concord.example")
    with pytest.raises(SettingsError, match="CONCORD_CONSOLE_URL"):
        service.check(production)


@pytest.mark.parametrize(("rate", "amount"), [(None, 30), ("5/minute", 5)])
def test_how_much_of_one_kind_a_recipient_gets(configure, monkeypatch, rate, amount):
    monkeypatch.delenv("CONCORD_MAIL_RECIPIENT_RATE")
    configure(**({"MAIL_RECIPIENT_RATE": rate} if rate else {}))
    assert own_settings().recipient_rate.amount == amount
