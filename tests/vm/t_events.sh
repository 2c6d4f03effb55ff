#!/usr/bin/env bash
# stat, cow, tlb and faults on a live machine: whom they count, when they end and with which status, what
# they print; bad input; several at once; one that is killed; without the module, without BTF. Whether the
# counts are true is judged elsewhere; here, that they reach the reader as they are.
set -u
# shellcheck source=points.sh
. "$(dirname "${BASH_SOURCE[0]}")/points.sh"

# json FILTER COMMAND...: the output is one JSON object, without error, for which the jq FILTER holds.
json() {
	local filter=$1
	shift
	"$@" >"$tmp/json" || return
	keep "$tmp/json"
	jq -es "length == 1 and (.[0] | .error == null and ($filter))" "$tmp/json" ||
		{ head -c 3000 "$tmp/json"; return 1; }
}

# status STATUS COMMAND...: ends with it, and has printed who was counted.
status() {
	local expected=$1 got
	shift
	"$@" >"$tmp/out"
	got=$?
	echo "status $got"
	cat "$tmp/out"
	((got == expected)) && grep -q '^Counted ' "$tmp/out"
}

# serve: starts a process that touches pages on demand: its PID in $server.
serve() {
	rm -f "$tmp/in" "$tmp/ready"
	mkfifo "$tmp/in"
	"$worker" serve <"$tmp/in" >"$tmp/ready" &
	server=$!
	exec {to_server}>"$tmp/in"
	wait_for 'grep -q ready "$tmp/ready"'
}

# demand N: has it touch 100 pages, N times.
demand() {
	local i before
	for ((i = 0; i < $1; i++)); do
		before=$(wc -l <"$tmp/ready")
		echo >&"$to_server"
		wait_for "((\$(wc -l <'$tmp/ready') > $before))"
	done
}

end_server() {
	# Its end of the pipe is not the only one: readers started meanwhile have it too.
	echo end >&"$to_server"
	exec {to_server}>&-
	wait "$server"
}

# counting N: N tracers have their maps in the module.
counting() {
	wait_for "((\$(grep -c '^# tracer' $debugfs/cow) == $1))"
}

no_selector() {
	local command
	for command in stat cow tlb faults; do
		fails 2 'whom to count?' mmscope "$command" || return
	done
}

a_thread() {
	local tid result
	mkfifo "$tmp/hold"
	"$worker" threads <"$tmp/hold" >"$tmp/tid" &
	exec {hold}>"$tmp/hold"
	wait_for '[[ -s $tmp/tid ]]'
	tid=$(<"$tmp/tid")
	fails 1 "$tid is a thread, not a process" mmscope stat -p "$tid"
	result=$?
	exec {hold}>&-
	return "$result"
}

# The child's pages are its own breaks; the sum is that of the processes.
child_counts() {
	json '.command_pid as $p | (.breaks[] | select(.cause == "anon").user) >= 500 and
		(.counted | length) == 2 and .counted[1].parent == .command_pid and
		([.processes[].breaks] | add) == .breaks_total.all and
		any(.processes[]; .pid != $p and .breaks >= 500 and .breaks < 600)' \
		mmscope cow --json -- "$worker" cow 500
}

# Each break of the child's flushes its TLB.
child_flushes() {
	json '(.tlb_flushes[] | select(.counter == "local_mm_shootdown").count) >= 500' \
		mmscope tlb --json -- "$worker" cow 500 &&
		json '(.tlb_flushes[] | select(.counter == "local_mm_shootdown").count) < 200' \
			mmscope tlb --no-follow --json -- "$worker" cow 500
}

# The same program, the same counts: nothing from before its first instruction is among them. The first
# run reads its files, the others find them read. Whether a page of a file is mapped before it is written
# depends on who else has it locked just then (filemap_map_pages()): the two causes are taken together.
same_again() {
	local i
	for i in 1 2 3; do
		mmscope cow --json -- "$worker" segv 5 | jq -c '.counted[0].execs,
			([.breaks[] | select(.cause | startswith("file")).all] | add),
			[.breaks[] | select(.cause | startswith("file") | not) | [.cause, .all]]' >"$tmp/count$i" ||
			return
	done
	cat "$tmp"/count[23]
	[[ -s $tmp/count2 ]] && cmp "$tmp/count2" "$tmp/count3"
}

