"""Certificates: the edge's own, from the stack's authority, by ACME, or from files that the owner brings."""

from pathlib import Path, PurePosixPath

import pulumi

from stacks.local.containers import UIDS, volume
from stacks.local.providers.acme import AcmeCertificate
from stacks.local.providers.authority import CertificateAuthority, LeafCertificate
from stacks.settings import CertificateSource, Settings

ROOT = Path(__file__).parents[2]


def edge_hosts(settings: Settings) -> tuple[str, ...]:
    """Names and addresses the edge answers to; people on the machine itself always reach it as localhost."""
    listen = () if settings.edge.listen == "0.0.0.0" else (settings.edge.listen,)  # noqa: S104
    return tuple(dict.fromkeys((settings.edge.host, "localhost", "127.0.0.1", *listen)))


def certified_hosts(settings: Settings) -> tuple[str, ...]:
    """What the certificate is for: the shop's hosts and the back office's."""
    return (*edge_hosts(settings), settings.back_office_host)


def read_file(key: str, path: PurePosixPath | None) -> str:
    """The text of a file named by a setting. Raises RunError, which Pulumi shows as one line."""
    try:
        return (ROOT / str(path)).read_text(encoding="ascii")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not PEM text"
        raise pulumi.RunError(
            f'{key}: "{path}" cannot be read: {reason}; give a readable PEM file.'
        ) from None


class Certificates(pulumi.ComponentResource):
    """Certificate chain and key of the edge, and the authority to trust (empty where everybody does)."""

    certificate: pulumi.Output[str]
    key: pulumi.Output[str]
    authority: pulumi.Output[str]
    # Where the edge finds the answers to an ACME authority's questions.
    challenges: pulumi.Output[str]

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storestack:local:Certificates", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.challenges = volume(f"{name}-acme-challenges", "certificates", settings, child).name
        if settings.certificates.source is CertificateSource.FILES:
            files = settings.certificates
            chain = read_file("certificates:certificate_file", files.certificate_file)
            key = read_file("certificates:key_file", files.key_file)
            self.certificate = pulumi.Output.from_input(chain)
            self.key = pulumi.Output.secret(key)
            self.authority = pulumi.Output.from_input("")
        elif settings.certificates.source is CertificateSource.ACME:
            trusted = settings.certificates.acme_authority_file
            authority_certificate = (
                read_file("certificates:acme_authority_file", trusted) if trusted is not None else ""
            )
            certificate = AcmeCertificate(
                f"{name}-certificate",
                stack=settings.stack,
                hosts=[settings.edge.host, settings.back_office_host],
                directory=settings.certificates.acme_directory,
                email=settings.certificates.acme_email,
                authority_certificate=authority_certificate,
                listen=settings.edge.listen,
                port=settings.edge.http_port,
                volume=self.challenges,
                uid=UIDS["edge"],
                opts=child,
            )
            self.certificate, self.key = certificate.certificate, certificate.key
            self.authority = pulumi.Output.from_input("")
        else:
            hosts = certified_hosts(settings)
            authority = CertificateAuthority(
                f"{name}-authority",
                common_name=f"Storestack {settings.stack} local authority",
                hosts=hosts,
                opts=child,
            )
            leaf = LeafCertificate(f"{name}-certificate", authority=authority, hosts=hosts, opts=child)
            self.certificate = leaf.certificate
            self.key = leaf.key
            self.authority = authority.certificate
        self.register_outputs({"authority": self.authority})
