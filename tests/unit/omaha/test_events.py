"""Error codes say what happened, below the flags that say where."""

import pytest

from update_core.omaha import events
from update_core.omaha.events import ErrorFlag

CUSTOM, DEVELOPER = ErrorFlag.CUSTOM_OMAHA_URL, ErrorFlag.DEVELOPER_MODE


@pytest.mark.parametrize(
    ("raw", "base", "flags", "http_status", "meaning"),
    [
        pytest.param(0, 0, ErrorFlag(0), None, "success", id="none"),
        pytest.param(44, 44, ErrorFlag(0), None, "the new version did not start and the old one is back", id="44"),
        pytest.param(268435490, 34, CUSTOM, None, "Omaha response is invalid", id="custom server"),
        pytest.param(-1879048183, 9, CUSTOM | DEVELOPER, None, "download failed", id="printed as negative"),
        pytest.param(2415919113, 9, CUSTOM | DEVELOPER, None, "download failed", id="the same as positive"),
        pytest.param(2000, 2000, ErrorFlag(0), None, "error 2000", id="plain failure of the fake clients"),
        pytest.param(2503, 2503, ErrorFlag(0), 503, "Omaha server answered with HTTP 503", id="HTTP"),
        pytest.param(268437860, 2404, CUSTOM, 404, "Omaha server answered with HTTP 404", id="HTTP with a flag"),
        pytest.param(3000, 3000, ErrorFlag(0), None, "error 3000", id="above HTTP"),
        pytest.param(2**63 - 1, 0x0FFFFFFF, ErrorFlag(0xF0000000), None, "error 268435455", id="largest"),
    ],
)
def test_an_error_code_is_taken_apart(
    raw: int, base: int, flags: ErrorFlag, http_status: int | None, meaning: str
) -> None:
    code = events.decode(raw)

    assert (code.raw, code.base, code.flags, code.http_status, code.meaning) == (raw, base, flags, http_status, meaning)


def test_the_codes_that_move_instances_have_names() -> None:
    assert {1, 2, 3, 6, 13, 14, 54, 800} <= set(events.TYPES)
    assert set(events.RESULTS) == set(range(11))
    assert set(events.ERRORS) == set(range(45))


@pytest.mark.parametrize(
    ("updater", "numbered"),
    [
        pytest.param("", True, id="the CoreOS line"),
        pytest.param("ChromeOSUpdateEngine", True, id="ChromeOS"),
        pytest.param("Fuchsia", False, id="Fuchsia"),
        pytest.param("chromiumcrx", False, id="Chromium"),
    ],
)
def test_only_update_engine_and_its_line_have_its_error_codes(updater: str, *, numbered: bool) -> None:
    assert events.numbered_by_update_engine(updater) is numbered
