"""Who of those that wait checks next? Their places in the interval in order, cut into short lists, so that none of them is ever walked."""

from bisect import bisect_left, insort

from update_core.simulation.polls import Polls

INDEX_BITS = 24
MAX_INSTANCES = 1 << INDEX_BITS
INDEX = (1 << INDEX_BITS) - 1
_IN_A_LIST = 64


class Waiting:
    """Instances, by number, with their places."""

    def __init__(self, polls: Polls, most: int) -> None:
        self._polls = polls
        lists = max(1, most // _IN_A_LIST)
        self._width = -(-polls.places // lists)
        self._lists: list[list[int]] = [[] for _ in range(lists)]
        self._filled = 0
        """A bit for each list that isn't empty."""
        self.count = 0
        """How many they are."""

    def add(self, instance: int, place: int) -> None:
        """An instance waits from now on."""
        number = place // self._width
        keys = self._lists[number]
        if not keys:
            self._filled |= 1 << number
        insort(keys, place << INDEX_BITS | instance)
        self.count += 1

    def remove(self, instance: int, place: int) -> None:
        """It doesn't any more."""
        number, key = place // self._width, place << INDEX_BITS | instance
        keys = self._lists[number]
        del keys[bisect_left(keys, key)]
        if not keys:
            self._filled ^= 1 << number
        self.count -= 1

    def instances(self) -> list[int]:
        """All of them, in no order that matters."""
        return [key & INDEX for keys in self._lists for key in keys]

    def first(self, now: int) -> tuple[int, int] | None:
        """(when, which instance) checks first from `now` on; of several at once the one with the lowest number. None if nobody waits."""
        if not self.count:
            return None
        polls = self._polls
        cycle, rest = divmod(now, polls.interval)
        block, offset = divmod(rest, polls.length)
        while True:
            if block >= polls.blocks:
                cycle, block, offset = cycle + 1, 0, 0
            found = self._in_block(cycle, block, offset)
            if found is not None:
                return found
            block, offset = block + 1, 0

    def _in_block(self, cycle: int, block: int, offset: int) -> tuple[int, int] | None:
        """The first of a block's instances in a cycle from `offset` within it on."""
        polls = self._polls
        shift, base = polls.shift(cycle, block), block * polls.length
        turned = polls.length - shift
        key = None
        if offset < shift:
            # Those at the end of the block were shifted to its beginning.
            key = self._seek(base + turned + offset, base + polls.length)
            offset = shift
        if key is None:
            key = self._seek(base + offset - shift, base + turned)
        if key is None:
            return None
        place = key >> INDEX_BITS
        return cycle * polls.interval + base + (place - base + shift) % polls.length, key & INDEX

    def _seek(self, low: int, high: int) -> int | None:
        """The first key of the places in [low, high)."""
        if low >= high:
            return None
        number = low // self._width
        if number >= len(self._lists):
            return None
        keys = self._lists[number]
        found = bisect_left(keys, low << INDEX_BITS)
        if found == len(keys):
            filled = self._filled >> number + 1
            if not filled:
                return None
            keys = self._lists[number + (filled & -filled).bit_length()]
            found = 0
        key = keys[found]
        return key if key >> INDEX_BITS < high else None
