"""What the program asks of the engine, asserted on the inputs of every resource it registers."""

import json
from ipaddress import IPv4Address, IPv4Network

import pulumi
import pytest

from tests.stacks.graph import Graph, record

ROLES = {"edge", "balancer", "database", "pooler", "cache", "gateway", "mail", "web", "worker"}
EXCLUSIVE = {"edge", "balancer", "database", "pooler", "cache", "mail"}


@pytest.fixture(scope="module")
def graph() -> Graph:
    return record()


def test_every_role_has_its_containers(graph: Graph) -> None:
    roles = [graph.role(container) for container in graph.containers.values()]
    assert set(roles) == ROLES
    assert {role: roles.count(role) for role in set(roles)} == dict.fromkeys(ROLES, 1) | {"web": 3}


def test_every_container_is_locked_down(graph: Graph) -> None:
    for name, container in graph.containers.items():
        inputs = container.inputs
        assert inputs["readOnly"] is True, name
        assert inputs["capabilities"] == {"drops": ["ALL"]}, name
        assert inputs["securityOpts"] == ["no-new-privileges:true"], name
        assert int(inputs["user"].split(":")[0]) > 10000, name
        assert "privileged" not in inputs, name
        assert inputs.get("networkMode") is None, name
        assert inputs.get("pidMode") is None, name


def test_every_container_is_limited_and_its_logs_rotate(graph: Graph) -> None:
    for name, container in graph.containers.items():
        inputs = container.inputs
        assert inputs["memory"] > 0, name
        assert inputs["memorySwap"] == inputs["memory"], name
        assert float(inputs["cpus"]) > 0, name
        assert [limit["name"] for limit in inputs["ulimits"]] == ["nproc"], name
        assert inputs["logOpts"] == {"max-size": "10m", "max-file": "3"}, name
        assert inputs["restart"] == "unless-stopped", name
        assert inputs["stopTimeout"] >= 30, name


def test_every_server_has_a_health_check(graph: Graph) -> None:
    assert all("healthcheck" in container.inputs for container in graph.containers.values())


def test_only_the_edge_publishes_ports_and_only_on_loopback(graph: Graph) -> None:
    publishing = {name: c.inputs["ports"] for name, c in graph.containers.items() if c.inputs.get("ports")}
    assert set(publishing) == {"edge"}
    assert {port["ip"] for port in publishing["edge"]} == {"127.0.0.1"}
    assert {port["external"] for port in publishing["edge"]} == {8443, 8080}


def test_the_data_network_is_internal_and_only_its_tenants_are_on_it(graph: Graph) -> None:
    networks = graph.of("Network")
    assert networks["data"].inputs["internal"] is True
    tenants = {
        graph.role(container)
        for container in graph.containers.values()
        for attachment in container.inputs["networksAdvanced"]
        if attachment["name"] == "storestack-trial-data"
    }
    assert tenants == {"database", "pooler", "cache", "web", "worker"}


def test_whoever_is_known_by_an_address_keeps_it(graph: Graph) -> None:
    fixed = {
        graph.role(container): IPv4Address(network["ipv4Address"])
        for container in graph.containers.values()
        for network in container.inputs["networksAdvanced"]
        if network.get("ipv4Address")
    }
    assert set(fixed) == {"balancer", "database"}
    # Nobody gets one of these while its owner restarts.
    given = [
        IPv4Network(config["ipRange"])
        for network in graph.of("docker:index/network:Network").values()
        for config in network.inputs["ipamConfigs"]
    ]
    assert not [address for address in fixed.values() for pool in given if address in pool]


def test_the_edge_is_on_no_network_but_its_own(graph: Graph) -> None:
    attachments = graph.containers["edge"].inputs["networksAdvanced"]
    assert [attachment["name"] for attachment in attachments] == ["storestack-trial-edge"]


def test_no_secret_is_a_value_in_an_environment(graph: Graph) -> None:
    secrets = [f"generated for {secret.name}" for secret in graph.of("RandomSecret").values()]
    assert len(secrets) == 8
    for name, container in graph.containers.items():
        assert "envs" not in container.secrets, name
        assert not [s for s in secrets if s in json.dumps(container.inputs)], name
    for name, step in graph.of("OneShot").items():
        assert not [s for s in secrets if s in json.dumps(step.inputs)], name


