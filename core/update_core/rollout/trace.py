"""How did an answer come about? Every rule's verdict, beside the answer that `decide` gives to the same question.

The rules, their order and what a repeated offer skips are decide's own; only that all are asked, also after the first that refuses, is
this module's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from update_core.rollout import decide
from update_core.rollout.model import Decision, Fleet, Instance, Reason, Refusal, ResolvedGroup


class Verdict(StrEnum):
    """What a rule says to a question."""

    PASSES = "Passes"
    REFUSES = "Refuses"
    SKIPPED = "Skipped"
    """Not asked: what was offered already is offered again without using up a limit."""


@dataclass(frozen=True, slots=True)
class Step:
    """One rule, named after the reason with which it refuses, and its verdict."""

    rule: Reason
    verdict: Verdict
    refusal: Refusal | None = None
    """Of a rule that refuses."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The answer to a question, and every rule in the order in which they are asked."""

    question: decide.Question
    decision: Decision
    steps: tuple[Step, ...]

    @property
    def repeated(self) -> bool:
        """Whether the limits were skipped."""
        return any(step.verdict is Verdict.SKIPPED for step in self.steps)


def reason_of(rule: decide.Rule) -> Reason:
    """The reason with which a rule refuses: the rule is called like it.

    Raises:
        KeyError: it isn't.
    """
    return Reason[rule.__name__.upper()]


ELIGIBILITY = tuple((reason_of(rule), rule) for rule in decide.ELIGIBILITY)
LIMITS = tuple((reason_of(rule), rule) for rule in decide.LIMITS)


def trace(group: ResolvedGroup, instance: Instance, fleet: Fleet, now: datetime) -> Trace:
    """Decide as `decide.decide` does, and say how."""
    question = decide.Question(group, instance, fleet, now)
    limits = _skipped() if decide.reoffered(question) else _asked(LIMITS, question)
    return Trace(question, decide.decide(group, instance, fleet, now), (*_asked(ELIGIBILITY, question), *limits))


def _asked(rules: Iterable[tuple[Reason, decide.Rule]], question: decide.Question) -> Iterable[Step]:
    for reason, rule in rules:
        refusal = rule(question)
        yield Step(reason, Verdict.PASSES if refusal is None else Verdict.REFUSES, refusal)


def _skipped() -> Iterable[Step]:
    return (Step(reason, Verdict.SKIPPED) for reason, _ in LIMITS)
