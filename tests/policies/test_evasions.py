"""Stories of what looks right and is not: a mistake written in an uncommon form, its right twin beside it."""

import json
from typing import Any

from policies.graph import UNKNOWN, Resource, Secret
from policies.verdicts import Undecided
from tests.policies.cases import Case, breached, judge, kept, made, run, stories
from tests.policies.test_containers import TASK, environment, task
from tests.policies.test_identity import GITHUB, SUBJECT, policy, role
from tests.policies.test_network import group, new_rule
from tests.policies.test_storage import BUCKET, beside, deny, guarded

FUNCTION = "aws:lambda/function:Function"
LISTS = "aws:ec2/managedPrefixList:ManagedPrefixList"
SCALING = "aws:appautoscaling/target:Target"
OTHERS = {"Federated": "arn:aws:iam::1:oidc-provider/app.terraform.io"}
STARTS = {"AWS": "*"}
GRANTED = "http://acs.amazonaws.com/groups/global/AllUsers"
WEB = made("aws:lb/listener:Listener", "plain", port=80, protocol="HTTP")
SERVICE = made("aws:ecs/service:Service", "web", desiredCount=2)
TARGET = made(SCALING, "web", refers={"resourceId": SERVICE}, resourceId=UNKNOWN, minCapacity=2)
SERVERLESS = "aws:elasticache/serverlessCache:ServerlessCache"
POSTGRES = made(
    "aws:rds/parameterGroup:ParameterGroup", "pg", parameters=[{"name": "rds.force_ssl", "value": UNKNOWN}]
)
DATABASE = made(
    "aws:rds/instance:Instance",
    "db",
    refers={"parameterGroupName": POSTGRES},
    engine="postgres",
    parameterGroupName=UNKNOWN,
)


def function(**variables: str) -> Resource:
    return made(FUNCTION, environment={"variables": variables})


def opened_by(cidr: str, **properties: Any) -> list[Resource]:
    prefixes = made(LISTS, "offices", entries=[{"cidr": cidr}], **properties)
    rule = made(
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "ssh",
        refers={"prefixListId": prefixes},
        prefixListId=UNKNOWN,
        ipProtocol="tcp",
        fromPort=22,
        toPort=22,
        description="why",
    )
    return [prefixes, rule]


def allowing(**statement: Any) -> Resource:
    denied = json.loads(deny())
    denied["Statement"].append({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **statement})
    return beside("BucketPolicy", policy=json.dumps(denied))


def scheduled(least: int) -> Resource:
    return made(
        "aws:appautoscaling/scheduledAction:ScheduledAction",
        "night",
        refers={"resourceId": TARGET},
        resourceId=UNKNOWN,
        scalableTargetAction={"minCapacity": least},
    )


def redirect(protocol: str) -> Resource:
    actions = [{"type": "redirect", "redirect": {"protocol": protocol, "statusCode": "HTTP_301"}}]
    return made("aws:lb/listenerRule:ListenerRule", "old", refers={"listenerArn": WEB}, actions=actions)


LITERALS = {
    "PGPASSWORD": "x1",
    "SMTPPASSWORD": "y",
    "REDISCLI_AUTH": "z9",
    "APP_KEY": "base64:abcdefgh12345678ijkl=",
    "SIGNED": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
    "HOOK": "https://hooks.slack.com/services/T0/B0/xyz",
    "PAYMENTS": "sk_test_51H8abcdefghijk",
}
HARMLESS = {
    "PASSWORD_RESET_TIMEOUT": "3600",
    "SESSION_TOKEN_COOKIE": "sid",
    "PASSWORD_HASHER": "argon2",
    "OIDC_TOKEN_URL": "https://id.example.com/token",
    "DB_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:1:secret:db",
}

