"""To which API server, as whom, in which namespace? Global options and environment → one client configuration.

With a key (-k) it is the guide's way: a server and a service account's token, whose user is checked. Without, the kubeconfig decides, as
with kubectl. TLS is always verified.
"""

from dataclasses import replace

from update_kube import client, configuration, resources
from update_kube.configuration import ClientConfig
from updatectl import tokens
from updatectl.errors import CommandError
from updatectl.settings import Settings


def configure(settings: Settings) -> ClientConfig:
    """The configuration that the options describe; its namespace is the one to work in.

    Raises CommandError or update_kube's CredentialsError, both with what to change.
    """
    config = _from_key(settings, settings.key) if settings.key else _from_kubeconfig(settings)
    return replace(config, namespace=settings.namespace) if settings.namespace else config


async def verify_user(kube: client.Client, settings: Settings) -> None:
    """Check that the token is the user's (-u), asking the API server where the token itself doesn't say.

    Raises CommandError, naming whose token it is.
    """
    if settings.user is None or settings.key is None:
        return
    claims = tokens.read(settings.key)
    username = claims.username if claims else await _ask_who(kube)
    if not tokens.belongs_to(username, settings.user):
        raise CommandError(
            f"the key (-k) is not {settings.user}'s: it is the token of {username}. Give the token of {settings.user}, or -u "
            f"{username.removeprefix('system:serviceaccount:')}."
        )


def _from_kubeconfig(settings: Settings) -> ClientConfig:
    if settings.user or settings.server:
        given = "-u" if settings.user else "-s"
        raise CommandError(
            f"{given} needs -k (or UPDATECTL_KEY), the service account's token; leave {given} out to use the kubeconfig"
        )
    config = configuration.load(settings.kubeconfig, settings.context)
    if settings.certificate_authority is None:
        return config
    ca_data = configuration.from_token(config.server, "-", settings.certificate_authority).ca_data
    return replace(config, ca_data=ca_data, verify_tls=True)


def _from_key(settings: Settings, key: str) -> ClientConfig:
    context = None if settings.server else configuration.load(settings.kubeconfig, settings.context)
    server = settings.server or (context.server if context else "")
    ca_data = None
    if settings.certificate_authority is None:
        ca_data = context.ca_data if context else configuration.ca_for_server(server, settings.kubeconfig)
    config = configuration.from_token(server, key, settings.certificate_authority, ca_data)
    claims = tokens.read(key)
    if claims and claims.namespace:
        namespace = claims.namespace
    elif settings.context is not None:
        namespace = configuration.load(settings.kubeconfig, settings.context).namespace
    else:
        namespace = context.namespace if context else configuration.DEFAULT_NAMESPACE
    return replace(config, namespace=namespace)


async def _ask_who(kube: client.Client) -> str:
    review = await kube.create(resources.SELFSUBJECTREVIEWS, {"metadata": {}})
    return str(review.get("status", {}).get("userInfo", {}).get("username", ""))
