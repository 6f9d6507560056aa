"""A Group through its life, as its reconcile function sees it: a test says what changes, and looks at what is written.

Each look is taken twice, the second time at the status as it was written: it must change nothing and tell nothing.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any

from support import kinds
from update_core import courses, plans
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.resources.group import Group, GroupStatus
from update_core.resources.package import Package
from update_core.resources.rollout_status import PastRollout, Rollout
from update_core.rollout.advance import WaveCounts
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.plan import HaltReason, Latch
from update_operator.reconcile import group
from update_operator.reconcile.outcome import Contact, Fleet, Notice, Outcome


class Life:
    """A Group on the channel stable, which names `version`; every version that is spoken of has a Package."""

    def __init__(self, version: str = "1.0.0", **spec: Any) -> None:
        self.spec = spec
        self.now = kinds.later(0)
        self.wanted = version
        self.packages: dict[str, tuple[Package, ...]] = {}
        self.progress: GroupProgress | None = None
        self.contact = Contact.ANSWERING
        self.status = GroupStatus()
        self.told: list[Notice] = []
        self.again_at: datetime | None = None
        self.surroundings: dict[str, Any] = {}
        """Of the View, in place of what is there by itself."""

    def look(self, after: float = 0, **spec: Any) -> GroupStatus:
        """Reconcile `after` so many seconds, `spec` being changed; returns the status and keeps what was told in `told`."""
        self.now += timedelta(seconds=after)
        self.spec |= spec
        outcome = self._reconciled()
        assert outcome.status is not None
        self.status = outcome.status
        again = self._reconciled()
        assert again.status == self.status
        assert again.notices == ()
        self.told, self.again_at = list(outcome.notices), outcome.again_at
        return self.status

    def promote(self, version: str, **spec: Any) -> GroupStatus:
        """Let the channel name a version, and look."""
        self.wanted = version
        return self.look(1, **spec)

    def count(self, *, settled: bool = True, latch: Latch | None = None, **counts: Any) -> None:
        """What the store says from now on of the rollout that is stamped; `waves` by name, each (waiting, succeeded, failed)."""
        planned = {wave.name: WaveCounts(ahead=0) for wave in plans.read(self._group.spec).waves}
        told = counts.pop("waves", {})
        waves = {
            name: WaveCounts(failed + ok, ok, failed, waiting, ahead=self._ahead(name, waiting))
            for name, (waiting, ok, failed) in told.items()
        }
        self.progress = GroupProgress(
            kinds.APP_ID, "prod", mirrored(self.rollout), waves=planned | waves, latch=latch, settled=settled, **counts
        )

    def _ahead(self, name: str, waiting: int) -> int:
        """How many of those who wait come in with a wave, where the order is drawn evenly."""
        planned = plans.read(self._group.spec).waves
        ppm = next((wave.ppm for wave in planned if wave.name == name and wave.ppm is not None), PPM_OF_ALL)
        before = max((wave.threshold or 0 for wave in self.rollout.open or () if not wave.match), default=0)
        return waiting * max(ppm - before, 0) // max(PPM_OF_ALL - before, 1)

    def complete(self, version: str) -> GroupStatus:
        """Promote a version and let it be completed at once, whatever waves there are."""
        self.promote(version, rollout={})
        self.count(total=4, active=4, on_target=4)
        return self.look(1)

    def fail(self, **latch: Any) -> GroupStatus:
        """Let failures halt the rollout that is stamped."""
        self.count(total=4, active=4, latch=latched(self.rollout, **latch))
        return self.look(1)

    @property
    def rollout(self) -> Rollout:
        """The rollout that is stamped."""
        assert self.status.rollout is not None
        return self.status.rollout

    @property
    def open(self) -> list[str]:
        """The names of the waves that are open."""
        return [wave.name for wave in self.rollout.open or ()]

    @property
    def reasons(self) -> list[str]:
        """Of the Events that were told last."""
        return [notice.reason.value for notice in self.told]

    @property
    def conditions(self) -> dict[str, str]:
        """The conditions as {type: "status reason"}."""
        found: dict[str, str] = kinds.summary(self.status.conditions)
        return found

    def message(self, type_: str) -> str:
        """A condition's message."""
        return next(condition.message for condition in self.status.conditions if condition.type == type_)

    @property
    def blockers(self) -> dict[str, str]:
        """The blockers' messages by reason."""
        return {blocker.reason: blocker.message for blocker in self.status.blockers}

    @property
    def history(self) -> list[tuple[int, str, str]]:
        """The rollouts before: number, version, outcome."""
        return [(entry.sequence, entry.version, entry.outcome) for entry in self.status.history]

    def _reconciled(self) -> Outcome[GroupStatus]:
        its_channel = kinds.channel(self.wanted)
        view = group.View(
            group=self._group,
            application=kinds.application(),
            channel=its_channel,
            fleet=Fleet(self.contact, self.contact is not Contact.STARTING, self.progress, "a trouble"),
            channel_holder=its_channel,
            packages=self._of(self.wanted),
            older={entry.version: self._of(entry.version) for entry in self._past()},
        )
        return group.reconcile(dataclasses.replace(view, **self.surroundings), self.now, f"salt-{self.now:%H%M%S}")

    @property
    def _group(self) -> Group:
        return _read_back(kinds.group(status=self.status, **self.spec))

    def _of(self, version: str) -> tuple[Package, ...]:
        return self.packages.get(version, (kinds.package(version),))

    def _past(self) -> list[PastRollout | RolloutRecord]:
        record = self.progress.rollout if self.progress else None
        return [*self.status.history, *([record] if record is not None else [])]


def mirrored(rollout: Rollout) -> RolloutRecord:
    """The store's row of a rollout that is stamped."""
    return RolloutRecord(
        rollout.sequence,
        rollout.version,
        rollout.salt,
        rollout.started_time,
        rollout.kind,
        rollout.completed_time,
        rollout.from_version or "",
        courses.read(rollout),
    )


def latched(rollout: Rollout, **changes: Any) -> Latch:
    """What the store says once failures have halted a rollout."""
    latch = Latch(
        rollout.sequence,
        rollout.epoch,
        kinds.later(30),
        HaltReason.FAILURE_PERCENT,
        "6 of 10 instances failed.",
        "canary",
        ((37, 5), (-1, 1)),
    )
    return dataclasses.replace(latch, **changes)


def _read_back(written: Group) -> Group:
    return Group.parse(
        {"metadata": written.metadata.to_wire(), "spec": written.spec.to_wire(), "status": written.status.to_wire()}
    )