CASES: list[Case] = [
    *(
        breached(
            "firewall-closed", f"{cidr} is half the internet, or all of it", "open to", group(cidr, port=22)
        )
        for cidr in ("0.0.0.0/1", "128.0.0.0/1", "64.0.0.0/2", "8.0.0.0/8", "0.0.0.0/0 ")
    ),
    breached(
        "firewall-closed", "most of IPv6", "open to 2000::/3", group(port=22, ipv6CidrBlocks=["2000::/3"])
    ),
    kept("firewall-closed", "a private network of any size", group("10.0.0.0/8", port=22)),
    kept("firewall-closed", "an office", group("203.0.113.0/24", port=22)),
    kept("firewall-closed", "a private IPv6 network", group(port=22, ipv6CidrBlocks=["fd00::/8"])),
    breached(
        "firewall-closed",
        "a prefix list that holds the internet",
        "open to 0.0.0.0/0",
        *opened_by("0.0.0.0/0"),
    ),
    kept("firewall-closed", "a prefix list of offices", *opened_by("203.0.113.0/24")),
    breached(
        "container-not-privileged", "a key in another case", "privileged is true", task({"Privileged": True})
    ),
    kept("container-read-only-root", "a key in another case", task({"readOnlyRootFilesystem": True})),
    breached(
        "container-not-privileged",
        "a capability as good as privilege",
        "SYS_ADMIN",
        task({"linuxParameters": {"capabilities": {"add": ["CAP_SYS_ADMIN"]}}}),
    ),
    breached(
        "container-non-root", "text that is not JSON", "no JSON", made(TASK, containerDefinitions="[{no")
    ),
    breached(
        "container-non-root", "one container, not a list", "no list", made(TASK, containerDefinitions="{}")
    ),
    *(
        breached("container-no-plain-secret", f"{name} in a task", name, task(environment(name, value)))
        for name, value in LITERALS.items()
    ),
    *(
        kept("container-no-plain-secret", f"{name} tells about one", task(environment(name, value)))
        for name, value in HARMLESS.items()
    ),
    breached("container-no-plain-secret", "a function's", "DB_PASSWORD", function(DB_PASSWORD="x")),
    breached(
        "container-no-plain-secret", "marked by the program", "WORD", function(A="b", WORD=Secret("zz"))
    ),
    kept("container-no-plain-secret", "a function's own settings", function(**HARMLESS)),
    kept("container-no-plain-secret", "all of them marked at once", function(A=Secret("b"), B=Secret("c"))),
    breached("iam-least-privilege", "a wildcard in other letters", "ec2:?*", policy("ec2:?*", "*")),
    breached(
        "iam-least-privilege", "all resources but", "NotResource", policy("s3:GetObject", NotResource="x")
    ),
    breached(
        "iam-least-privilege",
        "a service's every action by AWS's own policy",
        "AmazonS3FullAccess",
        made(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            policyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess",
        ),
    ),
    kept(
        "iam-least-privilege",
        "a narrow one of AWS's own",
        made(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            policyArn="arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
        ),
    ),
    breached(
        "iam-least-privilege",
        "everyone under a condition that pins nobody",
        "Principal",
        role({"Bool": {"aws:SecureTransport": "true"}}, STARTS),
    ),
    kept(
        "iam-least-privilege",
        "everyone of one organization",
        role({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, STARTS),
    ),
    breached("iam-least-privilege", "another pipeline, of anyone", "is not set", role(principal=OTHERS)),
    kept(
        "iam-least-privilege",
        "another pipeline, pinned",
        role({"StringEquals": {"app.terraform.io:sub": "organization:a:project:b"}}, OTHERS),
    ),
    breached(
        "iam-least-privilege",
        "one good subject and one bad",
        "repo:shop/other:*",
        role({"StringLike": {SUBJECT: ["repo:shop/kit:ref:refs/heads/main", "repo:shop/other:*"]}}),
    ),
    breached(
        "iam-least-privilege",
        "everyone but",
        "NotPrincipal",
        made(
            "aws:iam/role:Role",
            assumeRolePolicy={"Statement": {"Effect": "Allow", "NotPrincipal": {"Federated": GITHUB}}},
        ),
    ),
    breached(
        "iam-least-privilege",
        "text that is not JSON",
        "no JSON",
        made("aws:iam/policy:Policy", policy="{'a'}"),
    ),
    breached(
        "bucket-private",
        "TLS forced on a part of it",
        "denies plain HTTP",
        *guarded(policy=beside("BucketPolicy", policy=deny(Resource="arn:aws:s3:::media/private/*"))),
    ),
    breached(
        "bucket-private",
        "TLS forced on some callers",
        "denies plain HTTP",
        *guarded(
            policy=beside(
                "BucketPolicy",
                policy=deny(
                    Condition={
                        "Bool": {"aws:SecureTransport": "false"},
                        "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
                    }
                ),
            )
        ),
    ),
    kept(
        "bucket-private",
        "TLS forced on the bucket and its objects",
        *guarded(
            policy=beside(
                "BucketPolicy", policy=deny(Resource=["arn:aws:s3:::media", "arn:aws:s3:::media/*"])
            )
        ),
    ),
    breached(
        "bucket-private",
        "everyone let in",
        "open to everyone",
        *guarded(policy=allowing(Principal={"AWS": ["*"]})),
    ),
    kept(
        "bucket-private",
        "the CDN let in",
        *guarded(policy=allowing(Principal={"Service": "cloudfront.amazonaws.com"})),
    ),
    kept(
        "bucket-private",
        "everyone of one network let in",
        *guarded(policy=allowing(Principal="*", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}})),
    ),
    breached(
        "bucket-private", "an ACL", '"public-read"', *guarded(acl=beside("BucketAcl", acl="public-read"))
    ),
    breached(
        "bucket-private",
        "a grant",
        "AllUsers",
        *guarded(acl=beside("BucketAcl", accessControlPolicy={"grants": [{"grantee": {"uri": GRANTED}}]})),
    ),
    breached("bucket-private", "one object", '"public-read"', beside("BucketObjectv2", acl="public-read")),
    breached("balancer-http-redirect", "sent on to HTTP", '"HTTP"', WEB, redirect("HTTP")),
    kept(
        "balancer-http-redirect",
        "a rule that redirects",
        made(WEB.type, "tls", protocol="HTTPS"),
        redirect("HTTPS"),
    ),
    breached(
        "registry-scan",
        "a registry that scans when told to",
        "scanOnPush is not set",
        made("aws:ecr/repository:Repository"),
        made(
            "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration",
            rules=[{"scanFrequency": "MANUAL"}],
        ),
    ),
    breached("service-capacity", "none at night", "ScheduledAction", SERVICE, TARGET, scheduled(0)),
    kept("service-capacity", "two at night", SERVICE, TARGET, scheduled(2)),
    breached(
        "cache-failover",
        "nowhere to fail over to",
        "numCacheClusters is 1",
        made(
            "aws:elasticache/replicationGroup:ReplicationGroup",
            automaticFailoverEnabled=True,
            multiAzEnabled=True,
            numCacheClusters=1,
        ),
    ),
    breached(
        "cache-encrypted",
        "MemoryDB for all",
        '"open-access"',
        made("aws:memorydb/cluster:Cluster", aclName="open-access"),
    ),
    breached(
        "cache-encrypted",
        "MemoryDB in plain text",
        "tlsEnabled",
        made("aws:memorydb/cluster:Cluster", tlsEnabled=False),
    ),
    kept(
        "cache-upkeep",
        "serverless",
        made(SERVERLESS, engine="valkey", snapshotRetentionLimit=3, subnetIds=["a"]),
    ),
    breached(
        "cache-upkeep",
        "serverless, kept nowhere",
        "snapshotRetentionLimit",
        made(SERVERLESS, engine="valkey"),
    ),
    breached(
        "database-managed-password",
        "a literal that is written only",
        "passwordWo",
        made("aws:rds/instance:Instance", manageMasterUserPassword=True, passwordWo="hunter22"),
    ),
    breached("database-encrypted", "documents", "storageEncrypted", made("aws:docdb/cluster:Cluster")),
    breached(
        "local-not-privileged",
        "the engine's socket",
        "docker.sock",
        made("docker:index/container:Container", volumes=[{"hostPath": "/var/run/docker.sock"}]),
    ),
    breached(
        "local-not-privileged",
        "the machine's root",
        "/ of the host",
        made("docker:index/container:Container", mounts=[{"type": "bind", "source": "/"}]),
    ),
    breached(
        "local-not-privileged",
        "unconfined",
        "unconfined",
        made("docker:index/container:Container", securityOpts=["seccomp=unconfined"]),
    ),
    kept(
        "local-not-privileged",
        "confined, with a folder of the machine's",
        made(
            "docker:index/container:Container",
            securityOpts=["no-new-privileges:true"],
            volumes=[{"hostPath": "/srv"}],
        ),
    ),
]


@stories(CASES)
def test_evasions(case: Case) -> None:
    run(case)


def test_a_parameter_not_known_yet_is_not_taken_for_a_wrong_one() -> None:
    (verdict,) = judge("database-tls", [POSTGRES, DATABASE])
    assert isinstance(verdict, Undecided)


def test_a_secret_bucket_policy_is_still_read() -> None:
    hidden = beside("BucketPolicy", policy=Secret(deny()))
    assert judge("bucket-private", guarded(policy=hidden)) == []
    assert BUCKET.name == "media"


def test_tags_of_a_provider_not_known_yet_are_not_taken_for_missing() -> None:
    provider = made("pulumi:providers:aws", "eu", defaultTags=UNKNOWN)
    queue = made("aws:sqs/queue:Queue", provider=provider.urn)
    (verdict,) = judge("account-trail-and-tags", [provider, queue])
    assert isinstance(verdict, Undecided)


def test_a_rule_of_its_own_is_read_whatever_its_form() -> None:
    run(breached("firewall-closed", "all of it", "open to ::/0", new_rule(ipProtocol="-1", cidrIpv6="::/0")))
