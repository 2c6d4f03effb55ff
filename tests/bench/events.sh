#!/usr/bin/env bash
# What counting an event costs who has it, by mmscope and by others, inside a guest under -icount: rows
# "EVENT WAY event INSTRUCTIONS", what it costs with the counter less what it costs without. Each way is
# for some of the events; for the others the row says what it costs them all the same.
set -u

usage() {
	cat <<'END'
usage: events.sh [-l] [WAY]...
Prints what each WAY (default: all that this machine has) adds to an event. -l lists them:
  COMMAND                 mmscope COMMAND, for the process measured
  COMMAND_others          the same, for another process: what everybody pays meanwhile
  COMMAND_sums            the same without the list of VMAs (cow, faults)
  COMMAND_empty           programs that do nothing on the hooks of COMMAND, those of faults each reading
                          the clock: nobody who uses these goes below (cow, faults, tlb)
  module, module_others   TLB flushes alone, by the module's file "count"
  bpftrace_cow            copies by process, of a kprobe
  bpftrace_faults         faults with their latency by process, of a kprobe and a kretprobe
  bpftrace_tlb            TLB flushes by reason, of the tracepoint
  perf_trace              perf trace -F all: each fault as a record
  perf_stat               perf stat, counting faults and TLB flushes
  kprobe                  copies by process, of a kprobe with a histogram, without eBPF
END
}

ways='cow cow_sums cow_others cow_empty faults faults_sums faults_others faults_empty tlb tlb_others tlb_empty
	stat module module_others bpftrace_cow bpftrace_faults bpftrace_tlb perf_trace perf_stat kprobe'
debugfs=/sys/kernel/debug
tracefs=/sys/kernel/tracing

# beside READY COMMAND...: the workload, once READY holds, while COMMAND runs.
beside() {
	local ready=$1 pid
	shift
	"$@" >/dev/null 2>"$tmp/said" &
	pid=$!
	until eval "$ready" || ! kill -0 "$pid" 2>/dev/null; do
		sleep 0.1
	done
	kill -0 "$pid" 2>/dev/null && "$workload"
	kill -INT "$pid" 2>/dev/null
	wait "$pid"
}

# counted WHOM: with the module's count open; WHOM is a PID, or empty for the workload.
counted() (
	exec 9<>"$debugfs/mmscope/count"
	echo "${1:-$BASHPID}" >&9
	exec "$workload"
)

# Its counters can be read as soon as it counts.
mmscope_beside() {
	beside "grep -q '^# tracer' $debugfs/mmscope/$1" mmscope "$1" -p "$other"
}

# Its interval comes when everything is attached.
bpftrace_beside() {
	rm -f "$tmp/ready"
	beside "grep -qs ready $tmp/ready" \
		bpftrace -o "$tmp/ready" -e "$1 interval:s:1 { printf(\"ready\\n\"); }"
}

by_kprobe() {
	local event=$tracefs/events/mms/copy/trigger
	echo 'p:mms/copy do_wp_page' >>"$tracefs/kprobe_events" &&
		echo 'hist:keys=common_pid' >"$event" || return
	"$workload"
	echo '!hist:keys=common_pid' >"$event"
	echo '-:mms/copy' >>"$tracefs/kprobe_events"
}

# measure WAY: the workload's lines "EVENT INSTRUCTIONS".
measure() {
	case $1 in
	none) "$workload" ;;
	cow | faults | tlb | stat) mmscope "$1" --output="$tmp/out" -- "$workload" ;;
	cow_others | faults_others | tlb_others) mmscope_beside "${1%_others}" ;;
	*_sums) "$bench/bare" counting "${1%_sums}" "$workload" ;;
	*_empty) "$bench/bare" empty "${1%_empty}" "$workload" ;;
	module) counted '' ;;
	module_others) counted "$other" ;;
	bpftrace_cow) bpftrace_beside 'kprobe:do_wp_page { @[pid] = count(); }' ;;
	bpftrace_faults) bpftrace_beside 'kprobe:handle_mm_fault { @start[tid] = nsecs; }
		kretprobe:handle_mm_fault /@start[tid]/ { @ns[pid] = hist(nsecs - @start[tid]); delete(@start[tid]); }' ;;
	bpftrace_tlb) bpftrace_beside 'tracepoint:tlb:tlb_flush { @[args->reason] = count(); }' ;;
	perf_trace) perf trace -F all --no-syscalls -o "$tmp/out" "$workload" ;;
	perf_stat) perf stat -o "$tmp/out" -e page-faults,tlb:tlb_flush "$workload" ;;
	kprobe) by_kprobe ;;
	*) return 2 ;;
	esac 2>"$tmp/error"
}

# can WAY: whether this machine has what it needs.
can() {
	case $1 in
	bpftrace_*) command -v bpftrace ;;
	perf_*) command -v perf ;;
	*) true ;;
	esac >/dev/null
}

main() {
	local way
	case ${1-} in
	-h) usage && return ;;
	-l) echo "$ways" | xargs -n 1 && return ;;
	esac
	# shellcheck disable=SC2086 # words they are
	(($#)) || set -- $ways
	measure none >"$tmp/none" || return
	for way; do
		if ! can "$way"; then
			echo "# $way: not installed" >&2
		elif ! measure "$way" >"$tmp/rows" || [[ $(wc -l <"$tmp/rows") != $(wc -l <"$tmp/none") ]]; then
			echo "# $way: $(cat "$tmp/error" "$tmp/said" | tail -n 1)" >&2
		else
			awk -v way="$way" 'FNR == NR { none[$1] = $2; next }
				{ printf "%s %s event %.1f\n", $1, way, $2 - none[$1] }' "$tmp/none" "$tmp/rows"
		fi
	done
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
bench=${MMSCOPE_BENCH:-$here/../../build/tests/bench}
workload=$bench/events
tmp=$(mktemp -d)
touch "$tmp/said"
sleep 1000000 &
other=$!
trap 'kill "$other"; rm -rf "$tmp"' EXIT
main "$@"
