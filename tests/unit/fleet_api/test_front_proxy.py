"""Which requests are the front proxy's: by the certificate of their connection, judged by what the cluster says now."""

import datetime as dt
import logging

import pytest

from omaha_api.fleet_api.front import front_proxy
from omaha_api.fleet_api.front.front_proxy import Reason
from omaha_api.fleet_api.front.request_headers import User
from support import front_proxies

CN = "front-proxy-client"
ADA = ((b"x-remote-user", b"ada"), (b"x-remote-group", b"ops"))


@pytest.fixture(scope="module")
def authority():
    return front_proxies.Authority("front-proxy")


class Clock:
    def __init__(self):
        self.now = dt.datetime.now(dt.UTC)

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def proxy(authority, clock):
    proxy = front_proxy.FrontProxy(clock)
    proxy.follow(front_proxies.configmap(authority))
    return proxy


def request(chain=(), headers=ADA):
    scope = {"type": "http", "headers": list(headers), "client": ("192.0.2.7", 5)}
    return scope | ({"extensions": {"tls": {"client_cert_chain": tuple(chain)}}} if chain is not None else {})


def verdict(proxy, chain, headers=ADA):
    answer = proxy.authenticate(request(chain, headers))
    return answer.name if isinstance(answer, User) else answer.reason


def test_the_front_proxy_says_who_the_user_is(proxy, authority):
    assert proxy.authenticate(request(authority.issue(CN).chain)) == User("ada", ("ops",))


@pytest.mark.parametrize(
    ("issue", "expected"),
    [
        pytest.param(lambda right, wrong: (), Reason.NO_CERTIFICATE, id="no certificate"),
        pytest.param(lambda right, wrong: None, Reason.NO_CERTIFICATE, id="no TLS"),
        pytest.param(lambda right, wrong: wrong.issue(CN).chain, Reason.UNTRUSTED_CERTIFICATE, id="wrong CA"),
        pytest.param(
            lambda right, wrong: (wrong.issue(CN).pem, right.pem), Reason.UNTRUSTED_CERTIFICATE, id="wrong CA, right CA shown"
        ),
        pytest.param(lambda right, wrong: (wrong.issue(CN).pem, right.issue(CN).pem), Reason.UNTRUSTED_CERTIFICATE,
                     id="another's certificate behind one's own"),
        pytest.param(lambda right, wrong: right.issue("somebody").chain, Reason.WRONG_NAME, id="right CA, wrong CN"),
        pytest.param(lambda right, wrong: right.issue(None).chain, Reason.WRONG_NAME, id="right CA, no CN"),
        pytest.param(
            lambda right, wrong: right.issue(CN, valid_for=-front_proxies.DAY).chain,
            Reason.UNTRUSTED_CERTIFICATE,
            id="expired",
        ),
        pytest.param(
            lambda right, wrong: right.issue(CN, starting_in=front_proxies.DAY).chain,
            Reason.UNTRUSTED_CERTIFICATE,
            id="not yet valid",
        ),
        pytest.param(
            lambda right, wrong: right.issue(CN, usage=front_proxies.FOR_SERVERS).chain,
            Reason.UNTRUSTED_CERTIFICATE,
            id="for servers",
        ),
        pytest.param(
            lambda right, wrong: front_proxies.Authority("child", right).issue(CN, usage=None).chain, "ada",
            id="through an intermediate, for anything",
        ),
        pytest.param(
            lambda right, wrong: front_proxies.Authority("child", right).issue(CN).chain[:1],
            Reason.UNTRUSTED_CERTIFICATE,
            id="without its intermediate",
        ),
        pytest.param(lambda right, wrong: ("gibberish",), Reason.UNTRUSTED_CERTIFICATE, id="gibberish"),
    ],
)  # fmt: skip
def test_only_the_front_proxys_certificate_counts(proxy, authority, issue, expected):
    assert verdict(proxy, issue(authority, front_proxies.Authority("front-proxy"))) == expected


