"""How does a group's rollout stand, before somebody says a word about it? What its spec plans and its status has, as rules read them."""

import shlex
from dataclasses import dataclass

from update_core import courses, plans, versions
from update_core.resources.group import Group
from update_core.resources.rollout_status import PastRollout, Rollout
from update_core.rollout import admission
from update_core.rollout.plan import Course, Plan
from update_core.rollout.waves import Wave
from updatectl import output
from updatectl.errors import CommandError
from updatectl.group_words import Named


@dataclass(frozen=True)
class Standing:
    """A group with a rollout. `handle` names the group on a command line, `whom` in a sentence."""

    handle: str
    whom: str
    group: Group
    rollout: Rollout
    plan: Plan
    course: Course

    @property
    def version(self) -> str:
        """The version that the rollout is about."""
        return self.rollout.version

    @property
    def unopened(self) -> tuple[Wave, ...]:
        """The waves to come, in their order."""
        return self.plan.waves[self.opened_up_to + 1 :]

    @property
    def opened_up_to(self) -> int:
        """The place of the last planned wave that is open, -1 before the first."""
        return max((place for place, wave in enumerate(self.plan.waves) if self.course.is_open(wave.name)), default=-1)

    @property
    def halted_by_hand(self) -> str:
        """Why spec.rollout.halt stops this rollout, empty where it doesn't."""
        request = self.plan.halt
        return request.reason if request is not None and versions.same(request.version, self.version) else ""

    @property
    def halts(self) -> list[str]:
        """What stops the rollout, in words."""
        found = (
            [] if self.course.halted is None else [f"halted by its failures: {self.course.halted.message.rstrip('.')}"]
        )
        return found + ([f"halted by spec.rollout.halt: {self.halted_by_hand}"] if self.halted_by_hand else [])

    @property
    def rolled_back(self) -> PastRollout | None:
        """The rollout whose instances this one moves back; None where it moves none back, or that isn't known any more."""
        back = self.rollout.from_version
        if self.rollout.kind != "Rollback" or back is None:
            return None
        past = self.group.status.history
        return next((e for e in past if e.outcome == "RolledBack" and versions.same(e.version, back)), None)

    @property
    def notes(self) -> list[str]:
        """What else keeps a wave from opening, or from letting anybody in."""
        found = []
        if self.halts:
            found.append(f"it is halted: `updatectl group resume {self.handle}` lets it go on")
        if self.group.spec.paused:
            found.append(f"it is paused: `updatectl group unpause {self.handle}` lets it go on")
        if self.plan.depends_on and self.course.dependencies_met_at is None:
            found.append("groups that go first aren't far enough yet")
        return found

    def opens(self, wave: Wave, plan: Plan) -> str:
        """When a wave to come opens, by this plan."""
        place = plan.index(wave.name) or 0
        approved = admission.plan_approves(plan, self.version, wave)
        if wave.approval_required and not approved:
            return "waits for an approval"
        skips = approved and plan.approval is not None and plan.approval.skip_bake
        if place == 0 or skips:
            return "opens at once"
        before = plan.waves[place - 1]
        baked = " and baked" if before.bake_seconds else ""
        return f"opens once wave {before.name} has settled{baked}"


def of(named: Named) -> Standing:
    """How the group's rollout stands. Raises CommandError where it has none."""
    handle = f"{named.app_id} {shlex.quote(output.printable(named.track))}"
    group = Group.parse(named.group)
    rollout = group.status.rollout
    if rollout is None:
        raise CommandError(
            f"group {output.printable(named.track)} has no rollout yet. `updatectl group status {handle}` says what it waits for."
        )
    whom = f"for group: {output.printable(named.track)}, for application: {named.app_id}"
    return Standing(handle, whom, group, rollout, plans.read(group.spec), courses.read(rollout))


def planned(standing: Standing) -> tuple[Wave, ...]:
    """The waves to come. Raises CommandError, with what to do, where none can be opened by a person."""
    rollout, handle = standing.rollout, standing.handle
    if standing.plan.problem:
        raise CommandError(
            f"its waves can't be read: {standing.plan.problem} `updatectl group update {handle}` corrects them."
        )
    if rollout.kind == "Rollback":
        raise CommandError(
            f"rollout {rollout.sequence} moves instances back from {rollout.from_version} to {rollout.version}: everybody may move, there "
            "is nothing to open"
        )
    if standing.plan.linear is not None and standing.course.linear is None:
        raise CommandError(
            f"rollout {rollout.sequence} began in waves, and spec.rollout.linear holds from the next one on: "
            f"`updatectl group update {handle} --no-linear --wave …` puts the waves back"
        )
    if standing.course.linear is not None:
        raise CommandError(
            f"rollout {rollout.sequence} has no waves, it lets in more instances all the time. "
            f"`updatectl group update {handle} --linear-over LENGTH` changes how fast, from the next rollout on."
        )
    if standing.course.opened is None or not standing.unopened:
        raise CommandError(
            f"all waves of rollout {rollout.sequence} to {rollout.version} are open already. "
            f"`updatectl group status {handle}` says how far it is."
        )
    return standing.unopened
