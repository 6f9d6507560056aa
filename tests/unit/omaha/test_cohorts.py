"""A cohort that is made up for one instance comes back as what it was, and one of anybody else's is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from update_core.omaha import cohorts, dialects, identity, texts
from update_core.omaha.messages import AppRequest, AppResponse

DIGITS = "0123456789abcdef"


@pytest.mark.parametrize(
    ("track", "cohort"),
    [
        pytest.param("stable", f"stable:{DIGITS}", id="a track"),
        pytest.param("", f":{DIGITS}", id="no track"),
        pytest.param("a:b", f"a:b:{DIGITS}", id="a track with a colon"),
        pytest.param("t" * 111, "t" * 111 + f":{DIGITS}", id="the longest track"),
        pytest.param("t" * 112, f":{DIGITS}", id="a longer track"),
        pytest.param("st\u00e4ble", f":{DIGITS}", id="a track that no cohort may say"),
    ],
)
def test_a_minted_cohort_says_its_track_where_it_can(track: str, cohort: str) -> None:
    assert cohorts.minted(track, DIGITS) == cohort


@pytest.mark.parametrize("digits", ["", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "0123456789abcdeg"])
def test_only_sixteen_hexadecimal_digits_make_a_cohort(digits: str) -> None:
    with pytest.raises(ValueError, match="16 hexadecimal digits"):
        cohorts.minted("stable", digits)


@pytest.mark.parametrize(
    ("cohort", "minted", "track"),
    [
        pytest.param(f"stable:{DIGITS}", True, "stable", id="minted"),
        pytest.param(f":{DIGITS}", True, "", id="minted without a track"),
        pytest.param(f"a:{DIGITS}:{DIGITS}", True, f"a:{DIGITS}", id="only the last digits are its own"),
        pytest.param("stable", False, "stable", id="a track alone"),
        pytest.param("1:2q3:", False, "1:2q3:", id="another server's"),
        pytest.param(DIGITS, False, DIGITS, id="digits alone"),
        pytest.param(f"stable:{DIGITS.upper()}", False, f"stable:{DIGITS.upper()}", id="capitals"),
        pytest.param(f"stable:{DIGITS} ", False, f"stable:{DIGITS} ", id="a space behind"),
        pytest.param("t" * 112 + f":{DIGITS}", False, "t" * 112 + f":{DIGITS}", id="longer than any that is minted"),
        pytest.param("", False, "", id="empty"),
    ],
)
def test_a_cohort_is_told_apart_by_its_form(cohort: str, minted: bool, track: str) -> None:
    assert (cohorts.is_minted(cohort), cohorts.track_of(cohort)) == (minted, track)


@given(track=st.text(max_size=140), digits=st.text("0123456789abcdef", min_size=16, max_size=16))
def test_a_minted_cohort_can_be_sent_serves_as_an_id_and_leads_back_to_its_track(track: str, digits: str) -> None:
    cohort = cohorts.minted(track, digits)

    assert texts.is_cohort(cohort)
    assert len(cohort.encode()) <= identity.MAX_INSTANCE_ID_BYTES
    assert cohorts.is_minted(cohort)
    assert cohorts.track_of(cohort) in {track, ""}


@pytest.mark.parametrize(
    ("given_cohort", "cohort"),
    [
        pytest.param(None, "old", id="nothing said"),
        pytest.param("", "", id="taken away"),
        pytest.param("new", "new", id="another one"),
    ],
)
def test_a_client_that_forgets_is_told_again_what_it_had(given_cohort: str | None, cohort: str) -> None:
    app = AppRequest("a", cohort="old", cohorthint="hint")
    answer = AppResponse("a", ping=True, cohort=given_cohort)

    assert cohorts.repeated(app, answer) == AppResponse("a", ping=True, cohort=cohort, cohorthint="hint")


def test_only_omaha_3_forgets_its_cohort() -> None:
    codecs = (dialects.XML_30, dialects.OMAHA_3, dialects.JSON_30, dialects.JSON_31, dialects.json_40(None))

    assert [codec for codec in codecs if codec.forgets_cohorts] == [dialects.OMAHA_3]


@given(cohort=st.text(max_size=40))
def test_what_is_told_could_be_sent_back(cohort: str) -> None:
    assert cohorts.told(cohort) in {cohort, ""}
    assert texts.is_cohort(cohorts.told(cohort))
