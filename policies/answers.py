"""What a cloud would answer to a program that runs under mocks: ids, computed outputs and data sources.

Only what programs build on is here: an ARN to name in a policy, a zone list to count, a policy document to
attach. Everything else that a data source returns is what it was asked with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

ACCOUNT = "123456789012"
# Outputs that are text in one type and something else in another are left to the table of types.
TEXTS = {
    "address": "{name}.internal",
    "dnsName": "{name}.elb.amazonaws.com",
    "zoneId": "Z{token}",
    "hostedZoneId": "Z{token}",
    "endpoint": "{name}.internal:5432",
    "readerEndpoint": "{name}-ro.internal",
    "primaryEndpointAddress": "{name}.cache.internal",
    "readerEndpointAddress": "{name}-ro.cache.internal",
    "configurationEndpointAddress": "{name}.cfg.cache.internal",
    "bucketDomainName": "{name}.s3.amazonaws.com",
    "bucketRegionalDomainName": "{name}.s3.{region}.amazonaws.com",
    "repositoryUrl": f"{ACCOUNT}.dkr.ecr.{{region}}.amazonaws.com/{{name}}",
    "registryId": ACCOUNT,
    "arnSuffix": "app/{name}/{token}",
    "resourceId": "db-{token}",
    "ownerId": ACCOUNT,
    "keyId": "{token}",
    "uniqueId": "AROA{token}",
    "publicIp": "192.0.2.10",
    "allocationId": "eipalloc-{token}",
    "invokeArn": "arn:aws:apigateway:{region}:lambda:path/{name}",
    "qualifiedArn": f"arn:aws:lambda:{{region}}:{ACCOUNT}:function:{{name}}:1",
    "url": "https://{name}.internal",
    "result": "{token}{token}",
    "hex": "{token}",
    "imageId": "sha256:{digest}",
    "repoDigest": "{name}@sha256:{digest}",
    "etag": "{token}",
    "cloudfrontAccessIdentityPath": "origin-access-identity/cloudfront/{token}",
    "iamArn": f"arn:aws:iam::{ACCOUNT}:user/{{name}}",
    "defaultSecurityGroupId": "sg-{token}",
    "defaultRouteTableId": "rtb-{token}",
    "mainRouteTableId": "rtb-{token}",
    "defaultNetworkAclId": "acl-{token}",
}
# Which input names a resource where it is not `name`; in other types the same word names another resource.
NAMED_BY = {
    "aws:s3/bucket:Bucket": "bucket",
    "aws:s3/bucketV2:BucketV2": "bucket",
    "aws:rds/instance:Instance": "identifier",
    "aws:rds/cluster:Cluster": "clusterIdentifier",
    "aws:rds/clusterInstance:ClusterInstance": "identifier",
    "aws:docdb/cluster:Cluster": "clusterIdentifier",
    "aws:docdb/clusterInstance:ClusterInstance": "identifier",
    "aws:elasticache/replicationGroup:ReplicationGroup": "replicationGroupId",
    "aws:elasticache/cluster:Cluster": "clusterId",
    "aws:ecs/taskDefinition:TaskDefinition": "family",
}


def made(
    type_: str, name: str, inputs: Mapping[str, Any], given_id: str | None, region: str
) -> tuple[str, dict[str, Any]]:
    """The id and the outputs of a resource that was just made."""
    digest = hashlib.sha256(f"{type_} {name}".encode()).hexdigest()
    token = digest[:17]
    given = inputs.get(NAMED_BY.get(type_, "name"))
    own = given if isinstance(given, str) else f"{name}-{token[:7]}"
    texts = {
        key: text.format(name=own, token=token, digest=digest, region=region)
        for key, text in TEXTS.items()
        if not (key == "resourceId" and "appautoscaling" in type_)
    }
    service = type_.split(":")[1].split("/", maxsplit=1)[0] if type_.count(":") == 2 else type_
    state = {
        **dict.fromkeys({"name", *NAMED_BY.values()}, own),
        **texts,
        "arn": arn(type_, service, own, region),
        **special(type_, own, inputs, region),
        **{key: value for key, value in inputs.items() if value is not None},
    }
    return identifier(type_, own, token, given_id), state


def arn(type_: str, service: str, own: str, region: str) -> str:
    if type_.startswith(("aws:s3/bucket:", "aws:s3/bucketV2:")):
        return f"arn:aws:s3:::{own}"
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{type_.rpartition(':')[2].lower()}/{own}"


def identifier(type_: str, own: str, token: str, given_id: str | None) -> str:
    if given_id:
        return given_id
    if type_.startswith(("aws:s3/bucket:", "aws:s3/bucketV2:", "aws:iam/role:", "aws:cloudwatch/logGroup:")):
        return own
    return f"{type_.rpartition(':')[2].lower()}-{token}"


def special(type_: str, own: str, inputs: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Outputs that have a shape of their own."""
    if type_ == "aws:acm/certificate:Certificate":
        names = [inputs.get("domainName", own), *inputs.get("subjectAlternativeNames", [])]
        return {
            "domainValidationOptions": [
                {
                    "domainName": name,
                    "resourceRecordName": f"_proof.{name}",
                    "resourceRecordType": "CNAME",
                    "resourceRecordValue": "_value.acm-validations.aws",
                }
                for name in names
            ]
        }
    if type_ in ("aws:rds/instance:Instance", "aws:rds/cluster:Cluster"):
        arn = f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:rds-{own}"
        return {"masterUserSecrets": [{"secretArn": arn, "kmsKeyId": "aws/secretsmanager"}], "port": 5432}
    if type_ == "aws:cloudfront/distribution:Distribution":
        return {"domainName": f"{own.lower()}.cloudfront.net"}
    if type_ == "aws:route53/zone:Zone":
        return {"nameServers": [f"ns-{index}.example.net" for index in range(4)]}
    return {}


