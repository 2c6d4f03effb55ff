#!/usr/bin/env bash
# A kernel that is locked down, on a machine of its own, for there is no way back: the module's files,
# what still counts, and that what does not says why; with lockdown=integrity, then confidentiality.
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
	mmscope doctor --wide -o check,state,detail >"$tmp/out"
	cat "$tmp/out"
	grep -qE "^lockdown +no +$1" "$tmp/out"
}

raise() {
	echo "$1" >"$lockdown" && grep -qF "[$1]" "$lockdown"
}

# Some file of each kind, held open; and what there is to open.
open_files() {
	sleep 1000 &
	target=$!
	echo "$target" >"$debugfs/attach" && exec 5<"$debugfs/$target/summary" 6>"$debugfs/detach"
}

# Also those that debugfs itself leaves open, which are for reading only.
refused() {
	local file mode number=0
	while read -r mode file; do
		number=$((number + 1))
		case $mode in
		400) exec 7<"$file" ;;
		200) exec 7>"$file" ;;
		*) exec 7<>"$file" ;;
		esac 2>/dev/null && echo "$file opens"
	done < <(find "$debugfs" -type f -printf '%m %p\n') >"$tmp/opened"
	cat "$tmp/opened"
	((number == 19)) && [[ ! -s $tmp/opened ]]
}

# What was opened before is as good as ever; then the module goes, and does not come back.
leave() {
	head -n 1 <&5 | grep -q "pid=$target" && echo "$target" >&6 || return
	exec 5<&- 6>&-
	kill "$target"
	mmscope unload
}

lockdown=/sys/kernel/security/lockdown
[[ ${MMSCOPE_LOCK_DOWN-} ]] || skip='not a machine to be locked down (MMSCOPE_LOCK_DOWN)'

echo 1..17
[[ $skip || -w $lockdown ]] || { echo "Bail out! $lockdown cannot be written" && exit 1; }
point 'files are open' open_files
point 'lockdown is raised' raise integrity
point 'integrity: no file of the module opens' refused
point 'what was open before works, and the module goes' leave
point 'integrity: doctor says so' doctor_says 'integrity: the module is closed, unsigned modules are refused'
point 'integrity: cow counts' counts cow '(.breaks[] | select(.cause == "anon").user) >= 100'
point 'integrity: faults counts' counts faults '(.by_effort[] | select(.counter == "minor").count) >= 200'
point 'integrity: tlb counts requests' counts tlb '(.requests[] | select(.counter == "ranged").count) >= 100'
point 'integrity: flushes by reason are not available' counts stat \
	'.tlb_flushes_total.count == null and .cow_breaks_total.count >= 100'
module=$(mmscope doctor --wide -o check,state,detail | sed -n 's/^module file *ok *//p')
if [[ -n $module || -n $skip ]]; then
	point 'integrity: the module is refused' fails 1 lockdown mmscope load
else
	skip='no module built for this kernel' point 'integrity: the module is refused' false
fi
point 'lockdown is raised further' raise confidentiality
point 'confidentiality: doctor says so' doctor_says 'confidentiality: .*eBPF programs are refused'
for command in stat cow faults tlb; do
	point "confidentiality: $command says why it does not count" fails 1 'kernel lockdown (confidentiality)' \
		mmscope "$command" -- true
done
point 'confidentiality: the command has not run' fails 1 lockdown mmscope stat -- touch "$tmp/ran"
exit $failed
