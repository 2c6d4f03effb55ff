# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # variables of run
# What a run comes to, from three witnesses: what the guest said on its status port, how QEMU says the
# machine ended, and the kernel's log. Only a run that all three agree on passes CMD's status on.

verdict_report=99	# the kernel reported something, or the module did not go

# said WORD: the details of the last line that begins with WORD, or failure.
said() {
	local line
	line=$(grep -E "^$1( |\$)" "$tmp/status" | tail -n 1)
	[[ -n $line ]] && printf '%s\n' "${line#* }"
}

# verdict QEMU_STATUS: prints what is wrong, if anything, and returns the status of the run.
verdict() {
	local died problem
	died=$(verdict_died "$1")
	if [[ -n $died ]]; then
		verdict_show "$died"
		return 125
	fi
	problem=$(verdict_problem)
	if ! "$vm/checklog" "$log" >/dev/null; then
		verdict_show "the kernel's log holds a report (CMD ended with status $(said exit))"
		return "$verdict_report"
	elif [[ -n $problem ]]; then
		verdict_show "$problem (CMD ended with status $(said exit))"
		return "$verdict_report"
	fi
	return $(($(said exit)))
}

# verdict_died QEMU_STATUS: why the run has no result, or nothing.
verdict_died() {
	if grep -q 'int3: 0000 \[#' "$log" && ! qemu_good "$program"; then
		echo 'QEMU ran code that the guest had replaced, as those before 8.1 do: once more, please'
	elif said fail >/dev/null; then
		echo "the guest could not start CMD: $(said fail)"
	elif (($1 == 124 || ($1 == 137 && timeout > 0 && SECONDS >= timeout))); then
		echo "timeout: the guest was stopped after $timeout s$(verdict_stage)"
	elif ! said booted >/dev/null; then
		echo "the guest did not boot (QEMU ended with status $1)"
	elif ! said exit >/dev/null; then
		echo "the guest died without a status of CMD$(verdict_stage)"
	elif ! said bye >/dev/null || ! grep -q '"reason": "guest-shutdown"' "$tmp/events.out"; then
		echo "the guest did not power off after CMD"
	fi
}

verdict_stage() {
	if said exit >/dev/null; then
		echo ', after CMD had ended'
	elif said started >/dev/null; then
		echo ', while CMD ran'
	else
		echo ', before CMD ran'
	fi
}

# verdict_problem: what the guest itself found wrong after CMD, or nothing. A tainted kernel without
# a report in the log is as suspicious as the report; out-of-tree (4096) and unsigned (8192) are ours.
verdict_problem() {
	local taint
	taint=$(said tainted)
	if said problem >/dev/null; then
		said problem
	elif ((module)) && ! said loaded >/dev/null; then
		echo 'the module was not loaded'
	elif ((module)) && ! said unloaded >/dev/null; then
		echo 'the module was not unloaded'
	elif (((${taint:-1} & ~(4096 | 8192)) != 0)); then
		echo "the kernel is tainted: $taint"
	fi
}

# verdict_show MESSAGE: one line, then what explains it: reports, or else how far the kernel came.
verdict_show() {
	note "$1"
	keep_log=1
	said booted >/dev/null || cat "$tmp/qemu" >&2
	if "$vm/checklog" "$log" | grep -v '^truncated:' >"$tmp/reports"; then
		cat "$tmp/reports" >&2
	else
		tail -n 20 "$log" >&2
	fi
	note "the kernel's log is in $log"
}
