"""What is fetched of a Package, and where: a Package's url → the codebase and name that Omaha splits it into, and what goes with them.

Clients put codebase and name together again: by plain concatenation, so the codebase of a URL always ends in "/". An image reference is
the exception: it has no directory, and is handed out so that the two together are exactly what was written.
"""

import re

from update_core.resources import package
from update_core.resources.package import PackageSpec
from update_core.rollout.model import ExtraFile, Payload, PostInstall, Program

_SCHEME = re.compile(r"^https?://", re.IGNORECASE)
_IMAGE = re.compile(
    r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$"
)
_HOST = re.compile(r"^(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+|[a-z0-9.-]+:[0-9]+)$")


def is_image_reference(url: str) -> bool:
    """Whether `url` names a container image: its first component is a registry's host, and it carries a tag or a digest."""
    host, _, rest = url.partition("/")
    return bool(rest) and bool(_HOST.match(host)) and (":" in rest or "@" in rest) and bool(_IMAGE.match(url))


def locate(spec: PackageSpec, base_url: str) -> Payload:
    """The payload of a package; a relative url stands on `base_url`, an absolute http(s) URL that ends in "/"."""
    codebase, name = split(spec.url, base_url)
    return Payload(
        codebase=codebase,
        name=name,
        size=spec.size,
        sha256=spec.sha256,
        sha1=spec.sha1,
        signature=spec.signature,
        metadata_size=spec.metadata_size,
        arch=spec.arch or "",
        mirrors=tuple(spec.mirrors),
        extra_files=tuple(ExtraFile(file.name, file.size, file.sha256, file.sha1) for file in spec.extra_files),
        programs=tuple(Program(action.event, action.run, action.arguments) for action in spec.actions),
        postinstall=_postinstall(spec.postinstall or package.PostInstall()),
    )


def _postinstall(said: package.PostInstall) -> PostInstall:
    return PostInstall(
        needs_admin=said.needs_admin,
        deadline=said.deadline or "",
        prompt=said.prompt,
        more_info=said.more_info or "",
        display_version=said.display_version or "",
        max_failure_count_per_url=said.max_failure_count_per_url,
        disable_payload_backoff=said.disable_payload_backoff,
    )


def split(url: str, base_url: str) -> tuple[str, str]:
    """(codebase, name) with codebase + name the whole URL or image reference."""
    if not _SCHEME.match(url):
        if is_image_reference(url):
            directory, slash, name = url.rpartition("/")
            return directory + slash, name
        base = base_url if base_url.endswith("/") else base_url + "/"
        url = base + url.lstrip("/")
    # A query may contain slashes; the name is the path's last component and what follows it.
    path, mark, query = url.partition("?")
    directory, slash, name = path.rpartition("/")
    return directory + slash, name + mark + query
