#!/usr/bin/env bash
# The reader against a live module: what it prints, as a table and as JSON, at every width; bad input;
# a process that goes away, a pipe that closes, a disk that is full, a module that is not there. The
# numbers themselves are judged elsewhere, against /proc; here they must be passed on unchanged.
set -u
# shellcheck source=points.sh
. "$(dirname "${BASH_SOURCE[0]}")/points.sh"

# json FILTER COMMAND...: the output is JSON for which the jq FILTER holds.
json() {
	local filter=$1
	shift
	"$@" --json >"$tmp/json" || return
	keep "$tmp/json"
	jq -e "$filter" "$tmp/json" || { head -c 2000 "$tmp/json"; return 1; }
}

plain_when_piped() {
	mmscope map "$pid" >"$tmp/out" && ! grep -q $'\033' "$tmp/out"
}

# on_terminal COMMAND: its output on a terminal of 80 columns.
on_terminal() {
	script -qec "stty cols 80; $1" /dev/null </dev/null | tr -d '\r'
}

coloured_on_terminal() {
	on_terminal "mmscope map $pid" | grep -q $'\033\[1m' &&
		! on_terminal "mmscope --no-color map $pid" | grep -q $'\033' &&
		! on_terminal "NO_COLOR=1 mmscope map $pid" | grep -q $'\033'
}

terminal_width_counts() {
	on_terminal "mmscope --no-color map $pid" | awk 'length > 80 { bad = 1 } END { exit bad || NR < 10 }'
}

same_as_maps() {
	mmscope map "$pid" --wide -o start,end,perm | awk 'NR > 2 && NF == 3 { print $1 "-" $2, $3 }' >"$tmp/a"
	grep -v vsyscall "/proc/$pid/maps" | awk '{ print $1, $2 }' >"$tmp/b"
	diff "$tmp/a" "$tmp/b"
}

# The view and the table are read one after the other: the target sleeps.
same_as_view() {
	json '[.vmas[] | (.rss, .size, .accessed, .tables, .name)] | length > 0' mmscope map "$pid" || return
	jq -r '.vmas[] | "\(.start) \(.rss / 1024) \(.dirty / 1024) \(.tables / 1024) \(.runs)"' "$tmp/json" |
		sed 's/^0x//' >"$tmp/a"
	echo "$pid" >"$debugfs/attach"
	awk '$1 == "start" { for (i = 1; i <= NF; i++) at[$i] = i; next }
		!/^#/ { print $1, $at["rss"], $at["dirty"], $at["tables"], $at["runs"] }' \
		"$debugfs/$pid/vmas" >"$tmp/b"
	echo "$pid" >"$debugfs/detach"
	diff "$tmp/a" "$tmp/b"
}

no_frames() {
	! mmscope --no-pfn pages "$pid" --json | jq -e '.runs[] | select(.pfn != null or .raw != null)' &&
		! mmscope --no-pfn translate "$pid" "$heap" | grep -qE 'frame 0x|physical'
}

range_and_filter() {
	mmscope pages "$pid" --range "$heap-$(printf '%x' $((0x$heap + 4096)))" --json >"$tmp/json" || return
	jq -e --arg a "0x$heap" '.runs | length == 1 and .[0].start == $a and .[0].entries == 1' "$tmp/json" &&
		mmscope pages "$pid" --filter anon,RW --json |
		jq -e '(.runs | length > 0) and all(.runs[]; .class == "anon" and (.flags | split(",") | index("RW")))'
}

sorted() {
	mmscope ps --sort rss -o rss --bytes | awk 'NR > 1 && NF == 1' >"$tmp/a"
	sort -rn "$tmp/a" | diff - "$tmp/a" && (($(wc -l <"$tmp/a") > 3))
}

# What the reader holds of a process ends with it, also if it is killed.
holds_end() {
	local rows
	rows=$(tail -n +2 "$debugfs/targets" | wc -l)
	echo "$rows rows"
	((rows == 0))
}

closed_pipe() {
	mmscope pages "$big" | head -n 1 >/dev/null
	((PIPESTATUS[0] == 0 || PIPESTATUS[0] == 141)) || return
	# With the signal ignored the error comes to the program: no message either.
	(trap '' PIPE; mmscope pages "$big" 2>"$tmp/err"; echo $? >"$tmp/status") | head -n 1 >/dev/null
	sleep 0.2
	[[ ! -s $tmp/err && $(cat "$tmp/status") == 0 ]]
}

full_disk() {
	local command
	for command in "map $pid" "tables $pid" "pages $pid" "ps" "doctor" "translate $pid $heap" "--json map $pid"; do
		# shellcheck disable=SC2086 # words of the command
		mmscope $command >/dev/full 2>"$tmp/err"
		[[ $? == 1 && $(cat "$tmp/err") == 'mmscope: standard output: No space left on device' ]] || {
			echo "$command"
			cat "$tmp/err"
			return 1
		}
	done
}

# The reader stands still with a full pipe before it; when it goes on, the process is gone.
gone_meanwhile() {
	local victim status first
	start_many 5000
	victim=$many
	mkfifo "$tmp/fifo"
	mmscope "$1" "$victim" ${2:+"$2"} >"$tmp/fifo" 2>"$tmp/err" &
	exec {read_end}<"$tmp/fifo"
	read -r first <&"$read_end"
	kill -9 "$victim"
	wait "$victim" 2>/dev/null
	{ echo "$first" && cat <&"$read_end"; } >"$tmp/whole"
	exec {read_end}<&-
	wait $!
	status=$?
	rm "$tmp/fifo"
	echo "status $status"
	cat "$tmp/err"
	((status == 1)) && [[ $(wc -l <"$tmp/err") == 1 ]] && grep -qE 'exited' "$tmp/err" || return
	[[ -n ${2-} ]] || return 0
	grep -q '"error": "' "$tmp/whole" && keep "$tmp/whole"
}

