"""How does a Group's rollout go on? Group.spec.rollout: in waves or all the time, what halts it, and what people have said of it."""

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.json_schema import WithJsonSchema

from update_core.resources.base import GroupRef, Model
from update_core.resources.package import PackageVersion

MAX_COUNT = 2**31 - 1
YEAR_SECONDS = 366 * 86400
MAX_WAVES = 16
MAX_DEPENDENCIES = 8
MAX_REQUIREMENTS = 8
DEFAULT_SETTLE_PERCENT = 90
DEFAULT_MIN_SAMPLES = 10
DEFAULT_MAX_ATTEMPTS = 5
DEFAULT_BACKOFF_SECONDS = 60
DEFAULT_COMPLETE_PERCENT = 100
DEFAULT_MIN_AGE_SECONDS = 600

_PERCENT_SCHEMA: dict[str, Any] = {"x-kubernetes-int-or-string": True}

Percent = Annotated[int | str, WithJsonSchema(_PERCENT_SCHEMA)]
"""From 0 to 100: an integer, or text with at most four decimals such as "0.5". `rollout.cohort.ppm` reads it."""

WaveName = Annotated[
    str,
    Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", description="The wave's name."),
]

Salt = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=r"^[0-9A-Za-z._-]+$",
    ),
]

MachineAttribute = Literal[
    "oem", "oemversion", "alephversion", "board", "lang", "platform", "osversion", "sp", "arch", "version"
]
"""What an instance can be told by: the words that it reports of its machine, and the version that it runs."""


class Requirement(Model):
    """One thing that has to be true of an instance."""

    attribute: MachineAttribute = Field(
        description="What is looked at: a word that the instance reports of its machine, as its object's labels have it; arch is the "
        "architecture by Debian's name, such as amd64; version is the version that it runs."
    )
    operator: Literal["In", "NotIn"] = Field(
        default="In", description="In: it is one of values. NotIn: it is none of them; also where nothing is reported."
    )
    values: list[
        Annotated[str, Field(min_length=1, max_length=128, description="A value as it is reported, byte for byte.")]
    ] = Field(min_length=1, max_length=64, description="The values that it is compared with, byte for byte.")


class Wave(Model):
    """A part of the Group's instances that may move at one time."""

    name: WaveName = Field(
        description="A name that is unique among the waves, such as canary. While a rollout is under way waves are told apart by it: what "
        "has been opened stays as it was opened. The name everybody is kept for the last wave, which is added if it isn't written."
    )
    percent: Percent | None = Field(
        default=None,
        description='How many of the instances that match: an integer such as 5, or text such as "0.5" with at most four decimals. It '
        "counts from the first instance, with those of the waves before it, and doesn't fall from wave to wave.",
    )
    instances: int | None = Field(
        default=None,
        ge=1,
        le=MAX_COUNT,
        description="Instead of percent: at most so many different instances, first come. One that tries again isn't counted again. "
        "Only instances that were known before the rollout began are let in.",
    )
    match: list[Requirement] = Field(
        default_factory=list,
        max_length=MAX_REQUIREMENTS,
        description="Which instances the wave is for: those for which all of this is true. Empty: all.",
    )
    settle_percent: int = Field(
        default=DEFAULT_SETTLE_PERCENT,
        ge=0,
        le=100,
        description="The wave is settled as soon as so many percent of the instances that are expected in it have succeeded or failed.",
    )
    bake_seconds: int = Field(
        default=0,
        ge=0,
        le=YEAR_SECONDS,
        description="For how many seconds the wave is watched once it is settled, before the next one opens. They don't pass while the "
        "group is paused, halted or frozen.",
    )
    approval: Literal["Required", "NotRequired"] = Field(
        default="NotRequired",
        description="Required: the wave doesn't open before somebody approves it in spec.rollout.approval.",
    )


class LinearRollout(Model):
    """Instead of waves: a share of the instances that grows all the time."""

    start_percent: Percent = Field(
        default=0,
        description="The share with which the rollout begins: an integer, or text with at most four decimals.",
    )
    duration_seconds: int = Field(
        ge=1,
        le=YEAR_SECONDS,
        description="After so many seconds all instances may move. Time in which the group is paused, halted or frozen doesn't count.",
    )


class Approval(Model):
    """Somebody lets a wave open."""

    version: PackageVersion = Field(
        description="The version that was looked at. The approval counts only while the group moves to it."
    )
    wave: WaveName = Field(description="The wave that may open, and with it all that come before it.")
    bake: Literal["Respect", "Skip"] = Field(
        default="Respect",
        description="Skip: the waves before it needn't have settled and baked. A rollout that is halted stays halted.",
    )


