#!/bin/bash
# What a good administrator would write: night.sh URL COMMAND..., where COMMAND aggregates IPv6 from
# standard input to standard output; nothing that is known aggregates it in C. It does a part of
# the work only: no judgement, no version, no rule, no reading back.

set -euo pipefail

url=$1
shift

fill() { # SET FAMILY: from standard input
    {
        echo "create $1.new hash:net family $2 maxelem 1000000"
        sed "s/^/add $1.new /"
        printf '%s\n' "swap $1.new $1" "destroy $1.new"
    } | ipset restore
}

ipset -exist create admin4 hash:net family inet maxelem 1000000
ipset -exist create admin6 hash:net family inet6 maxelem 1000000
curl --silent --show-error --fail --output page "$url"
cut -d, -f1 page >rows
grep -v : rows | iprange | fill admin4 inet
grep : rows | "$@" | fill admin6 inet6
