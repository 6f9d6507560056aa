"""What does the operator make of the Omaha service's reports, and of its silence?"""

import pytest

from update_core.fleet.progress import GroupProgress, ProgressReport, ProgressUnavailable
from update_operator.progress import FleetFollower
from update_operator.reconcile.outcome import Contact

A, B = ("io.example.app", "a"), ("io.example.app", "b")


class Script:
    """A ProgressSource that says what stands in `answers`, in order; remembers what it was asked."""

    def __init__(self):
        self.answers, self.asked = [], []

    async def fetch(self, epoch, revision):
        self.asked.append((epoch, revision))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Desk:
    """A follower with its script, its clock, and what it told."""

    def __init__(self):
        self.script, self.told, self.now = Script(), [], 0.0
        self.follower = FleetFollower(
            self.script, on_change=self.told.append, clock=lambda: self.now, jitter=lambda: 1.0, grace_seconds=5.0
        )

    async def hear(self, *answers):
        """Poll once per answer; the delays until the next polls."""
        self.script.answers += answers
        return [await self.follower.poll() for _ in answers]


@pytest.fixture
def desk():
    return Desk()


def report(*groups, epoch="e", revision=1, full=True):
    """A report with `active` per group."""
    found = tuple(GroupProgress(app_id, track, active=active) for (app_id, track), active in groups)
    return ProgressReport(epoch, revision, full, found)


AWAY = ProgressUnavailable("connection refused")


async def test_before_the_first_answer_nothing_is_known_and_nothing_said_against_it(desk):
    await desk.hear(AWAY)

    fleet = desk.follower.fleet(*A)
    assert (fleet.contact, fleet.known, fleet.progress) == (Contact.STARTING, False, None)
    assert desk.told == []


async def test_the_first_answer_concerns_everybody_later_ones_what_changed(desk):
    await desk.hear(report((A, 1), (B, 1)), report((A, 2), revision=2, full=False), report(revision=2, full=False))

    assert desk.told == [None, [A]]
    assert desk.script.asked == [("", 0), ("e", 1), ("e", 2)]
    assert desk.follower.fleet(*A).progress.active == 2
    assert desk.follower.fleet(*B).progress.active == 1


async def test_a_full_report_replaces_everything(desk):
    await desk.hear(report((A, 1), (B, 1)), report((A, 1), epoch="restarted"))

    assert desk.told == [None, [B]]
    assert desk.follower.fleet(*B).progress is None
    assert desk.follower.fleet(*B).known


async def test_increments_of_another_epoch_are_not_taken(desk):
    await desk.hear(report((A, 1)), report((A, 9), epoch="restarted", full=False), report((A, 3), epoch="restarted"))

    assert desk.script.asked == [("", 0), ("e", 1), ("", 0)]
    assert desk.follower.fleet(*A).progress.active == 3


async def test_a_short_silence_is_no_news_a_long_one_is_and_the_counts_stay(desk):
    await desk.hear(report((A, 1)))
    desk.now = 4.0
    await desk.hear(AWAY)
    assert desk.follower.contact is Contact.ANSWERING

    desk.now = 6.0
    await desk.hear(AWAY, AWAY)
    fleet = desk.follower.fleet(*A)
    assert (fleet.contact, fleet.progress.active) == (Contact.AWAY, 1)
    assert desk.told == [None, None]

    await desk.hear(report((A, 1), revision=2, full=False))
    assert desk.follower.contact is Contact.ANSWERING
    assert desk.told == [None, None, None]


async def test_polls_back_off_while_there_is_no_answer(desk):
    assert await desk.hear(AWAY, AWAY, AWAY, AWAY, AWAY) == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert await desk.hear(report()) == [1.0]
