#!/usr/bin/env bash
# A tracer that is killed, at whatever stage: the kernel's own lists show nothing of it afterwards, the
# module's views say that it is gone, and the next one counts exactly.
set -u
# shellcheck source=tracers.sh
. "$(dirname "${BASH_SOURCE[0]}")/tracers.sh"

# killed_at CALL N [PATH]: "mmscope stat", or $command, is killed when it is about to make its Nth system call of that
# name, on an open file of that path; its command has not run then, or goes on, or has ended.
killed_at() {
	"$witness" kill "$1" "$2" "${3--}" mmscope "${command-stat}" --json --output "$tmp/out" \
		-- sleep 0.1 && clean
}

while_counting() {
	local reader result
	mmscope stat -- sleep 1000 &
	reader=$!
	wait_for "grep -q '^# tracer' $debugfs/cow" || return
	[[ $(attached) != "$before" ]] || return
	kill -KILL "$reader"
	wait "$reader"
	clean
	result=$?
	# The command is nobody's business of ours any more.
	pkill -x sleep && return "$result"
}

with_open_view() {
	local reader
	mmscope stat -a >"$tmp/out" &
	reader=$!
	wait_for "grep -q '^# tracer' $debugfs/cow" || return
	exec {view}<"$debugfs/cow"
	read -r _ <&"$view"
	kill -KILL "$reader"
	wait "$reader"
	cat <&"$view" >/dev/null
	exec {view}<&-
	clean
}

# bpf_calls: how many a whole run makes.
bpf_calls() {
	"$witness" kill bpf 0 - mmscope cow --json --output "$tmp/out" -- sleep 0.1
}

new_tracer() {
	counts_exactly "$worker" cow 500 && clean
}

stages=6

begin $((stages + 12))
calls=$(bpf_calls)
echo "# $calls calls of bpf(); $(wc -l <<<"$before") lines of the kernel's lists"
for ((stage = 0; stage < stages; stage++)); do
	nr=$((1 + (calls - 1) * stage / (stages - 1)))
	command=cow point "killed at call $nr of bpf()" killed_at bpf "$nr"
done
point 'killed before its command is there' killed_at clone 1
point 'killed before it counts flushes' killed_at write 1 "$debugfs/count"
for nr in 1 2 3; do
	point "killed when it hands over map $nr" killed_at write "$nr" "$debugfs/tracer"
done
point 'killed while counting' while_counting
point 'killed while a view is being read' with_open_view
point 'killed while printing' killed_at write 1 "$tmp/out"
point 'a new tracer counts exactly' new_tracer
point 'no such command' fails 127 'no-such-command: No such file or directory' \
	mmscope cow -- no-such-command
point 'nothing is left' clean
exit "$failed"
