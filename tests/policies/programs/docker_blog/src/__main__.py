"""Ghost with MySQL on one Docker host, the way a weekend project does it."""

import pulumi
import pulumi_docker as docker

front = docker.Network("front")
backend = docker.Network("backend", name="blog-backend")
mysql = docker.RemoteImage("mysql", name="mysql:8.4")
ghost = docker.RemoteImage(
    "ghost", name="ghost@sha256:2c9d4c8bd2ec2f9a7b1ce9fcc8b9a2a4d5d8f0b0d3b9e8e4d5ef7c37c5c2b1aa"
)
password = pulumi.Output.secret("correct-horse")

db = docker.Container(
    "mysql",
    image=mysql.image_id,
    envs=[pulumi.Output.concat("MYSQL_ROOT_PASSWORD=", password)],
    networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=backend.name)],
    memory=512,
    ports=[docker.ContainerPortArgs(internal=3306, external=3306)],
)
docker.Container(
    "blog",
    image=ghost.image_id,
    user="1000:1000",
    read_only=True,
    memory=512,
    healthcheck=docker.ContainerHealthcheckArgs(tests=["CMD", "curl", "-f", "http://localhost:2368"]),
    networks_advanced=[
        docker.ContainerNetworksAdvancedArgs(name=front.name),
        docker.ContainerNetworksAdvancedArgs(name=backend.name),
    ],
    opts=pulumi.ResourceOptions(depends_on=[db]),
)
docker.Container(
    "reverse-proxy",
    image="nginx:1.27",
    user="101:101",
    read_only=True,
    memory=64,
    healthcheck=docker.ContainerHealthcheckArgs(tests=["CMD", "true"]),
    networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=front.name)],
    ports=[docker.ContainerPortArgs(internal=443, external=443)],
)
