#!/usr/bin/env bash
# A kernel that is locked down, on a machine of its own, booted with lockdown=integrity: what still
# counts, and that what does not says why; then the same with lockdown=confidentiality, from which
# there is no way back.
set -u
# shellcheck source=points.sh
. "$(dirname "${BASH_SOURCE[0]}")/points.sh"

# The eBPF half is there, and counts what the worker does.
counts() {
	mmscope "$1" --json -- "$worker" cow 100 >"$tmp/json" || return
	jq -e '.no_ebpf == null and (.no_tlb_flushes // "not loaded" | contains("not loaded"))' "$tmp/json" &&
		jq -e "$2" "$tmp/json"
}

doctor_says() {
	mmscope doctor >"$tmp/out"
	cat "$tmp/out"
	grep -qE "^lockdown +no +$1" "$tmp/out"
}

raise() {
	echo confidentiality >"$lockdown" && grep -qF '[confidentiality]' "$lockdown"
}

lockdown=/sys/kernel/security/lockdown
grep -qsF '[integrity]' "$lockdown" || skip='not booted with lockdown=integrity'

echo 1..13
point 'integrity: doctor says so' doctor_says 'integrity: debugfs is closed, unsigned modules are refused'
point 'integrity: cow counts' counts cow '(.breaks[] | select(.cause == "anon").user) >= 100'
point 'integrity: faults counts' counts faults '(.by_effort[] | select(.counter == "minor").count) >= 200'
point 'integrity: tlb counts requests' counts tlb '(.requests[] | select(.counter == "ranged").count) >= 100'
point 'integrity: flushes by reason are not available' counts stat \
	'.tlb_flushes_total.count == null and .cow_breaks_total.count >= 100'
module=$(mmscope doctor | sed -n 's/^module file *ok *//p')
if [[ -n $module || -n $skip ]]; then
	point 'integrity: the module is refused' fails 1 lockdown mmscope load
else
	skip='no module built for this kernel' point 'integrity: the module is refused' false
fi
point 'lockdown is raised' raise
point 'confidentiality: doctor says so' doctor_says 'confidentiality: .*eBPF programs are refused'
for command in stat cow faults tlb; do
	point "confidentiality: $command says why it does not count" fails 1 'kernel lockdown (confidentiality)' \
		mmscope "$command" -- true
done
point 'confidentiality: the command has not run' fails 1 lockdown mmscope stat -- touch "$tmp/ran"
exit $failed
