"""The store on Fargate: web and worker services that scale, the release task, and scheduled jobs.

Creates the cluster, the roles (each part reads only its own secrets), SSM parameters with the addresses that
AWS chose, task definitions, services with rollback, autoscaling on CPU and on requests per target, the sales'
scheduled changes, and EventBridge schedules. Two owners: autoscaling owns the number of tasks, which the
program sets once and then ignores; the release owns the image, which is a setting pinned by digest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from stacks.aws import access, contract
from stacks.aws.balancer import Balancer
from stacks.aws.context import Context
from stacks.aws.firewall import APP_PORT
from stacks.aws.scaling import Scaled, scale
from stacks.aws.secrets import Secrets
from stacks.aws.settings import AwsSettings

STRATEGIES = {"blue_green": "BLUE_GREEN", "canary": "CANARY", "linear": "LINEAR"}
EXECUTION = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
SWITCHING = "arn:aws:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers"


@dataclass(frozen=True)
class Dependencies:
    """What the store is wired to: `plain` and `urls` become variables, `urls` by way of SSM."""

    subnet_ids: Sequence[pulumi.Input[str]]
    group_id: pulumi.Input[str]
    secrets: Secrets
    media_bucket: str
    plain: dict[str, str]
    urls: dict[str, pulumi.Input[str]]
    release_urls: Mapping[str, pulumi.Input[str]]
    master_secret_arn: pulumi.Input[str]
    statements: list[access.Statement]


class Store(pulumi.ComponentResource):
    """Outputs: `cluster`, `services` (names), `release_task` and `worker_task` (task definition families)."""

    def __init__(
        self,
        name: str,
        settings: AwsSettings,
        context: Context,
        *,
        needs: Dependencies,
        balancer: Balancer,
        release_alarms: Sequence[str],
        serves: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`serves` is false where the web part runs elsewhere (Lambda); workers and releases run here all the
        same.
        """
        super().__init__("storestack:aws:Store", name, None, opts)
        self._name, self._settings, self._context, self._needs = name, settings, context, needs
        self._child = pulumi.ResourceOptions(parent=self)
        self.cluster = context.name("store")
        self.services: list[str] = []
        self.minimums: dict[str, int] = {}
        # Container definitions name these by text, so the engine does not see that tasks need them.
        self._waits: list[pulumi.Resource] = [needs.secrets]
        self._cluster = self._make_cluster()
        self._parameters = {
            variable: self._make_parameter(variable, value)
            for variable, value in {**needs.urls, **needs.release_urls}.items()
        }
        self._execution = self._make_execution_role()
        self._waits.append(self._execution)
        args = settings.store
        release = self._define("release", args.release_image or "", args.worker_cpu, args.worker_memory)
        self.release_task = release.family
        worker = self._define("worker", args.image or "", args.worker_cpu, args.worker_memory)
        self.worker_task = worker.family
        self._serve("worker", worker, args.worker_minimum, args.worker_maximum)
        if serves:
            web = self._define("web", args.image or "", args.web_cpu, args.web_memory)
            self._serve(
                "web", web, args.web_minimum, args.web_maximum, balancer=balancer, alarms=release_alarms
            )
        self._schedule_jobs(worker)
        self.register_outputs({"cluster": self.cluster, "release_task": self.release_task})

    def _make_cluster(self) -> aws.ecs.Cluster:
        context, log_key = self._context, self._needs.secrets.key_arn
        self._waits += [
            aws.cloudwatch.LogGroup(
                f"{self._name}-{part}-logs",
                name=f"/{context.prefix}/{part}",
                retention_in_days=self._settings.store.log_days,
                kms_key_id=log_key,
                opts=self._child,
            )
            for part in ("store", "exec")
        ]
        cluster = aws.ecs.Cluster(
            f"{self._name}-cluster",
            name=self.cluster,
            settings=[aws.ecs.ClusterSettingArgs(name="containerInsights", value="enabled")],
            configuration=aws.ecs.ClusterConfigurationArgs(
                execute_command_configuration=aws.ecs.ClusterConfigurationExecuteCommandConfigurationArgs(
                    kms_key_id=log_key,
                    logging="OVERRIDE",
                    log_configuration=aws.ecs.ClusterConfigurationExecuteCommandConfigurationLogConfigurationArgs(
                        cloud_watch_encryption_enabled=True,
                        cloud_watch_log_group_name=f"/{context.prefix}/exec",
                    ),
                )
            ),
            opts=self._child,
        )
        aws.ecs.ClusterCapacityProviders(
            f"{self._name}-capacity",
            cluster_name=cluster.name,
            capacity_providers=["FARGATE", "FARGATE_SPOT"],
            opts=self._child,
        )
        return cluster

    def _make_parameter(self, variable: str, value: pulumi.Input[str]) -> str:
        name = f"/{self._context.prefix}/{variable}"
        parameter = aws.ssm.Parameter(
            f"{self._name}-{variable.lower().replace('_', '-')}",
            name=name,
            type="SecureString",
            key_id=self._needs.secrets.key_arn,
            value=value,
            opts=self._child,
        )
        self._waits.append(parameter)
        return name

    def _make_execution_role(self) -> access.Role:
        context = self._context
        return access.Role(
            f"{self._name}-execution",
            context.name("execution"),
            access.trust("ecs-tasks.amazonaws.com", context.account),
            self,
            [
                access.allow(["ssm:GetParameters"], [context.arn("ssm", f"parameter/{context.prefix}/*")]),
                access.allow(["kms:Decrypt"], [self._needs.secrets.key_arn]),
            ],
            managed={"ecs": EXECUTION},
        )

    def _make_task_role(self, part: str) -> access.Role:
        settings, needs, context = self._settings, self._needs, self._context
        statements = contract.statements(part, settings, needs.secrets, needs.media_bucket, needs.statements)
        if part == "release":
            statements.append(access.allow(["secretsmanager:GetSecretValue"], [needs.master_secret_arn]))
        return access.Role(
            f"{self._name}-{part}-role",
            context.name(f"{part}-task"),
            access.trust("ecs-tasks.amazonaws.com", context.account),
            self,
            statements,
        )

    def _define(self, part: str, image: str, cpu: str, memory: int) -> aws.ecs.TaskDefinition:
        settings, needs = self._settings, self._needs
        references = {item: needs.secrets.reference(item) for item in needs.secrets.arns}
        plain = contract.environment(settings, image, part, references) | needs.plain
        wanted = {**needs.urls, **(needs.release_urls if part == "release" else {})}
        # A foreign image starts by its own command; the kit's says which part it is.
        command = contract.COMMANDS[part] if settings.store.bundled or part != "web" else None
        definition = contract.container(
            contract.Part(part, image, command, cpu, memory),
            self._context,
            plain,
            {variable: self._parameters[variable] for variable in wanted},
            settings.store.stop_timeout,
        )
        role = self._make_task_role(part)
        self._waits.append(role)
        return aws.ecs.TaskDefinition(
            f"{self._name}-{part}-task",
            family=self._context.name(part),
            cpu=cpu,
            memory=str(memory),
            network_mode="awsvpc",
            requires_compatibilities=["FARGATE"],
            runtime_platform=aws.ecs.TaskDefinitionRuntimePlatformArgs(
                operating_system_family="LINUX", cpu_architecture=settings.store.architecture.upper()
            ),
            execution_role_arn=self._execution.arn,
            task_role_arn=role.arn,
            volumes=[aws.ecs.TaskDefinitionVolumeArgs(name="tmp")],
            container_definitions=json.dumps([definition], sort_keys=True),
            # The older revisions stay, so that ECS can roll back to one.
            skip_destroy=True,
            opts=self._child,
        )

    def _serve(
        self,
        part: str,
        task: aws.ecs.TaskDefinition,
        minimum: int,
        maximum: int,
        *,
        balancer: Balancer | None = None,
        alarms: Sequence[str] = (),
    ) -> None:
        args, context = self._settings.store, self._context
        name = context.name(part)
        self.services.append(name)
        self.minimums[name] = minimum
        spot = args.spot_percent
        provider = aws.ecs.ServiceCapacityProviderStrategyArgs
        strategies = [provider(capacity_provider="FARGATE", base=minimum, weight=100 - spot)]
        if spot:
            strategies.append(provider(capacity_provider="FARGATE_SPOT", base=0, weight=spot))
        service = aws.ecs.Service(
            f"{self._name}-{part}-service",
            name=name,
            cluster=self._cluster.arn,
            task_definition=task.arn,
            desired_count=minimum,
            capacity_provider_strategies=strategies,
            platform_version="LATEST",
            availability_zone_rebalancing="ENABLED",
            deployment_minimum_healthy_percent=100,
            deployment_maximum_percent=200,
            enable_execute_command=False,
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            health_check_grace_period_seconds=60 if balancer else None,
            network_configuration=aws.ecs.ServiceNetworkConfigurationArgs(
                subnets=list(self._needs.subnet_ids),
                security_groups=[self._needs.group_id],
                assign_public_ip=False,
            ),
            wait_for_steady_state=True,
            **self._release_arguments(balancer, alarms),
            opts=pulumi.ResourceOptions(
                parent=self,
                ignore_changes=["desiredCount"],
                depends_on=[*self._waits, *([balancer.rule] if balancer else [])],
            ),
        )
        if args.autoscaling:
            scale(
                self._name,
                Scaled(part, service.name, self.cluster, minimum, maximum),
                self._settings,
                context,
                # The metric belongs to one target group; a release that switches between two would starve it.
                balancer if balancer is not None and len(balancer.target_groups) == 1 else None,
                parent=self,
            )

    def _release_arguments(self, balancer: Balancer | None, alarms: Sequence[str]) -> dict[str, Any]:
        """How a new version comes in: rolling with the circuit breaker, or a switch that bakes and watches
        alarms.
        """
        args = self._settings.store
        found: dict[str, Any] = {}
        if alarms:
            found["alarms"] = aws.ecs.ServiceAlarmsArgs(alarm_names=list(alarms), enable=True, rollback=True)
        if balancer is None or args.deployment == "rolling":
            found["deployment_circuit_breaker"] = aws.ecs.ServiceDeploymentCircuitBreakerArgs(
                enable=True, rollback=True
            )
        if balancer is None:
            return found
        at: dict[str, Any] = {
            "container_name": "web",
            "container_port": APP_PORT,
            "target_group_arn": balancer.target_groups[0].arn,
        }
        if args.deployment == "rolling":
            return found | {"load_balancers": [aws.ecs.ServiceLoadBalancerArgs(**at)]}
        role = access.Role(
            f"{self._name}-switch",
            self._context.name("switch"),
            access.trust("ecs.amazonaws.com", self._context.account),
            self,
            managed={"ecs": SWITCHING},
        )
        switch = aws.ecs.ServiceLoadBalancerAdvancedConfigurationArgs(
            alternate_target_group_arn=balancer.target_groups[1].arn,
            production_listener_rule=balancer.rule.arn,
            role_arn=role.arn,
        )
        bake = str(args.bake_minutes)
        configuration = aws.ecs.ServiceDeploymentConfigurationArgs(
            strategy=STRATEGIES[args.deployment], bake_time_in_minutes=bake
        )
        if args.deployment == "canary":
            configuration.canary_configuration = (
                aws.ecs.ServiceDeploymentConfigurationCanaryConfigurationArgs(
                    canary_percent=10, canary_bake_time_in_minutes=bake
                )
            )
        if args.deployment == "linear":
            configuration.linear_configuration = (
                aws.ecs.ServiceDeploymentConfigurationLinearConfigurationArgs(
                    step_percent=25, step_bake_time_in_minutes=bake
                )
            )
        return found | {
            "deployment_configuration": configuration,
            "load_balancers": [aws.ecs.ServiceLoadBalancerArgs(**at, advanced_configuration=switch)],
        }

    def _schedule_jobs(self, worker: aws.ecs.TaskDefinition) -> None:
        jobs, context = self._settings.store.jobs, self._context
        if not jobs:
            return
        family = context.arn("ecs", f"task-definition/{context.name('worker')}")
        roles = [
            context.arn("iam", f"role/{context.name(part)}", "") for part in ("execution", "worker-task")
        ]
        role = access.Role(
            f"{self._name}-jobs",
            context.name("jobs"),
            access.trust("scheduler.amazonaws.com", context.account),
            self,
            [
                access.allow(["ecs:RunTask"], [f"{family}:*"]),
                access.allow(["kms:Decrypt"], [self._needs.secrets.key_arn]),
                access.allow(
                    ["iam:PassRole"],
                    roles,
                    {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
                ),
            ],
        )
        for job in jobs:
            aws.scheduler.Schedule(
                f"{self._name}-job-{job.name}",
                name=context.name(job.name, 64),
                schedule_expression=job.schedule,
                schedule_expression_timezone="UTC",
                kms_key_arn=self._needs.secrets.key_arn,
                flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
                target=aws.scheduler.ScheduleTargetArgs(
                    arn=self._cluster.arn,
                    role_arn=role.arn,
                    input=json.dumps(
                        {"containerOverrides": [{"name": "worker", "command": list(job.command)}]}
                    ),
                    retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                        maximum_retry_attempts=3, maximum_event_age_in_seconds=3600
                    ),
                    ecs_parameters=aws.scheduler.ScheduleTargetEcsParametersArgs(
                        task_definition_arn=worker.arn,
                        launch_type="FARGATE",
                        network_configuration=aws.scheduler.ScheduleTargetEcsParametersNetworkConfigurationArgs(
                            subnets=list(self._needs.subnet_ids),
                            security_groups=[self._needs.group_id],
                            assign_public_ip=False,
                        ),
                    ),
                ),
                opts=self._child,
            )
