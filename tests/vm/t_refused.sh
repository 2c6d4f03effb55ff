#!/usr/bin/env bash
# What a tracer needs, and what it says without: the kernel's types, capabilities. A kernel that is
# locked down has a test of its own, t_lockdown.sh.
set -u
# shellcheck source=tracers.sh
. "$(dirname "${BASH_SOURCE[0]}")/tracers.sh"

# In a mount namespace of its own, without /sys/kernel/btf.
without_btf() {
	unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh "$@"
}

cow_without_btf() {
	fails 1 /sys/kernel/btf/vmlinux without_btf mmscope cow -- true
}

faults_without_btf() {
	fails 1 /sys/kernel/btf/vmlinux without_btf mmscope faults -- true
}

# The module's half.
stat_without_btf() {
	without_btf mmscope stat --json -- "$worker" cow 100 >"$tmp/json" || return
	jq -e '.cow_breaks_total.count == null and .faults_total.count == null and
		.tlb_flushes_total.count > 0 and (.no_ebpf | contains("/sys/kernel/btf/vmlinux"))' "$tmp/json"
}

tlb_without_btf() {
	without_btf mmscope tlb --json -- "$worker" cow 100 >"$tmp/json" || return
	jq -e '.requests[0].count == null and .wait == null and .tlb_flushes_total.count > 0 and
		(.no_ebpf | contains("/sys/kernel/btf/vmlinux"))' "$tmp/json" || { cat "$tmp/json"; return 1; }
}

# without CAPABILITIES COMMAND...: such as -bpf,-perfmon.
without() {
	local set=$1
	shift
	setpriv --bounding-set="$set" "$@"
}

# What README promises is enough: it counts, but for what debugfs has.
bpf_and_perfmon() {
	local command
	for command in stat cow tlb faults; do
		setpriv --reuid 65534 --clear-groups --inh-caps=+bpf,+perfmon --ambient-caps=+bpf,+perfmon \
			mmscope "$command" --json -- "$worker" cow 100 >"$tmp/json" || return
		jq -e '.no_ebpf == null and (.counted | length) == 2' "$tmp/json" || return
	done
	jq -e '(.by_effort[] | select(.counter == "minor").count) > 100' "$tmp/json"
}

# A hook that takes a right to have is not one that the kernel lacks.
hooks_without_admin() {
	without -sys_admin mmscope cow --json -- true >"$tmp/json" || return
	jq -c .unavailable "$tmp/json"
	jq -e 'all(.unavailable[]; .hook | contains("CAP_SYS_ADMIN"))' "$tmp/json"
}

begin 10
for command in cow faults stat; do
	point "without BTF: $command" "${command}_without_btf"
done
point 'without BTF: tlb counts by reason' tlb_without_btf
point 'without CAP_BPF' fails 1 'missing here: CAP_SYS_ADMIN, CAP_BPF)' \
	without -bpf,-sys_admin mmscope cow -- true
point 'without CAP_PERFMON' fails 1 'missing here: CAP_SYS_ADMIN, CAP_PERFMON)' \
	without -perfmon,-sys_admin mmscope faults -- true
point 'with CAP_BPF and CAP_PERFMON alone' bpf_and_perfmon
point 'hooks without CAP_SYS_ADMIN' hooks_without_admin
point 'nothing is left' clean
exit "$failed"
