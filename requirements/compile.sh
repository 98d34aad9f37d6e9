#!/usr/bin/env sh
# Compiles the hashed lock files from pyproject.toml; `--upgrade` moves every pin to the newest release.
# The locks name no package index, so that they install from any mirror.
set -eu
cd "$(dirname "$0")/.."
lock() {
  out=$1
  shift
  uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
    --no-emit-find-links --custom-compile-command requirements/compile.sh --output-file "requirements/$out.lock" "$@"
}
lock kit pyproject.toml "$@"
lock store --group store "$@"
lock loadgen --group loadgen "$@"
lock dev pyproject.toml --extra dev --group store "$@"
lock aws pyproject.toml --extra aws --extra dev --extra emulated "$@"
lock policies --group policies "$@"
