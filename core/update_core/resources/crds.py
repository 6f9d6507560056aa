"""The CustomResourceDefinitions of the four kinds, made from the models.

The files under crds/ are this module's output; nothing in them is written by hand.
"""

from dataclasses import dataclass
from typing import Any

from update_core.resources import base, rules, schemas
from update_core.resources.application import Application
from update_core.resources.base import Resource
from update_core.resources.channel import Channel
from update_core.resources.group import Group
from update_core.resources.package import Package
from update_core.resources.rule_forms import Rule

Manifest = dict[str, Any]

CATEGORY = "updates"
"""`kubectl get updates` lists all four kinds."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`; a wide one is shown with -o wide only."""

    name: str
    json_path: str
    type: str = "string"
    wide: bool = False
    description: str = ""

    def to_wire(self) -> Manifest:
        """The entry of additionalPrinterColumns."""
        wire: Manifest = {
            "name": self.name,
            "type": self.type,
            "jsonPath": self.json_path,
            "priority": 1 if self.wide else 0,
        }
        return wire | ({"description": self.description} if self.description else {})


@dataclass(frozen=True, slots=True)
class Kind:
    """What a CRD says beside its schema."""

    model: type[Resource]
    short_name: str
    columns: tuple[Column, ...]
    selectable: tuple[str, ...]


def _condition(type_: str, field: str = "status") -> str:
    return f'.status.conditions[?(@.type=="{type_}")].{field}'


_APP = Column("App", ".spec.applicationRef.name", description="The Application")
_READY = Column("Ready", _condition("Ready"), description="Whether the operator has accepted this spec")
_READY_REASON = Column("Status", _condition("Ready", "reason"), description="Why it is ready, or why not")
_MESSAGE = Column("Message", _condition("Ready", "message"), wide=True)
_PROGRESS_MESSAGE = Column("Message", _condition("Progressing", "message"), wide=True)
_AGE = Column("Age", ".metadata.creationTimestamp", "date")

KINDS: tuple[Kind, ...] = (
    Kind(
        Application,
        "uapp",
        (
            Column("AppID", ".spec.appId", description="The Omaha appid"),
            Column("Display", ".spec.displayName", description="Name for people"),
            _READY,
            _READY_REASON,
            _AGE,
            Column("Default-Group", ".spec.defaultGroupRef.name", wide=True),
            Column("Base-URL", ".spec.packageBaseURL", wide=True),
            _MESSAGE,
        ),
        (".spec.appId",),
    ),
    Kind(
        Channel,
        "uchan",
        (
            _APP,
            Column("Channel", ".spec.name", description="The name that instances and people use"),
            Column("Version", ".spec.version", description="The version that is promoted to the channel"),
            Column("Groups", ".status.groups.following", "integer", description="Groups that follow the channel"),
            Column(
                "Complete", ".status.groups.complete", "integer", description="Those that have completed its version"
            ),
            Column("RolledOut", _condition("RolledOut"), description="Whether every Group has completed its version"),
            _READY,
            _AGE,
            Column(
                "Package", _condition("PackageAvailable"), wide=True, description="Whether the version's Package exists"
            ),
            Column("Status", _condition("Ready", "reason"), wide=True),
            _MESSAGE,
        ),
        (".spec.applicationRef.name", ".spec.name"),
    ),
    Kind(
        Group,
        "ugroup",
        (
            _APP,
            Column("Channel", ".spec.channelRef.name", description="The Channel that the group follows"),
            Column("Target", ".status.target.version", description="The version that it moves to"),
            Column(
                "Progress", ".status.progress", description="Active instances on the target, of all that are active"
            ),
            _READY,
            Column("Status", _condition("Progressing", "reason"), description="What the rollout does, or waits for"),
            _AGE,
            Column("Track", ".spec.track", wide=True),
            Column("Paused", ".spec.paused", "boolean", wide=True),
            Column("In-Flight", ".status.instances.inProgress", "integer", wide=True),
            Column("Failed", ".status.instances.failed", "integer", wide=True),
            Column("Max-Updates", ".spec.rateLimit.maxUpdates", "integer", wide=True),
            Column("Period-Seconds", ".spec.rateLimit.periodSeconds", "integer", wide=True),
            _PROGRESS_MESSAGE,
        ),
        (".spec.applicationRef.name", ".spec.channelRef.name", ".spec.track"),
    ),
    Kind(
        Package,
        "upkg",
        (
            _APP,
            Column("Version", ".spec.version"),
            Column("Arch", ".spec.arch", description="The architecture that it is for; empty: for all"),
            Column("Size", ".spec.size", "integer", description="Bytes"),
            _READY,
            _READY_REASON,
            _AGE,
            Column("URL", ".spec.url", wide=True),
            _MESSAGE,
        ),
        (".spec.applicationRef.name", ".spec.version", ".spec.arch"),
    ),
)


def manifests() -> list[Manifest]:
    """The CRDs as JSON-like dicts, one per kind, in alphabetical order."""
    return [_manifest(kind) for kind in KINDS]


def _manifest(kind: Kind) -> Manifest:
    model = kind.model
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{model.plural}.{base.GROUP}", "labels": {"app.kubernetes.io/part-of": "update-service"}},
        "spec": {
            "group": base.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": model.kind,
                "listKind": f"{model.kind}List",
                "plural": model.plural,
                "singular": model.kind.lower(),
                "shortNames": [kind.short_name],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": base.VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema(model)},
                    "subresources": {"status": {}},
                    "selectableFields": [{"jsonPath": path} for path in kind.selectable],
                    "additionalPrinterColumns": [column.to_wire() for column in kind.columns],
                }
            ],
        },
    }


def schema(model: type[Resource]) -> schemas.Schema:
    """The whole object's schema: spec with its rules, status with its defaults."""
    whole = schemas.of(model)
    spec, status = whole["properties"]["spec"], whole["properties"]["status"]
    for rule in rules.RULES:
        if rule.kind == model.kind:
            _attach(rule, spec)
    # Without it an object that nobody has looked at yet has no status, and kstatus takes that for done.
    status["default"] = {"observedGeneration": -1}
    return {
        "description": whole["description"],
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"Always {base.API_VERSION}."},
            "kind": {"type": "string", "description": f"Always {model.kind}."},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
    }


def _attach(rule: Rule, spec: schemas.Schema) -> None:
    node = spec
    for name in rule.path:
        node = node["items"] if name == "[]" else node["properties"][name]
    if rule.path:
        node.pop("pattern", None)
        # What the rule says about the empty text it says better.
        node.pop("minLength", None)
    node.setdefault("x-kubernetes-validations", []).append(rule.to_wire())
