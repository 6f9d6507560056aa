"""With which arguments does each component run?

Everything on loopback, everything behind certificates: on a machine with several users etcd would otherwise be a way
around all access control.
"""

from pathlib import Path

from updatectl.local.control_plane import certificates
from updatectl.local.control_plane.layout import LOOPBACK, Layout, Ports

ETCD = "etcd"
API_SERVER = "kube-apiserver"
CONTROLLER_MANAGER = "kube-controller-manager"
# Started in this order and stopped in the reverse one: an API server whose etcd goes first hangs for a long time.
IN_ORDER = (ETCD, API_SERVER, CONTROLLER_MANAGER)

TOKEN_ISSUER = "https://kubernetes.default.svc.cluster.local"  # noqa: S105 - a name, no secret
# Those without which a namespace never goes away, no default service account appears and the aggregated roles stay
# empty.
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "namespace-controller",
    "garbage-collector-controller",
)


def arguments(component: str, layout: Layout, ports: Ports, *, durable: bool) -> list[str]:
    """The command line after the program's name. Raises KeyError for a component that there isn't."""
    return {
        ETCD: lambda: _etcd(layout, ports, durable=durable),
        API_SERVER: lambda: _api_server(layout, ports),
        CONTROLLER_MANAGER: lambda: _controller_manager(layout, ports),
    }[component]()


def _etcd(layout: Layout, ports: Ports, *, durable: bool) -> list[str]:
    client, peer = f"https://{LOOPBACK}:{ports.etcd_client}", f"https://{LOOPBACK}:{ports.etcd_peer}"
    files = layout.certificates
    flags: dict[str, str | int | Path] = {
        "name": "local",
        "data-dir": layout.etcd_data,
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"local={peer}",
        "cert-file": files.etcd.certificate,
        "key-file": files.etcd.key,
        "trusted-ca-file": files.etcd_authority.certificate,
        "client-cert-auth": "true",
        "peer-cert-file": files.etcd.certificate,
        "peer-key-file": files.etcd.key,
        "peer-trusted-ca-file": files.etcd_authority.certificate,
        "peer-client-cert-auth": "true",
        "log-level": "warn",
    }
    if not durable:
        # A killed process loses nothing by it, only a machine that loses power does.
        flags["unsafe-no-fsync"] = "true"
    return _rendered(flags)


def _api_server(layout: Layout, ports: Ports) -> list[str]:
    files = layout.certificates
    return _rendered(
        {
            "bind-address": LOOPBACK,
            "advertise-address": LOOPBACK,
            "secure-port": ports.api_server,
            # Endpoints of the `kubernetes` Service may not be loopback addresses; nothing here needs them.
            "endpoint-reconciler-type": "none",
            "tls-cert-file": files.serving.certificate,
            "tls-private-key-file": files.serving.key,
            "client-ca-file": files.cluster_authority.certificate,
            "etcd-servers": f"https://{LOOPBACK}:{ports.etcd_client}",
            "etcd-cafile": files.etcd_authority.certificate,
            "etcd-certfile": files.etcd.certificate,
            "etcd-keyfile": files.etcd.key,
            "authorization-mode": "RBAC",
            "service-cluster-ip-range": certificates.SERVICE_RANGE,
            "service-account-issuer": TOKEN_ISSUER,
            "service-account-key-file": files.service_account_key,
            "service-account-signing-key-file": files.service_account_key,
            "requestheader-client-ca-file": files.front_proxy_authority.certificate,
            "requestheader-allowed-names": "front-proxy-client",
            "requestheader-username-headers": "X-Remote-User",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
            "proxy-client-cert-file": files.front_proxy_client.certificate,
            "proxy-client-key-file": files.front_proxy_client.key,
            "enable-aggregator-routing": "false",
            "profiling": "false",
            # How long a stop waits for open watches; seen without it, now and then: a stop of more than 20 s.
            "shutdown-watch-termination-grace-period": "1s",
            "etcd-count-metric-poll-period": "0",
            "etcd-db-metric-poll-interval": "0",
        }
    )


def _controller_manager(layout: Layout, ports: Ports) -> list[str]:
    files = layout.certificates
    return _rendered(
        {
            "bind-address": LOOPBACK,
            "secure-port": ports.controller_manager,
            "tls-cert-file": files.serving.certificate,
            "tls-private-key-file": files.serving.key,
            "kubeconfig": layout.controller_manager_kubeconfig,
            "controllers": ",".join(CONTROLLERS),
            "leader-elect": "false",
            "use-service-account-credentials": "true",
            "service-account-private-key-file": files.service_account_key,
            "root-ca-file": files.cluster_authority.certificate,
            "profiling": "false",
        }
    )


def _rendered(flags: dict[str, str | int | Path]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items()]
