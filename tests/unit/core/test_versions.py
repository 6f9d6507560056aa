"""Versions of both notations stand in one total order."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from update_core import versions

NUMBERS = st.integers(0, 12) | st.integers(0, 2**32 - 1)
DOTTED = st.lists(NUMBERS, min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
IDENTIFIERS = st.integers(0, 30).map(str) | st.from_regex("[a-c-][0-9a-c-]{0,3}", fullmatch=True)
SEMANTIC = st.builds(
    "{}.{}.{}{}{}".format,
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 12),
    st.just("") | st.lists(IDENTIFIERS, min_size=1, max_size=3).map(lambda parts: "-" + ".".join(parts)),
    st.sampled_from(["", "+nightly-20220823-2100", "+001"]),
)
VERSIONS = (DOTTED | SEMANTIC).map(versions.parse)

ASCENDING = [
    "0",
    "0.9",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.0.1",
    "1.0.1-rc.1",
    "1.2",
    "1.2.3.4",
    "1.4",
    "1.005",
    "1.9.0",
    "1.10.0",
    "1.10.0.4294967295",
    "3340.0.0+nightly-20220823-2100",
    "4294967295",
    "99999999999999999999.0.0",
]


@pytest.mark.parametrize(
    ("older", "newer"), [pytest.param(a, b, id=f"{a} then {b}") for a, b in itertools.pairwise(ASCENDING)]
)
def test_the_older_is_below_the_newer(older: str, newer: str) -> None:
    assert versions.parse(older) < versions.parse(newer)
    assert not versions.parse(newer) < versions.parse(older)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("1.2", "1.2.0.0", id="missing parts are 0"),
        pytest.param("1.1.0", "1.1.0.0", id="semantic and dotted, as Fuchsia reports it"),
        pytest.param("1.2.3+a", "1.2.3+b", id="build metadata"),
        pytest.param("1.05", "1.5", id="leading zeros"),
    ],
)
def test_versions_may_be_equal_in_different_words(one: str, other: str) -> None:
    assert versions.parse(one) == versions.parse(other)
    assert hash(versions.parse(one)) == hash(versions.parse(other))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("v1.2.3", id="v"),
        pytest.param("1.2.3.4.5", id="five parts"),
        pytest.param("1..2", id="empty part"),
        pytest.param("1.2.", id="final dot"),
        pytest.param("-1", id="negative"),
        pytest.param(" 1.2", id="space"),
        pytest.param("1.2.3\n", id="line feed"),
        pytest.param("1.2.3.4294967296", id="above 32 bits"),
        pytest.param("1.2-rc1", id="prerelease of two parts"),
        pytest.param("1.2.3-", id="empty prerelease"),
        pytest.param("1.2.3-01", id="prerelease with a leading zero"),
        pytest.param("1.2.3+", id="empty build metadata"),
        pytest.param("\u0661.2", id="digits that are not ASCII"),
        pytest.param("1" * 129, id="too long"),
        pytest.param("1.2.3-" + "a" * 123, id="too long by one"),
    ],
)
def test_what_is_no_version_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"version|dotted|part"):
        versions.parse(text)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param("1.1.0", "1.1.0.0", True, id="other notation"),
        pytest.param("1.1.0", "1.1.1", False, id="other version"),
        pytest.param("latest", "latest", True, id="equal texts that are no versions"),
        pytest.param("latest", "Latest", False, id="different texts that are no versions"),
        pytest.param("1.1.0", "latest", False, id="a version and none"),
    ],
)
def test_texts_are_the_same_if_they_mean_the_same_version(one: str, other: str, expected: bool) -> None:
    assert versions.same(one, other) is expected
    assert versions.same(other, one) is expected


def test_the_longest_version_is_read() -> None:
    assert str(versions.parse("1.2.3-" + "a" * 122)) == "1.2.3-" + "a" * 122


@given(VERSIONS, VERSIONS)
def test_of_two_versions_exactly_one_relation_holds(a: versions.Version, b: versions.Version) -> None:
    assert [a < b, a == b, a > b].count(True) == 1
    assert a != b or hash(a) == hash(b)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_the_order_is_transitive(a: versions.Version, b: versions.Version, c: versions.Version) -> None:
    low, middle, high = sorted((a, b, c))

    assert low <= middle <= high
    assert low <= high
    assert (low == high) == (low == middle and middle == high)


@given(st.text(max_size=40))
def test_any_text_is_a_version_or_a_value_error(text: str) -> None:
    try:
        assert str(versions.parse(text)) == text
    except ValueError:
        return
