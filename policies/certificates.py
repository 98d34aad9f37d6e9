"""Policies of certificates: ACM."""

from __future__ import annotations

from policies.graph import Resource
from policies.rules import Finding, Findings, Level, Policy, Severity

CERTIFICATE = "aws:acm/certificate:Certificate"

STRENGTH = Policy(
    number="22",
    id="certificate-strength",
    rule="Issue strong, DNS-validated certificates",
    level=Level.MANDATORY,
    severity=Severity.MEDIUM,
    fsbp=("ACM.2",),
    checkov=("CKV_AWS_233",),
    mend='Set validationMethod to "DNS" and keyAlgorithm to "RSA_2048", stronger, or an EC curve',
)


@STRENGTH.check(CERTIFICATE)
def find_weak(certificate: Resource) -> Findings:
    algorithm = certificate.get("keyAlgorithm", "RSA_2048")  # AWS's own default
    if not algorithm.startswith("EC_") and algorithm not in ("RSA_2048", "RSA_3072", "RSA_4096"):
        yield Finding("keyAlgorithm", algorithm)
    # Imported certificates and those of a private authority are not validated by ACM.
    if any(certificate.has(path) for path in ("certificateBody", "privateKey", "certificateAuthorityArn")):
        return
    method = certificate.get("validationMethod")
    if method != "DNS":
        yield Finding("validationMethod", method)