def test_secret_files_are_secret_in_state(graph: Graph) -> None:
    files = graph.of("VolumeFiles")
    for name, resource in files.items():
        if resource.inputs.get("secrets"):
            holds = resource.inputs["secrets"]
            assert "secrets" in resource.secrets, name
            assert holds, name
    assert {name for name, f in files.items() if f.inputs.get("secrets")} == {
        "edge-files",
        "database-files",
        "pooler-files",
        "cache-files",
        "gateway-files",
        "store-files",
        "release-files",
    }
    assert all(s.additional_secrets == {"value"} for s in graph.of("RandomSecret").values())
    assert graph.of("CertificateAuthority")["authority"].additional_secrets == {"key"}


def test_only_the_release_step_knows_the_migrators_password(graph: Graph) -> None:
    holders = {
        name
        for name, resource in graph.of("VolumeFiles").items()
        if "generated for storestack-trial-database-migrator" in json.dumps(resource.inputs.get("secrets"))
    }
    assert holders == {"release-files", "database-files"}


def test_the_order_of_a_release_is_migrations_web_admission_workers(graph: Graph) -> None:
    release, seed = graph.of("OneShot")["release"], graph.of("OneShot")["seed"]
    admission = graph.of("Admission")["admission"]
    assert graph.depends(release, on="database")
    assert graph.depends(release, on="store-image")
    assert graph.depends(seed, on="release")
    for number in (1, 2, 3):
        web = graph.containers[f"web-{number}"]
        assert graph.depends(web, on="seed")
        assert graph.depends(admission, on=f"web-{number}")
        assert not graph.depends(web, on="admission")
    assert graph.depends(graph.containers["worker-1"], on="admission")


def test_no_container_starts_before_every_image_is_built(graph: Graph) -> None:
    images = graph.of("RemoteImage")
    assert len(images) == 8
    for container in graph.containers.values():
        for image in images:
            assert graph.depends(container, on=image), (container.name, image)


def test_old_web_containers_stay_until_new_ones_are_admitted(graph: Graph) -> None:
    for name, container in graph.containers.items():
        exclusive = graph.role(container) in EXCLUSIVE
        assert container.delete_before_replace is exclusive, name
        assert ("name" in container.inputs) is exclusive, name
    # A replaced image would otherwise take every container made from it away first.
    assert {image.delete_before_replace for image in graph.of("RemoteImage").values()} == {False}


def test_data_volumes_outlive_the_stack_and_others_do_not(graph: Graph) -> None:
    kept = {name for name, volume in graph.of("Volume").items() if volume.retain_on_delete}
    assert kept == {"database-data", "cache-data", "gateway-data", "media"}


def test_configuration_and_secrets_are_mounted_read_only(graph: Graph) -> None:
    writable = {
        (graph.role(container), mount["containerPath"])
        for container in graph.containers.values()
        for mount in container.inputs["volumes"]
        if not mount["readOnly"]
    }
    assert writable == {
        ("edge", "/var/cache/edge"),
        ("database", "/var/lib/postgresql"),
        ("cache", "/var/lib/redis"),
        ("gateway", "/srv/gateway"),
        ("mail", "/srv/mail"),
        ("worker", "/srv/media"),
    }


def test_the_images_of_this_machine_stay_for_a_rollback(graph: Graph) -> None:
    for image in graph.of("RemoteImage").values():
        assert image.inputs["keepLocally"] is True
        assert image.inputs["build"]["context"] == ".."


def test_the_balancer_gets_the_admitted_servers_by_name(graph: Graph) -> None:
    admission = graph.of("Admission")["admission"].inputs
    names = [f"storestack-trial-web-{number}-auto" for number in (1, 2, 3)]
    assert admission["servers"] == names
    assert all(f"{name}:8000" in admission["files"]["store.cfg"] for name in names)