no_follow() {
	json '(.breaks[] | select(.cause == "anon").user) < 100 and (.counted | length) == 1' \
		mmscope cow --no-follow --json -- "$worker" cow 500
}

first_touches() {
	serve
	mmscope faults -p "$server" --json >"$tmp/json" &
	local reader=$!
	wait_for "grep -q '^# tracer' $debugfs/faults"
	demand 3
	end_server
	wait "$reader" || return
	jq -e --argjson pid "$server" '(.by_purpose[] | select(.counter == "first_touch").count) as $n |
		$n >= 300 and $n < 330 and .scope == "processes" and .counted[0].pid == $pid and
		(.vmas | map(select(.mostly == "first_touch" and .count >= 100)) | length) >= 3' "$tmp/json" ||
		{ cat "$tmp/json"; return 1; }
}

invalid_accesses() {
	json '(.invalid[] | select(.counter == "invalid_unmapped").count) == 25' mmscope faults --json -- "$worker" segv 25
}

# What each line counted, all together, is what was counted.
intervals() {
	mmscope faults --json -i 0.3 -- sh -c "$worker cow 300; sleep 1; $worker cow 300" >"$tmp/json" || return
	jq -e '(.intervals | length) >= 4 and
		([.intervals[].minor] | add) == (.by_effort[] | select(.counter == "minor").count) and
		([.intervals[].seconds] | . == sort)' "$tmp/json" || { cat "$tmp/json"; return 1; }
}

interval_lines() {
	local lines
	mmscope stat -a -i 0.5 -d 1.7 >"$tmp/out" || return
	cat "$tmp/out"
	lines=$(sed '/^$/q' "$tmp/out" | grep -cE '^ +[0-9.]+( +[0-9]+){7}$')
	((lines == 4)) && head -n 1 "$tmp/out" | grep -q SECONDS
}

# A line is there when its time has come, not when the pipe is full.
lines_come_at_once() {
	exec {lines}< <(exec mmscope stat -a -i 0.5)
	local reader=$!
	read -r -t 60 _ <&"$lines" && read -r -t 5 _ <&"$lines"
	local result=$?
	kill -INT "$reader"
	cat <&"$lines" >/dev/null
	exec {lines}<&-
	return "$result"
}

# interrupted SIGNAL STATUS COMMAND...: after a while, SIGNAL; ends with STATUS, having printed the result.
interrupted() {
	local signal=$1 expected=$2 reader got i
	shift 2
	# A shell has its background ignore SIGINT.
	env --default-signal=INT "$@" >"$tmp/out" 2>"$tmp/err" &
	reader=$!
	counting 1
	sleep 1
	for ((i = 0; i < ${times:-1}; i++)); do
		kill "-$signal" "$reader" || break
		# Two at once would be one.
		((${times:-1} == 1)) || sleep 0.4
	done
	wait "$reader"
	got=$?
	echo "status $got"
	cat "$tmp/out" "$tmp/err"
	((got == expected)) && grep -q '^Counted ' "$tmp/out" && [[ ! -s $tmp/err ]]
}

# On a terminal the command gets the interrupt as well; one that catches it goes on, and is waited for.
patient() {
	interrupted INT 7 mmscope cow -- bash -c 'trap "exit 7" INT; while :; do sleep 0.1; done'
}

# One that ignores it altogether can be left.
impatient() {
	local times=50
	interrupted INT 130 mmscope cow -- bash -c 'trap "" INT; while :; do sleep 0.1; done'
}

command_is_told() {
	interrupted TERM 143 mmscope cow -- sleep 1000 && wait_for '! pgrep -f "^sleep 1000"'
}

