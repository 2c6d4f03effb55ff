#!/usr/bin/env bash
# Tests of tests/vm/checklog: every sample report is found and named, clean boots are clean, what is not
# a whole log is not clean, and every alternative of every pattern is needed by a sample.
set -u
# shellcheck source=checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

# verdict_is STATUS FILE [PATTERNS]
verdict_is() {
	local want=$1
	shift
	"$vm/checklog" "$@" >"$tmp/out" 2>&1
	(($? == want))
}

# One file for each sample, named KIND.NUMBER: a whole small log around it.
split_samples() {
	awk -v dir="$tmp/samples" '
		/^#/ { next }
		/^=== / {
			if (file) print "[  100.000000] reboot: Power down" > file
			close(file)
			file = dir "/" $2 "." ++number
			print "[    0.000000] Linux version 6.12.0 (sample)" > file
			next
		}
		{ print > file }
		END { print "[  100.000000] reboot: Power down" > file }' "$vm/checklog.reports"
}

# in_boot SAMPLE LOG: the sample in the middle of a real boot.
in_boot() {
	sed -e 1d -e '$d' "$1" >"$tmp/report"
	sed "200r $tmp/report" "$2"
}

# found SAMPLE LOG: is it found, and is it called by its kind?
found() {
	local kind=${1##*/}
	in_boot "$1" "$2" >"$tmp/log"
	verdict_is 1 "$tmp/log" && [[ $(head -n 1 "$tmp/out") == "${kind%.*} (line"* ]]
}

# same_kind SAMPLE PATTERNS: is it called by its kind with these patterns too?
same_kind() {
	local kind=${1##*/}
	verdict_is 1 "$1" "$2" && [[ $(head -n 1 "$tmp/out") == "${kind%.*} (line"* ]]
}

test_samples() {
	local kind sample missed
	while read -r kind; do
		missed=0
		for sample in "$tmp/samples/$kind".*; do
			if ! found "$sample" "$vm/checklog.clean-6.1" || ! found "$sample" "$vm/checklog.clean-6.12"; then
				echo "# missed: $(sed -n '2,4p' "$sample")"
				missed=1
			fi
		done
		check "$kind: every sample is found and named" "$missed"
	done < <(sed -n 's/^\([a-z][a-z-]*\)\t.*/\1/p' "$vm/checklog.patterns" | grep -v allow)
}

# mutants: for each pattern and each of its alternatives, prints KIND and what the pattern is without
# it (nothing when it was the only one).
mutants() {
	awk -F '\t' '!/^#/ && NF == 2 && $1 !~ /^allow/ {
		n = split($2, part, "|")
		for (i = 1; i <= n; i++) {
			rest = ""
			for (j = 1; j <= n; j++)
				if (j != i)
					rest = rest (rest == "" ? "" : "|") part[j]
			print $1 "\t" rest
		}
	}' "$vm/checklog.patterns"
}

test_mutants() {
	local kind rest sample noticed idle=0 number=0
	while IFS=$'\t' read -r kind rest; do
		REST=$rest awk -F '\t' -v kind="$kind" '
			$1 != kind { print }
			$1 == kind && ENVIRON["REST"] != "" { print kind "\t" ENVIRON["REST"] }' \
			"$vm/checklog.patterns" >"$tmp/mutant"
		noticed=0
		for sample in "$tmp/samples/$kind".*; do
			same_kind "$sample" "$tmp/mutant" || noticed=1
		done
		((noticed)) || echo "# no sample needs what is missing here: $kind $rest"
		((noticed)) || idle=1
		number=$((number + 1))
	done < <(mutants)
	check "each of $number alternatives is needed by a sample" "$idle"
}

test_clean_boots() {
	local log
	for log in "$vm"/checklog.clean-*; do
		verdict_is 0 "$log"
		check "a clean boot is clean: ${log##*-}" $?
		sed 's/$/\r/' "$log" >"$tmp/log"
		verdict_is 0 "$tmp/log"
		check "with the line ends of a serial console too: ${log##*-}" $?
		grep -v ^allow "$vm/checklog.patterns" >"$tmp/mutant"
		verdict_is 1 "$log" "$tmp/mutant"
		check "the allow list is needed: ${log##*-}" $?
	done
}

test_broken_logs() {
	local log=$vm/checklog.clean-6.12
	: >"$tmp/log"
	verdict_is 1 "$tmp/log"
	check 'an empty log is not clean' $?
	head -n -1 "$log" >"$tmp/log"
	verdict_is 1 "$tmp/log"
	check 'a log without its end is not clean' $?
	tail -n +2 "$log" >"$tmp/log"
	verdict_is 1 "$tmp/log"
	check 'a log without its beginning is not clean' $?
	verdict_is 2 "$tmp/nothing"
	check 'a log that is not there is an error' $?
	verdict_is 2
	check 'no log is an error' $?
}

# A process may print anything to the kernel's log.
test_user_lines() {
	local log=$vm/checklog.clean-6.12 allowed
	allowed=$(grep -m 1 'loading out-of-tree' "$log")
	sed "200i $allowed WARNING: CPU: 0 PID: 1 at mm/a.c:1" "$log" >"$tmp/log"
	verdict_is 1 "$tmp/log"
	check 'an allowed text with more behind it hides nothing' $?
	sed "200i [    3.000000] WARNING: CPU: 0 PID: 1 at mm/a.c:1 ${allowed#*] }" "$log" >"$tmp/log"
	verdict_is 1 "$tmp/log"
	check 'an allowed text with more before it hides nothing' $?
	{
		cat "$log"
		echo '[    9.000000] WARNING: CPU: 0 PID: 1 at mm/a.c:1'
	} >"$tmp/log"
	verdict_is 1 "$tmp/log"
	check 'a power-off in the middle hides nothing' $?
}

# A trace that belongs to what is no report; and one that does not.
test_explained() {
	local log=$vm/checklog.clean-6.12 trace
	trace='[    3.000002] CPU: 1 UID: 0 PID: 9 Comm: t_torture Tainted: G           OE\n[    3.000003] Call Trace:'
	sed "200i [    3.000001] t_torture invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0\n$trace" "$log" >"$tmp/log"
	verdict_is 0 "$tmp/log"
	check 'memory that ran out is no report, nor is its trace' $?
	sed "200i $trace" "$log" >"$tmp/log"
	verdict_is 1 "$tmp/log"
	check 'the same trace alone is one' $?
	sed "200i [    3.000001] t_torture invoked oom-killer: order=0\n[    3.000002] BUG: bad\n$trace" "$log" >"$tmp/log"
	verdict_is 1 "$tmp/log"
	check 'memory that ran out hides nothing else' $?
}

mkdir "$tmp/samples"
split_samples
test_clean_boots
test_broken_logs
test_user_lines
test_explained
test_samples
test_mutants
echo "1..$count"
