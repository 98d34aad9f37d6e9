// The go.mod of the copied provider: see _add_upstream in docker_provider.py.
module github.com/terraform-providers/terraform-provider-docker

go 1.25.8
