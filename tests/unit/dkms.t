#!/usr/bin/env bash
# Tests of make dkms-install, dkms-uninstall and dkms.conf with DKMS itself, in trees of a temporary
# directory: built and installed for the oldest and the newest of tests/KERNELS, refused for others without harm, nothing left.
set -u
# shellcheck source=checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
# shellcheck source=../vm/lib/dkms.sh
. "$vm/lib/dkms.sh"

# make_dkms TARGET RELEASE HEADERS
make_dkms() {
	dkms_make "$tmp/trees" "$@" >"$tmp/said" 2>&1
}

# status: what DKMS knows of the module.
status() {
	# shellcheck disable=SC2046 # words they are
	dkms_with "$tmp/trees" '' dkms status $(dkms_flags "$tmp/trees")
}

# autoinstall RELEASE HEADERS: what installing a kernel does.
autoinstall() {
	dkms_kernel "$tmp/trees" "$@"
	# shellcheck disable=SC2046 # words they are
	dkms_with "$tmp/trees" "$2" "$(dkms_program "$tmp/trees")" autoinstall -k "$1" $(dkms_flags "$tmp/trees") \
		>"$tmp/said" 2>&1
}

# next_version VERSION: the tree as that version would be.
next_version() {
	rm -rf "$tmp/next" && mkdir "$tmp/next" && cp -r "$top"/{Kbuild,Makefile,dkms.conf,module,userspace,tests} "$tmp/next" &&
		sed -i "s/^\(#define MMS_VERSION\t\).*/\1\"$1\"/" "$tmp/next/module/uapi/mmscope.h"
}

# make_next TARGET RELEASE HEADERS: as make_dkms, there.
make_next() {
	dkms_top=$tmp/next make_dkms "$@"
}

nothing_left() {
	! find "$tmp/trees" -name '*mmscope*' | grep .
}

# fits RELEASE: is there a module, and is it for this kernel?
fits() {
	local file
	file=$(dkms_module "$tmp/trees" "$1")
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
	grep -q "^Supported: Linux $range on x86-64" "$top/README.md"
	check "README names the kernels of tests/KERNELS: $range" $?
}

# split FILE: what is signed, into $tmp/content; the signature behind it (include/linux/module_signature.h):
# a PKCS #7 message, 12 bytes that end with its length, and a line.
split() {
	local line='~Module signature appended~' length
	[[ $(tail -c 28 "$1") == "$line" ]] || return
	length=$((16#$(tail -c 32 "$1" | head -c 4 | od -An -tx1 | tr -d ' ')))
	head -c "-$((length + 40))" "$1" >"$tmp/content" && tail -c "$((length + 40))" "$1" | head -c "$length" >"$tmp/signature"
}

# verifies CERTIFICATE: the two that split made fit, and it is the owner of this certificate who signed.
verifies() {
	openssl x509 -inform DER -in "$1" -out "$tmp/certificate.pem" && openssl cms -verify -binary -inform DER \
		-in "$tmp/signature" -content "$tmp/content" -certfile "$tmp/certificate.pem" -nointern -noverify -out /dev/null
}

# make_key NAME: as the owner of a machine makes one.
make_key() {
	openssl req -new -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=${1##*/}, thrown away/" -keyout "$1.key" \
		-outform DER -out "$1.pub" 2>/dev/null
}

# test_signed FILE: not its signature alone, but that it could be another.
test_signed() {
	{ split "$1" && verifies "$tmp/trees/mok.pub"; } >"$tmp/said" 2>&1
	check "it is signed with the machine's key" $?
	{ make_key "$tmp/other" && ! verifies "$tmp/other.pub"; } >"$tmp/said" 2>&1
	check "and with no other's" $?
	{ printf X >>"$tmp/content" && ! verifies "$tmp/trees/mok.pub"; } >"$tmp/said" 2>&1
	check 'nor is anything else than what was signed' $?
}

# From one kernel to the next, as an update does; and to one that is not supported.
test_kernels() {
	local old new
	old=$(cat "$old_dir/release") new=$(cat "$new_dir/release")
	mkdir -p "$tmp/trees/modules/"{"$old","$new",9.9.9-amd64}
	make_dkms install "$new" "$new_dir/build" && fits "$new"
	check "$new: make dkms-install builds and installs it" $?
	test_signed "$(dkms_module "$tmp/trees" "$new")"
	autoinstall "$old" "$old_dir/build" && fits "$old" && fits "$new"
	check 'a kernel that is installed later gets the module, and the first one keeps it' $?
	autoinstall 9.9.9-amd64 "$new_dir/build" && ! grep -q Error "$tmp/said" &&
		grep -q '^mmscope: no module for kernel 9.9.9-amd64: .* are supported$' "$tmp/said"
	check 'one that is not supported is installed without, and it is said' $?
	next_version 9.8.7 && version=9.8.7 && make_next install "$old" "$old_dir/build" && fits "$old" && fits "$new"
	check 'make dkms-install of the next version takes the place of this one, for both' $?
	[[ $(status) != *"mmscope/$this"* && ! -e $tmp/trees/src/mmscope-$this ]]
	check 'and leaves nothing of it' $?
	next_version 9.8.8 && echo 'not C' >>"$tmp/next/module/main.c" && ! make_next install "$old" "$old_dir/build" &&
		fits "$old" && fits "$new"
	check 'that of one that does not build changes nothing' $?
	make_dkms uninstall "$new" "$new_dir/build" && [[ -z $(status) ]] && nothing_left
	check 'make dkms-uninstall takes any version back' $?
	! make_dkms install 9.9.9-amd64 "$new_dir/build" &&
		(($(grep -c '^mmscope: no module for kernel 9.9.9-amd64: .* are supported' "$tmp/said") == 1))
	check 'make dkms-install refuses a kernel that is not supported' $?
	[[ $(status) == "mmscope/$this: added" ]]
	check 'and keeps the source for the next kernel' $?
	make_dkms uninstall "$new" "$new_dir/build" && [[ -z $(status) ]] && nothing_left
	check 'make dkms-uninstall leaves nothing' $?
	make_dkms uninstall "$new" "$new_dir/build"
	check 'uninstalling what is not there is no error' $?
}

this=$(sed -n 's/^#define MMS_VERSION\t"\(.*\)"/\1/p' "$top/module/uapi/mmscope.h")
version=$this
kernels=$("$top/tests/vm/kernel" --list)
mkdir "$tmp/trees" && make_key "$tmp/trees/mok"
old_dir=$("$top/tests/vm/kernel" "$(head -n 1 <<<"$kernels")")
new_dir=$("$top/tests/vm/kernel" "$(tail -n 1 <<<"$kernels")")
test_regex
test_stated_once
test_kernels
echo "1..$count"
