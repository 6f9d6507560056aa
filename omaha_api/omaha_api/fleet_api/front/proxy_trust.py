"""What does the cluster say of its front proxy? The data of ConfigMap kube-system/extension-apiserver-authentication, read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from omaha_api.fleet_api.front import client_certificates
from omaha_api.fleet_api.front.request_headers import HeaderNames

_CA_KEY = "requestheader-client-ca-file"


class ConfigMapError(ValueError):
    """What the ConfigMap says can't be used; the text says what."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What the cluster says of its front proxy. `authorities` None: it has none, so nobody is trusted."""

    authorities: client_certificates.Authorities | None
    allowed_names: frozenset[str]
    """Common names; empty allows any."""
    headers: HeaderNames


def read(data: Mapping[str, str]) -> Trust:
    """What the ConfigMap's data say.

    Raises:
        ConfigMapError: something in them can't be read.
    """
    pem = data.get(_CA_KEY, "")
    try:
        authorities = client_certificates.Authorities(pem) if pem.strip() else None
    except ValueError as error:
        raise ConfigMapError(f"{_CA_KEY} has no certificates that can be read: {error}") from error
    return Trust(
        authorities,
        frozenset(_names(data, "requestheader-allowed-names")),
        HeaderNames(
            _names(data, "requestheader-username-headers"),
            _names(data, "requestheader-group-headers"),
            _names(data, "requestheader-extra-headers-prefix"),
        ),
    )


def _names(data: Mapping[str, str], key: str) -> tuple[str, ...]:
    try:
        names = json.loads(data.get(key) or "[]")
    except ValueError as error:
        raise ConfigMapError(f"{key} isn't JSON: {error}") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigMapError(f"{key} isn't a list of names")
    return tuple(names)
