"""Certificates and names: the hosted zone, a certificate for CloudFront and one for the balancer, both by
DNS.

CloudFront's certificate is made in us-east-1. Both renew by themselves for as long as the validation records
stand. Certificates given by ARN are used as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from stacks.aws import settings
from stacks.aws.context import EDGE_REGION, Context


class Certificates(pulumi.ComponentResource):
    """Outputs: `zone_id`, `edge_arn` and `balancer_arn`, the last two only once they are issued."""

    zone_id: pulumi.Output[str]
    edge_arn: pulumi.Output[str]
    balancer_arn: pulumi.Output[str]
    name_servers: pulumi.Output[Sequence[str]] | None = None

    def __init__(
        self,
        name: str,
        args: settings.Certificates,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("storestack:aws:Certificates", name, None, opts)
        self._name, self._args, self._context = name, args, context
        self._child = pulumi.ResourceOptions(parent=self)
        self._records: list[aws.route53.Record] = []
        if args.create_zone:
            zone = aws.route53.Zone(
                f"{name}-zone", name=args.domain, comment=context.prefix, opts=context.stateful(self)
            )
            self.zone_id, self.name_servers = zone.zone_id, zone.name_servers
        else:
            self.zone_id = pulumi.Output.from_input(args.zone_id or "")
        self.edge_arn = self._issue("edge", EDGE_REGION, args.edge_arn)
        self.balancer_arn = self._issue("balancer", context.region, args.balancer_arn)
        self.register_outputs({"zone_id": self.zone_id})

    def _issue(self, part: str, region: str, given: str | None) -> pulumi.Output[str]:
        """Return the ARN of an issued certificate for both hosts of the stack."""
        if given:
            return pulumi.Output.from_input(given)
        certificate = aws.acm.Certificate(
            f"{self._name}-{part}",
            region=region,
            domain_name=self._args.domain,
            subject_alternative_names=[self._args.back_office_domain],
            validation_method="DNS",
            key_algorithm="RSA_2048",
            opts=pulumi.ResourceOptions(parent=self),
        )
        # ACM asks for the same record per name and account, whatever the region: make each once.
        if not self._records:
            self._records = [self._make_record(certificate, index) for index in range(2)]
        valid = aws.acm.CertificateValidation(
            f"{self._name}-{part}-issued",
            region=region,
            certificate_arn=certificate.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=self._records),
        )
        return valid.certificate_arn

    def _make_record(self, certificate: aws.acm.Certificate, index: int) -> aws.route53.Record:
        option = certificate.domain_validation_options[index]
        return aws.route53.Record(
            f"{self._name}-proof-{index}",
            zone_id=self.zone_id,
            name=option.resource_record_name.apply(str),
            type=option.resource_record_type.apply(str),
            records=[option.resource_record_value.apply(str)],
            ttl=300,
            allow_overwrite=True,
            opts=self._child,
        )
