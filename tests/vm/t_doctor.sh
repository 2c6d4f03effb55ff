#!/usr/bin/env bash
# What doctor says of a machine that lacks something, and that what it says mends it. What cannot be taken
# away from a running machine is hidden from doctor: in a mount namespace, or by a library.
set -u

# shellcheck source=points.sh
. "$(dirname "${BASH_SOURCE[0]}")/points.sh"

# look COMMAND...: what COMMAND doctor says, for row to judge.
look() {
	"$@" doctor --json >"$tmp/json" && keep "$tmp/json"
}

# row CHECK STATE DETAIL MEND: the row of CHECK holds these words.
row() {
	local check=$1 state=$2 detail=$3 mend=$4
	jq -e --arg check "$check" --arg state "$state" --arg detail "$detail" --arg mend "$mend" \
		'any(.checks[]; .check == $check and .state == $state and (.detail | contains($detail)) and
		(.mend // "" | contains($mend)) and ((.mend == null) == ($mend == "")))' "$tmp/json" && return
	cat "$tmp/json"
	return 1
}

# says CHECK STATE DETAIL MEND COMMAND...: both.
says() {
	look "${@:5}" && row "${@:1:4}"
}

# apart SCRIPT COMMAND...: COMMAND in a mount namespace that SCRIPT has changed.
apart() {
	local script=$1
	shift
	unshare -m bash -c "$script"' && exec "$@"' bash "$@"
}

# as_kernel RELEASE COMMAND...: COMMAND is told that this is the kernel.
as_kernel() {
	local release=$1
	shift
	cat >"$tmp/uname.c" <<-'END'
		#include <stdlib.h>
		#include <string.h>
		#include <sys/syscall.h>
		#include <sys/utsname.h>
		#include <unistd.h>
		int uname(struct utsname *kernel)
		{
			int err = (int)syscall(SYS_uname, kernel);
			strcpy(kernel->release, getenv("RELEASE"));
			return err;
		}
	END
	[[ -f $tmp/uname.so ]] || gcc -shared -fPIC -o "$tmp/uname.so" "$tmp/uname.c" || return
	RELEASE=$release LD_PRELOAD=$tmp/uname.so "$@"
}

# A reader of its own build tree, with the module that $tmp/module.ko is, for the running kernel.
beside() {
	mkdir -p "$tmp/build/userspace" "$tmp/build/module-$release"
	cp "$(command -v mmscope)" "$tmp/build/userspace/" && cp "$tmp/module.ko" "$tmp/build/module-$release/mmscope.ko"
}

other_kernels_module() {
	local magic
	magic=$(modinfo -F vermagic "$module" | cut -d' ' -f1)
	# As long as it was.
	LC_ALL=C sed "s/vermagic=$magic/vermagic=9${magic:1}/" "$module" >"$tmp/module.ko" && beside &&
		says 'module file' no "is built for another kernel, 9${magic:1}; this is $release" 'make module' \
			"$tmp/build/userspace/mmscope"
}

no_module_at_all() {
	says 'module file' no 'is no module' 'make module' "$tmp/build/userspace/mmscope"
}

# firmware BYTE: shell, the machine was started by UEFI, and this is how Secure Boot is set.
firmware() {
	local dir=/sys/firmware/efi/efivars
	echo "mount -t tmpfs none /sys/firmware && mkdir -p $dir &&
		printf '\\6\\0\\0\\0\\$1' >$dir/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
}

# A throw-away key; the kernel's own program signs.
signed() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$tmp/key" -out "$tmp/cert" -subj '/CN=A throw-away key' -days 2 &&
		cp "$module" "$tmp/module.ko" &&
		"$(</run/vm/job/kernel)/build/scripts/sign-file" sha256 "$tmp/key" "$tmp/cert" "$tmp/module.ko" && beside &&
		says 'Secure Boot' note "A throw-away key" 'mokutil --import' apart "$(firmware 1)" "$tmp/build/userspace/mmscope"
}

# mended CHECK: what doctor says mends it, done, does.
mended() {
	local command
	mmscope doctor --json >"$tmp/json"
	command=$(jq -r --arg check "$1" '.checks[] | select(.check == $check).mend' "$tmp/json")
	echo "$command"
	bash -c "$command" && says "$1" ok '' '' mmscope
}

