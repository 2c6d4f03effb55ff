#!/usr/bin/env bash
# More processes than usual, than there are slots, and than there is room for at all: who is counted is
# counted exactly, and what is not is said.
set -u
# shellcheck source=tracers.sh
. "$(dirname "${BASH_SOURCE[0]}")/tracers.sh"

crowd() {
	counts_exactly "$witness" crowd "$crowd" 4 || return
	jq --argjson nr "$crowd" '.processes | length == $nr + 2' "$tmp/json" | grep true
}

# Of every process, its copies.
crowd_copies() {
	mmscope cow --json --output "$tmp/json" -- "$witness" crowd 1000 4 || return
	jq -e --argjson nr 1000 '.command_pid as $first |
		([.processes[] | select(.pid != $first and .breaks >= 4)] | length) == $nr and
		.losses.cow.missed == 0 and ([.processes[].breaks] | add) == .breaks_total.all' "$tmp/json" ||
		{ jq -c .losses "$tmp/json"; return 1; }
}

# Slots are given out at birth, 16,382 of them. Who comes later is counted, but not by name.
more_than_slots() {
	mmscope cow --json --output "$tmp/json" -- "$witness" births 16400 10 100 || return
	jq -c '.losses, .breaks_total, (.processes | length)' "$tmp/json"
	jq -e '.breaks_total.all >= 1000 and .losses.cow.without_process >= 1000 and
		.breaks_total.all - ([.processes[].breaks] | add) == .losses.cow.without_process and
		.losses.cow.missed == 0 and .losses.cow.children_not_followed == 0' "$tmp/json" || return
	mmscope cow -- "$witness" births 16400 10 100 >"$tmp/out" || return
	tail -n 3 "$tmp/out"
	grep -q '^cow: the sums include .* not told apart' "$tmp/out"
}

# The map of processes has 65,536; those who find it full are named, and their children as well.
more_than_processes() {
	mmscope cow -- "$witness" births 66000 10 100 >"$tmp/out" || return
	cat "$tmp/out"
	# The command itself, 66,000 and ten.
	grep -q "^LOST: $((66011 - 65536)) children could not be followed" "$tmp/out"
}

# Each takes about 120 KiB, most of it page tables and the kernel's stack.
crowd=10000
(($(awk '/MemAvailable/ { print $2 }' /proc/meminfo) > 2500000)) || crowd=1000

begin 6
point "$crowd processes, every fault" crowd
point '1000 processes, every copy' crowd_copies
point 'more processes than slots' more_than_slots
point 'more processes than can be known' more_than_processes
point 'nothing is left' clean
exit "$failed"
