"""CertificateAuthority and LeafCertificate: TLS without anyone else, kept in the stack's state.

The authority may sign only for the stack's own names and addresses (X.509 name constraints, critical):
whoever trusts it trusts it for nothing else, even when its key is stolen.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, UpdateResult

from stacks.local.providers.base import Provider, changed, given

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

AUTHORITY_DAYS: Final = 3650
# The most that browsers accept is 398 days.
LEAF_DAYS: Final = 397
RENEWAL: Final = timedelta(days=LEAF_DAYS / 3)
# Clocks differ: a certificate is valid a little before it is made.
BACKDATE: Final = timedelta(minutes=5)


class AuthorityProvider(Provider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        certificate, key = make_authority(props["common_name"], props["hosts"])
        return CreateResult(serial(certificate), {**given(props), "certificate": certificate, "key": key})

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        certificate, key = make_authority(news["common_name"], news["hosts"])
        return UpdateResult({**given(news), "certificate": certificate, "key": key})

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return changed(olds, news, "common_name", "hosts")


class LeafProvider(Provider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        outputs = {**given(props), **make_leaf(props)}
        return CreateResult(serial(outputs["certificate"]), outputs)

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult({**given(news), **make_leaf(news)})

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        due = datetime.fromisoformat(olds["expires"]).replace(tzinfo=UTC) - datetime.now(UTC) < RENEWAL
        return DiffResult(changes=due or changed(olds, news, "hosts", "authority_certificate").changes)


def make_authority(common_name: str, hosts: Sequence[str]) -> tuple[str, str]:
    """Certificate and key, as PEM, of an authority for these hosts alone."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = distinguished(common_name)
    builder = validity(builder_for(subject, subject, key), AUTHORITY_DAYS)
    constraints = x509.NameConstraints(
        permitted_subtrees=[general_name(host, True) for host in hosts], excluded_subtrees=None
    )
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(constraints, critical=True)
        .add_extension(usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return signed(builder, key), pem(key)


def make_leaf(props: Mapping[str, Any]) -> dict[str, str]:
    """Certificate and key, as PEM, of a server under the authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509.oid import ExtendedKeyUsageOID

    hosts: Sequence[str] = props["hosts"]
    authority = x509.load_pem_x509_certificate(props["authority_certificate"].encode())
    authority_key = load_pem_private_key(props["authority_key"].encode(), password=None)
    if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is not an elliptic-curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = validity(builder_for(distinguished(hosts[0]), authority.subject, key), LEAF_DAYS)
    names = x509.SubjectAlternativeName([general_name(host, False) for host in hosts])
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .add_extension(usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
    )
    certificate = signed(builder, authority_key)
    return {"certificate": certificate, "key": pem(key), "expires": expiry(certificate).isoformat()}


def distinguished(common_name: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def builder_for(
    subject: "x509.Name", issuer: "x509.Name", key: "ec.EllipticCurvePrivateKey"
) -> "x509.CertificateBuilder":
    from cryptography import x509

    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    return builder.public_key(key.public_key()).serial_number(x509.random_serial_number())


def validity(builder: "x509.CertificateBuilder", days: int) -> "x509.CertificateBuilder":
    start = datetime.now(UTC).replace(microsecond=0) - BACKDATE
    return builder.not_valid_before(start).not_valid_after(start + timedelta(days=days))


def general_name(host: str, constraint: bool) -> "x509.GeneralName":
    """A host as an alternative name, or as a constraint, where an address is a network."""
    from cryptography import x509

    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        return x509.DNSName(host)
    return x509.IPAddress(ipaddress.IPv4Network(f"{address}/32") if constraint else address)


def usage(**granted: bool) -> "x509.KeyUsage":
    from cryptography import x509

    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
        " key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: granted.get(name, False) for name in names.split()})


def signed(builder: "x509.CertificateBuilder", key: "ec.EllipticCurvePrivateKey") -> str:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def pem(key: "ec.EllipticCurvePrivateKey") -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def expiry(certificate: str) -> datetime:
    from cryptography import x509

    return x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc


def serial(certificate: str) -> str:
    from cryptography import x509

    return f"{x509.load_pem_x509_certificate(certificate.encode()).serial_number:x}"


class CertificateAuthority(Resource, module="storestack", name="CertificateAuthority"):
    """`certificate` is what people trust; `key` is secret and never leaves the state."""

    certificate: pulumi.Output[str]
    key: pulumi.Output[str]

    def __init__(
        self, name: str, *, common_name: str, hosts: Sequence[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props = {"common_name": common_name, "hosts": list(hosts), "certificate": None, "key": None}
        super().__init__(AuthorityProvider(), name, props, secret_key(opts))


class LeafCertificate(Resource, module="storestack", name="LeafCertificate"):
    """A server's certificate and key. An `up` renews it when less than a third of its life is left."""

    certificate: pulumi.Output[str]
    key: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        authority: CertificateAuthority,
        hosts: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "hosts": list(hosts),
            "authority_certificate": authority.certificate,
            "authority_key": authority.key,
            "certificate": None,
            "key": None,
            "expires": None,
        }
        super().__init__(LeafProvider(), name, props, secret_key(opts))


def secret_key(opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=["key"]))
