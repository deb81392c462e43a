#!/bin/sh
# Process 1 of the lab's kernel. The host's root is its root, read-only; what is written goes into
# memory. It runs $LAB/command, prints "rc=N" as its last line and powers off. An exit before that
# panics the kernel, and the missing line tells tests/lab/boot.py.
#
# LAB is a folder of the host, given on the kernel's command line (tests/lab/boot.py); $LAB/out in
# it is the only place where the guest writes what stays.

set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

if [ "${1:-}" != inside ]; then
    mount -t proc proc /proc
    modules=/usr/lib/uml/modules/$(uname -r)
    busybox insmod "$(busybox find "$modules" -name overlay.ko)"
    mount -t tmpfs memory /mnt
    mkdir /mnt/above /mnt/work /mnt/root
    mount -t overlay -o lowerdir=/,upperdir=/mnt/above,workdir=/mnt/work overlay /mnt/root
    cd /mnt/root
    mount -t proc proc proc
    mount -t sysfs sys sys
    mount -t devtmpfs dev dev
    mkdir -p dev/shm
    # Not over /tmp: a clone may lie there.
    mount -t tmpfs -o mode=0755 memory run
    mount -t tmpfs -o mode=1777 memory dev/shm
    # Whoever boots it, its files are root's, as those of a director are.
    chown 0:0 . etc
    mkdir -p "lib/modules/$(uname -r)" ".$LAB"
    mount --bind "$modules" "lib/modules/$(uname -r)"
    # What is written there is for the host.
    mount -t hostfs -o "$LAB" lab ".$LAB"
    exec busybox chroot . /bin/sh "$LAB/init" inside
fi

for module in ipv6 veth bridge dummy \
    ip_vs ip_vs_rr ip_vs_wrr ip_vs_wlc ip_vs_sh ip_vs_fo ip_vs_mh \
    ip_set_hash_net ip_set_hash_ip ip_set_hash_ipport ip_set_list_set \
    xt_set xt_mark xt_tcpudp xt_multiport xt_comment \
    iptable_mangle ip6table_mangle iptable_filter ip6table_filter; do
    busybox modprobe "$module" || echo "the lab's kernel has no module $module"
done
# This kernel has nf_tables without its IP families, so here iptables is the legacy one alone.
rm -f /usr/sbin/*tables-nft* /usr/sbin/nft
mkdir -p /usr/local/sbin
for program in iptables ip6tables; do
    for tool in "" -restore -save; do
        ln -sf "/usr/sbin/$program-legacy$tool" "/usr/local/sbin/$program$tool"
    done
done
# ip netns asks for a loopback that is up only in what it makes.
ip link set lo up

rc=0
# A guest whose test was killed ends by itself.
busybox timeout 600 /bin/sh "$LAB/command" || rc=$?
echo "rc=$rc"
busybox poweroff -f
# The kernel ends here; process 1 must not.
busybox sleep 60
