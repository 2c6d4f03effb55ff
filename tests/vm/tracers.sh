# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of the scripts that source this
# What the tests of tracers share: what the kernel says is attached, and whether a tracer counts exactly.
# Sourced by t_killed.sh, t_refused.sh and t_crowd.sh.

# shellcheck source=points.sh
. "$(dirname "${BASH_SOURCE[0]}")/points.sh"

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

witness=$(realpath "$programs/witness")

# begin PLANNED: the plan, and a tracer to begin with, after which is loaded what is loaded once; then
# the lists are read that clean() compares with.
begin() {
	echo "1..$1"
	point 'a tracer to begin with' counts_exactly true
	wait_for views_say_none >/dev/null
	wait_for "[[ \$(bpftool -j map list) == '[]' ]]" >/dev/null
	before=$(attached)
}
