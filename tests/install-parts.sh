#!/bin/bash
# Sees to the Debian packages that the tests need. Tests whose parts are missing are skipped,
# unless PROXYFEED_TESTS_MUST_RUN=1: then it is a failure, here and in the tests.
#
#     install-parts.sh        what most tests need
#     install-parts.sh lab    that, and what the lab needs

set -euo pipefail

# An ordinary user's PATH lacks the folders where these programs are.
PATH=$PATH:/usr/sbin:/sbin
declare -A packages=([ip]=iproute2 [ipset]=ipset [iptables]=iptables [nft]=nftables)
must_run=${PROXYFEED_TESTS_MUST_RUN:-0}
if [[ $must_run == 1 ]]; then
    # Not otherwise: it is no test's business to bring systemd onto a machine without it.
    packages[systemd-analyze]=systemd
fi
if [[ $must_run == 1 || ${1:-} == lab ]]; then
    # Nor these, two of which are services; see tests/lab.
    packages+=([linux.uml]=user-mode-linux [busybox]=busybox-static [ipvsadm]=ipvsadm
        [keepalived]=keepalived [ldirectord]=ldirectord)
fi
if [[ $must_run == 1 ]]; then
    # What reads the exported files.
    packages+=([haproxy]=haproxy [nginx]=nginx-light)
fi

missing=()
# No program, but without it ldirectord ends at its first HTTP check of an IPv6 server.
if [[ -v packages[ldirectord] && ! -e /usr/share/perl5/Net/INET6Glue.pm ]]; then
    missing+=(libnet-inet6glue-perl)
fi
for program in "${!packages[@]}"; do
    command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done

if ((${#missing[@]} == 0)) || bash "${BASH_SOURCE%/*}/apt-install.sh" "${missing[@]}"; then
    exit 0
fi
if [[ $must_run == 1 ]]; then
    echo "every test must run, and those that need ${missing[*]} cannot" >&2
    exit 1
fi
echo "the tests that need ${missing[*]} will be skipped"
