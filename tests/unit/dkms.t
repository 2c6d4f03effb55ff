#!/usr/bin/env bash
# Tests of make dkms-install, dkms-uninstall and dkms.conf with DKMS itself, in trees of a temporary
# directory: built and installed for the oldest and the newest of tests/KERNELS, refused for others without harm, nothing left.
set -u
# shellcheck source=checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
PATH=$PATH:/usr/sbin

# DKMS wants to be root, if only of its own files. Its key for signing is not to be the machine's.
as_root() {
	if ((EUID == 0)); then "$@"; else unshare -r "$@"; fi
}
export mok_signing_key=$tmp/mok.key mok_certificate=$tmp/mok.pub
trees=(--dkmstree="$tmp/dkms" --sourcetree="$tmp/src" --installtree="$tmp/modules" --no-depmod)

# make_dkms TARGET RELEASE HEADERS
make_dkms() {
	as_root env KERNEL="$2" DKMS_FLAGS="${trees[*]} --kernelsourcedir=$3" make -s -C "$top" "dkms-$1" >"$tmp/said" 2>&1
}

# autoinstall RELEASE HEADERS: what installing a kernel does.
autoinstall() {
	as_root dkms autoinstall -k "$1" "${trees[@]}" --kernelsourcedir="$2" >"$tmp/said" 2>&1
}

# fits RELEASE: is there a module, and is it for this kernel?
fits() {
	local file=$tmp/modules/$1/updates/dkms/mmscope.ko
	[[ $(modinfo -F vermagic "$file" 2>/dev/null) == "$1 "* && $(modinfo -F version "$file") == "$version" ]]
}

# regex RELEASE: what dkms.conf makes of tests/KERNELS.
regex() {
	(kernel_source_dir='' dkms_tree='' && . "$top/dkms.conf" && [[ $1 =~ $BUILD_EXCLUSIVE_KERNEL ]])
}

test_regex() {
	local release said=0
	: >"$tmp/said"
	for release in 6.1.0-56-amd64 6.1.0-rt-amd64 6.9.7-cloud-amd64 6.12.117+deb12-amd64 6.12-rc1; do
		regex "$release" || { echo "refused: $release" >>"$tmp/said" && said=1; }
	done
	for release in 6.0.0-1-amd64 5.10.0-1-amd64 5.6.1-1 6.13.1-amd64 6.120.1 6.18.0 7.1.0-1 16.1.0 4.6.1; do
		! regex "$release" || { echo "taken: $release" >>"$tmp/said" && said=1; }
	done
	check 'dkms.conf takes the kernels from the oldest to the newest of tests/KERNELS, and no others' $said
}

test_stated_once() {
	local range
	range=$(kernel_source_dir='' dkms_tree='' && . "$top/dkms.conf" && mms_range)
	grep -q "^Supported: Linux $range on x86-64" "$top/README.md" && grep -qF "($range)" "$top/userspace/cmd_doctor.c"
	check "README and doctor name the kernels of tests/KERNELS: $range" $?
}

# From one kernel to the next, as an update does; and to one that is not supported.
test_kernels() {
	local old new
	old=$(cat "$old_dir/release") new=$(cat "$new_dir/release")
	mkdir -p "$tmp/modules/"{"$old","$new",9.9.9-amd64}
	make_dkms install "$new" "$new_dir/build" && fits "$new"
	check "$new: make dkms-install builds and installs it" $?
	make_dkms install "$old" "$old_dir/build" && fits "$old" && ! fits "$new"
	check "$old: the same, in place of what was there" $?
	autoinstall "$new" "$new_dir/build" && fits "$new" && fits "$old"
	check 'a kernel that is installed later gets the module, and the first one keeps it' $?
	autoinstall 9.9.9-amd64 "$new_dir/build" && ! grep -q Error "$tmp/said" &&
		grep -q '^mmscope: no module for kernel 9.9.9-amd64: .* are supported$' "$tmp/said"
	check 'one that is not supported is installed without, and it is said' $?
	! make_dkms install 9.9.9-amd64 "$new_dir/build" &&
		(($(grep -c '^mmscope: no module for kernel 9.9.9-amd64: .* are supported' "$tmp/said") == 1))
	check 'make dkms-install refuses it' $?
	[[ $(as_root dkms status "${trees[@]}") == "mmscope/$version: added" ]]
	check 'and keeps the source for the next kernel' $?
	make_dkms uninstall "$new" "$new_dir/build" && [[ -z $(as_root dkms status "${trees[@]}") ]] &&
		! find "$tmp/dkms" "$tmp/src" "$tmp/modules" | grep -F mmscope
	check 'make dkms-uninstall leaves nothing' $?
	make_dkms uninstall "$new" "$new_dir/build"
	check 'uninstalling what is not there is no error' $?
}

version=$(sed -n 's/^#define MMS_VERSION\t"\(.*\)"/\1/p' "$top/module/uapi/mmscope.h")
kernels=$("$top/tests/vm/kernel" --list)
mkdir -p "$tmp"/{dkms,src,modules}
old_dir=$("$top/tests/vm/kernel" "$(head -n 1 <<<"$kernels")")
new_dir=$("$top/tests/vm/kernel" "$(tail -n 1 <<<"$kernels")")
test_regex
test_stated_once
test_kernels
echo "1..$count"
