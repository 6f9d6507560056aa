"""A plan that is edited again and again while it is carried out opens more waves than a status has room for: which of them stay in it."""

from datetime import timedelta

from support.fleet_values import NOW
from support.group_lives import Life
from update_core.resources.rollout_policy import MAX_WAVES
from update_core.rollout.plan import Course
from update_core.rollout.waves import Opened, Requirement
from update_operator.reconcile import room

ARM = (Requirement("arch", frozenset({"arm64"})),)


def opened(number: int, ppm: int | None = None, **changes) -> Opened:
    return Opened(f"wave-{number}", NOW + timedelta(seconds=number), ppm=number if ppm is None else ppm, **changes)


def names(course: Course) -> list[str]:
    return [wave.name for wave in course.opened or ()]


def one_more(*waves: Opened) -> tuple[Course, Course]:
    """With as many waves open as there is room for, and one more."""
    return Course(opened=waves[: MAX_WAVES + 1]), Course(opened=waves)


def test_the_narrowest_wave_that_another_includes_is_not_told_of_any_more():
    before, after = one_more(*(opened(number) for number in range(1, MAX_WAVES + 3)))

    assert names(room.made(before, before)) == names(before)
    assert names(room.made(before, after)) == names(after)[1:]


def test_a_wave_that_lets_others_in_stays():
    some = (opened(1, 999, match=ARM), Opened("number", NOW, instances=5))
    before, after = one_more(*some, *(opened(number) for number in range(3, MAX_WAVES + 3)))

    assert names(room.made(before, after)) == ["wave-1", "number", *names(after)[3:]]


def test_where_none_is_included_in_another_no_more_is_opened():
    different = [
        opened(number, match=(Requirement("oem", frozenset({f"oem-{number}"})),)) for number in range(MAX_WAVES + 2)
    ]
    before, after = one_more(*different)

    assert room.made(before, after) == before


def waves(edit: int) -> dict:
    """A plan whose names are all others after each edit, and whose shares rise."""
    first = edit * (MAX_WAVES - 1)
    planned = [
        {"name": f"wave-{number}", "percent": f"{number / 100:.2f}", "settlePercent": 0}
        for number in range(first + 1, first + MAX_WAVES)
    ]
    return {"waves": [*planned, {"name": f"last-{edit}", "percent": 100, "approval": "Required"}]}


def test_a_rollout_whose_waves_are_all_renamed_in_the_middle_goes_on():
    life = Life(rollout=waves(0))
    life.look()
    for edit in range(3):
        life.spec["rollout"] = waves(edit)
        life.count(waves={}, total=10, active=10)
        life.look(1)

        assert life.open[-1] == f"wave-{(edit + 1) * (MAX_WAVES - 1)}"
        assert len(life.open) <= MAX_WAVES + 1
    assert life.conditions["Progressing"] == "False AwaitingApproval"
