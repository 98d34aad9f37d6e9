"""The versions the toolchain installs. One line each: to move one, change it here.

`sources/*.lock` and `sources/*/go.sum` hold the checksums of what comes from registries; after a change
of a pin they are made again as docs/toolchain.md says.
"""

PULUMI = "3.259.0"
# The oldest CLI on PATH that is used as it is: the SDK's lower bound in pyproject.toml.
OLDEST_PULUMI = "3.230.0"

DOCKER_PROVIDER = "5.2.0"
# The Terraform provider the plugin wraps, as a Go module, and the checksum of its source.
DOCKER_UPSTREAM = "github.com/kreuzwerker/terraform-provider-docker@v0.0.0-20260916201441-96d331c98ff4"
DOCKER_UPSTREAM_SUM = "h1:T3HvvZCRd4h2qkMl+SXA2zza26Rdz8xqV81skikQWy4="

# The API that the tests of the Stripe adapter speak to; a Go module.
STRIPE_MOCK = "0.203.0"

# What the load generator is measured against (loadtests/bench/generators.py); a Go module.
K6 = "1.8.1"

# What the pipelines of GitHub are checked with; a Go module.
ACTIONLINT = "1.7.12"

UV = "0.13.9"
# `uv pip sync --require-hashes` and `uv venv` behave as used here since this release.
OLDEST_UV = "0.5.0"

GO = "1.27.3"
# The `go` line of sources/*/go.mod.
OLDEST_GO = "1.25.11"

# The first engine whose builder takes secrets without an opt-in by environment variable.
OLDEST_ENGINE = "20.10.0"

BASE_IMAGE = "debian:trixie-slim"
BASE_SUITE = "trixie"
