# shellcheck shell=bash
# shellcheck disable=SC2034 # variables of the scripts that source this
# What the tests in shell share: points in TAP, where things are, what a command must have said, and the
# schemas of JSON: what was read is kept and compared with them all at once, for that takes a second or two.
# Sourced by t_*.sh, and by tracers.sh.

number=0
failed=0
tmp=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$tmp"' EXIT

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
programs=${MMSCOPE_VM_TESTS:-$here/../../build/tests/vm}
worker=$(realpath "$programs/worker")
debugfs=/sys/kernel/debug/mmscope

# Why the points that follow are left out.
skip=

# point NAME COMMAND...: a point that passes if COMMAND succeeds.
point() {
	local name=$1
	shift
	number=$((number + 1))
	if [[ -n $skip ]]; then
		echo "ok $number - $name # SKIP $skip"
	elif "$@" >"$tmp/said" 2>&1; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		tail -n 40 "$tmp/said" | cut -c 1-500 | sed 's/^/# /'
		failed=1
	fi
}

# fails STATUS MESSAGE COMMAND...: COMMAND ends with STATUS, prints nothing on standard output, and one
# line on standard error that begins with "mmscope" and holds MESSAGE. Usage errors may add a hint.
fails() {
	local status=$1 message=$2 got lines
	shift 2
	"$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
	lines=$(wc -l <"$tmp/err")
	echo "status $got, standard error:"
	cat "$tmp/err"
	((got == status)) && [[ ! -s $tmp/out ]] && grep -qF -- "$message" "$tmp/err" &&
		grep -q '^mmscope' "$tmp/err" && ((lines == (status == 2 && lines > 1 ? 2 : 1)))
}

# fails_of_zombie MESSAGE COMMAND...: so does COMMAND PID, of a process that has ended and is not waited
# for; "%" in MESSAGE stands for the PID.
fails_of_zombie() {
	local message=$1 parent child='' result
	shift
	# A shell would reap its child: the child ends when the parent is no shell any more.
	# shellcheck disable=SC2016 # expanded by the child
	(bash -c 'until [[ $(<"/proc/$PPID/comm") == sleep ]]; do :; done' & exec sleep 100) &
	parent=$!
	while [[ -z $child ]]; do
		child=$(awk -v parent="$parent" '$3 == "Z" && $4 == parent { print $1 }' /proc/[0-9]*/stat 2>/dev/null)
	done
	fails 1 "${message/\%/$child}" "$@" "$child"
	result=$?
	kill "$parent"
	return "$result"
}

# fits WIDTH PROGRAM ARGUMENT...: no line is wider.
fits() {
	local width=$1 program=$2
	shift 2
	"$program" --width "$width" "$@" >"$tmp/out" || return
	awk -v width="$width" 'length > width { print; bad = 1 } END { exit bad || !NR }' "$tmp/out"
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

# keep FILE: what a command has written as JSON.
kept=0
keep() {
	mkdir -p "$tmp/kept" && cp "$1" "$tmp/kept/$((++kept)).json"
}

# fit_schemas [OPTION...]: does all that was kept? OPTIONs are those of tests/validate.
fit_schemas() {
	"$here/../validate" "$@" "$tmp"/kept/*.json
}

# every_key [LINE...]: the same, and every key of their schemas is in one of them, but for what these LINEs
# of tests/validate tell of.
every_key() {
	fit_schemas --all-keys >"$tmp/wrong" 2>&1
	((kept)) && ! grep -vxF "${@/#/-e}" "$tmp/wrong"
}
