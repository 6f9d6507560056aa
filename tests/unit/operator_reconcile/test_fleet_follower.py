"""What does the operator make of the fleet API's objects, of its silence, and of its refusals?"""

import asyncio
import contextlib

import pytest

from support.eventually import eventually
from update_core.resources.fleet import progress as wire
from update_core.rollout.advance import WaveCounts
from update_kube import errors
from update_kube.reflector import Change, ChangeKind, Heard
from update_operator import contact
from update_operator.contact import Cause, ContactTimes, FleetContact
from update_operator.progress import FleetFollower, FleetProgress, FleetTimes
from update_operator.reconcile.outcome import Contact

A, B = ("io.example.app", "a"), ("io.example.app", "b")
REFUSED = errors.ServerError(503, "ServiceUnavailable", "service unavailable")
ABSENT = errors.NotFound(404, "NotFound", "404 page not found")


class Desk:
    """A contact with its clock, and the turns that it told of."""

    def __init__(self):
        self.now, self.turns = 0.0, []
        times = ContactTimes(grace_seconds=5.0, silence_seconds=5.0)
        self.contact = FleetContact(times, clock=lambda: self.now, on_turn=self._turned)

    def _turned(self, trouble):
        self.turns.append(trouble.cause if trouble else None)

    def hear(self, *what):
        for one in what:
            self.contact.heard(one)

    def at(self, now):
        self.now = now
        self.contact.check()
        return self.contact.state


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def answering(desk):
    """One that has listed, and watches."""
    desk.hear(Heard.PAGE, Heard.LIST, Heard.WATCH)
    assert desk.turns == [None]
    desk.turns.clear()
    return desk


def test_before_the_first_answer_nothing_is_known_and_nothing_said_against_it(desk):
    desk.contact.failed(REFUSED)

    assert desk.at(4.9) is Contact.STARTING
    assert (desk.contact.known, desk.contact.trouble, desk.turns) == (False, None, [])


def test_what_does_not_answer_at_all_is_away_after_the_grace_time(desk):
    assert desk.at(5.0) is Contact.AWAY
    assert desk.turns == [Cause.SILENT]


@pytest.mark.parametrize(
    "heard",
    [
        pytest.param([Heard.PAGE], id="a page of a list"),
        pytest.param([Heard.LIST], id="a list that nothing follows"),
        pytest.param([Heard.WATCH, Heard.EVENT, Heard.BOOKMARK], id="a watch without a list"),
    ],
)
def test_part_of_the_picture_is_no_answer(desk, heard):
    desk.hear(*heard)

    assert (desk.contact.state, desk.contact.known) == (Contact.STARTING, False)


def test_a_complete_list_that_is_followed_is_an_answer(desk):
    desk.hear(Heard.PAGE, Heard.PAGE, Heard.LIST, Heard.WATCH)

    assert (desk.contact.state, desk.contact.known, desk.turns) == (Contact.ANSWERING, True, [None])


def test_bookmarks_and_events_keep_contact_and_are_no_news(answering):
    for now, what in ((4.0, Heard.BOOKMARK), (8.0, Heard.EVENT), (12.0, Heard.PAGE)):
        assert answering.at(now) is Contact.ANSWERING
        answering.hear(what)

    assert answering.turns == []


def test_a_watch_that_is_opened_and_says_nothing_is_silent_however_often_it_is_opened(answering):
    answering.at(3.0)
    answering.hear(Heard.WATCH)

    assert answering.at(5.0) is Contact.AWAY
    assert answering.turns == [Cause.SILENT]
    answering.hear(Heard.WATCH)
    assert answering.contact.state is Contact.AWAY


def test_after_silence_only_a_bookmark_says_that_nothing_is_outstanding(answering):
    answering.at(6.0)
    answering.hear(Heard.WATCH, Heard.EVENT)
    assert answering.contact.state is Contact.AWAY

    answering.hear(Heard.BOOKMARK)
    assert (answering.contact.state, answering.contact.trouble) == (Contact.ANSWERING, None)