def test_settings_reach_the_containers() -> None:
    graph = record(
        {
            "store:web": "5",
            "store:web_memory_mb": "512",
            "store:workers": "0",
            "edge:https_port": "9443",
            "network:subnet": "10.250.7.0/24",
            "store:sample_data": "false",
        }
    )
    containers = graph.containers
    assert sum(graph.role(c) == "web" for c in containers.values()) == 5
    assert not [c for c in containers.values() if graph.role(c) == "worker"]
    assert containers["web-1"].inputs["memory"] == 512
    assert {port["external"] for port in containers["edge"].inputs["ports"]} == {9443, 8080}
    assert graph.of("Network")["edge"].inputs["ipamConfigs"][0]["subnet"] == "10.250.7.0/26"
    assert set(graph.of("OneShot")) == {"release"}
    assert "PUBLIC_URL=https://localhost:9443" in containers["web-1"].inputs["envs"]


def test_a_foreign_image_takes_the_stores_place() -> None:
    graph = record({"store:image": "registry.example.com/shop:7", "store:release_command": ""})
    image = graph.of("RemoteImage")["store-image"]
    assert image.inputs["name"] == "registry.example.com/shop:7"
    assert "build" not in image.inputs
    assert not graph.of("OneShot")
    web = graph.containers["web-1"].inputs
    assert web["image"] == "sha256:storestack-trial-store-image"
    assert "healthcheck" not in web
    assert "STORE_VERSION=shop:7" in web["envs"]


def test_a_released_build_runs_by_its_id_and_keeps_what_the_bundled_store_has() -> None:
    released = "sha256:" + "a" * 64
    graph = record({"store:image": released, "store:bundled": "true", "store:version": "1.2"})
    assert "store-image" not in graph.of("RemoteImage"), "the engine has it: nothing is pulled or built"
    web = graph.containers["web-1"].inputs
    assert web["image"] == released
    assert web["healthcheck"]["tests"] == ["CMD", "health"]
    assert "STORE_VERSION=1.2" in web["envs"]
    assert f"IMAGE_DIGEST={released}" in web["envs"]


def test_wrong_settings_stop_the_program_before_any_resource() -> None:
    with pytest.raises(pulumi.RunError, match='edge:https_port: "99999"') as caught:
        record({"edge:https_port": "99999", "store:web": "none"})
    assert 'store:web: "none"' in str(caught.value)


@pytest.mark.parametrize(
    ("engine", "address", "mount"),
    [
        ("mysql", "mysql://store@database:3306/store", "/var/lib/mysql"),
        ("postgres", "postgresql://", "/var/lib/postgresql"),
    ],
)
def test_an_image_of_ones_own_gets_the_database_it_asks_for(engine: str, address: str, mount: str) -> None:
    graph = record({"store:image": "shop@sha256:" + "a" * 64, "database:engine": engine})
    assert ("pooler" in graph.containers) is (engine == "postgres")
    (given,) = [text for text in graph.containers["web-1"].inputs["envs"] if text.startswith("DATABASE_URL=")]
    assert given.startswith(f"DATABASE_URL={address}")
    assert mount in [item["containerPath"] for item in graph.containers["database"].inputs["volumes"]]
    data = {volume.name for volume in graph.of("Volume").values() if volume.retain_on_delete}
    assert any(name.endswith("database-mysql-data") for name in data) is (engine == "mysql")


@pytest.mark.parametrize(
    ("engine", "address"),
    [("redis", "redis://cache"), ("valkey", "redis://cache"), ("memcached", "memcached://store@cache:11211")],
)
def test_an_image_of_ones_own_gets_the_cache_it_asks_for(engine: str, address: str) -> None:
    graph = record({"store:image": "shop@sha256:" + "a" * 64, "cache:engine": engine})
    (given,) = [text for text in graph.containers["web-1"].inputs["envs"] if text.startswith("CACHE_URL=")]
    assert given.startswith(f"CACHE_URL={address}")
    paths = [item["containerPath"] for item in graph.containers["cache"].inputs["volumes"]]
    assert ("/var/lib/redis" in paths) is (engine != "memcached")
