"""What does the API server refuse in Group.spec.rollout? Percentages that are none, and fields that contradict each other.

What a rule here can't see, `plans` finds, and the operator says: that a time zone exists, that groups don't wait for each other.
"""

from collections.abc import Iterator

from update_core.resources.rule_forms import Rule, form, matches, one_line, reference, version

# Text of a percentage has no bound that every API server knows (a field of two types has none before Kubernetes 1.34), so each look at the
# whole of it is estimated at the size of a whole request, times the waves: matches() and `type(self) == int` are too dear. Its characters
# are looked at one by one instead. Without needless zeros in front, the value tells how many of them stand before the point.
_PERCENT = (
    "type(self) in [int] ? 0 <= self && self <= 100 : "
    "[0, 1, 2, 3, 4, 5, 6, 7].all(at, self.size() <= at || self.charAt(at) in '0 1 2 3 4 5 6 7 8 9 .'.split(' '))"
    " && !self.startsWith('.') && !self.endsWith('.')"
    " && (self.size() == 1 || !self.startsWith('0') || self.startsWith('0.'))"
    " && double(self) <= 100.0 && self.size() <= (double(self) < 10.0 ? 6 : (double(self) < 100.0 ? 7 : 8))"
)
_PERCENT_MESSAGE = (
    'must be a percentage from 0 to 100: an integer such as 5, or text with at most four decimals such as "0.5"'
)
_WAVE_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_WAVE_NAME_MESSAGE = "must be lower-case letters, digits and '-', and begin and end with a letter or digit"


def of_groups() -> Iterator[Rule]:
    """The rules of Group.spec.rollout."""
    yield from _waves()
    yield form("Group", "rollout.linear.startPercent", _PERCENT, _PERCENT_MESSAGE)
    yield _beside(
        "rollout",
        "waves-or-linear",
        "!has(self.linear) || !has(self.waves) || self.waves.size() == 0",
        "must be either waves or linear: take one of them out",
    )
    yield from _words()
    yield form(
        "Group",
        "rollout.haltOn",
        "has(self.failurePercent) || has(self.consecutiveFailures)",
        "must be given failurePercent, consecutiveFailures or both: without one of them nothing halts",
    )
    yield from _dependencies()
    yield form("Group", "rollout.salt", matches(r"^[0-9A-Za-z._-]+$"), "must be letters, digits, '.', '_' and '-'")


def _waves() -> Iterator[Rule]:
    yield form("Group", "rollout.waves.[].name", matches(_WAVE_NAME), _WAVE_NAME_MESSAGE)
    yield form("Group", "rollout.waves.[].percent", _PERCENT, _PERCENT_MESSAGE)
    yield _beside(
        "rollout.waves.[]",
        "share",
        "has(self.percent) != has(self.instances)",
        "must be given exactly one of percent and instances",
    )
    yield _beside(
        "rollout.waves",
        "rising",
        "self.filter(wave, has(wave.percent)).map(wave, double(wave.percent)).isSorted()",
        "must be in the order of their percent: each counts the instances of those before it, so none is below an earlier one",
    )
    yield _beside(
        "rollout.waves",
        "everybody",
        "self.all(wave, wave.name != 'everybody' || (has(wave.percent) && double(wave.percent) == 100.0"
        " && (!has(wave.match) || wave.match.size() == 0)))"
        " && (!self.exists(wave, wave.name == 'everybody') || self[self.size() - 1].name == 'everybody')",
        "must be called otherwise than everybody, but for the last wave, with percent 100 and no match: it is added where it isn't written",
    )
    yield one_line("Group", "rollout.waves.[].match.[].values.[]")


def _words() -> Iterator[Rule]:
    """What people have said of a rollout."""
    yield version("Group", "rollout.approval.version")
    yield form("Group", "rollout.approval.wave", matches(_WAVE_NAME), _WAVE_NAME_MESSAGE)
    yield version("Group", "rollout.halt.version")
    yield one_line("Group", "rollout.halt.reason")


def _dependencies() -> Iterator[Rule]:
    yield reference("Group", "rollout.dependsOn.[].groupRef")
    yield form("Group", "rollout.dependsOn.[].minPercent", _PERCENT, _PERCENT_MESSAGE)
    yield _beside(
        "rollout.dependsOn",
        "once",
        "self.all(one, self.exists_one(other, other.groupRef.name == one.groupRef.name))",
        "must be different Groups: one of them is named twice",
    )


def _beside(field: str, name: str, expression: str, message: str) -> Rule:
    """A rule on what several fields below `field` say together."""
    return Rule(f"Group.{field}-{name}", "Group", tuple(field.split(".")), expression, message)
