"""Webhooks lead nowhere but to public addresses; what counts is where sockets are connected to."""

import socket
from ipaddress import IPv6Address, ip_address, ip_network

import pytest

from chassis.http import ssrf_guard, untrusted
from chassis.http.ssrf_guard import BadTarget
from services.notifier.webhooks import call as webhooks_call
from tests.notifier.certificates import make_certificate
from tests.notifier.webhooks.receivers import Receiver, RudeReceiver, watched_connects

FORBIDDEN = [
    "127.0.0.1",
    "127.1",
    "127.0.0.1.",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "localhost",
    "LOCALHOST.",
    "10.0.0.1",
    "10.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "169.254.169.254.",
    "2852039166",
    "0xa9fea9fe",
    "168.63.129.16",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:8.8.8.8]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[2001:db8::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fec0::1]",
    "[ff02::1]",
    "[100::1]",
]
BAD_URLS = [
    "http://hooks.example/",
    "ftp://hooks.example/",
    "gopher://hooks.example/",
    "file:///etc/passwd",
    "//hooks.example/",
    "hooks.example/hook",
    "https://",
    "https:///path",
    "https://user@hooks.example/",
    "https://hooks.example@127.0.0.1/",
    "https://127.0.0.1#@hooks.example/",
    "https://hooks.example/#part",
    "https://hooks.example\\@127.0.0.1/",
    "https://hooks.example/a b",
    "https://hooks.example/\r\nHost: other",
    "https://hooks.example/ü",
    "https://ⓛocalhost/",
    "https://%6c%6f%63%61lhost/",
    "https://hooks.example:22/",
    "https://hooks.example:0/",
    "https://hooks.example:99999/",
    "https://hooks.example:port/",
    "https://[::1/",
    "https://hooks..example/",
    "https://-hooks.example/",
    f"https://{'a' * 64}.example/",
    f"https://hooks.example/{'a' * 2000}",
]
GOOD_URLS = {
    "https://hooks.example": ("hooks.example", 443, "/", "hooks.example"),
    "https://Hooks.Example./in?tenant=1": ("hooks.example", 443, "/in?tenant=1", "hooks.example"),
    "https://hooks.example:8443/in": ("hooks.example", 8443, "/in", "hooks.example:8443"),
    "https://8.8.8.8/in": ("8.8.8.8", 443, "/in", "8.8.8.8"),
    "https://[2606:4700::1111]:4443/": ("2606:4700::1111", 4443, "/", "[2606:4700::1111]:4443"),
    "https://xn--bcher-kva.example/": ("xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
}


# IANA's special-purpose registries, multicast and what is reserved.
FORBIDDEN_NETWORKS = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
    *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    *("224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
    *("::/3", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16"),
    *("2620:4f:8000::/48", "3fff::/20", "4000::/2", "5f00::/16", "8000::/1", "fc00::/7", "fe80::/10", "ff00::/8"),
]


def call(url, *, loopback=False, deadline=5.0, body=b"{}"):
    return webhooks_call.post(url, body, {"Content-Type": "application/json"}, deadline=deadline, loopback=loopback)


@pytest.fixture
def names(monkeypatch):
    """``names["hooks.example"] = [[first answer's addresses], [second's]…]``: a name server of the test's own."""
    known = {}
    requests = []
    genuine = socket.getaddrinfo

    def look_up(host, port, *rest, **options):
        if host not in known:
            return genuine(host, port, *rest, **options)
        requests.append(host)
        addresses = known[host].pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    known["requests"] = requests
    return known


@pytest.mark.parametrize("port", ["", ":8443"])
@pytest.mark.parametrize("host", FORBIDDEN)
def test_no_socket_is_connected_to_an_address_of_ours(host, port):
    with watched_connects() as connects:
        answer = call(f"https://{host}{port}/latest/meta-data/")
    assert answer.status is None
    assert "public" in answer.error
    assert connects == []


@pytest.mark.parametrize("address", [host.strip("[]") for host in FORBIDDEN if host[0] in "12[" and "%" not in host])
def test_nor_by_a_name_that_has_such_an_address(names, address):
    names["hooks.example"] = [[address], ["8.8.8.8", address]]
    for _ in range(2):
        with watched_connects() as connects:
            answer = call("https://hooks.example/in")
        assert "public" in answer.error
        assert connects == []


@pytest.mark.parametrize("network", FORBIDDEN_NETWORKS)
def test_no_address_of_a_special_network_is_allowed(network):
    network = ip_network(network)
    size = network.num_addresses
    for offset in {0, min(1, size - 1), 9 % size, size // 3, size // 2, size - 1}:
        assert not ssrf_guard.is_allowed(str(network[offset]), loopback=False), network[offset]


@pytest.mark.parametrize("inner", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "168.63.129.16", "8.8.8.8"])
@pytest.mark.parametrize("form", ["mapped", "compatible", "6to4", "NAT64", "local NAT64", "Teredo", "Teredo client"])
def test_no_ipv6_form_of_an_ipv4_address_is_allowed(form, inner):
    """A relay on the way would turn it into the IPv4 address, also into a private one."""
    bits = int(ip_address(inner))
    address = {
        "mapped": 0xFFFF << 32 | bits,
        "compatible": bits,
        "6to4": 0x2002 << 112 | bits << 80,
        "NAT64": 0x64FF9B << 96 | bits,
        "local NAT64": 0x64FF9B0001 << 80 | bits,
        "Teredo": 0x20010000 << 96 | bits << 64,
        "Teredo client": 0x20010000 << 96 | 0x08080808 << 64 | bits ^ 0xFFFFFFFF,
    }[form]
    assert not ssrf_guard.is_allowed(str(IPv6Address(address)), loopback=False)


@pytest.mark.parametrize("url", BAD_URLS)
def test_what_is_no_https_url_is_refused_and_not_connected_to(url):
    with pytest.raises(BadTarget):
        ssrf_guard.parse(url, loopback=False)
    with watched_connects() as connects:
        assert call(url).status is None
    assert connects == []


@pytest.mark.parametrize("url", GOOD_URLS)
def test_a_public_target(url):
    target = ssrf_guard.parse(url, loopback=False)
    assert (target.host, target.port, target.path, target.authority) == GOOD_URLS[url]


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "2606:4700::1111"])
def test_public_addresses_are_allowed(address):
    assert ssrf_guard.is_allowed(address, loopback=False)


