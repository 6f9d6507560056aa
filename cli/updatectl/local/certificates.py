"""With which certificate does the Omaha service serve the fleet API, and who vouches for it?

An authority of its own, named in the APIService and trusted for this one server: no cluster hands out the key of its own authority, and
renewing either of the two leaves the other alone.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from updatectl.local.control_plane import authority
from updatectl.local.control_plane.authority import Pair, Subject
from updatectl.local.control_plane.certificates import LOOPBACK, RENEW_AUTHORITY_BEFORE, RENEW_BEFORE, is_good

# What the API server expects to see: <service>.<namespace>.svc, wherever the Service leads.
SERVING_NAMES = ("omaha-api.update-system.svc", *LOOPBACK)


@dataclass(frozen=True)
class ServiceCertificates:
    """The files below one folder; which exist is `ensure`'s business."""

    folder: Path

    @property
    def fleet_authority(self) -> Pair:
        """Signs the fleet API's certificate and nothing else."""
        return Pair(certificate=self.folder / "fleet-ca.crt", key=self.folder / "fleet-ca.key")

    @property
    def fleet_serving(self) -> Pair:
        """What the Omaha service shows on the fleet API's port."""
        return Pair(certificate=self.folder / "fleet.crt", key=self.folder / "fleet.key")


def ensure(folder: Path, now: dt.datetime) -> ServiceCertificates:
    """Keep what is valid for long enough, make the rest; a service that runs reads its files again. Raises OSError."""
    files = ServiceCertificates(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not is_good(files.fleet_authority, files.fleet_authority, now + RENEW_AUTHORITY_BEFORE):
        authority.new_authority(files.fleet_authority, "update-service-local-fleet", now)
    if not is_good(files.fleet_serving, files.fleet_authority, now + RENEW_BEFORE):
        authority.issue(files.fleet_serving, Subject(SERVING_NAMES[0], names=SERVING_NAMES), files.fleet_authority, now)
    return files