ends_with_process() {
	local reader
	serve
	mmscope stat -p "$server" >"$tmp/out" &
	reader=$!
	counting 1
	end_server
	wait "$reader" && grep -q '^Counted worker (PID' "$tmp/out"
}

ends_in_time() {
	local start=$SECONDS
	status 0 mmscope stat -d 1 -- sleep 1000 && ((SECONDS - start < 60)) && wait_for '! pgrep -f "^sleep 1000"'
}

unprivileged() {
	fails 1 'missing here: CAP_SYS_ADMIN, CAP_BPF, CAP_PERFMON' setpriv --reuid 65534 --clear-groups mmscope "$@"
}

output_apart() {
	mmscope cow --output "$tmp/result" --json -- echo hello >"$tmp/out" && [[ $(<"$tmp/out") == hello ]] &&
		jq -e .schema "$tmp/result" && fails 1 '/nowhere/x: No such file' mmscope cow --output /nowhere/x -- true
}

# JSON is not mixed with what the command writes.
output_not_mixed() {
	mmscope cow --json -- echo hello >"$tmp/json" 2>"$tmp/err" && jq -e .schema "$tmp/json" &&
		[[ $(<"$tmp/err") == hello ]] && mmscope cow -- echo hello | grep -q '^hello$'
}

names_in_stacks() {
	json 'any(.stacks[]; .count >= 390 and .counter == "anon.user" and any(.user[]; .function == "write_pages" and
			.file == "worker") and any(.kernel[]; .function == "handle_mm_fault") and
			all(.kernel[]; .module != "bpf"))' \
		mmscope cow --stacks --json -- "$worker" cow 400
}

# A line per stack: names, then a count; all of them together are what was counted.
folded() {
	mmscope cow --folded -- "$worker" cow 400 >"$tmp/out" || return
	cat "$tmp/out"
	awk '$NF !~ /^[0-9]+$/ || NF < 2 { bad = 1 } /^worker;(.*;)?write_pages;.*_\[k\] / { n = $NF }
		{ sum += $NF } END { exit bad || n < 400 || sum < n || sum > 600 }' "$tmp/out"
}

stacks_in_text() {
	mmscope faults --stacks --top 1 -- "$worker" cow 400 >"$tmp/out" || return
	cat "$tmp/out"
	grep -qE '^    kernel ' "$tmp/out" && grep -qE '^    user +write_pages\+0x[0-9a-f]+ \(worker\)$' "$tmp/out"
}

# Two count the same process, and agree, with each other and with the module's views.
two_tracers() {
	local first second
	serve
	echo "$server" >"$debugfs/attach"
	mmscope faults -p "$server" --json >"$tmp/first" &
	first=$!
	wait_for "((\$(grep -c '^# tracer' $debugfs/faults) == 1))"
	mmscope stat -p "$server" --json >"$tmp/second" &
	second=$!
	wait_for "((\$(grep -c '^# tracer' $debugfs/faults) == 2))"
	demand 5
	awk -v a="$first" -v b="$second" '$2 == "first_touch" { count[$1] = $3 }
		END { print count[a], count[b]; exit !(count[a] >= 500 && count[b] >= 500) }' \
		"$debugfs/$server/faults" || return
	echo "$server" >"$debugfs/detach"
	end_server
	wait "$first" && wait "$second" || return
	jq -e '(.by_purpose[] | select(.counter == "first_touch").count) >= 500' "$tmp/first" &&
		jq -e '(.faults[] | select(.counter == "minor").count) >= 500' "$tmp/second"
}

view_is_the_same() {
	local reader
	serve
	echo "$server" >"$debugfs/attach"
	mmscope faults -p "$server" --json >"$tmp/json" &
	reader=$!
	wait_for "grep -q '^# tracer' $debugfs/$server/faults"
	demand 2
	sleep 0.5
	awk -v pid="$reader" '$1 == pid && $2 !~ /2\^/ { print $2, $3 }' "$debugfs/$server/faults" |
		grep -E '^(first_touch|minor|major|from_user|file_map) ' | sort >"$tmp/view"
	kill -INT "$reader"
	wait "$reader"
	jq -r '(.by_purpose + .by_effort + .by_origin)[] | "\(.counter) \(.count)"' "$tmp/json" |
		grep -E '^(first_touch|minor|major|from_user|file_map) ' | sort | diff - "$tmp/view"
	local result=$?
	echo "$server" >"$debugfs/detach"
	end_server
	return "$result"
}

