# shellcheck shell=bash
# Names, addresses and places of the lab. Sourced by every other script here.
#
# One machine can hold several labs at a time: LAB_NUMBER (default 2) separates their names and addresses.

LAB_NUMBER=${LAB_NUMBER:-2}
LAB_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_REPOSITORY=$(cd "$LAB_SOURCE/../.." && pwd)
# What a lab makes while it runs: keys, inventory, known_hosts, logs.
LAB_DIR=${LAB_DIR:-$LAB_REPOSITORY/target/lab/$LAB_NUMBER}
LAB_NAME=rprov-lab$LAB_NUMBER
# Port 22 of node N is published at $LAB_LOOPBACK.N; its own address on the lab's network is $LAB_SUBNET.(10+N).
LAB_LOOPBACK=127.0.$LAB_NUMBER
LAB_SUBNET=198.18.$LAB_NUMBER
# Seconds that a host has from its start until systemd has settled.
LAB_BOOT_LIMIT=${LAB_BOOT_LIMIT:-90}

# A failure inside $(...) is a failure.
shopt -s inherit_errexit
export LAB_NUMBER LAB_SOURCE LAB_REPOSITORY LAB_DIR LAB_NAME LAB_LOOPBACK LAB_SUBNET
export PATH=$PATH:/usr/sbin:/sbin

say() { printf '%s\n' "$*" >&2; }

die() {
	printf 'error: %s\n' "$1" >&2
	shift
	local hint
	for hint; do printf 'hint: %s\n' "$hint" >&2; done
	exit 1
}

# Milliseconds since the epoch.
now() { date +%s%3N; }

# Seconds with two decimals since a value of `now`.
since() { awk -v t=$(($(now) - $1)) 'BEGIN { printf "%.2f", t / 1000 }'; }
