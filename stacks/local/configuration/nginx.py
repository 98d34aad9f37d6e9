"""The edge's nginx: TLS, redirect, cache, limits, headers, error pages; and the secrets it reads."""

from dataclasses import dataclass

from stacks.local.configuration import modsecurity
from stacks.local.configuration.errors import APOLOGIES, render_page, render_problem
from stacks.local.configuration.templates import render_template

# What compresses well; pictures and fonts already are.
_COMPRESSIBLE = (
    "application/javascript application/json application/problem+json application/xml "
    "application/manifest+json image/svg+xml text/css text/csv text/javascript text/plain text/xml"
)
# Beginnings of paths, without the slash, where only POST counts: sign-in, accounts, checkout.
_SENSITIVE_PATHS = ("login", "welcome", "account", "checkout", r"api/v1/checkouts", r"api/v1/sessions")
# Beginnings of paths whose pages are public: requests for the same one are coalesced. Others are cached
# too if the store says so, but nobody waits for them, as that would queue up what is personal.
_SHARED_PATHS = (
    "products",
    "collections",
    "pages",
    "blog",
    "search",
    "static",
    "sitemap",
    "robots",
    "favicon",
    r"api/v1/products",
    r"api/v1/collections",
    r"api/v1/openapi",
)


@dataclass(frozen=True)
class RateLimits:
    """Per address. Above a burst of three times the rate the answer is 429."""

    # A person opens a few pages a second at most, a page asks for a handful of fragments.
    pages_per_second: int = 20
    api_per_second: int = 20
    # Sign-in and checkout.
    sensitive_per_minute: int = 30
    back_office_per_second: int = 10
    connections: int = 100


@dataclass(frozen=True)
class EdgeConfiguration:
    # Names this stack answers to; any other gets 421.
    hosts: tuple[str, ...]
    # The back office's name, and from where it may be seen.
    back_office_host: str
    back_office_networks: tuple[str, ...]
    # The port as the shopper sees it.
    https_port: int
    # Address of the balancer on the edge network: nginx 1.26 does not ask for a name again.
    balancer: str
    workers: int
    firewall: modsecurity.Firewall
    # Whether signed shopper addresses are taken (load and live tests); never on a public production stack.
    signed_shoppers: bool
    cache_mb: int = 512
    body_mb: int = 10
    limits: RateLimits = RateLimits()


def render(configuration: EdgeConfiguration) -> dict[str, str]:
    """Files of /etc/storestack."""
    port = configuration.https_port
    main = render_template(
        "edge/nginx.conf.j2",
        hosts=configuration.hosts,
        back_office_host=configuration.back_office_host,
        back_office_networks=configuration.back_office_networks,
        https_port=port,
        port_suffix="" if port == 443 else f":{port}",
        balancer=configuration.balancer,
        workers=configuration.workers,
        firewall=configuration.firewall.mode is not modsecurity.Mode.OFF,
        signed_shoppers=configuration.signed_shoppers,
        cache_mb=configuration.cache_mb,
        body_mb=configuration.body_mb,
        limits=configuration.limits,
        sensitive_burst=max(5, configuration.limits.sensitive_per_minute // 2),
        sensitive_paths=_SENSITIVE_PATHS,
        shared_paths=_SHARED_PATHS,
        compressible=_COMPRESSIBLE,
        error_statuses=[apology.status for apology in APOLOGIES],
    )
    pages = {f"errors/pages/{apology.status}": render_page(apology) for apology in APOLOGIES}
    problems = {f"errors/problems/{apology.status}": render_problem(apology) for apology in APOLOGIES}
    rules = modsecurity.render(configuration.firewall, configuration.body_mb)
    return {"nginx.conf": main, **rules, **pages, **problems}


def render_secrets(certificate: str, key: str, shopper_key: str | None) -> dict[str, str]:
    """Files of /run/secrets: certificate chain and key (PEM), and the key that signs shoppers' addresses.

    The signature is base64url(md5("<expires> <address> <key>")) without padding, `expires` in Unix seconds.
    """
    files = {"tls.crt": certificate, "tls.key": key}
    if shopper_key is not None:
        files["shopper.conf"] = (
            "secure_link $http_x_shopper_signature,$http_x_shopper_expires;\n"
            f'secure_link_md5 "$secure_link_expires $http_x_shopper_address {shopper_key}";\n'
        )
    return files
