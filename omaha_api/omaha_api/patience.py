"""How long, and how much, may a connection take before it has asked something, and how is it ended so that its answer arrives?

uvicorn waits without end for a head, a body and a reader, and closes a connection under a client that is still sending: the reset that
follows takes the answer away. Here each connection is looked at now and then for what it waits for, which costs a request nothing; a
refused client may finish what it says, into the void; one that has only closed its sending half still gets its answer.
"""

import asyncio
import enum
import itertools
import logging
from dataclasses import dataclass
from typing import Any

MAX_UNWANTED_BYTES = 2 * 1024 * 1024
"""What is read, and forgotten, after an answer that didn't wait for the body."""

_LOOKED_AT = 64
"""How many connections are looked at to find one that makes room for a new one."""

# What anybody can cause is no warning: it would fill the log. What went wrong here is still said.
_logger = logging.getLogger("omaha_api.http")
_logger.setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Patience:
    """The longest that a connection may stay in one place, in seconds, and how many connections there may be."""

    head_seconds: float = 10.0
    """From its begin to its first request, and from a request's first byte to the end of its headers."""
    body_seconds: float = 30.0
    """From there to the end of the body. Longer than the application waits, which says so to the client."""
    answer_seconds: float | None = 60.0
    """From there to the end of the answer, which a client may not read. None for answers without an end."""
    idle_seconds: float = 30.0
    """Between two requests, where nothing else ends it earlier."""
    linger_seconds: float = 5.0
    """From an answer that didn't wait for the end of the request, to that end."""
    max_connections: int = 10_000
    """Beyond, a connection that has nothing to wait for is closed for each new one."""


class Stage(enum.Enum):
    """What a connection waits for."""

    HEAD = enum.auto()
    BODY = enum.auto()
    ANSWER = enum.auto()
    IDLE = enum.auto()
    LINGERING = enum.auto()


class Transport:
    """A connection's transport, but that closing it lets the client finish."""

    def __init__(self, transport: asyncio.Transport, protocol: "Patient") -> None:
        self._transport = transport
        self._protocol: Patient | None = protocol
        self.write = transport.write
        self.write_eof = transport.write_eof
        self.abort = transport.abort
        self.get_extra_info = transport.get_extra_info
        self.get_write_buffer_size = transport.get_write_buffer_size
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.lingering = False

    def is_closing(self) -> bool:
        """Whether nothing more is to be sent."""
        return self.lingering or self._transport.is_closing()

    def close(self) -> None:
        """Send no more, and end as soon as the client has nothing more to say."""
        unfinished = self._protocol is not None and self._protocol.is_unfinished()
        if not self.lingering and unfinished and self._transport.can_write_eof() and not self._transport.is_closing():
            self.lingering = True
            self._transport.write_eof()
            if self._protocol is not None:
                self._protocol.flow.resume_reading()
        else:
            self._transport.close()

    def release(self) -> None:
        """The connection is gone; nothing is to hold on to it."""
        self._protocol = None


