# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of the scripts that source this
# What the tests of tracers share: points in TAP, what the kernel says is attached, and whether a
# tracer counts exactly. Sourced by t_killed.sh, t_refused.sh and t_crowd.sh.

number=0
failed=0
tmp=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$tmp"' EXIT

# point NAME COMMAND...: a point that passes if COMMAND succeeds.
point() {
	local name=$1
	shift
	number=$((number + 1))
	if "$@" >"$tmp/said" 2>&1; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		tail -n 40 "$tmp/said" | cut -c 1-500 | sed 's/^/# /'
		failed=1
	fi
}

# wait_for CONDITION: at most five minutes, so that a hang does not take all of the time.
wait_for() {
	local i
	for ((i = 0; i < 6000; i++)); do
		eval "$1" && return
		sleep 0.05
	done
	echo "in vain: $1"
	return 1
}

# attached: what the kernel says is loaded and attached, by anybody.
attached() {
	bpftool -j prog list | jq -c 'map([.type, .name])'
	bpftool -j map list | jq -c 'map([.type, .name])'
	bpftool -j link list | jq -c 'map(.type)'
	# Functions with an eBPF trampoline or a kprobe, and what serves perf.
	grep -c . /sys/kernel/tracing/enabled_functions
	cat /sys/kernel/debug/kprobes/list /sys/kernel/tracing/kprobe_events
	# One of the module's probes, one of the tracer's.
	"$witness" probes tlb_flush page_fault_user
	grep -c '^mmscope .* 0 ' /proc/modules
}

views_say_none() {
	local view
	for view in cow faults tlb; do
		grep -qx '# no tracer' "$debugfs/$view" || return
	done
	grep -qx '# not counting' "$debugfs/tlb" && [[ $(tail -n +2 "$debugfs/targets" | wc -l) == 0 ]]
}

# clean: as before there was any tracer. What a dying process gives back, it gives back in its time.
clean() {
	wait_for views_say_none && wait_for "[[ \$(bpftool -j map list) == '[]' ]]" &&
		wait_for "[[ \$(attached) == \"\$before\" ]]" && ! pgrep -x mmscope && return
	diff <(echo "$before") <(attached)
	return 1
}

# sums FILE FIELD: of all processes but the first.
sums() {
	jq --arg field "$2" '.command_pid as $first | [.processes[] | select(.pid != $first)[$field]] | add' "$1"
}

# Every fault of everything that ran, as wait4() has them; none missed.
counts_exactly() {
	mmscope faults --json --output "$tmp/json" -- "$witness" usage "$tmp/usage" "$@" || return
	echo "$(sums "$tmp/json" minor) $(sums "$tmp/json" major)" | diff "$tmp/usage" - || return
	jq -e '.losses.faults | .missed == 0 and .children_not_followed == 0 and .without_process == 0' \
		"$tmp/json"
}

# fails STATUS MESSAGE COMMAND...: one line on standard error that holds MESSAGE, nothing else.
fails() {
	local status=$1 message=$2 got
	shift 2
	"$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
	echo "status $got, standard error:"
	cat "$tmp/err"
	((got == status)) && [[ ! -s $tmp/out ]] && grep -qF -- "$message" "$tmp/err" &&
		grep -q '^mmscope' "$tmp/err" && (($(wc -l <"$tmp/err") == 1))
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
programs=${MMSCOPE_VM_TESTS:-$here/../../build/tests/vm}
worker=$(realpath "$programs/worker")
witness=$(realpath "$programs/witness")
debugfs=/sys/kernel/debug/mmscope

# begin PLANNED: the plan, and a tracer to begin with, after which is loaded what is loaded once; then
# the lists are read that clean() compares with.
begin() {
	echo "1..$1"
	point 'a tracer to begin with' counts_exactly true
	wait_for views_say_none >/dev/null
	wait_for "[[ \$(bpftool -j map list) == '[]' ]]" >/dev/null
	before=$(attached)
}
