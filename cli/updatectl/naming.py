"""What are the objects called that updatectl makes? By their Omaha identity, so that the same command typed twice means the same object.

An Application is named after its appId and not after its label: labels change and need not be unique, and a name must do neither.
"""

from update_core import names


def application(app_id: str) -> str:
    """The name of the Application with a canonical appId."""
    return names.slug(app_id)


def member(application_name: str, identity: str) -> str:
    """The name of an application's Channel or Group with this channel name or track."""
    return f"{application_name}-{names.slug(identity)}"


def package(application_name: str, version: str, arch: str) -> str:
    """The name of an application's Package of this version for an architecture, "" for all."""
    # No version has a space in it.
    return member(application_name, f"{version} {arch}" if arch else version)