# The kernel describes itself as one without these functions.
another_btf() {
	LC_ALL=C sed -z 's/^do_set_pte$/Do_set_pte/; s/^set_pte_range$/Set_pte_range/' /sys/kernel/btf/vmlinux >"$tmp/btf"
	echo "mount --bind '$tmp/btf' /sys/kernel/btf/vmlinux"
}

cpuinfo() {
	sed "s/\\bpcid\\b//g; s/^flags.*/& $1/" /proc/cpuinfo >"$tmp/cpuinfo"
	echo "mount --bind '$tmp/cpuinfo' /proc/cpuinfo"
}

# No line is wider than 80, nothing is left out, and what mends is said.
reads_well() {
	mmscope unload && mmscope doctor --width 80 >"$tmp/out"
	mmscope load || return
	cat "$tmp/out"
	awk 'length > 80 { bad = 1 } END { exit bad || NR < 14 }' "$tmp/out" && ! grep -q '\.\.\.' "$tmp/out" &&
		grep -qx ' \{20\}mend: mmscope load' "$tmp/out" &&
		[[ $(tail -n 1 "$tmp/out") == 'mmscope does not work here as things are' ]]
}

release=$(uname -r)
thp=/sys/kernel/mm/transparent_hugepage/enabled
module=$(mmscope doctor --wide -o check,detail | sed -n 's/^module file *//p')

echo 1..31
look mmscope
for check in rights kernel debugfs 'module file' module BTF hooks; do
	point "nothing is wrong: $check" row "$check" ok '' ''
done
point 'a hook is missing' says hooks limited 'counters are not available, for want of set_pte_range or do_set_pte' '' \
	apart "$(another_btf)" mmscope
# From here on: to load programs takes time.
mount -t tmpfs none /sys/kernel/btf
point 'no BTF' says BTF limited 'none: eBPF counts no events' CONFIG_DEBUG_INFO_BTF mmscope
point 'and no hooks' row hooks limited '/sys/kernel/btf/vmlinux' ''
mmscope unload
point 'the module is not loaded' says module no 'not loaded' 'mmscope load' mmscope
point 'and what doctor says mends that' mended module
point 'a module of another kernel' other_kernels_module
echo nonsense >"$tmp/module.ko"
beside
point 'a file that is no module' no_module_at_all
point 'a kernel that is too old' says kernel no '5.10.0-9-amd64 is too old: 6.1 to ' 'boot one of those' as_kernel 5.10.0-9-amd64 mmscope
point 'a kernel that is newer' says kernel limited '7.3.4-amd64 is newer than' 'boot one of those' as_kernel 7.3.4-amd64 mmscope
point 'no headers for it' row headers limited 'not installed' "apt install linux-headers-7.3.4-amd64"
mmscope unload
point 'no module for it' says 'module file' no 'none for this kernel, 7.3.4-amd64' 'make module' as_kernel 7.3.4-amd64 mmscope
mmscope load
point 'no UEFI' says 'Secure Boot' ok 'not started by UEFI' '' apart 'mount -t tmpfs none /sys/firmware' mmscope
point 'Secure Boot is off' says 'Secure Boot' ok off '' apart "$(firmware 0)" mmscope
point 'Secure Boot is on' says 'Secure Boot' limited 'a module must be signed' 'make dkms-install' apart "$(firmware 1)" mmscope
point 'Secure Boot is on, the module is signed' signed
point 'lockdown by Secure Boot' says lockdown no 'integrity: the module is closed' 'mokutil --disable-validation' \
	apart "$(firmware 1) && mount -t tmpfs none /sys/kernel/security &&
		echo 'none [integrity] confidentiality' >/sys/kernel/security/lockdown" mmscope
point 'debugfs is not mounted' says debugfs no 'not mounted' 'mount -t debugfs none /sys/kernel/debug' \
	apart 'umount -R /sys/kernel/debug' mmscope
point 'not root' says rights no 'be root' 'sudo' setpriv --reuid 65534 --clear-groups mmscope
point 'no PCID' says PCID note 'not tagged' '-cpu host' apart "$(cpuinfo '')" mmscope
point 'PCID' says PCID ok 'is tagged' '' apart "$(cpuinfo pcid)" mmscope
enabled=$(sed 's/.*\[\(.*\)\].*/\1/' "$thp")
echo never >"$thp"
point 'THP is off' says THP note off "$thp" mmscope
point 'and what doctor says mends that' mended THP
echo "$enabled" >"$thp"
umount /sys/kernel/btf
point 'it reads well in 80 columns' reads_well
point 'all JSON is as its schema says' fit_schemas
exit $failed
