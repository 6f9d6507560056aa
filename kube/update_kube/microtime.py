"""Moments as Kubernetes' MicroTime writes them."""

from __future__ import annotations

import datetime as dt


def text(moment: dt.datetime) -> str:
    """RFC 3339 in UTC with exactly six digits of a second; `moment` must be aware."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
