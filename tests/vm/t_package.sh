#!/usr/bin/env bash
# The packages that tests/unit/package.t made: installed, run, removed. The module is the one that is loaded:
# DKMS would take a quarter of an hour in an emulated machine, and is tested outside (tests/unit/dkms.t).
set -u

[[ -d /run/vm/job ]] || {
	echo 'Bail out! not in a machine of tests/vm/run'
	exit 1
}
# shellcheck source=points.sh
. "$(dirname "${BASH_SOURCE[0]}")/points.sh"

packages=$here/../../build/packages
release=$(uname -r)
export DEBIAN_FRONTEND=noninteractive
# The index of all manual pages takes minutes.
rm -f /var/lib/man-db/auto-update

# files: what the packages bring.
files() {
	local deb
	for deb in "$packages"/mmscope_*.deb "$packages"/mmscope-dkms_*.deb; do
		dpkg-deb -c "$deb" | awk '/mmscope/ && !/\/$/ { print substr($6, 2) }'
	done
}

nothing_left() {
	local file
	files >"$tmp/files" && grep -q . "$tmp/files" && ! dpkg -s mmscope mmscope-dkms 2>/dev/null || return
	while read -r file; do
		[[ ! -e $file ]] || { echo "$file" && return 1; }
	done <"$tmp/files"
	! find /usr/src /usr/share/doc /var/lib/dkms "/lib/modules/$release/updates" -maxdepth 2 -name '*mmscope*' | grep .
}

# Without the kernel's headers the module waits for them.
installs() {
	local file
	dpkg -i "$packages"/mmscope_*.deb "$packages"/mmscope-dkms_*.deb >"$tmp/dpkg" 2>&1 || return
	cat "$tmp/dpkg"
	while read -r file; do
		[[ -e $file ]] || { echo "$file" && return 1; }
	done <"$tmp/files"
	grep -q "^Module build for kernel $release was skipped" "$tmp/dpkg" && [[ $(dkms status) == mmscope/*": added" ]]
}

# What installing linux-headers-9.9.9-amd64 does: the files are those of the kernel that runs.
other_kernel() {
	ln -s "$(</run/vm/job/kernel)"/usr/src/linux-headers-* /usr/src/ && mkdir -p /lib/modules/9.9.9-amd64 &&
		ln -s "/usr/src/linux-headers-$release" /lib/modules/9.9.9-amd64/build &&
		run-parts --report --exit-on-error --arg=9.9.9-amd64 /etc/kernel/header_postinst.d >"$tmp/other" 2>&1 &&
		cat "$tmp/other" && grep -q '^mmscope: no module for kernel 9.9.9-amd64: .* are supported$' "$tmp/other" &&
		[[ ! -e /lib/modules/9.9.9-amd64/updates ]] && ! grep -qi error "$tmp/other"
}

shows() {
	/usr/sbin/mmscope map self | grep -F '[stack]' && /usr/sbin/mmscope doctor
}

goes() {
	dpkg -P mmscope mmscope-dkms && [[ -z $(dkms status) ]]
}

point 'nothing of it is there before' nothing_left
point 'dpkg -i, before the headers are there: installed, the module waits for them' installs
point 'the reader shows a process' shows
point 'a kernel that is not supported: its headers are installed well, and it is said' other_kernel
point 'dpkg -P' goes
point 'nothing is left' nothing_left
echo "1..$number"
exit "$failed"