killed_tracer() {
	local reader view
	mmscope stat -a >"$tmp/out" &
	reader=$!
	counting 1 || return
	kill -KILL "$reader"
	wait "$reader"
	for view in cow faults tlb; do
		wait_for "grep -qx '# no tracer' $debugfs/$view" || return
	done
	[[ $(tail -n +2 "$debugfs/targets" | wc -l) == 0 ]] && grep -q '^# not counting' "$debugfs/tlb"
}

# Programs executed by the process counted: the PID is the same, the change is marked.
executed() {
	local reader pid
	mkfifo "$tmp/trigger"
	"$worker" exec 3 <"$tmp/trigger" >"$tmp/execs" &
	pid=$!
	exec {trigger}>"$tmp/trigger"
	mmscope cow -p "$pid" --json >"$tmp/json" {trigger}>&- &
	reader=$!
	counting 1 || return
	echo >&"$trigger"
	wait_for "grep -q executed '$tmp/execs'"
	exec {trigger}>&-
	wait "$reader" || return
	jq -e --argjson pid "$pid" '.counted == [{pid: $pid, parent: null, execs: 3, comm: .counted[0].comm}] and
		.breaks_total.all > 10' "$tmp/json" || { cat "$tmp/json"; return 1; }
}

everyone() {
	json '.scope == "all" and any(.counted[]; .comm == "worker") and .tlb_flushes_total.count > 0' \
		mmscope stat -a --json "$worker" cow 100
}

without_module() {
	mmscope unload || return
	json '.tlb_flushes[0].count == null and .tlb_flushes_total.count == null and .cow_breaks_total.count > 0 and
		(.no_tlb_flushes | contains("not loaded"))' mmscope stat --json -- true &&
		mmscope tlb -- true >"$tmp/out" && cat "$tmp/out" &&
		grep -qE '^task_switch +- +-' "$tmp/out" &&
		grep -q '^NOT AVAILABLE: TLB flushes by reason: .*not loaded' "$tmp/out"
	local result=$?
	mmscope load && return "$result"
}

# The module's half is there; what needs eBPF fails, or is not available.
without_btf() {
	mount -t tmpfs none /sys/kernel/btf || return
	fails 1 '/sys/kernel/btf/vmlinux' mmscope cow -- true &&
		json '.requests[0].count == null and .wait == null and (.no_ebpf | contains("BTF")) and
			.tlb_flushes_total.count > 0' mmscope tlb --json -- true
	local result=$?
	umount /sys/kernel/btf
	return "$result"
}

on_terminal() {
	script -qec "stty cols 80; mmscope stat -- $worker cow 10" /dev/null </dev/null | tr -d '\r' >"$tmp/out"
	grep -q $'\033\[1m' "$tmp/out" && sed 's/\x1b\[[0-9]*m//g' "$tmp/out" |
		awk 'length > 80 { print; bad = 1 } END { exit bad || NR < 10 }'
}

full_disk() {
	fails 1 'standard output: No space left on device' eval 'mmscope stat -- true >/dev/full'
}

# Besides what was read: lines, stacks, and without a right that some hooks take. Whether hooks are missing is
# the kernel's business, whether a CPU waited for another a matter of luck.
complete() {
	local command
	for command in stat cow tlb faults; do
		json '.intervals' mmscope "$command" --json -i 0.1 -- sh -c "$worker cow 50; $worker segv 5" || return
		[[ $command == stat ]] || json '.stacks' mmscope "$command" --stacks --json -- "$worker" cow 50 || return
	done
	json '.scope' setpriv --bounding-set=-sys_admin mmscope stat --json -- true || return
	every_key "mmscope/"{stat,cow,tlb,faults}"/1: no file has unavailable"{.question,.counter,.hook} \
		'mmscope/tlb/1: no file has wait.buckets'{.from_ns,.to_ns,.count}
}