def looked_up(token: str, args: Mapping[str, Any], region: str) -> dict[str, Any]:
    """The answer of a data source or a provider function."""
    answer = answers_in(region).get(token.rpartition(":")[2], {})
    if token.endswith(":getPolicyDocument"):
        answer = {"json": policy_document(args)}
    own = str(args.get("name") or args.get("bucket") or args.get("domain") or "looked-up")
    service = token.split(":")[1].split("/", maxsplit=1)[0] if ":" in token else "aws"
    generic = {
        "id": args.get("id") or f"{own}-id",
        "arn": args.get("arn") or f"arn:aws:{service}:{region}:{ACCOUNT}:{own}",
        "zoneId": "Z0123456789",
        "name": own,
    }
    return {**generic, **answer, **{key: value for key, value in args.items() if value is not None}}


def policy_document(args: Mapping[str, Any]) -> str:
    """The JSON that `aws.iam.getPolicyDocument` renders from its statements."""
    rendered = []
    for statement in args.get("statements") or []:
        entry: dict[str, Any] = {
            "Sid": statement.get("sid", ""),
            "Effect": statement.get("effect") or "Allow",
        }
        for source, target in (("actions", "Action"), ("notActions", "NotAction"), ("resources", "Resource")):
            if statement.get(source):
                entry[target] = list(statement[source])
        for principal in statement.get("principals") or []:
            if principal["type"] == "*":
                entry["Principal"] = "*"
            else:
                entry.setdefault("Principal", {})[principal["type"]] = list(principal["identifiers"])
        for condition in statement.get("conditions") or []:
            tests = entry.setdefault("Condition", {}).setdefault(condition["test"], {})
            tests[condition["variable"]] = list(condition["values"])
        rendered.append(entry)
    return json.dumps({"Version": "2012-10-17", "Statement": rendered})


def answers_in(region: str) -> dict[str, dict[str, Any]]:
    """What data sources answer whatever they are asked, by the last part of their name."""
    return {
        "getAvailabilityZones": {
            "names": [f"{region}{letter}" for letter in "abc"],
            "zoneIds": [f"{region}-az{number}" for number in (1, 2, 3)],
        },
        "getCallerIdentity": {
            "accountId": ACCOUNT,
            "arn": f"arn:aws:iam::{ACCOUNT}:user/mock",
            "userId": "AIDAMOCK",
        },
        "getRegion": {
            "name": region,
            "region": region,
            "id": region,
            "endpoint": f"ec2.{region}.amazonaws.com",
        },
        "getPartition": {
            "partition": "aws",
            "dnsSuffix": "amazonaws.com",
            "reverseDnsPrefix": "com.amazonaws",
        },
        "getServiceAccount": {"arn": "arn:aws:iam::127311923021:root", "id": "127311923021"},
        "getCanonicalUserId": {"id": "0123456789abcdef", "displayName": "mock"},
        "getSubnets": {"ids": ["subnet-0a", "subnet-0b", "subnet-0c"]},
        "getVpc": {"id": "vpc-looked-up", "cidrBlock": "10.0.0.0/16"},
        "getPrefixList": {"id": "pl-looked-up", "cidrBlocks": []},
        "getManagedPrefixList": {"id": "pl-looked-up", "entries": []},
        "getImage": {"imageDigest": "sha256:" + "0" * 64},
        "getRandomPassword": {"randomPassword": "made-by-aws"},
        "getSecretVersion": {"secretString": "looked-up-secret"},
        "getRemoteImage": {"id": "sha256:" + "0" * 64, "repoDigest": "image@sha256:" + "0" * 64},
        "getRegistryImage": {"sha256Digest": "sha256:" + "0" * 64},
    }