def test_failures_count_from_the_first_one_on(answering):
    answering.now = 4.0
    answering.contact.failed(REFUSED)
    answering.hear(Heard.PAGE)
    assert answering.at(8.9) is Contact.ANSWERING
    answering.contact.failed(REFUSED)

    assert answering.at(9.0) is Contact.AWAY
    assert answering.turns == [Cause.UNAVAILABLE]


def test_a_list_without_the_right_to_watch_is_away(answering):
    answering.contact.failed(errors.Forbidden(403, "Forbidden", "cannot watch"))
    for now in (1.0, 3.0):
        answering.at(now)
        answering.hear(Heard.PAGE, Heard.LIST)
        answering.contact.failed(errors.Forbidden(403, "Forbidden", "cannot watch"))

    assert answering.at(5.0) is Contact.AWAY
    assert answering.contact.trouble.cause is Cause.FORBIDDEN


def test_what_comes_back_in_time_was_never_away(answering):
    answering.now = 4.0
    answering.hear(Heard.BOOKMARK)
    answering.contact.failed(REFUSED)
    answering.at(8.0)
    answering.hear(Heard.PAGE, Heard.LIST, Heard.WATCH)

    assert answering.at(12.9) is Contact.ANSWERING
    assert answering.turns == []


def test_trouble_is_told_once_and_again_only_when_it_is_another(answering):
    for now in range(20):
        answering.contact.failed(REFUSED)
        answering.at(float(now))
    for now in range(20, 30):
        answering.contact.failed(ABSENT)
        answering.at(float(now))

    assert answering.turns == [Cause.UNAVAILABLE, Cause.NOT_REGISTERED]


def test_what_we_overslept_is_not_held_against_it(answering):
    answering.now = 4.0
    answering.contact.failed(REFUSED)
    answering.now = 59.0
    answering.contact.check(overslept_seconds=55.0)

    assert answering.contact.state is Contact.ANSWERING


@pytest.mark.parametrize(
    ("error", "cause", "said"),
    [
        pytest.param(
            errors.Forbidden(403, "Forbidden", 'User "operator" cannot list resource "groupprogresses"'),
            Cause.FORBIDDEN,
            ["a right is missing", 'User "operator" cannot list resource "groupprogresses"'],
            id="403",
        ),
        pytest.param(ABSENT, Cause.NOT_REGISTERED, ["is not registered", "apply the APIService"], id="404"),
        pytest.param(errors.Unauthorized(401, "Unauthorized", "no"), Cause.REFUSED, ["does not accept who"], id="401"),
        pytest.param(REFUSED, Cause.UNAVAILABLE, ["is unavailable"], id="503"),
        pytest.param(errors.TooManyRequests(429, "", "slow"), Cause.UNAVAILABLE, ["is unavailable"], id="429"),
        pytest.param(errors.Unreachable("reset"), Cause.UNREACHABLE, ["did not answer"], id="no answer"),
    ],
)
def test_trouble_says_what_is_wrong_and_where_to_look(error, cause, said):
    trouble = contact.explained(error)

    assert trouble.cause is cause
    assert [part for part in said if part not in trouble.text] == []
    assert cause is Cause.FORBIDDEN or "`kubectl get apiservice v1alpha1.fleet.updateservice.dev`" in trouble.text


class SlowServer:
    """A client whose list takes its time."""

    async def list_all(self, *_resource, **_options):
        await asyncio.Event().wait()


async def test_a_stand_by_that_leads_at_last_gives_it_the_same_time_to_answer():
    now, checks, turns = 0.0, [], []

    def clock():
        checks.append(now)
        return now

    follower = FleetFollower(
        SlowServer(), on_change=turns.append, on_turn=turns.append, clock=clock, jitter=lambda: 0.0, times=FleetTimes()
    )
    now = 86400.0
    task = asyncio.create_task(follower.run())
    await eventually(lambda: checks.count(now) > 12)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

    assert (follower.contact, turns) == (Contact.STARTING, [])


class Progress(FleetProgress):
    """What is said of groups, with the groups that were told to have changed."""

    def __init__(self):
        self.told = []
        super().__init__(self.told.append)

    def hear(self, kind, group, name="any", **instances):
        obj = {
            "apiVersion": "fleet.updateservice.dev/v1alpha1",
            "kind": "GroupProgress",
            "metadata": {"name": name, "namespace": "n", "resourceVersion": "1"},
            "spec": {"appId": group[0], "application": "app", "track": group[1]},
            "status": {"instances": instances},
        }
        wire.GroupProgress.parse(obj | {"status": {"instances": {}}})
        self.take(Change(kind, obj, None))


