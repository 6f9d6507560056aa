"""How does `kubectl get` write how long ago something was? 45s, 3m12s, 26h, 5d, as it writes the ages of every other kind."""

from datetime import datetime

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def since(at: str, now: datetime) -> str:
    """How long ago a metav1.Time was; 0s for one in the future."""
    return duration(max(0, int((now - datetime.fromisoformat(at)).total_seconds())))


def duration(seconds: int) -> str:
    """k8s.io/apimachinery/pkg/util/duration.HumanDuration: two units at most, the second only where the first is small."""
    minutes, hours, days = seconds // _MINUTE, seconds // _HOUR, seconds // _DAY
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    if minutes < 10:
        return _two(minutes, "m", seconds % _MINUTE, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if days < 2:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if seconds < 2 * _YEAR:
        return f"{days}d"
    years = seconds // _YEAR
    return _two(years, "y", days % 365, "d") if years < 8 else f"{years}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"
