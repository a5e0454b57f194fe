"""Addresses of clients, as proxies write them and as they are counted (SECURITY M3)."""

import pytest

from chassis.core.networks import bare_address, neighbourhood_of, network_of, site_of


@pytest.mark.parametrize(
    ("written", "bare"),
    [
        ("1.2.3.4", "1.2.3.4"),
        (" 1.2.3.4:5678 ", "1.2.3.4"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("unknown", "unknown"),
        ("_hidden:80", "_hidden:80"),
        ("[2001:db8::1", "[2001:db8::1"),
        ("[nonsense]:1", "[nonsense]:1"),
        ("", ""),
    ],
)
def test_a_port_is_no_part_of_an_address(written, bare):
    assert bare_address(written) == bare


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("1.2.3.4:5678", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("2001:db8:0:7::1", "2001:db8:0:7::/64"),
        ("2001:DB8:0:7:ffff:ffff:ffff:ffff", "2001:db8:0:7::/64"),
        ("[2001:db8:0:7::1]:80", "2001:db8:0:7::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_one_client_is_one_network(address, network):
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("2001:db8:0:7::1", "2001:db8::/48"),
        ("[2001:DB8:0:ffff::1]:80", "2001:db8::/48"),
        ("2001:db8:1:7::1", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("1.2.3.4", None),
        ("::ffff:1.2.3.4", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_the_networks_of_one_customer_are_one_site(address, site):
    assert site_of(address) == site


@pytest.mark.parametrize(
    ("address", "neighbourhood"),
    [
        ("192.0.2.1", "192.0.2.0/24"),
        ("192.0.2.254:443", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:0:7::1", "2001:db8::/48"),
        ("2001:db8:0:7::/64", "2001:db8::/48"),
        ("2001:db8:1:7::/64", "2001:db8:1::/48"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_networks_near_one_another_are_one_neighbourhood(address, neighbourhood):
    assert neighbourhood_of(address) == neighbourhood
