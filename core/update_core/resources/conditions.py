"""Every condition type and reason that a status or an Event can carry, in one place.

Polarity: `Ready`, `PackageAvailable`, `RolloutComplete` and `RolledOut` are good when True; `Progressing` and `Paused` are neutral;
`Halted` is bad when True; `Reconciling` and `Stalled` are abnormal and present only while True (kstatus reads them).
"""

from enum import StrEnum


class ConditionType(StrEnum):
    """What a condition is about."""

    READY = "Ready"
    """This spec has been reconciled: nothing in it is wrong. False only for InvalidSpec, DependencyCycle, Conflict kinds and
    ReferenceNotFound."""
    PACKAGE_AVAILABLE = "PackageAvailable"
    """The Package of the wanted version exists."""
    PROGRESSING = "Progressing"
    """Instances are being moved to the target."""
    PAUSED = "Paused"
    """spec.paused holds back new grants."""
    HALTED = "Halted"
    """The rollout is stopped: by its failures, or by a person in spec.rollout.halt."""
    ROLLOUT_COMPLETE = "RolloutComplete"
    """Every active instance of the Group is on the target, once so for a rollout it stays so."""
    ROLLED_OUT = "RolledOut"
    """Channel only: every Group that follows it has completed this version."""
    FLEET_REPORTED = "FleetReported"
    """The operator reads the Group's counts in the fleet API; False means that the counts are old."""
    RECONCILING = "Reconciling"
    """Present and True only while the operator still has to act on this spec."""
    STALLED = "Stalled"
    """Present and True only while no retry will help until somebody changes something."""


class Reason(StrEnum):
    """Why a condition has its status; Events use the same words."""

    RECONCILED = "Reconciled"
    INVALID_SPEC = "InvalidSpec"
    CONFLICT = "Conflict"
    APP_ID_CONFLICT = "AppIdConflict"
    REFERENCE_NOT_FOUND = "ReferenceNotFound"
    DEPENDENCY_CYCLE = "DependencyCycle"

    PACKAGE_FOUND = "PackageFound"
    PACKAGE_NOT_FOUND = "PackageNotFound"
    WITHDRAWN = "Withdrawn"

    ROLLOUT_STARTED = "RolloutStarted"
    ROLLOUT_SUPERSEDED = "RolloutSuperseded"
    ROLLOUT_COMPLETED = "RolloutCompleted"
    ROLLING_OUT = "RollingOut"
    ROLLOUT_PENDING = "RolloutPending"
    NO_ROLLOUT = "NoRollout"
    NO_INSTANCES = "NoInstances"
    RECORDS_LOST = "RecordsLost"

    DEPENDENCIES_MET = "DependenciesMet"
    DEPENDENCY_NOT_MET = "DependencyNotMet"
    WAVE_OPENED = "WaveOpened"
    WAVE_SETTLED = "WaveSettled"
    WAVE_EMPTY = "WaveEmpty"
    AWAITING_APPROVAL = "AwaitingApproval"
    BAKING = "Baking"

    ROLLOUT_HALTED = "RolloutHalted"
    ROLLOUT_RESUMED = "RolloutResumed"
    ROLLOUT_ROLLED_BACK = "RolloutRolledBack"
    HALT_REQUESTED = "HaltRequested"
    NOT_HALTED = "NotHalted"
    ROLLING_BACK = "RollingBack"

    PAUSED = "Paused"
    NOT_PAUSED = "NotPaused"
    FROZEN = "Frozen"
    OUTSIDE_WINDOW = "OutsideWindow"

    WAITING_FOR_GROUPS = "WaitingForGroups"
    NO_GROUPS = "NoGroups"

    FLEET_ANSWERED = "FleetAnswered"
    FLEET_UNAVAILABLE = "FleetUnavailable"
