#!/bin/bash
# Installs Debian packages. For anybody but root: says what root would have to type, and fails.

set -euo pipefail

if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
    echo "not installed: $*; as root: apt-get install --no-install-recommends $*" >&2
    exit 1
fi

install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
        -o DPkg::Lock::Timeout=120 -o DPkg::Use-Pty=0 "$@" </dev/null >/dev/null
}

# What is installed for a test starts no service: not keepalived, least of all on a director.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

echo "== apt: $*"
# The package lists of a fresh machine are absent, and those of an old one name files long gone.
install "$@" 2>/dev/null || { apt-get update -qq && install "$@"; }
