"""How are repeated measurements told? By their median and quartiles: one run that was disturbed moves neither."""

import statistics
from collections.abc import Sequence


def quartiles(values: Sequence[float], digits: int = 2) -> dict[str, float]:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": round(middle, digits), "q1": round(low, digits), "q3": round(high, digits)}


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