class HaltRequest(Model):
    """Somebody stops the rollout to a version."""

    version: PackageVersion = Field(
        description="The version that is stopped. The halt counts only while the group moves to it, for as long as it stands here."
    )
    reason: str = Field(min_length=1, max_length=256, description="Why, for people.")


class Resume(Model):
    """Somebody lets a rollout go on that was halted by its failures."""

    sequence: int = Field(ge=1, le=2**62, description="Number of the rollout, of status.rollout.sequence.")
    epoch: int = Field(
        default=1,
        ge=1,
        le=MAX_COUNT,
        description="How often that rollout is resumed: the first time 1. It goes on if this is more than status.rollout.epoch; its "
        "failures and attempts are counted from the start then.",
    )


class HaltOn(Model):
    """How many failures are too many."""

    failure_percent: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="The rollout halts when so many percent of the outcomes are failures, in the wave that was opened last, or among "
        "the last hundred outcomes.",
    )
    min_samples: int = Field(
        default=DEFAULT_MIN_SAMPLES,
        ge=1,
        le=100,
        description="failurePercent isn't looked at before so many instances have succeeded or failed.",
    )
    consecutive_failures: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="The rollout halts when so many different instances fail one after the other.",
    )


class Retry(Model):
    """What becomes of an instance whose update failed."""

    max_attempts: int = Field(
        default=DEFAULT_MAX_ATTEMPTS,
        ge=1,
        le=1000,
        description="How often one instance is given one version. After that it gets none before another version, a reset or a resume.",
    )
    backoff_seconds: int = Field(
        default=DEFAULT_BACKOFF_SECONDS,
        ge=0,
        le=86400,
        description="For how many seconds an instance waits after its first failure; after each further one twice as long, at most a day.",
    )


class Dependency(Model):
    """Another Group that goes first."""

    group_ref: GroupRef = Field(description="The Group in the same namespace.")
    min_percent: Percent = Field(
        default=100,
        description="How many of its active instances have to be on its target: an integer, or text with at most four decimals.",
    )
    soak_seconds: int = Field(
        default=0, ge=0, le=YEAR_SECONDS, description="For how many seconds without a break that has to be so."
    )


class RolloutPolicy(Model):
    """How the Group's rollouts go on."""

    waves: list[Wave] = Field(
        default_factory=list,
        max_length=MAX_WAVES,
        description="The parts in which a rollout goes, one after the other. Eligible are the instances of all that are open. Empty: one "
        "wave for everybody.",
    )
    linear: LinearRollout | None = Field(
        default=None, description="Instead of waves: a share of the instances that grows all the time."
    )
    approval: Approval | None = Field(
        default=None, description="The last approval of a wave. updatectl group approve writes it."
    )
    halt: HaltRequest | None = Field(
        default=None, description="Stops the rollout to a version at once. updatectl group halt writes it."
    )
    resume: Resume | None = Field(
        default=None, description="Lets a halted rollout go on. updatectl group resume writes it."
    )
    halt_on: HaltOn | None = Field(
        default=None, description="How many failures halt a rollout. Absent: it is never halted by them."
    )
    on_halt: Literal["Pause", "Rollback"] = Field(
        default="Pause",
        description="What becomes of a rollout that its failures halted. Pause: nothing is given out any more. Rollback: instances that "
        "run its version are moved back to the last version that the group completed, if versionPolicy.allowDowngrade is set.",
    )
    retry: Retry | None = Field(
        default=None,
        description="How often an instance tries. Absent: five times, after one, two, four and eight minutes.",
    )
    depends_on: list[Dependency] = Field(
        default_factory=list,
        max_length=MAX_DEPENDENCIES,
        description="Groups that go first: nothing is given out before each of them is far enough. Of the same Application they have to be "
        "at this version or above, of another one at their own target. Once that was so for a rollout it counts as done.",
    )
    salt: Salt | None = Field(
        default=None,
        description="Decides, with its id, an instance's place in the order of every rollout. Set it to have the same instances first each "
        "time. Absent: another order in each rollout.",
    )
    complete_percent: int = Field(
        default=DEFAULT_COMPLETE_PERCENT,
        ge=1,
        le=100,
        description="A rollout is complete when so many percent of the active instances are on the target, or can't be brought there.",
    )


class EvidencePolicy(Model):
    """When an instance is believed."""

    min_age_seconds: int = Field(
        default=DEFAULT_MIN_AGE_SECONDS,
        ge=0,
        le=YEAR_SECONDS,
        description="An instance counts as established if it was known before a rollout began and has been heard over at least so many "
        "seconds. Only those count where a rollout is judged by its outcomes; the others get at most a tenth of its limits.",
    )
