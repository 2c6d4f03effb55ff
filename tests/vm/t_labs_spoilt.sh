#!/usr/bin/env bash
# Every lab can fail: with its premise broken it does, by its numbers. It leaves nothing behind then, nor
# do those that change something of the machine, and one that only has processes to end, when they are
# interrupted in their last step, where most is to be undone, or while a process is stopped.
set -u
# shellcheck source=labs.sh
. "$(dirname "${BASH_SOURCE[0]}")/labs.sh"

spoilt_fails() {
	tell_lab
	[[ $verdict == fail && $status == 1 && $reason == *'are not as predicted' ]] &&
		jq -e '.failed == 1 and .labs[0].spoilt != null' "$tmp/lab.json"
}

# interrupted NAME STEP: SIGINT to the guard while it waits at that step for a key that never comes. A shell
# has what runs in the background ignore it.
interrupted() {
	local pid keys got
	rm -f "$tmp/keys"
	mkfifo "$tmp/keys"
	setsid env --default-signal=INT mmscope lab --step "$1" <"$tmp/keys" >"$tmp/out" 2>&1 &
	pid=$!
	exec {keys}>"$tmp/keys"
	yes '' | head -n $(($2 - 1)) >&"$keys"
	wait_for "[[ \$(grep -c '\\[Enter\\]' '$tmp/out') == $2 ]] || ! kill -0 $pid 2>/dev/null"
	kill -INT "$pid"
	wait "$pid"
	got=$?
	exec {keys}>&-
	tail "$tmp/out"
	echo "status $got"
	[[ $got == 130 ]]
}

# changes NAME: whether there is more to undo than to end processes.
changes() {
	[[ $1 == demand-paging ]] ||
		grep -qE '\<(lab_(set|swap|cgroup|file|allow_first)|start_server)\(' "$here/../../userspace/lab/lab_${1//-/_}.c"
}

make_disk || { echo "Bail out! no disk" && exit 1; }
before=$(machine)
for name in $(mmscope --json lab | jq -r '.labs[].name'); do
	lab "$name" --spoil
	skips
	steps=$(jq '.labs[0].steps | map(select(.does != "")) | length' "$tmp/lab.json")
	point "$name, spoilt, fails" spoilt_fails
	point "$name, spoilt, leaves nothing behind" as_before
	if changes "$name"; then
		point "$name can be interrupted" interrupted "$name" "$steps"
		point "$name, interrupted, leaves nothing behind" as_before
	fi
	skip=
done
# The server, and its child that saves, are stopped then.
point "redis-snapshot can be interrupted in step 3" interrupted redis-snapshot 3
point "redis-snapshot, interrupted in step 3, leaves nothing behind" as_before
umount "$tmp/mounted"
echo "1..$number"
exit "$failed"
