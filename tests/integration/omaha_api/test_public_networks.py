"""Over real sockets: each network has its own share of new ids, and none has another's by what it writes into a header.

With each of the two libraries that uvicorn reads HTTP with.
"""

import pytest

from omaha_api import settings
from support import public_port
from support.omaha_fleet import APP_ID, check

HERE, THERE = "127.0.0.1", "127.0.0.2"


@pytest.fixture(params=["httptools", "h11"])
def http(request):
    return request.param


def answers(port, names, *headers, source=HERE):
    return [port.ask(check(APP_ID, name), *headers, source=source).answer for name in names]


def known(port):
    return {machine for _, machine in port.call(lambda: list(port.store.instances))}


def test_one_networks_flood_leaves_another_its_share(http):
    with public_port.served(http, new_ids_per_minute=2) as port:
        assert answers(port, ["a", "b", "c"]) == ["1.1.0", "1.1.0", "noupdate"]
        assert answers(port, ["d", "e", "f"], source=THERE) == ["1.1.0", "1.1.0", "noupdate"]
        assert answers(port, ["a", "d"], source=THERE) == ["1.1.0"] * 2, "known ones may come from anywhere"

        assert known(port) == {"a", "b", "d", "e"}


def test_who_is_no_proxy_doesnt_get_around_it_by_a_header(http):
    with public_port.served(http, new_ids_per_minute=1, trusted_proxies=settings.proxies(["127.0.0.9"])) as port:
        forged = [
            answers(port, [f"i{number}"], b"X-Forwarded-For: 198.51.100.%d" % number, source=THERE)
            for number in range(3)
        ]

        assert forged == [["1.1.0"], ["noupdate"], ["noupdate"]]


def test_behind_a_trusted_proxy_clients_are_told_apart_and_none_chooses_its_network(http):
    with public_port.served(http, new_ids_per_minute=1, trusted_proxies=settings.proxies(["127.0.0.1/32"])) as port:
        assert answers(port, ["a", "b"], b"X-Forwarded-For: 198.51.100.1") == ["1.1.0", "noupdate"]
        assert answers(port, ["c"], b"X-Forwarded-For: 198.51.100.2") == ["1.1.0"]
        # What the client itself wrote stands before what the proxy appended.
        assert answers(port, ["d"], b"X-Forwarded-For: 198.51.100.3, 198.51.100.1") == ["noupdate"]
        assert answers(port, ["e"], b"X-Forwarded-For: 198.51.100.3", b"X-Forwarded-For: 198.51.100.1") == ["noupdate"]
        assert answers(port, ["f"], b"X-Forwarded-For: 2001:db8::1") == ["1.1.0"]
        assert answers(port, ["g"], b"X-Forwarded-For: 2001:db8::2") == ["noupdate"]