def test_a_client_can_not_sign_for_others(proxy, authority):
    client = authority.issue(CN)
    forger = front_proxies.Authority("forger")
    forger._name, forger._key = client.certificate.subject, client.key

    assert verdict(proxy, (forger.issue(CN).pem, client.pem)) is Reason.UNTRUSTED_CERTIFICATE


def test_the_front_proxy_must_name_a_user(proxy, authority):
    assert verdict(proxy, authority.issue(CN).chain, headers=[]) is Reason.NO_USER


def test_without_a_list_of_names_any_name_will_do(clock, authority):
    proxy = front_proxy.FrontProxy(clock)
    proxy.follow(front_proxies.configmap(authority, names=()))

    assert verdict(proxy, authority.issue("somebody").chain) == "ada"


def test_an_intermediate_may_be_all_that_is_trusted(clock, authority):
    child = front_proxies.Authority("child", authority)
    proxy = front_proxy.FrontProxy(clock)
    proxy.follow(front_proxies.configmap(child))

    assert verdict(proxy, child.issue(CN).chain[:1]) == "ada"
    assert verdict(proxy, authority.issue(CN).chain) is Reason.UNTRUSTED_CERTIFICATE


def test_a_replaced_authority_takes_its_certificates_with_it(proxy, authority):
    old = authority.issue(CN)
    assert verdict(proxy, old.chain) == "ada"
    successor = front_proxies.Authority("front-proxy")

    both = front_proxies.configmap(authority)
    both["requestheader-client-ca-file"] += successor.pem
    proxy.follow(both)
    assert (verdict(proxy, old.chain), verdict(proxy, successor.issue(CN).chain)) == ("ada", "ada")

    proxy.follow(front_proxies.configmap(successor))
    assert verdict(proxy, old.chain) is Reason.UNTRUSTED_CERTIFICATE
    assert verdict(proxy, successor.issue(CN).chain) == "ada"


def test_a_certificate_that_expires_on_an_open_connection_counts_no_more(proxy, authority, clock):
    chain = authority.issue(CN).chain
    assert verdict(proxy, chain) == "ada"

    clock.now += 2 * front_proxies.DAY

    assert verdict(proxy, chain) is Reason.UNTRUSTED_CERTIFICATE


@pytest.mark.parametrize(
    "broken",
    [
        {"requestheader-client-ca-file": "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----"},
        {"requestheader-client-ca-file": "nonsense"},
        {"requestheader-allowed-names": "front-proxy-client"},
        {"requestheader-username-headers": '{"X-Remote-User": 1}'},
    ],
    ids=["a broken certificate", "no certificate", "no JSON", "no list"],
)
def test_what_the_cluster_says_stays_when_it_can_no_longer_be_read(proxy, authority, broken, caplog):
    proxy.follow(front_proxies.configmap(authority) | broken)

    assert verdict(proxy, authority.issue(CN).chain) == "ada"
    assert next(iter(broken)) in caplog.text


def test_a_cluster_without_a_front_proxy_lets_nobody_in(proxy, authority):
    proxy.follow({"client-ca-file": authority.pem})

    assert verdict(proxy, authority.issue(CN).chain) is Reason.NO_FRONT_PROXY


def test_until_the_cluster_has_said_who_its_proxy_is_a_certificate_is_asked_to_come_again(clock, authority):
    proxy = front_proxy.FrontProxy(clock)

    stranger, certified = proxy.authenticate(request()), proxy.authenticate(request(authority.issue(CN).chain))

    assert not proxy.known
    assert (stranger.answer.code, certified.answer.code) == (401, 503)


def test_strangers_learn_nothing_and_do_not_fill_the_log(proxy, authority, clock, caplog):
    caplog.set_level(logging.INFO)
    wrong = authority.issue("somebody").chain
    refusals = [proxy.authenticate(request(wrong)) for _ in range(100)]

    assert {refusal.answer.message for refusal in refusals} == {"Unauthorized"}
    assert [record.getMessage() for record in caplog.records] == [
        "a request from 192.0.2.7 was refused: its certificate is for 'somebody'"
    ]

    clock.now += dt.timedelta(minutes=2)
    proxy.authenticate(request(wrong))

    assert caplog.messages[-1].endswith("(99 more since the last such line)")