# start_many NR: a process with NR VMAs of one touched page; its PID in $many.
start_many() {
	local ready
	exec {ready}< <("$programs/many" "$1" & echo $!; wait)
	read -r many <&"$ready"
	read -r _ <&"$ready"
	exec {ready}<&-
}

busy_module() {
	exec {held}<"$debugfs/version"
	fails 1 'the module is in use' mmscope unload
	local result=$?
	exec {held}<&-
	return "$result"
}

without_module() {
	mmscope unload && fails 1 'the mmscope module is not loaded (mmscope load)' mmscope map "$pid" &&
		fails 1 'not loaded' mmscope ps && mmscope unload && mmscope load && mmscope load && mmscope ps >/dev/null
}

without_debugfs() {
	umount /sys/kernel/debug/tracing 2>/dev/null
	umount /sys/kernel/debug || return
	fails 1 'debugfs is not mounted on /sys/kernel/debug' mmscope map "$pid"
	local result=$?
	mount -t debugfs none /sys/kernel/debug || return
	return "$result"
}

doctor_agrees() {
	json '.verdict != "no"' mmscope doctor || return
	mmscope unload && json '.verdict == "no" and any(.checks[]; .check == "module" and .state == "no")' mmscope doctor
	local result=$?
	mmscope load && return "$result"
}

unprivileged() {
	fails 1 'root is needed' setpriv --reuid 65534 --clear-groups mmscope "$@"
}

bash -c 'x=$(head -c 300000 /dev/zero | tr "\0" x); echo ready >&3; read -r _' 3>"$tmp/ready" < <(sleep 1000) &
pid=$!
wait_for '[[ -s $tmp/ready ]]'
heap=$(awk '/\[heap\]/ { print $1 }' "/proc/$pid/maps" | cut -d- -f1)
start_many 3000
big=$many
kthread=$(while read -r p; do [[ -z $(cat "/proc/$p/cmdline" 2>/dev/null | tr -d '\0') && $(awk '/^VmSize/' "/proc/$p/status") == '' ]] && echo "$p" && break; done </sys/fs/cgroup/cgroup.procs)

echo 1..65
for command in "map $pid" "tables $pid" "pages $pid" "ps" "translate $pid $heap ffffffff81000000 12" "doctor"; do
	name=${command%% *}
	for width in 80 100 120; do
		# shellcheck disable=SC2086 # words of the command
		point "$name fits $width columns" fits "$width" mmscope $command
	done
	# shellcheck disable=SC2086
	point "$name: JSON of its schema" json ".schema == \"mmscope/$name/1\" and .error == null" mmscope $command
done
point 'self is the reader itself' json '.command == "mmscope"' mmscope map self
point 'map: the ranges are those of maps' same_as_maps
point 'map: the numbers are those of the view' same_as_view
point 'map: the total is the sum' json '([.vmas[].rss] | add) == .total.rss and ([.vmas[].size] | add) == .total.size' \
	mmscope map "$big"
point 'tables: bytes add up' json '([.levels[].bytes] | add) + .deposited * 4096 == .total_bytes' mmscope tables "$pid"
point 'translate: the last step holds the frame' json \
	'.addresses[0] | .pfn as $p | (.steps | last | .flags | split(",") | index("P")) and .physical != null and $p != null' \
	mmscope translate "$pid" "$heap"
point 'pages: range and filter' range_and_filter
point 'ps: has this process' json "any(.processes[]; .pid == $pid and .comm == \"bash\")" mmscope ps
point 'ps: sorted' sorted
point 'no frame with --no-pfn' no_frames
point 'no colours in a pipe' plain_when_piped
point 'colours on a terminal, unless unwanted' coloured_on_terminal
point "a terminal's width counts" terminal_width_counts
point 'nothing stays attached' holds_end
point 'no command' fails 2 'missing command' mmscope
point 'an unknown command' fails 2 "no command 'nonsense'" mmscope nonsense
point 'an unknown option' fails 2 "unrecognized option '--nonsense'" mmscope map --nonsense
point 'map without a PID' fails 2 'missing argument: PID' mmscope map
point 'map with two' fails 2 "unexpected argument: '2'" mmscope map 1 2
point 'a bad width' fails 2 '--width wants a number' mmscope --width 5 ps
point 'a bad filter' fails 2 "no class, level or flag 'x'" mmscope pages --filter x 1
point 'a bad range' fails 2 'not a range of addresses' mmscope pages --range 5 1
point 'a bad column' fails 2 "no column 'x'" mmscope map -o x "$pid"
point 'a bad address' fails 1 "not an address: 'xyz'" mmscope translate "$pid" xyz
point 'not a PID' fails 1 "not a PID: '1x'" mmscope map 1x
point 'nobody' fails 1 'no process has the PID 999999' mmscope map 999999
point 'a kernel thread' fails 1 'is a kernel thread' mmscope tables "$kthread"
point 'a zombie' fails_of_zombie 'no process has the PID %' mmscope map
point 'an unprivileged user: map' unprivileged map "$pid"
point 'an unprivileged user: ps' unprivileged ps
point 'a closed pipe' closed_pipe
point 'a full disk' full_disk
point 'the process exits while its map is read' gone_meanwhile map
point 'the same in JSON' gone_meanwhile map --json
point 'the process exits while its pages are read' gone_meanwhile pages
point 'nothing stays attached after all that' holds_end
point 'a busy module is not unloaded' busy_module
point 'without the module' without_module
point 'without debugfs' without_debugfs
point 'doctor finds a missing module' doctor_agrees
point 'all JSON is as its schemas say' fit_schemas
exit $failed
