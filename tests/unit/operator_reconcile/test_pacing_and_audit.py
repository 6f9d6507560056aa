"""Are counts written no faster than agreed, and is a deaf watch told from a quiet one?"""

from support import kinds
from update_operator.cache import Change
from update_operator.keys import Key
from update_operator.pacing import Pace, Pacer
from update_operator.watch_audit import WatchAudit


class Clock:
    """Monotonic seconds that a test moves."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_counts_of_one_object_wait_until_its_time_has_passed():
    clock = Clock()
    pacer = Pacer(Pace(object_seconds=5, per_second=20), clock)
    assert pacer.delay("a") == 0
    pacer.wrote("a")

    clock.now = 1.0
    assert pacer.delay("a") == 4.0
    clock.now = 5.0
    assert pacer.delay("a") == 0


def test_a_transition_counts_as_a_write_of_the_counts_too():
    clock = Clock()
    pacer = Pacer(Pace(object_seconds=5), clock)
    pacer.wrote("a")

    assert pacer.delay("a") == 5.0


def test_all_objects_together_keep_to_the_rate_and_each_gets_its_turn():
    clock = Clock()
    pacer = Pacer(Pace(object_seconds=5, per_second=20), clock)
    due = {f"g{number}": pacer.delay(f"g{number}") for number in range(100)}
    assert max(due.values()) < 5.0

    written = []
    while due:
        clock.now = min(due.values())
        for key in [key for key, at in due.items() if at <= clock.now]:
            assert pacer.delay(key) == 0
            pacer.wrote(key)
            written.append(clock.now)
            del due[key]
    # A thousandth less than a second, for the sake of binary fractions.
    windows = [sum(start <= at < start + 0.999 for at in written) for start in written]
    assert len(written) == 100
    assert max(windows) <= 20


def test_whoever_has_nothing_to_write_any_more_keeps_nobody_waiting():
    clock = Clock()
    pacer = Pacer(Pace(object_seconds=5, per_second=20), clock)
    for number in range(10_000):
        pacer.delay(f"g{number}")
    pacer.wrote("g0")

    pacer.restart()
    assert pacer.delay("late") == 0
    assert pacer.delay("later") == 0.05
    # What was written is remembered: it isn't written again the sooner.
    assert pacer.delay("g0") == 5.0


def change(at, *, deleted=False):
    """A Package as a list brought it."""
    found = kinds.package("1.0.0", resourceVersion="3")
    return Change(Key("Package", "team", "p"), found, None if deleted else found, at)


KEY = Key("Package", "team", "p")


def test_what_the_watch_brings_soon_after_the_list_is_no_miss():
    audit = WatchAudit()
    audit.listed([change(8)])
    audit.delivered(KEY, 8)
    assert audit.judge().missed == ()


def test_what_the_watch_never_brought_is_a_miss():
    audit = WatchAudit()
    audit.delivered(KEY, 7)
    audit.listed([change(8)])
    audit.delivered(KEY, 7)

    assert audit.judge().missed == (KEY,)


def test_a_deletion_that_the_watch_never_brought_is_a_miss():
    audit = WatchAudit()
    audit.delivered(KEY, 3)
    audit.listed([change(9, deleted=True)])
    assert audit.judge().missed == (KEY,)

    audit.listed([change(9, deleted=True)])
    audit.delivered(KEY, 5)
    assert audit.judge().missed == ()


def test_repeated_misses_make_the_process_unready_and_then_dead_and_one_good_audit_forgives_all():
    audit = WatchAudit()
    seen = []
    for at in range(10, 13):
        audit.listed([change(at)])
        audit.judge()
        audit.restarted()
        seen.append((audit.hearing, audit.alive))
    assert seen == [(True, True), (False, True), (False, False)]

    audit.judge()
    assert (audit.hearing, audit.alive) == (True, True)
