#!/bin/bash
# A real S3 for tests: Ceph's object gateway over one monitor and one storage daemon that keeps everything in memory.
#
#   ceph-s3.sh FOLDER MONITOR_PORT S3_PORT
#
# Listens on loopback only, makes the user showrunner/showrunner-secret, prints "ready" and serves until its standard
# input closes; then it stops its daemons and removes FOLDER. All daemons stay in the foreground as its children, so
# nothing outlives it, whoever is killed. Needs ceph-mon, ceph-osd, radosgw and ceph-common.
set -eu
folder=$1 monitor=$2 gateway=$3
mkdir -p "$folder"/{mon,osd,gateway,log}
pids=()
finish() {
    trap - EXIT
    # In reverse: the gateway and the storage still talk to the monitor while they stop.
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill -KILL "${pids[i]}" 2>/dev/null || true; done
    wait 2> /dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 1' INT TERM

cat > "$folder/ceph.conf" <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon host = [v2:127.0.0.1:$monitor]
mon initial members = a
keyring = $folder/keyring
auth allow insecure global id reclaim = false
ms bind msgr1 = false
ms bind port min = $((gateway + 1))
ms bind port max = $((gateway + 40))
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = $folder
admin socket = $folder/\$name.asok
log file = $folder/log/\$name.log
crash dir = $folder/crash
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon data = $folder/mon
mon data avail crit = 1
osd data = $folder/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd op num shards = 2
rgw frontends = beast endpoint=127.0.0.1:$gateway
rgw data = $folder/gateway
rgw thread pool size = 32
rgw override bucket index max shards = 1
CONF
export CEPH_CONF=$folder/ceph.conf
log=$folder/log/launcher
keys() { ceph-authtool "$folder/keyring" "$@" >> "$log" 2>&1; }
keys --create-keyring --gen-key -n mon. --cap mon 'allow *'
keys --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *'
keys --gen-key -n client.rgw.a --cap mon 'allow rw' --cap osd 'allow rwx'
keys --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *'
fsid=$(ceph-conf --name mon.a fsid)
monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:$monitor]" --enable-all-features \
    "$folder/monmap" >> "$log" 2>&1
ceph-mon --mkfs -i a --monmap "$folder/monmap" --keyring "$folder/keyring" >> "$log" 2>&1
setpriv --pdeathsig KILL ceph-mon -f -i a >> "$log" 2>&1 < /dev/null & pids+=($!)
until ceph --connect-timeout 2 -s >> "$log" 2>&1; do kill -0 "${pids[0]}"; done
uuid=$(cat /proc/sys/kernel/random/uuid)
ceph osd new "$uuid" 0 >> "$log" 2>&1
ceph-osd -i 0 --mkfs --osd-uuid "$uuid" >> "$log" 2>&1
ceph osd crush add osd.0 1.0 host=here root=default >> "$log" 2>&1
setpriv --pdeathsig KILL ceph-osd -f -i 0 >> "$log" 2>&1 < /dev/null & pids+=($!)
setpriv --pdeathsig KILL radosgw -f -n client.rgw.a --rgw-zone=default >> "$log" 2>&1 < /dev/null & pids+=($!)
until (exec 3<> "/dev/tcp/127.0.0.1/$gateway") 2>/dev/null; do
    kill -0 "${pids[2]}"
    sleep 0.1
done
radosgw-admin user create --uid=showrunner --display-name=showrunner --access-key=showrunner \
    --secret-key=showrunner-secret >> "$log" 2>&1 < /dev/null
echo ready
# Until the tests let go.
cat > /dev/null
