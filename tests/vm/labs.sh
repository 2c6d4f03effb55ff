# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of the scripts that source this
# What the tests of labs share: a disk for their files, which labs there are, and what of the machine
# must be afterwards as it was before. Sourced by t_labs.sh and t_labs_spoilt.sh.

# shellcheck source=points.sh
. "$(dirname "${BASH_SOURCE[0]}")/points.sh"

# In the guest all else is in memory, where pages of files cannot be dropped.
make_disk() {
	modprobe loop 2>/dev/null
	truncate -s 512M "$tmp/disk" && mkfs.ext4 -q -F "$tmp/disk" && mkdir "$tmp/mounted" &&
		mount -o loop "$tmp/disk" "$tmp/mounted" && export TMPDIR=$tmp/mounted
}

# What no lab may need more than our machines have; all else is a defect of the lab or of the machine.
may_skip='CPUs are needed|PCID'

# lab NAME OPTION...: runs it; what it said is in $tmp/lab.json.
lab() {
	mmscope --json lab "$@" >"$tmp/lab.json" 2>"$tmp/lab.err"
	status=$?
	keep "$tmp/lab.json"
	jq -r '.labs[0] | .verdict, .reason // ""' "$tmp/lab.json" >"$tmp/verdict" 2>&1
	{ read -r verdict && read -r reason; } <"$tmp/verdict"
}

# tell_lab: for those who look for what went wrong.
tell_lab() {
	cat "$tmp/lab.err"
	echo "status $status, verdict $verdict: $reason"
	jq -r '.labs[0].steps[] | .does, (.checks[] | "  \(.ok) \(.what): \(.predicted_min)..\(.predicted_max), \(.measured), \(.witness_name) \(.witness)")' "$tmp/lab.json"
}

# skips: whether it skipped for a reason that is one; then the points that follow are left out.
skips() {
	skip=
	[[ $verdict == skip ]] && grep -qE "$may_skip" <<<"$reason" && skip=$reason
}

# The settings and things a lab may change. Counters are none of them, and what the kernel gives back in
# its own time is waited for.
machine() {
	tail -n +2 /proc/swaps
	cut -d ' ' -f 1-4 /proc/mounts
	ls /sys/block
	cut -d ' ' -f 1 /proc/modules | sort
	find /sys/fs/cgroup -type d
	# One process for all: there are many, and many labs.
	grep -rs . /sys/fs/cgroup/cgroup.subtree_control /proc/sys/vm /proc/sys/kernel/sched_rt_runtime_us \
		/sys/kernel/mm/transparent_hugepage /sys/kernel/mm/ksm/run /sys/kernel/mm/ksm/sleep_millisecs \
		/sys/module/zswap/parameters/enabled /sys/kernel/mm/lru_gen /sys/kernel/mm/swap /sys/kernel/mm/hugepages /sys/kernel/debug/fault_around_bytes \
		--exclude=stat_refresh --exclude=stats --exclude-dir=stats --exclude=pages_collapsed --exclude=full_scans
	ls -A /var/tmp /dev/shm "$TMPDIR"
	tail -n +2 "$debugfs/targets"
	bpftool -j map list | jq -c 'map([.type, .name])'
	pgrep -a mmscope
}

as_before() {
	local try
	for ((try = 0; try < 20; try++)); do
		[[ $(machine) != "$before" ]] || return 0
		sleep 0.2
	done
	diff <(echo "$before") <(machine)
	return 1
}