def test_a_development_machine_reaches_itself():
    with Receiver() as receiver:
        assert call(receiver.url, loopback=True).status == 204
        assert "public" in call(receiver.url.replace("http:", "https:")).error


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "127.0.0.2", "[::ffff:127.0.0.1]", "0.0.0.0"])
def test_a_development_machine_reaches_no_other_address_of_its_network(host):
    with watched_connects() as connects:
        assert "public" in call(f"http://{host}/", loopback=True).error
    assert connects == []


def test_a_name_is_asked_once_a_delivery_and_the_connection_goes_to_that_answer(names):
    """A name that means another address a moment later leads nowhere."""
    with Receiver() as receiver, watched_connects() as connects:
        port = receiver.server_address[1]
        names["rebinding.example"] = [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"]]
        url = f"http://rebinding.example:{port}/hook"
        assert call(url, loopback=True).status == 204
        assert names["requests"] == ["rebinding.example"]
        assert connects == [("127.0.0.1", port)]
        assert "public" in call(url, loopback=True).error
        assert "public" in call(url, loopback=True).error
        assert connects == [("127.0.0.1", port)]
        [(_path, headers, _body)] = receiver.taken
        assert headers["Host"] == f"rebinding.example:{port}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status):
    with Receiver() as receiver, Receiver() as elsewhere, watched_connects() as connects:
        receiver.answers.append((status, {"Location": elsewhere.url}))
        assert call(receiver.url, loopback=True).status == status
        assert elsewhere.taken == []
        assert connects == [("127.0.0.1", receiver.server_address[1])]


def test_no_proxy_is_taken_from_the_environment(monkeypatch):
    with Receiver() as receiver, Receiver() as proxy:
        for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert call(receiver.url, loopback=True).status == 204
        assert proxy.taken == []


def test_the_receivers_certificate_must_be_valid_for_its_name(tmp_path, monkeypatch, names):
    certificate = make_certificate(tmp_path)
    names["hooks.example"] = [["127.0.0.1"]]
    untrusted.tls_context.cache_clear()
    with Receiver(certificate) as receiver:
        assert "certificate" in call(receiver.url, loopback=True).error
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        untrusted.tls_context.cache_clear()
        assert call(receiver.url, loopback=True).status == 204
        other_name = receiver.url.replace("127.0.0.1", "hooks.example")
        assert "certificate" in call(other_name, loopback=True).error
        assert len(receiver.taken) == 1
    untrusted.tls_context.cache_clear()


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((b"",), id="silence"),
        pytest.param((b"H",), id="dripping status"),
        pytest.param((b"HTTP/1.1 100 Continue\r\n\r\n",), id="going on for ever"),
        pytest.param((b"X-More: 1\r\n",), id="not HTTP"),
    ],
)
def test_a_receiver_that_drips_or_keeps_silent_is_cut_off_in_time(pieces):
    with RudeReceiver(*pieces, pause=0.01, endless=True) as receiver:
        answer = call(receiver.url, loopback=True, deadline=0.2)
        assert answer.status is None
        assert answer.seconds < 2
        assert receiver.ended.wait(5), "the connection was left open"


def test_a_dripping_handshake_is_cut_off_in_time():
    with RudeReceiver(b"\x16\x03\x03\x10\x00", b"\x02", pause=0.01, endless=True) as receiver:
        answer = call(receiver.url.replace("http:", "https:"), loopback=True, deadline=0.2)
        assert answer.status is None
        assert answer.seconds < 2
        assert receiver.ended.wait(5)


def test_an_endless_body_is_not_read():
    """The status has been said; megabytes or drips after it change nothing."""
    with RudeReceiver(HEAD + b"Content-Length: 10000000000\r\n\r\n", b"x" * 65536, endless=True) as receiver:
        answer = call(receiver.url, loopback=True)
        assert (answer.status, answer.seconds < 2) == (200, True)
        assert receiver.ended.wait(5)
        assert receiver.sent < 50_000_000


@pytest.mark.parametrize(
    "answer",
    [
        b"220 smtp.example ESMTP\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        HEAD + b"X: " + b"y" * 70_000,
        HEAD + b"X: 1\r\n" * 150,
    ],
)
def test_what_is_not_http_is_no_success(answer):
    with RudeReceiver(answer + b"\r\n\r\n") as receiver:
        result = call(receiver.url, loopback=True)
    assert (result.status, result.error) == (None, "The receiver did not answer with proper HTTP.")


def test_a_receiver_that_is_not_there_or_hangs_up():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "cannot be reached" in call(f"http://127.0.0.1:{port}/", loopback=True).error
    assert "name is not known" in call("https://nowhere.invalid/").error


def test_a_name_server_that_does_not_answer_is_not_waited_for(monkeypatch):
    import threading

    over = threading.Event()

    def hang(*_arguments, **_options):
        over.wait(10)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    answer = call("https://slow.example/", deadline=0.1)
    over.set()
    assert (answer.status, answer.seconds < 2) == (None, True)