class Patient(asyncio.Protocol):
    """What uvicorn's two protocols have in common here."""

    transport: Any
    flow: Any
    cycle: Any
    connections: set[Any]

    def __init__(self, *arguments: Any, patience: Patience, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.logger = _logger
        self.patience = patience
        self._stage: tuple[Stage, object] | None = None
        self._since = 0.0
        self._half_closed = False
        self._refused = False
        self._refusal: tuple[bytes, bytes] | None = None
        self._unwanted_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """A client has connected."""
        wrapped: Any = Transport(transport, self)  # as much of a transport as uvicorn asks for
        super().connection_made(wrapped)
        if len(self.connections) > self.patience.max_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        self.transport.release()

    def data_received(self, data: bytes) -> None:
        """The client has said something."""
        if self.transport.lingering or self._refusal is not None:
            self._unwanted_bytes += len(data)
            if self._unwanted_bytes > MAX_UNWANTED_BYTES:
                self.transport.abort()
            return
        self.read(data)

    def read(self, data: bytes) -> None:
        """Take in what is HTTP."""
        super().data_received(data)

    def eof_received(self) -> Any:  # asyncio's bool; uvicorn's returns nothing
        """The client has nothing more to say. True keeps the connection, for an answer that it waits for."""
        self._half_closed = True
        return not self.transport.is_closing() and self.stage()[0] is Stage.ANSWER

    def answered(self) -> None:
        """A request was answered: end the connection if there can't be another."""
        if self.transport.is_closing():
            return
        stage = self.stage()[0]
        if self._refusal is not None and stage is not Stage.ANSWER:
            self.refuse(*self._refusal)
            return
        # A body that wasn't waited for may be one that the client now won't send: what follows can't be told from it. One that is still to
        # be answered, behind others, is another matter.
        unwanted = stage is Stage.BODY and self.cycle.response_complete
        if unwanted or (self._half_closed and stage is not Stage.ANSWER):
            self.transport.close()

    def stage(self) -> tuple[Stage, object]:
        """What is waited for, and an object that is another one when that happens again."""
        raise NotImplementedError

    def is_unfinished(self) -> bool:
        """Whether the client may be in the middle of saying something."""
        return not self._half_closed and (self._refused or self.stage()[0] is Stage.BODY)

    def lose_patience(self, now: float) -> None:
        """Look at what is waited for; end the connection if that takes too long. `now` is the event loop's time or any like it."""
        lingering = self.transport.is_closing()
        stage: tuple[Stage, object] = (Stage.LINGERING, None) if lingering else self.stage()
        if self._stage is None or stage[0] is not self._stage[0] or stage[1] is not self._stage[1]:
            self._stage, self._since = stage, now
            return
        limit = self._limit(stage[0])
        if limit is not None and now - self._since > limit:
            self._end(stage[0])

    def refuse(self, status: bytes, reason: bytes) -> None:
        """Answer what is no request, without the application and after what is still to be answered, and end the connection."""
        stage = self.stage()[0]
        if stage is Stage.ANSWER:
            self._refusal = (status, reason)
            return
        if stage is Stage.BODY and not self.cycle.response_complete:
            if self.cycle.response_started or self.waits_its_turn():
                self.transport.abort()
                return
            # The request's own body is broken: the application hears that nobody is there any more.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._refused = True
        self.transport.write(
            b"HTTP/1.1 %b\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (status, len(reason), reason)
        )
        self.transport.close()

    def _limit(self, stage: Stage) -> float | None:
        patience = self.patience
        match stage:
            case Stage.HEAD:
                return patience.head_seconds
            case Stage.BODY:
                return patience.body_seconds
            case Stage.ANSWER:
                return patience.answer_seconds
            case Stage.IDLE:
                return patience.idle_seconds
            case Stage.LINGERING:
                return patience.linger_seconds

    def _end(self, stage: Stage) -> None:
        if stage is Stage.HEAD and self.has_begun():
            self.refuse(b"408 Request Timeout", b"the request's headers didn't arrive in time\n")
        elif stage in {Stage.HEAD, Stage.IDLE}:
            self.transport.close()
        else:
            self.transport.abort()

    def has_begun(self) -> bool:
        """Whether the head that is waited for has begun."""
        raise NotImplementedError

    def waits_its_turn(self) -> bool:
        """Whether requests are answered that came before the one that is read."""
        raise NotImplementedError

    def _make_room(self) -> None:
        # Any will do. The set has no order that a client could use, and whoever opens many is hit most often.
        for other in itertools.islice(self.connections, _LOOKED_AT):
            if other is not self and (other.transport.is_closing() or other.stage()[0] is not Stage.ANSWER):
                self.connections.discard(other)
                other.transport.abort()
                return
        self.connections.discard(self)
        self.transport.abort()
