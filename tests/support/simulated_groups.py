"""Groups whose rollout is simulated: the plans, limits and windows that tests make up, and the assumptions that go with them."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from support.fleet_values import OLD, TIMEOUTS, group
from update_core.fleet.attributes import Attributes
from update_core.fleet.grants import Timeouts
from update_core.rollout.model import Limits, ResolvedGroup
from update_core.rollout.plan import HaltOn, Plan, Retry
from update_core.rollout.schedule import Schedule
from update_core.rollout.waves import LAST, Linear, Requirement, Wave
from update_core.rollout.windows import Freeze, Window
from update_core.simulation.assumptions import Assumptions, Machines

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
"""A Monday."""
QEMU, METAL = Attributes(oem="qemu", board="amd64-usr"), Attributes(oem="metal", board="arm64-usr")


def simulated(plan: Plan | None = None, **changes: Any) -> ResolvedGroup:
    """A group whose rollout begins."""
    return group(plan=plan or Plan(), **changes)


def assumed(fleet: int = 200, **changes: Any) -> Assumptions:
    """A small fleet that checks every ten minutes."""
    values = {
        "fleet": fleet,
        "from_version": OLD,
        "started_at": START,
        "until_seconds": 86400,
        "interval_seconds": 600,
        "download_seconds": 120,
        "reboot_seconds": 60,
        "failure_ppm": 0,
        "reaction_seconds": 30,
    }
    return Assumptions(**values | changes)


_MATCHES = st.sampled_from(
    [
        (),
        (),
        (Requirement("oem", frozenset({"qemu"})),),
        (Requirement("board", frozenset({"amd64-usr"}), negated=True),),
    ]
)


@st.composite
def _waves(draw: st.DrawFn) -> tuple[Wave, ...]:
    shares = sorted(draw(st.lists(st.integers(0, 900_000), max_size=3)))
    waves = []
    for number, share in enumerate(shares):
        counted = draw(st.booleans())
        waves.append(
            Wave(
                f"wave-{number}",
                ppm=None if counted else share,
                instances=share // 50_000 + 1 if counted else None,
                match=draw(_MATCHES),
                settle_percent=draw(st.sampled_from([0, 50, 90])),
                bake_seconds=draw(st.sampled_from([0, 1800, 5400])),
                approval_required=draw(st.booleans()),
            )
        )
    return (*waves, LAST)


PLANS = st.builds(
    Plan,
    waves=_waves(),
    linear=st.sampled_from([None, None, Linear(100_000, 20_000)]),
    halt_on=st.sampled_from([None, None, HaltOn(30, 20), HaltOn(None, 10, 5)]),
    retry=st.builds(Retry, st.integers(1, 3), st.sampled_from([0, 60, 1800])),
    complete_percent=st.sampled_from([100, 90]),
)
LIMITS = st.builds(
    Limits,
    max_updates=st.sampled_from([None, 1, 5, 30]),
    period_seconds=st.sampled_from([60, 900]),
    max_in_flight=st.sampled_from([None, 1, 4, 25]),
)
_WINDOW = Window(frozenset(range(7)), time(11), 5400, ZoneInfo("UTC"))
_LATE = Window(frozenset({0, 1}), time(15, 30), 3600, ZoneInfo("Europe/Berlin"))
_FREEZE = Freeze(START + timedelta(hours=3), START + timedelta(hours=5))
SCHEDULES = st.builds(
    Schedule, st.sampled_from([(), (), (_WINDOW,), (_WINDOW, _LATE)]), st.sampled_from([(), (), (_FREEZE,)])
)
GROUPS = st.builds(
    lambda plan, limits, schedule, timeouts: simulated(plan, limits=limits, schedule=schedule, timeouts=timeouts),
    PLANS,
    LIMITS,
    SCHEDULES,
    st.sampled_from([TIMEOUTS, Timeouts(update_seconds=200, reboot_seconds=100)]),
)
ASSUMPTIONS = st.builds(
    assumed,
    st.integers(1, 40),
    until_seconds=st.sampled_from([30_000, 60_000]),
    interval_seconds=st.sampled_from([600, 1700]),
    jitter_percent=st.sampled_from([0, 10, 33]),
    failure_ppm=st.sampled_from([0, 20_000, 300_000, 1_000_000]),
    silence_ppm=st.sampled_from([0, 100_000]),
    download_seconds=st.sampled_from([0, 120, 300]),
    reboot_seconds=st.sampled_from([0, 90, 4000]),
    leave_ppm=st.sampled_from([0, 300_000]),
    join_ppm=st.sampled_from([0, 1_000_000]),
    reaction_seconds=st.sampled_from([300, 450]),
    approval_seconds=st.sampled_from([None, 0, 3600]),
    machines=st.sampled_from([(Machines(),), (Machines(QEMU, 3), Machines(METAL, 1))]),
    seed=st.integers(0, 2**32),
)
