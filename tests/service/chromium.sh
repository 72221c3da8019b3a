#!/usr/bin/env bash
# A Chromium for the tests of the page: found, or installed where we are root on Debian. Prints its path; exit 3 for none.
#
#   tests/service/chromium.sh [--install]
set -euo pipefail

found() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

if ! found >/dev/null && [ "${1:-}" = --install ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    apt-get install -y -q chromium >&2 || { apt-get update -q >&2 && apt-get install -y -q chromium >&2; } || true
fi
found || { echo "no Chromium here" >&2; exit 3; }
