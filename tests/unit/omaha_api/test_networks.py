"""A request's network is where it came from; a client can't choose it, and a proxy that is trusted tells it."""

import pytest

from omaha_api import settings
from omaha_api.answers.networks import Networks

PROXIES = settings.proxies(["10.0.0.0/8", "fd00::/8", "192.0.2.9"])


def scope(client, *forwarded):
    return {
        "client": None if client is None else (client, 1234),
        "headers": [(b"host", b"x"), *((b"x-forwarded-for", value.encode("latin-1")) for value in forwarded)],
    }


@pytest.mark.parametrize(
    ("client", "network"),
    [
        pytest.param("203.0.113.7", "203.0.113.7", id="an IPv4 address is one"),
        pytest.param("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", id="an IPv6 address is one of 2^64"),
        pytest.param("fe80::1%eth0", "fe80::/64", id="with a zone"),
        pytest.param("::ffff:203.0.113.7", "203.0.113.7", id="IPv4 on an IPv6 socket"),
        pytest.param(None, "", id="no address"),
        pytest.param("/run/socket", "", id="not an address"),
    ],
)
def test_the_connection_says_the_network(client, network):
    assert Networks(PROXIES).of(scope(client)) == network


def test_what_a_client_says_of_itself_is_not_believed():
    assert Networks().of(scope("203.0.113.7", "198.51.100.1")) == "203.0.113.7"
    assert Networks(PROXIES).of(scope("203.0.113.7", "198.51.100.1")) == "203.0.113.7"


@pytest.mark.parametrize(
    ("forwarded", "network"),
    [
        pytest.param(["198.51.100.1"], "198.51.100.1", id="whom it heard"),
        pytest.param(["198.51.100.1, 10.1.1.1"], "198.51.100.1", id="through another proxy"),
        pytest.param(["198.51.100.1", "10.1.1.1"], "198.51.100.1", id="in two lines"),
        pytest.param(["1.1.1.1, 198.51.100.1"], "198.51.100.1", id="what stands before it is made up"),
        pytest.param(["10.9.9.9, 198.51.100.1,10.1.1.1"], "198.51.100.1", id="also if it names a proxy"),
        pytest.param(["198.51.100.1:4711"], "198.51.100.1", id="with a port"),
        pytest.param(["[2001:db8::1]:4711"], "2001:db8::/64", id="IPv6 with a port"),
        pytest.param(["2001:db8::1"], "2001:db8::/64", id="IPv6"),
        pytest.param(["::ffff:198.51.100.1"], "198.51.100.1", id="IPv4 as IPv6"),
        pytest.param(["10.1.1.1, fd00::1"], "10.1.1.1", id="proxies alone: the farthest"),
        pytest.param(["unknown, 10.1.1.1"], "10.1.1.1", id="unknown: the proxy that said so"),
        pytest.param(["198.51.100.1, \xff\xfe"], "10.0.0.1", id="not readable: the proxy itself"),
        pytest.param([""], "10.0.0.1", id="empty"),
        pytest.param([], "10.0.0.1", id="nothing"),
    ],
)
def test_a_trusted_proxy_says_whom_it_heard(forwarded, network):
    assert Networks(PROXIES).of(scope("10.0.0.1", *forwarded)) == network


def test_a_single_address_can_be_trusted():
    assert Networks(PROXIES).of(scope("192.0.2.9", "198.51.100.1")) == "198.51.100.1"
    assert Networks(PROXIES).of(scope("192.0.2.8", "198.51.100.1")) == "192.0.2.8"


@pytest.mark.parametrize("text", ["10.0.0.1/8", "proxy.example.com", "", "10.0.0.0/33"])
def test_what_is_no_network_cannot_be_trusted(text):
    with pytest.raises(settings.SettingsError, match="--trusted-proxy must be"):
        settings.proxies([text])