# What a result may not hold: a number where there is none.
no_counts_missing() {
	json '[.. | .count? | numbers] | length > 10' mmscope stat --json -- "$worker" cow 5 &&
		json '.unavailable == [] and .losses.cow.missed == 0' mmscope cow --json -- "$worker" cow 5
}

kthread=$(pgrep -x kthreadd)

echo 1..60
point 'nobody to count' no_selector
point 'one PID and all' fails 2 'either --pid or --all' mmscope stat -a -p 1
point 'no PID' fails 2 "not a PID: 'x'" mmscope stat -p x
point 'no seconds' fails 2 '--duration wants seconds' mmscope stat -a -d soon
point 'no such process' fails 1 'no process has the PID 999999' mmscope stat -p 999999
point 'a thread' a_thread
point 'a zombie' fails_of_zombie 'process % has exited' mmscope stat -p
point 'a kernel thread' fails 1 "process $kthread is a kernel thread" mmscope cow -p "$kthread"
point 'no such command' fails 127 'no-such-command: No such file or directory' mmscope stat -- no-such-command
point 'the same in JSON' fails 127 'no-such-command' mmscope stat --json -- no-such-command
point 'a command that is a directory' fails 126 '/tmp: Permission denied' mmscope cow -- /tmp
point 'a command that ends at once' status 0 mmscope stat -- true
point 'its status is passed on' status 7 mmscope stat -- sh -c 'exit 7'
point 'and its signal' status 137 mmscope tlb -- sh -c 'kill -9 $$'
# shellcheck disable=SC2016 # expanded by the command
point 'a command without --' status 3 mmscope faults sh -c 'exit 3'
for command in stat cow tlb faults; do
	point "$command fits 80 columns" fits 80 mmscope "$command" -- "$worker" cow 50
	point "$command: JSON of its schema" json ".schema == \"mmscope/$command/1\" and .scope == \"command\" and .seconds > 0" \
		mmscope "$command" --json -- "$worker" cow 50
done
point 'cow fits 120 columns' fits 120 mmscope cow -- "$worker" cow 50
point 'faults of everybody' json '.scope == "all" and .by_effort_total.count > 0' mmscope faults --json -a sh -c :
point 'unprivileged: stat' unprivileged stat -- true
point 'unprivileged: cow' unprivileged cow -- true
point 'children count' child_counts
point 'and their TLB flushes' child_flushes
point 'nothing from before the first instruction counts' same_again
point 'children do not count' no_follow
point 'first touches of a process' first_touches
point 'invalid accesses' invalid_accesses
point 'the lines of intervals add up' intervals
point 'as many lines as intervals' interval_lines
point 'a line comes when it is due' lines_come_at_once
point 'SIGINT ends the counting of a process' interrupted INT 0 mmscope cow -p $$
point 'SIGINT ends the counting of all' interrupted INT 0 mmscope stat -a
point 'SIGINT is passed on' interrupted INT 130 mmscope cow -- sleep 1000
point 'a command that catches SIGINT is waited for' patient
point 'a second SIGINT is for us' impatient
point 'SIGTERM ends counting and command' command_is_told
point 'the end of the process is the end' ends_with_process
point 'the end of the time is the end' ends_in_time
point 'output to a file' output_apart
point 'the output of the command is not mixed with ours' output_not_mixed
point 'functions in stacks' names_in_stacks
point 'stacks as text' stacks_in_text
point 'folded stacks' folded
point 'two tracers at once' two_tracers
point 'the view has the same counts' view_is_the_same
point 'a tracer killed' killed_tracer
point 'programs executed' executed
point 'a command among everybody' everyone
point 'without the module' without_module
point 'without BTF' without_btf
point 'on a terminal' on_terminal
point 'a full disk' full_disk
point 'nothing is missing on this kernel' no_counts_missing
point 'all JSON is as its schemas say, and has every key' complete
exit $failed
