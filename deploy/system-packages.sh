#!/usr/bin/env bash
# System packages that the test-suite uses beyond Python, git and make: a browser for the UI test.
# Does nothing where they are installed, and says what it lacks where it may not install.
set -euo pipefail
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "chromium is not installed and cannot be installed here; the browser test will skip with a reason." >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