ADDED, MODIFIED, DELETED = ChangeKind.ADDED, ChangeKind.MODIFIED, ChangeKind.DELETED


def test_groups_are_told_apart_by_what_the_spec_says_not_by_names():
    progress = Progress()
    progress.hear(ADDED, A, name="prod", active=1)
    progress.hear(ADDED, B, name="beta", active=2)

    assert (progress.get(A).active, progress.get(B).active) == (1, 2)
    assert progress.get(("io.example.app", "prod")) is None
    assert progress.told == [A, B]


def test_the_same_counts_again_are_no_news():
    progress = Progress()
    progress.hear(ADDED, A, active=1)
    progress.hear(MODIFIED, A, active=1)
    progress.hear(MODIFIED, A, active=2)

    assert progress.told == [A, A]


def test_a_group_that_is_no_longer_named_was_never_seen():
    progress = Progress()
    progress.hear(ADDED, A, active=1)
    progress.hear(DELETED, A)

    assert (progress.get(A), len(progress), progress.told) == (None, 0, [A, A])


def test_a_group_that_is_called_otherwise_outlives_its_old_name():
    progress = Progress()
    progress.hear(ADDED, A, name="old", active=1)
    progress.hear(ADDED, A, name="new", active=2)
    progress.hear(DELETED, A, name="old")

    assert progress.get(A).active == 2


def test_a_name_that_another_group_takes_over_leaves_nothing_of_the_first():
    progress = Progress()
    progress.hear(ADDED, A, name="prod", active=1)
    progress.hear(MODIFIED, B, name="prod", active=2)

    assert (progress.get(A), progress.get(B).active) == (None, 2)
    assert progress.told == [A, A, B]


def test_what_cannot_be_read_is_unknown_and_not_unseen():
    progress = Progress()
    progress.hear(ADDED, A, active="many")

    assert (progress.get(A), progress.unreadable(A), progress.unreadable(B)) == (None, True, False)
    progress.hear(MODIFIED, A, active=3)
    assert (progress.get(A).active, progress.unreadable(A)) == (3, False)
    assert progress.told == [A, A]


def test_all_that_is_said_of_a_rollout_is_understood():
    opened = {"name": "canary", "threshold": 1000, "openedTime": "2026-01-01T00:00:00Z", "expected": 3}
    rollout = {
        "sequence": 7,
        "version": "1.0.0",
        "kind": "Rollback",
        "fromVersion": "2.0.0",
        "salt": "s",
        "startedTime": "2026-01-01T00:00:00Z",
        "open": [opened],
        "epoch": 2,
    }
    latch = {
        "sequence": 6,
        "epoch": 1,
        "time": "2026-01-01T00:00:00Z",
        "reason": "FailurePercent",
        "message": "too many",
        "wave": "canary",
        "errors": [{"code": -1, "count": 2}],
    }
    waves = [{"name": "canary", "granted": 4, "succeeded": 1, "failed": 2, "waiting": 9, "ahead": 3}]
    status = {"rollout": rollout, "instances": {"finished": 5}, "waves": waves, "latch": latch, "settled": False}
    obj = {
        "metadata": {"name": "prod", "namespace": "n"},
        "spec": {"appId": A[0], "application": "app", "track": A[1]},
        "status": status,
    }
    progress = Progress()
    progress.take(Change(ADDED, obj, None))

    found = progress.get(A)
    assert (found.finished, found.settled) == (5, False)
    assert dict(found.waves) == {"canary": WaveCounts(granted=4, succeeded=1, failed=2, waiting=9, ahead=3)}
    assert (found.latch.sequence, found.latch.epoch, found.latch.errors) == (6, 1, ((-1, 2),))
    assert (found.rollout.kind, found.rollout.from_version) == ("Rollback", "2.0.0")
    assert (found.rollout.course.epoch, found.rollout.course.opened[0].expected) == (2, 3)
