# shellcheck shell=bash
# shellcheck disable=SC2154 # top is set by who sources this
# DKMS in trees of its own below a directory TREES, for kernels that are not installed, and for everyone.

# DKMS wants to be root, if only of its own files.
dkms_as_root() {
	if ((EUID == 0)); then "$@"; else unshare -r "$@"; fi
}

# dkms_flags TREES
dkms_flags() {
	echo "--dkmstree=$1/built --sourcetree=$1/src --installtree=$1/modules --no-depmod"
}

# dkms_program TREES: prints the name of a program that runs dkms, and tells it where the headers are.
dkms_program() {
	cat >"$1/dkms" <<-END
		#!/bin/bash
		for word in "\$@"; do
			[[ \${before-} != -k ]] || set -- "\$@" "--kernelsourcedir=$1/headers/\$word"
			before=\$word
		done
		exec dkms "\$@"
	END
	chmod +x "$1/dkms"
	echo "$1/dkms"
}

# dkms_kernel TREES RELEASE HEADERS: a kernel that is installed.
dkms_kernel() {
	mkdir -p "$1/modules/$2" "$1/headers"
	ln -sfn "$3" "$1/headers/$2"
}

# dkms_with TREES HEADERS COMMAND...: its key for signing, made when missing, is not to be the machine's.
dkms_with() {
	local trees=$1 headers=$2
	shift 2
	mkdir -p "$trees"/{built,src,modules}
	dkms_as_root env PATH="$PATH:/usr/sbin" sign_file="$headers/scripts/sign-file" \
		mok_signing_key="$trees/mok.key" mok_certificate="$trees/mok.pub" "$@"
}

# dkms_make TREES install|uninstall RELEASE HEADERS
dkms_make() {
	dkms_kernel "$1" "$3" "$4"
	dkms_with "$1" "$4" env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL KERNEL="$3" DKMS="$(dkms_program "$1")" \
		DKMS_FLAGS="$(dkms_flags "$1")" make -s -C "${dkms_top:-$top}" "dkms-$2"
}

# dkms_module TREES RELEASE
dkms_module() {
	echo "$1/modules/$2/updates/dkms/mmscope.ko"
}
