"""Does the fleet API answer, and if not, what is wrong with it? Told by what its list and watch say, do not say, or end in.

Only two things say that our picture of the fleet is whole: a complete list that a watch follows, and a bookmark of a watch. The fleet API
sends a bookmark about every two seconds, so silence means something too.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from update_kube import errors
from update_kube.reflector import Heard
from update_kube.resources import GROUPPROGRESSES
from update_operator.reconcile.outcome import Contact

logger = logging.getLogger(__name__)

APISERVICE = f"{GROUPPROGRESSES.version}.{GROUPPROGRESSES.group}"
_LOOK = f"`kubectl get apiservice {APISERVICE}` says more"


@dataclass(frozen=True, slots=True)
class ContactTimes:
    """Seconds that list and watch may fail, and that the watch may say nothing, before the fleet API counts as away."""

    grace_seconds: float = 5.0
    silence_seconds: float = 5.0


class Cause(StrEnum):
    """Why the fleet API is away."""

    FORBIDDEN = "Forbidden"
    NOT_REGISTERED = "NotRegistered"
    REFUSED = "Refused"
    UNAVAILABLE = "Unavailable"
    UNREACHABLE = "Unreachable"
    SILENT = "Silent"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong and what to do about it, for people. The same cause has the same text: it stands in every Group's status."""

    cause: Cause
    text: str


_SILENCE = Trouble(
    Cause.SILENT,
    f"the watch of {GROUPPROGRESSES.qualified} says nothing: the Omaha service, or APIService {APISERVICE}, hangs; {_LOOK}",
)


class FleetContact:
    """How things stand with the fleet API. `on_turn` is told whenever it goes away, with what trouble, or answers: None."""

    def __init__(
        self, times: ContactTimes, *, clock: Callable[[], float], on_turn: Callable[[Trouble | None], None]
    ) -> None:
        self._times = times
        self._clock = clock
        self._on_turn = on_turn
        self._heard_at = clock()
        self._failing_since: float | None = None
        self._failure = _SILENCE, ""
        """What the latest failure means, and its own words."""
        self._listed = False
        self.known = False
        """Whether there has ever been a complete list with a watch that follows it."""
        self.state = Contact.STARTING
        self.trouble: Trouble | None = None
        """Why it is away; None while it isn't."""

    def begin(self) -> None:
        """From now on it is asked: a stand-by may have waited for days, and that isn't silence."""
        self._heard_at = self._clock()

    def heard(self, what: Heard) -> None:
        """Its list or watch said something."""
        if what is not Heard.WATCH:
            # To be let in isn't to be told anything: whoever opens watches and then says nothing is away.
            self._heard_at = self._clock()
        if what is Heard.LIST:
            self._listed = True
        elif (what is Heard.WATCH and self._listed) or (what is Heard.BOOKMARK and self.known):
            self._listed = False
            self._answers()

    def failed(self, error: errors.KubeError) -> None:
        """Its list or watch ended in an error."""
        self._listed = False
        self._failure = explained(error), str(error)
        if self._failing_since is None:
            self._failing_since = self._clock()
        self.check()

    def check(self, overslept_seconds: float = 0.0) -> None:
        """Has it been failing or silent for too long? To be asked several times a second.

        What we overslept, being stopped or busy, isn't held against it: what it said meanwhile is still to be read.
        """
        self._heard_at += overslept_seconds
        if self._failing_since is not None:
            self._failing_since += overslept_seconds
        now, times = self._clock(), self._times
        allowed = times.silence_seconds if self.known else min(times.grace_seconds, times.silence_seconds)
        if self._failing_since is not None and now - self._failing_since >= times.grace_seconds:
            self._away(*self._failure)
        elif now - self._heard_at >= allowed and self.state is not Contact.AWAY:
            # A failure that isn't old enough still explains more than silence does.
            self._away(*(self._failure if self._failing_since is not None else (_SILENCE, "")))

    def _answers(self) -> None:
        self._failing_since = None
        if self.state is Contact.ANSWERING:
            return
        self.known, self.state, self.trouble = True, Contact.ANSWERING, None
        logger.info("the fleet API answers")
        self._on_turn(None)

    def _away(self, trouble: Trouble, said: str) -> None:
        if self.state is Contact.AWAY and self.trouble == trouble:
            return
        self.state, self.trouble = Contact.AWAY, trouble
        logger.warning(
            "the fleet API is away; the last counts stay, no rollout begins: %s (%s)", trouble.text, said or "no answer"
        )
        self._on_turn(trouble)


def explained(error: errors.KubeError) -> Trouble:
    """What a failed list or watch of the fleet's progress means, and what to do."""
    match error:
        case errors.Forbidden():
            # The API server's own words name account, verb and resource, and are always the same.
            return Trouble(
                Cause.FORBIDDEN, f"a right is missing in the roles of the operator's service account: {error}"
            )
        case errors.NotFound():
            what = f"APIService {APISERVICE} is not registered, so nobody serves the fleet: apply the APIService of the Omaha service"
            return Trouble(Cause.NOT_REGISTERED, f"{what}; {_LOOK}")
        case errors.Unauthorized():
            what = "the fleet API, or the API server in front of it, does not accept who asks (401)"
            return Trouble(Cause.REFUSED, f"{what}; {_LOOK}, and so does the log of the Omaha service")
        case errors.StatusError():
            what = (
                f"APIService {APISERVICE} is unavailable: the API server gets no usable answer from the Omaha service"
            )
            return Trouble(Cause.UNAVAILABLE, f"{what}; {_LOOK}")
        case _:
            what = f"the API server did not answer when asked for {GROUPPROGRESSES.qualified}"
            return Trouble(Cause.UNREACHABLE, f"{what}; {_LOOK}")
