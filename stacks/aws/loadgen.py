"""The load generator on Fargate: a master and its workers in a VPC of their own. Off until it has an image.

Creates the VPC with one NAT gateway, a security group that lets only the generator's own tasks in, a cluster,
a log group, and two task definitions. No service: nothing runs, and only the NAT gateway costs, until
somebody starts a run (docs/guides/load.md). The master may write to one prefix of the logs bucket, the
workers may do nothing; the store is reached from outside, as shoppers reach it.
"""

from __future__ import annotations

import dataclasses
import json

import pulumi
import pulumi_aws as aws

from stacks.aws import access, contract, settings
from stacks.aws.context import Context
from stacks.aws.network import Network
from stacks.aws.storage import Storage
from stacks.aws.store import EXECUTION

# Locust's workers meet their master here.
MEETING_PORT = 5557
REPORTS = "loadgen"
ZONES = 2


class Loadgen(pulumi.ComponentResource):
    """Outputs: `cluster`, `tasks` (families), `network` (as `aws ecs run-task` takes it), `reports`."""

    def __init__(
        self,
        name: str,
        args: settings.Loadgen,
        context: Context,
        *,
        network: settings.Network,
        store: settings.Store,
        domain: str,
        storage: Storage,
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("storestack:aws:Loadgen", name, None, opts)
        self._name, self._args, self._store = name, args, store
        # Names of its own beside the environment's.
        self._context = dataclasses.replace(context, stack=f"{context.stack}-loadgen")
        self._child = pulumi.ResourceOptions(parent=self)
        own = dataclasses.replace(
            network,
            cidr=args.cidr,
            zones=network.zones[:ZONES],
            nat="one",
            endpoints=(),
            vpc_id=None,
            app_subnet_ids=(),
            data_subnet_ids=(),
        )
        self._network = Network(f"{name}-network", own, self._context, key_arn, self._child)
        group = self._make_group()
        self.cluster = self._make_cluster(key_arn)
        self.reports = f"s3://{storage.logs_name}/{REPORTS}/"
        writing = [
            access.allow(["s3:PutObject"], [f"arn:aws:s3:::{storage.logs_name}/{REPORTS}/*"]),
        ]
        cores = max(int(args.cpu) // 1024, 1)
        shared = {
            "STORESTACK_URL": f"https://{domain}",
            "STORESTACK_LOAD_HOSTS": domain,
            # The signed header holds on local and staging alone.
            "STORESTACK_SHOPPER_KEY": "none",
            "LOADGEN_PROCESSES": str(cores),
        }
        self._execution = access.Role(
            f"{name}-execution",
            self._context.name("execution"),
            access.trust("ecs-tasks.amazonaws.com", context.account),
            self,
            managed={"ecs": EXECUTION},
        )
        master = {"LOADGEN_WORKERS": str(args.workers * cores), "LOADGEN_REPORTS": self.reports}
        self.tasks = {
            "master": self._define("master", shared | master, writing),
            "worker": self._define("worker", shared, []),
        }
        self.network = pulumi.Output.json_dumps(
            {
                "awsvpcConfiguration": {
                    "subnets": self._network.app_subnet_ids,
                    "securityGroups": [group.id],
                    "assignPublicIp": "DISABLED",
                }
            }
        )
        self.register_outputs({"cluster": self.cluster, "reports": self.reports})

    def _make_group(self) -> aws.ec2.SecurityGroup:
        name, child = self._name, self._child
        group = aws.ec2.SecurityGroup(
            f"{name}-group",
            vpc_id=self._network.vpc_id,
            name=self._context.name("tasks"),
            description="The load generator's tasks",
            opts=child,
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-from-own",
            security_group_id=group.id,
            referenced_security_group_id=group.id,
            description="Workers meet their master",
            ip_protocol="tcp",
            from_port=MEETING_PORT,
            to_port=MEETING_PORT,
            opts=child,
        )
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-to-own",
            security_group_id=group.id,
            referenced_security_group_id=group.id,
            description="Workers meet their master",
            ip_protocol="tcp",
            from_port=MEETING_PORT,
            to_port=MEETING_PORT,
            opts=child,
        )
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-out",
            security_group_id=group.id,
            description="HTTPS to the store and to AWS",
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            opts=child,
        )
        return group

    def _make_cluster(self, key_arn: pulumi.Input[str]) -> str:
        name, context = self._name, self._context
        self._logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            # Where the container contract sends every part's lines.
            name=f"/{context.prefix}/store",
            retention_in_days=self._store.log_days,
            kms_key_id=key_arn,
            opts=self._child,
        )
        cluster = context.name("tasks")
        aws.ecs.Cluster(
            f"{name}-cluster",
            name=cluster,
            settings=[aws.ecs.ClusterSettingArgs(name="containerInsights", value="enabled")],
            opts=self._child,
        )
        return cluster

    def _define(self, part: str, plain: dict[str, str], statements: list[access.Statement]) -> str:
        args, context = self._args, self._context
        role = access.Role(
            f"{self._name}-{part}-role",
            context.name(f"{part}-task"),
            access.trust("ecs-tasks.amazonaws.com", context.account),
            self,
            statements,
        )
        command = ["python", "-m", "loadtests.remote", part]
        definition = contract.container(
            contract.Part(part, args.image or "", command, args.cpu, args.memory), context, plain, {}, 60
        )
        family = context.name(part)
        aws.ecs.TaskDefinition(
            f"{self._name}-{part}-task",
            family=family,
            cpu=args.cpu,
            memory=str(args.memory),
            network_mode="awsvpc",
            requires_compatibilities=["FARGATE"],
            runtime_platform=aws.ecs.TaskDefinitionRuntimePlatformArgs(
                operating_system_family="LINUX", cpu_architecture=self._store.architecture.upper()
            ),
            execution_role_arn=self._execution.arn,
            task_role_arn=role.arn,
            volumes=[aws.ecs.TaskDefinitionVolumeArgs(name="tmp")],
            container_definitions=json.dumps([definition], sort_keys=True),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._logs, self._execution, role]),
        )
        return family
