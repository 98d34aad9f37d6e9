"""What only the account can answer, asked before the first resource is made: zones, hosted zone, and who we
are.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from stacks.aws.settings import AwsSettings, SettingsError

CDN_PREFIX_LIST = "com.amazonaws.global.cloudfront.origin-facing"


@dataclass(frozen=True)
class Account:
    """The account's number, and the id of its list of CloudFront's addresses."""

    number: str
    cdn_prefix_list: str


def inspect(settings: AwsSettings, provider: aws.Provider) -> Account:
    """Return what the account says; raise SettingsError where it contradicts the settings."""
    ask = pulumi.InvokeOptions(provider=provider)
    problems = []
    if settings.network.vpc_id is None:
        there = aws.get_availability_zones(state="available", opts=ask).names
        problems += [
            f"network:zones names {zone!r}, which this account does not have: use {', '.join(there)}"
            for zone in settings.network.zones
            if zone not in there
        ]
    domain, zone_id = settings.certificates.domain, settings.certificates.zone_id
    if zone_id is not None:
        try:
            found = aws.route53.get_zone(zone_id=zone_id, opts=ask).name.rstrip(".")
        except Exception as error:
            problems.append(
                f"certificates:zone_id is {zone_id!r}, which the account does not have ({error}): "
                "give the id of the domain's hosted zone, or set certificates:create_zone to true instead"
            )
        else:
            if domain != found and not domain.endswith(f".{found}"):
                problems.append(
                    f"certificates:zone_id is {zone_id!r}, the zone of {found}, "
                    f"but certificates:domain is {domain!r}: "
                    "give the zone that answers for the domain"
                )
    if problems:
        raise SettingsError(problems)
    return Account(
        number=aws.get_caller_identity(opts=ask).account_id,
        cdn_prefix_list=aws.ec2.get_managed_prefix_list(name=CDN_PREFIX_LIST, opts=ask).id,
    )
