"""Who of several processes may act? The holder of a Lease, as long as it renews it.

The protocol and the times are client-go's. A rival's renewals are timed with the local monotonic clock from when they
were *seen*, so clocks of other machines don't matter; every write is fenced by resourceVersion, so of two that try at
once one loses. Losing the Lease is final: the caller ends its process and starts anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import logging
import random
import time
from collections.abc import Callable
from typing import Any

from update_kube import client, errors, microtime
from update_kube.resources import LEASES

logger = logging.getLogger(__name__)

# client-go stretches the pause between attempts by up to this much, so that candidates don't run in step.
_JITTER_FACTOR = 1.2


@dataclasses.dataclass(frozen=True, slots=True)
class Times:
    """Seconds. A Lease that wasn't renewed for `duration_seconds` may be taken; its holder gives up by itself after
    `renew_deadline_seconds`, which must be shorter; both try every `retry_period_seconds`."""

    duration_seconds: int = 15
    renew_deadline_seconds: float = 10.0
    retry_period_seconds: float = 2.0

    def __post_init__(self) -> None:
        if not self.duration_seconds > self.renew_deadline_seconds > self.retry_period_seconds * _JITTER_FACTOR > 0:
            raise ValueError("a lease needs duration > renew deadline > 1.2 · retry period > 0")


@dataclasses.dataclass(frozen=True, slots=True)
class _Observed:
    """A state of the Lease and when, on our clock, we first saw it."""

    resource_version: str
    holder: str
    duration_seconds: float
    seen_at: float


class Elector:
    """One candidate for one Lease. `run` competes, then renews; `acquired` and `lost` are set when that happens.

    `identity` must be unique among the candidates. `clock` gives monotonic seconds; `now` the wall time written into
    the Lease, which only people read. `on_lost` is called once, on the event loop, before `run` returns.
    """

    def __init__(
        self,
        kube: client.Client,
        *,
        namespace: str,
        name: str,
        identity: str,
        times: Times | None = None,
        on_lost: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.identity = identity
        self.acquired = asyncio.Event()
        self.lost = asyncio.Event()
        self.holder: str | None = None
        self._kube = kube
        self._namespace = namespace
        self._name = name
        self._times = times if times is not None else Times()
        self._on_lost = on_lost
        self._clock = clock
        self._now = now
        self._jitter = jitter
        self._observed: _Observed | None = None
        self._renewed_at: float | None = None

    @property
    def is_leader(self) -> bool:
        """Whether we may act at this very moment.

        False from the renew deadline on even if nothing ran meanwhile: a process that was stopped and continued asks
        this before its own renewal loop gets to notice.
        """
        if self._renewed_at is None or self.lost.is_set():
            return False
        return self._clock() - self._renewed_at < self._times.renew_deadline_seconds

    async def run(self) -> None:
        """Compete until acquired, renew until lost, then return. Cancelling it gives the Lease back at once."""
        try:
            await self._acquire()
            await self._renew()
        finally:
            await self._release()

    async def _acquire(self) -> None:
        while True:
            if await self._attempt(self._times.renew_deadline_seconds):
                break
            await asyncio.sleep(self._pause())
        logger.info("lease %s/%s: acquired by %s", self._namespace, self._name, self.identity)
        self.acquired.set()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(max(0.0, min(self._pause(), self._left())))
            left = self._left()
            renewed = await self._attempt(left) if left > 0 else False
            if renewed:
                continue
            if self.holder not in (self.identity, None) or self._left() <= 0:
                break
        logger.error("lease %s/%s: lost by %s", self._namespace, self._name, self.identity)
        self.lost.set()
        self._on_lost()

    def _left(self) -> float:
        """Seconds until the renew deadline."""
        renewed_at = self._renewed_at if self._renewed_at is not None else float("-inf")
        return renewed_at + self._times.renew_deadline_seconds - self._clock()

    def _pause(self) -> float:
        return self._times.retry_period_seconds * (1.0 + (_JITTER_FACTOR - 1.0) * self._jitter())

    async def _attempt(self, within: float) -> bool:
        """Try once to get or renew the Lease; False if someone else has it or the API server can't be asked."""
        # Counted from before the request: the server may have taken the renewal long before its answer came.
        started = self._clock()
        try:
            async with asyncio.timeout(within):
                held = await self._try()
        except TimeoutError:
            logger.warning("lease %s/%s: no answer within %.1f s", self._namespace, self._name, within)
            return False
        except (errors.Conflict, errors.AlreadyExists):
            # Another candidate was faster; the next attempt sees who.
            return False
        except errors.KubeError as error:
            logger.warning("lease %s/%s: %s", self._namespace, self._name, error)
            return False
        if held:
            self._renewed_at = started
        return held

    async def _try(self) -> bool:
        try:
            lease = await self._kube.get(LEASES, self._name, self._namespace)
        except errors.NotFound:
            return await self._write(None)
        observed = self._observe(lease)
        if observed.holder not in ("", self.identity):
            expires = observed.seen_at + observed.duration_seconds
            if self._clock() < expires:
                return False
        if self.acquired.is_set() and observed.holder != self.identity:
            # Freed or expired while it was ours: taking it again would hide that others could have led in between.
            return False
        return await self._write(lease)

    def _observe(self, lease: dict[str, Any]) -> _Observed:
        spec = lease.get("spec") or {}
        version = str(lease["metadata"]["resourceVersion"])
        if self._observed is None or self._observed.resource_version != version:
            self._observed = _Observed(
                version,
                str(spec.get("holderIdentity") or ""),
                float(spec.get("leaseDurationSeconds") or self._times.duration_seconds),
                self._clock(),
            )
        self.holder = self._observed.holder
        return self._observed

    async def _write(self, lease: dict[str, Any] | None) -> bool:
        spec = (lease or {}).get("spec") or {}
        ours = spec.get("holderIdentity") == self.identity
        now = microtime.text(self._now())
        transitions = int(spec.get("leaseTransitions") or 0)
        desired = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": self._times.duration_seconds,
            "acquireTime": spec.get("acquireTime") if ours and spec.get("acquireTime") else now,
            "renewTime": now,
            "leaseTransitions": transitions if ours or lease is None else transitions + 1,
        }
        if lease is None:
            metadata = {"name": self._name, "namespace": self._namespace}
            body = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata, "spec": desired}
            self._observe(await self._kube.create(LEASES, body))
        else:
            self._observe(await self._kube.replace(LEASES, {**lease, "spec": {**spec, **desired}}))
        return True

    async def _release(self) -> None:
        """Give the Lease back so that the next one needn't wait for it to expire; best effort."""
        if not self.is_leader:
            return
        self._renewed_at = None
        with contextlib.suppress(errors.KubeError, TimeoutError):
            async with asyncio.timeout(self._times.retry_period_seconds):
                lease = await self._kube.get(LEASES, self._name, self._namespace)
                spec = lease.get("spec") or {}
                if spec.get("holderIdentity") != self.identity:
                    return
                # As client-go: an empty holder, and a duration of 1 s for candidates that look only at that.
                freed = {
                    **spec,
                    "holderIdentity": "",
                    "leaseDurationSeconds": 1,
                    "renewTime": microtime.text(self._now()),
                }
                await self._kube.replace(LEASES, {**lease, "spec": freed})
                logger.info("lease %s/%s: released by %s", self._namespace, self._name, self.identity)
