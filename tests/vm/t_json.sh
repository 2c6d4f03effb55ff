#!/usr/bin/env bash
# JSON of the commands that look: every key that their schemas have, and none else, for processes of many
# kinds, with and without frames, done and failed. Of the commands that count, t_events does the same.
set -u

# shellcheck source=points.sh
. "$(dirname "${BASH_SOURCE[0]}")/points.sh"
trap 'kill $(jobs -p) 2>/dev/null; swapoff /dev/zram0 2>/dev/null && echo 1 >/sys/block/zram0/reset; rm -rf "$tmp"' EXIT

add_swap() {
	modprobe zram num_devices=1 && echo 256M >/sys/block/zram0/disksize && mkswap /dev/zram0 && swapon /dev/zram0
}

# start NAME: an animal of the zoo; its PID in $animal. Status 1 if this machine cannot have it.
start() {
	mkfifo "$tmp/$1"
	"$programs/zoo" "$1" 3 4 3<>"$tmp/$1" 4>"$tmp/$1.report" &
	animal=$!
	until [[ -s $tmp/$1.report ]]; do sleep 0.1; done
	# It begins with what went wrong, and what is missing: two empty strings.
	[[ -z $(head -c 280 "$tmp/$1.report" | tr -d '\0') ]]
}

# read_json STATUS WORD...: the command's JSON is kept; it ends with STATUS.
read_json() {
	local status=$1
	shift
	mmscope --json "$@" >"$tmp/json"
	(($? == status)) && keep "$tmp/json"
}

# Each of its VMAs, by its first page and one in its midst, and what lies between VMAs.
look_at() {
	local addresses
	read_json 0 map "$1" || return
	addresses=$(jq -r '.vmas[] | .start' "$tmp/json" | head -n 100)
	# shellcheck disable=SC2086 # words
	read_json 0 tables "$1" && read_json 0 pages "$1" && read_json 0 --no-pfn pages "$1" &&
		read_json 0 translate "$1" $addresses 0 ffffffff81000000 8000000000000000 &&
		read_json 0 --no-pfn translate "$1" $addresses
}

animals() {
	local name
	for name in swap thp hugetlb-1g uffd-anon dev-mem; do
		start "$name" || continue
		echo "$name:"
		look_at "$animal" || return
		kill "$animal"
	done
}

swapped() {
	jq -es 'any(.[].addresses[]?; .stop == "swap") and any(.[].runs[]?; .class == "swap")' "$tmp"/kept/*.json
}

failures() {
	read_json 1 load /dev/null || return
	exec {held}</sys/kernel/debug/mmscope/version
	read_json 1 unload
	local result=$?
	exec {held}<&-
	return "$result"
}

module() {
	read_json 0 unload && read_json 0 doctor && read_json 0 load && read_json 0 doctor
}

# But for what cannot be made here on purpose.
complete() {
	local but=(unstable)
	grep -qw pti /proc/cpuinfo || but+=(user_copy{,.entry_address,.raw,.flags})
	every_key "${but[@]/#/mmscope\/translate\/1: no file has addresses.}"
}


echo 1..7
point 'there is swap' add_swap
point 'processes of many kinds' animals
point 'one of them is swapped out' swapped
point 'all processes' read_json 0 ps
point 'failures' failures
point 'the module, and what doctor says' module
point 'what all of these wrote is as their schemas say' complete
exit $failed
