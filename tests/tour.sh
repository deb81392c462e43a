#!/usr/bin/env bash
# The main job on real parts: a saved AOL page in, a proven ipset and one MARK rule out, and back.
# All of it happens in a network namespace of its own; `make run` calls this.
set -euo pipefail
# A configuration that its group may write to is refused.
umask 022

# An ordinary user's PATH lacks the folders where ipset and iptables are; TOUR_PATH names others.
PATH=${TOUR_PATH:-/usr/local/sbin:/usr/sbin:/sbin}:$PATH
fixtures=$(cd "$(dirname "$0")/../fixtures/aol" && pwd)

main() {
    if [ "${1:-}" = inside ]; then
        tour_with_kernel
        return
    fi
    host_namespace=$(readlink /proc/self/ns/net)
    TOUR_FOLDER=$(mktemp -d)
    export host_namespace TOUR_FOLDER
    trap 'rm -rf "$TOUR_FOLDER"' EXIT
    local why
    if why=$(what_is_missing); then
        say "The kernel's part is left out here: $why"
        tour_without_kernel
    elif unshare --user --map-root-user --net true 2>/dev/null; then
        unshare --user --map-root-user --net bash "$0" inside
    else
        unshare --net bash "$0" inside
    fi
}

# Prints what is missing and succeeds; fails where all is there.
what_is_missing() {
    local tool package
    for tool in ipset iptables ip6tables; do
        if ! command -v "$tool" >/dev/null; then
            package=${tool/ip6tables/iptables}
            echo "$tool is not installed; as root: apt-get install $package"
            return 0
        fi
    done
    if ! unshare --user --map-root-user --net true 2>/dev/null && ! unshare --net true 2>/dev/null; then
        echo "this user may not make a network namespace; run it as root"
        return 0
    fi
    return 1
}

tour_with_kernel() {
    export XTABLES_LOCKFILE=$TOUR_FOLDER/xtables.lock
    prepare
    say "This is network namespace $(readlink /proc/self/ns/net); the host's is $host_namespace."
    say "Every set and rule below is made in here and is gone at the end. The host is not touched."

    title "The first night: fetch, read, judge, record, apply, prove"
    run 0 proxyfeed update
    title "The version that was made, and what it changed"
    run 0 proxyfeed show 1
    title "What the kernel holds: the ipset as it lists it, and the single MARK rule per family"
    run 0 ipset list proxyfeed_aol_4
    run 0 iptables -t mangle -S PREROUTING
    run 0 ip6tables -t mangle -S PREROUTING
    run 0 proxyfeed status

    title "The second night: the page did not change, so nothing is written"
    run 0 proxyfeed update

    title "Another night: the list of about 2009 is published, and a fifth of the addresses is gone"
    cp "$fixtures/list-2009/body.html" "$TOUR_FOLDER/proxyinfo.html"
    run 4 proxyfeed update
    say "The guard holds it, the kernel still holds version 1. An operator looks and decides:"
    run 0 proxyfeed diff 2
    run 0 proxyfeed approve 2 --reason "AOL gave back its 152.163 and 149.174 ranges"
    title "Live against desired, the plan, and its carrying out"
    run 0 proxyfeed diff --stat
    run 0 proxyfeed apply --dry-run
    run 0 proxyfeed apply
    run 0 ipset list proxyfeed_aol_4 -terse

    title "The way back, which the nightly run does not undo"
    run 0 proxyfeed rollback 1 --reason "users lose their carts"
    run 0 proxyfeed update --quiet
    run 0 proxyfeed status
    run 0 proxyfeed release aol
    run 0 proxyfeed apply
    run 0 proxyfeed history
    run 0 proxyfeed lookup 152.163.240.7
    say
    say "Done. The namespace ends here, and with it every set and rule that you saw."
}

tour_without_kernel() {
    prepare
    title "Fetch, read, judge and record, without the kernel"
    run 0 proxyfeed update --no-apply
    run 0 proxyfeed show 1
    title "The list of about 2009 is published: held, looked at, approved"
    cp "$fixtures/list-2009/body.html" "$TOUR_FOLDER/proxyinfo.html"
    run 4 proxyfeed update --no-apply
    run 0 proxyfeed diff 2
    run 0 proxyfeed approve 2 --reason "AOL gave back its 152.163 and 149.174 ranges"
    run 0 proxyfeed diff 1 2 --stat
    run 0 proxyfeed history
    title "What would be given to: ipset restore"
    run 0 proxyfeed export 2 --format ipset
    say
    say "Done. Nothing of the host was touched."
}

prepare() {
    export PROXYFEED_CONFIG=$TOUR_FOLDER/proxyfeed.toml
    cp "$fixtures/br-list/body.html" "$TOUR_FOLDER/proxyinfo.html"
    cat >"$PROXYFEED_CONFIG" <<'TOML'
database = "sqlite:///proxyfeed.db"

[feeds.aol]
url = "file:proxyinfo.html"     # the live page is dead; this is a saved copy

[sets.aol]
feeds = ["aol"]
mark = 1
virtual = ["192.0.2.80:80", "192.0.2.80:443", "[2001:db8::80]:80"]
real_servers = ["192.0.2.11", "192.0.2.12"]
TOML
    title "The configuration"
    run 0 cat "$PROXYFEED_CONFIG"
}

# Runs a command and shows it; any exit code but the expected one ends the tour.
run() {
    local expected=$1 code=0
    shift
    printf '\n$ %s\n' "${*@Q}" | sed "s/'\\([A-Za-z0-9_.:/-]*\\)'/\\1/g"
    "$@" 2>&1 || code=$?
    if [ "$code" -ne 0 ]; then
        echo "(exit code $code)"
    fi
    if [ "$code" -ne "$expected" ]; then
        echo "the tour expected exit code $expected" >&2
        exit 1
    fi
}

title() {
    printf '\n== %s\n' "$*"
}

say() {
    printf '%s\n' "$*"
}

main "$@"
