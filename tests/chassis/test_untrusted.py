"""Asking servers that a tenant has named: nothing they do holds us up, fills us up or leads us elsewhere.

What addresses are refused stands in ``tests/notifier/webhooks/test_ssrf_guard.py``.
"""

import pytest
import requests

from chassis.http import untrusted
from chassis.http.guarded import AskFailed, guard
from chassis.http.untrusted import NoAnswer
from tests.notifier.webhooks.receivers import Receiver, RudeReceiver, watched_connects

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def get(url, *, deadline=5.0, max_body=100, loopback=True):
    return untrusted.call("GET", url, None, {}, deadline=deadline, loopback=loopback, max_body=max_body)


@pytest.fixture
def session():
    with requests.Session() as guarded:
        guard(guarded, deadline=5.0, max_body=100, loopback=True)
        yield guarded


@pytest.mark.parametrize(
    "body", [b"Content-Length: 2\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"]
)
def test_an_answer(body):
    with RudeReceiver(OK + body) as server:
        reply = get(server.url)
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "application/json", b"{}")


@pytest.mark.parametrize("length", [b"Content-Length: 101\r\n\r\n", b"\r\n"])
def test_no_more_is_read_than_was_asked_for(length):
    with RudeReceiver(OK + length, b"x" * 101, endless=True) as server, pytest.raises(NoAnswer, match="100 bytes"):
        get(server.url)


def test_a_body_that_drips_is_cut_off():
    with RudeReceiver(OK + b"Content-Length: 1000000\r\n\r\n", b"x", pause=0.01, endless=True) as server:
        with pytest.raises(NoAnswer, match="within"):
            get(server.url, deadline=0.2, max_body=1_000_000)
        assert server.ended.wait(5), "the connection was left open"


def test_a_body_that_breaks_off_is_no_answer():
    broken = OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nx\r\n"
    with RudeReceiver(broken) as server, pytest.raises(NoAnswer, match="proper HTTP"):
        get(server.url)


def test_in_production_nothing_beside_us_is_asked():
    with Receiver() as server, watched_connects() as connects:
        for url in (server.url, server.url.replace("http:", "https:")):
            with pytest.raises(NoAnswer):
                get(url, loopback=False)
    assert connects == []


def test_a_guarded_session_reads_what_it_asked_for(session):
    with RudeReceiver(OK + b'Content-Length: 9\r\n\r\n{"a": "b"') as server:
        assert session.get(server.url).text == '{"a": "b"'


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["http://169.254.169.254/latest", "file:///etc/passwd", "/hook"])
def test_a_guarded_session_goes_nowhere_else(session, status, target):
    with Receiver() as server, watched_connects() as connects:
        server.answers.append((status, {"Location": target}))
        assert session.post(server.url, data="x").status_code == status
        assert len(server.taken) == 1
        assert len(connects) == 1


def test_a_guarded_session_keeps_to_the_guard(session, monkeypatch):
    with Receiver() as proxy, watched_connects() as connects:
        for name in ("http_proxy", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for url in ("http://10.0.0.1/", "https://169.254.169.254/", "http://[::ffff:127.0.0.1]/"):
            with pytest.raises(AskFailed, match="public"):
                session.get(url)
        with pytest.raises(AskFailed):
            session.get("ftp://login.example/")
    assert connects == []


def test_a_guarded_session_says_no_more_than_it_must(session, monkeypatch, tmp_path):
    """Neither cookies of an earlier answer's server elsewhere nor a password of this machine's."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with Receiver() as server:
        session.post(server.url, data="x")
        [(_path, headers, _body)] = server.taken
    assert "Authorization" not in headers
    assert headers["User-Agent"] == "Concord"
