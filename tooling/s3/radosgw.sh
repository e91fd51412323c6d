#!/usr/bin/env bash
# An S3 server for tests: Ceph RGW from Debian's packages, as a cluster of one monitor, one OSD and one gateway in memory.
# See README.md beside this file.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/processes.sh"
. "$here/ceph-conf.sh"

marker=.headwater-radosgw
bucket=test
access_key=headwater-test-key
secret_key=headwater-test-secret-only-on-loopback

usage() {
  cat <<'USAGE'
usage: bash tooling/s3/radosgw.sh VERB [DIR]
  install      install Debian's packages (as root; does nothing where they are)
  start DIR    start a server that keeps its files in DIR, print its environment, write it to DIR/env
  stop DIR     end the processes that start began; the objects are gone with them
  status DIR   say which of them run; exit status 0 when all do
  wipe DIR     stop, and remove DIR
RGW_PORT in the environment fixes the port; 0, the default, takes a free one.
USAGE
}

die() { echo "radosgw.sh: $*" >&2; exit 1; }

installed() {
  local program
  for program in radosgw radosgw-admin ceph ceph-mon ceph-osd monmaptool; do
    command -v "$program" >/dev/null || return 1
  done
}

install_packages() {
  installed && return
  command -v apt-get >/dev/null || die "there is no apt-get; install radosgw, ceph-mon and ceph-osd by hand"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # Most of the time goes into flushing files to the disk one by one, which a test machine can do without.
  apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-unsafe-io radosgw ceph-mon ceph-osd >/dev/null
}

# Two ports that nobody listens on. Both are held until both are known, so they differ; they are told once they are free again.
free_ports() {
  node -e '
    const net = require("node:net");
    const servers = [net.createServer(), net.createServer()];
    const each = (step) => Promise.all(servers.map((s) => new Promise((ready) => step(s, ready))));
    each((s, ready) => s.listen(0, "127.0.0.1", ready)).then(async () => {
      const ports = servers.map((s) => s.address().port).join(" ");
      await each((s, ready) => s.close(ready));
      console.log(ports);
    });'
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
osd_is_up() { timeout 20 ceph -c "$conf" osd stat 2>/dev/null | grep -q '1 up'; }

# SECONDS WHAT COMMAND...: runs COMMAND until it succeeds. Gives up early when a process has ended.
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    all_alive "$dir" || die "a process ended while waiting for $what; see $dir/log"
    [ "$SECONDS" -lt "$deadline" ] || die "timed out waiting for $what; see $dir/log"
    sleep 0.05
  done
}

# Runs a set-up command quietly; shows what it said only when it fails.
setup() { "$@" >>"$dir/log/setup" 2>&1 || { tail -n 20 "$dir/log/setup" >&2; die "$1 failed"; }; }

write_env() {
  local url="s3://$bucket/?endpoint=http://127.0.0.1:$1&region=us-east-1&forcePathStyle=true"
  printf '%s\n' "HEADWATER_TEST_S3_URL='$url'" "AWS_ACCESS_KEY_ID=$access_key" "AWS_SECRET_ACCESS_KEY=$secret_key" >"$dir/env"
}

start() {
  installed || die "Ceph is not installed; run: bash tooling/s3/radosgw.sh install"
  if [ -f "$dir/env" ] && all_alive "$dir"; then cat "$dir/env"; return; fi
  stop_processes "$dir"
  # Nothing outlives the memory store, so each start is from nothing.
  [ ! -d "$dir" ] || [ -f "$dir/$marker" ] || [ -z "$(ls -A "$dir")" ] || die "$dir is not empty and was not made here"
  rm -rf "$dir"
  mkdir -p "$dir"/{log,run,mon,osd}
  dir=$(cd "$dir" && pwd)
  touch "$dir/$marker"
  trap '[ $? = 0 ] || stop_processes "$dir"' EXIT

  local mon_port port
  read -r mon_port port < <(free_ports)
  [ "${RGW_PORT:-0}" = 0 ] || port=$RGW_PORT
  ! listens "$port" || die "port $port is taken"
  local fsid osd_id
  fsid=$(cat /proc/sys/kernel/random/uuid)
  osd_id=$(cat /proc/sys/kernel/random/uuid)
  conf=$dir/ceph.conf
  write_ceph_conf "$dir" "$fsid" "$mon_port" "$port" >"$conf"
  export CEPH_CONF=$conf

  setup monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon_port/0]" "$dir/monmap"
  setup ceph-mon --mkfs -i a -c "$conf" --monmap "$dir/monmap"
  spawn "$dir" mon ceph-mon -f -i a -c "$conf"
  wait_for 30 "the monitor" listens "$mon_port"
  setup timeout 30 ceph -c "$conf" osd new "$osd_id"
  setup ceph-osd --mkfs -i 0 -c "$conf" --osd-uuid "$osd_id"
  spawn "$dir" osd ceph-osd -f -i 0 -c "$conf"
  wait_for 60 "the OSD" osd_is_up
  spawn "$dir" rgw radosgw -f -n client.rgw -c "$conf"
  wait_for 60 "the gateway" listens "$port"
  setup radosgw-admin -c "$conf" user create --uid=test --display-name=test --access-key="$access_key" --secret-key="$secret_key"
  AWS_ACCESS_KEY_ID=$access_key AWS_SECRET_ACCESS_KEY=$secret_key setup node "$here/make-bucket.mjs" "http://127.0.0.1:$port" "$bucket"
  write_env "$port"
  cat "$dir/env"
}

wipe() {
  [ -d "$dir" ] || return 0
  [ -f "$dir/$marker" ] || die "$dir was not made by this script"
  stop_processes "$dir"
  rm -rf "$dir"
}

verb=${1:-}
dir=${2:-}
case $verb in
  install) install_packages ;;
  start | stop | status | wipe)
    [ -n "$dir" ] || { usage >&2; exit 2; }
    case $verb in
      start) start ;;
      stop) stop_processes "$dir" ;;
      status) show_processes "$dir" ;;
      wipe) wipe ;;
    esac ;;
  *) usage >&2; exit 2 ;;
esac
