#!/usr/bin/env bash
# Every lab passes on this kernel, with as many CPUs as there are, and leaves nothing behind. A lab may
# skip only for what this machine is known not to have.
set -u
# shellcheck source=labs.sh
. "$(dirname "${BASH_SOURCE[0]}")/labs.sh"

# passes: the verdict, the exit status, and that every number has been told.
passes() {
	tell_lab
	[[ $verdict == pass && $status == 0 ]] &&
		jq -e '.passed == 1 and ([.labs[0].steps[].checks[]] | length > 0 and all(.ok))' "$tmp/lab.json"
}

lists_all() {
	local name
	mmscope --width 80 lab >"$tmp/list" || return
	for name in $labs; do
		grep -q "^  $name  *[A-Za-z]" "$tmp/list" || { echo "not listed: $name" && return 1; }
	done
	awk 'length > 80 { print; bad = 1 } END { exit bad }' "$tmp/list"
}

# The rows of what must be demonstrable.
claims='translate sparse-tables private-addresses demand-paging demand-zero minor-major invalid fork-cow fork-cost
	redis-snapshot shared-library static-dynamic map-shared-private malloc stack layout wx user-kernel
	accessed-dirty working-set second-chance swap thrashing tlb-shootdown context-switch huge-pages scatter
	fragmentation mmap-io compression oom exec threads'

# While one waits for a key, none other begins.
one_at_a_time() {
	local keys status
	mkfifo "$tmp/keys"
	mmscope lab --step demand-paging <"$tmp/keys" >"$tmp/waits" 2>&1 &
	exec {keys}>"$tmp/keys"
	wait_for "grep -q '\[Enter\]' '$tmp/waits'"
	fails 1 "another 'mmscope lab' is running" mmscope lab demand-paging
	status=$?
	printf '\n\n' >&"$keys"
	exec {keys}>&-
	wait $! && ((!status))
}

# What of frames a lab tells, --no-pfn leaves out; the verdict is the same.
hides_frames() {
	mmscope --no-pfn lab --explain translate user-kernel >"$tmp/out" || return
	grep -q '^2 passed' "$tmp/out" && grep -q '^ *physical address  *-  *-  *- pagemap  *ok$' "$tmp/out" &&
		! grep -E 'frame 0x|\] at 0x|[0-9a-f]{16} ' "$tmp/out"
}

# In text as in JSON: a lab that passes says so, within the page.
reads_well() {
	mmscope --width 80 lab --explain demand-paging fork-cow >"$tmp/out" || return
	[[ $(grep -c '^  PASS  all [0-9]* numbers as predicted$' "$tmp/out") == 2 ]] &&
		grep -q '^2 passed, 0 failed, 0 skipped$' "$tmp/out" && grep -q '^     | ' "$tmp/out" &&
		! grep -q $'\033' "$tmp/out"
}

explains_alone() {
	mmscope lab demand-paging >"$tmp/out" && ! grep -q '^     | ' "$tmp/out"
}

waits_for_key() {
	printf '\n\n' | mmscope lab --step demand-paging >"$tmp/out" && [[ $(grep -c '\[Enter\]' "$tmp/out") == 2 ]]
}

make_disk || { echo "Bail out! no disk" && exit 1; }
labs=$(mmscope --json lab | jq -r '.labs[].name')
point "there is a lab for each claim" diff <(tr -s ' \t' '\n' <<<"$claims" | grep . | sort) <(sort <<<"$labs")
point "they are listed, in 80 columns" lists_all
before=$(machine)
for name in $labs; do
	lab "$name"
	skips
	point "$name passes" passes
	skip=
	point "$name leaves nothing behind" as_before
done
point "what a lab says is readable" reads_well
point "the evidence is told only when asked for" explains_alone
point "one runs at a time" one_at_a_time
point "--no-pfn leaves out frames" hides_frames
point "--step waits at each step" waits_for_key
point "an unknown lab is wrong usage" fails 2 "no lab 'nosuch'" mmscope lab demand-paging nosuch
point "--step and --json exclude each other" fails 2 "--step and --json" mmscope --json lab --step oom
point 'all JSON is as its schema says' fit_schemas --all-keys
umount "$tmp/mounted"
echo "1..$number"
exit "$failed"
