#!/usr/bin/env bash
# A Prometheus for the tests: says where it is; with --install it is installed where we are root on Debian. Idempotent.
#
#   tests/connect/prometheus.sh [--install]    exit 3 where there is none to be had
set -euo pipefail

found() { command -v prometheus >/dev/null && command -v promtool >/dev/null; }

if ! found && [ "${1:-}" = --install ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    apt-get install -y -q prometheus >&2 || { apt-get update -q >&2 && apt-get install -y -q prometheus >&2; } || true
fi
found || { echo "no Prometheus here" >&2; exit 3; }
command -v prometheus
