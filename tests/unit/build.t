#!/usr/bin/env bash
# Tests of the makefiles: nothing is built again without need, nor beside the sources; which tools are used
# can be told; what is missing is named with its package; kernels that are not supported are refused; make
# dist gives the same bytes anywhere, make help lists the targets.
set -u
# shellcheck source=checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

times() {
	find -L "$1" -type f -printf '%P %T@\n' | sort
}

# The second time, no file is written.
built_once() {
	local dir=$1
	shift
	make -s -C "$top" "$@" >"$tmp/said" 2>&1 && times "$dir" >"$tmp/before" &&
		make -s -C "$top" "$@" >"$tmp/said" 2>&1 && times "$dir" >"$tmp/after" &&
		grep -q . "$tmp/before" && diff "$tmp/before" "$tmp/after" >>"$tmp/said"
}

test_rebuilds() {
	local kernel dir
	built_once "$top/build/userspace" userspace && built_once "$top/build/bpf" userspace
	check 'the reader is not built again if nothing has changed' $?
	kernel=$("$top/tests/vm/kernel" --list | tail -n 1)
	dir=$("$top/tests/vm/kernel" "$kernel") &&
		built_once "$tmp/built/module-$(cat "$dir/release")" module KDIR="$dir/build" OUT="$tmp/built"
	check "the module for $kernel is not built again if nothing has changed" $?
}

# names NEED PACKAGE MAKE_ARGUMENT...: the build fails before it begins, and says what it needs.
names() {
	local need=$1 package=$2
	shift 2
	! make -s -C "$top" userspace "$@" >"$tmp/said" 2>&1 &&
		grep -qxF "missing: $need (Debian package $package)" "$tmp/said" &&
		(($(grep -c '^missing' "$tmp/said") == 1))
	check "without $need, $package is named" $?
}

# What pkg-config knows here, but for one library.
without_library() {
	rm -rf "$tmp/pc"
	mkdir "$tmp/pc"
	pkg-config --variable pc_path pkg-config | tr ':' '\n' |
		while read -r dir; do cp -L "$dir"/*.pc "$tmp/pc" 2>/dev/null; done
	rm "$tmp/pc/$1.pc"
}

test_missing() {
	local pair
	names 'program no-gcc' gcc CC=no-gcc
	names 'program no-clang' clang CLANG=no-clang
	names 'program no-bpftool' bpftool BPFTOOL=no-bpftool
	names 'program no-pkg-config' pkg-config PKG_CONFIG=no-pkg-config
	names 'header stdio.h' libc6-dev CC='gcc -nostdinc'
	for pair in json-c:libjson-c-dev libkmod:libkmod-dev libbpf:libbpf-dev; do
		without_library "${pair%:*}"
		export PKG_CONFIG_LIBDIR=$tmp/pc
		names "library ${pair%:*}" "${pair#*:}"
		unset PKG_CONFIG_LIBDIR
	done
	# Every package that is named is one that tests/deps installs.
	{
		sed -n 's/^libraries := //p' "$top/userspace/Makefile" | tr ' ' '\n' | sed 's/.*://'
		grep -h '/missing ' "$top/userspace/Makefile" "$top/bpf/Makefile" | grep -oP ":\K[a-z-]+(?=')"
		echo gcc libc6-dev | tr ' ' '\n'
	} | sort -u | comm -23 - <("$top/tests/deps" --list build) >"$tmp/said"
	[[ ! -s $tmp/said ]]
	check 'tests/deps installs every package that is named' $?
	! make -C "$top" module KDIR="$tmp" >"$tmp/said" 2>&1 && grep -q 'linux-headers-' "$tmp/said"
	check 'without headers, their package is named' $?
	names 'program no-such-gcc' gcc-no-such CROSS_COMPILE=no-such- PKG_CONFIG=pkg-config
	headers 6.12.1-amd64
	echo 'CC = $(if $(X),ccache) $(CROSS_COMPILE)gcc-99' >"$tmp/headers/.kernelvariables"
	! make -C "$top" module KDIR="$tmp/headers" OUT="$tmp/none" >"$tmp/said" 2>&1 &&
		grep -qxF 'missing: program gcc-99 (Debian package gcc-99)' "$tmp/said"
	check "without the headers' compiler, its package is named" $?
}

# headers RELEASE: as much of a kernel's headers as it takes to tell their release.
headers() {
	mkdir -p "$tmp/headers/include/generated"
	echo "#define UTS_RELEASE \"$1\"" >"$tmp/headers/include/generated/utsrelease.h"
	rm -f "$tmp/headers/.kernelvariables"
}

test_refusals() {
	local release range
	range=$(kernel_source_dir='' dkms_tree='' && . "$top/dkms.conf" && mms_range)
	for release in 5.10.0-9-amd64 6.0.12-amd64 6.13.1-amd64 7.3.4+deb13-amd64; do
		headers "$release"
		! make -s -C "$top" module KDIR="$tmp/headers" OUT="$tmp/none" >"$tmp/said" 2>&1 &&
			grep -qxF "no module for kernel $release: $range are supported (UNSUPPORTED=1 tries all the same)" "$tmp/said"
		check "make module refuses kernel $release" $?
	done
	! make -s -C "$top" module KDIR="$tmp/headers" OUT="$tmp/none" UNSUPPORTED=1 >"$tmp/said" 2>&1 &&
		! grep -q supported "$tmp/said" && [[ -L $tmp/none/module-$release/module/main.c ]]
	check 'unless it is asked for' $?
	! make -s -C "$top" userspace ARCH=arm64 >"$tmp/said" 2>&1 && grep -q 'x86-64 only, not those of arm64' "$tmp/said"
	check 'another architecture is refused' $?
}

# tool NAME PROGRAM...: a program that notes how it is run, then is PROGRAM.
tool() {
	local name=$1
	shift
	mkdir -p "$tmp/tools"
	printf '#!/bin/sh\necho "%s $*" >>"%s"\nexec %s "$@"\n' "$name" "$tmp/commands" "$*" >"$tmp/tools/$name"
	chmod +x "$tmp/tools/$name"
}

# code FILE: a program without what tells where it was built.
code() {
	objcopy -g -R .note.gnu.build-id "$1" "$1.code" && sha256sum <"$1.code"
}

# commands OUT: how each source was compiled, wherever to.
commands() {
	grep -E -- '-c -o' "$tmp/commands" | sed "s#$tmp/$1#OUT#g; s/^[a-z-]* *\(gcc \)*//" | sort
	rm "$tmp/commands"
}

test_tools() {
	local sources
	tool test-gcc gcc
	tool test-pkg-config pkg-config
	tool ccache ''
	sources=$(find "$top"/userspace/*.c | wc -l)
	touch "$tmp/begun"
	PATH=$tmp/tools:$PATH make -s -C "$top" -j4 userspace OUT="$tmp/parallel" CROSS_COMPILE=test- >"$tmp/said" 2>&1 &&
		grep -q '^test-pkg-config ' "$tmp/commands" && (($(grep -c '^test-gcc .* -c -o ' "$tmp/commands") >= sources))
	check 'CROSS_COMPILE says which compiler and which pkg-config' $?
	commands parallel >"$tmp/first"
	PATH=$tmp/tools:$PATH make -s -C "$top" userspace OUT="$tmp/serial" CC='ccache gcc' >"$tmp/said" 2>&1 &&
		(($(grep -c '^ccache gcc .* -c -o ' "$tmp/commands") >= sources))
	check 'CC may be two words' $?
	commands serial | diff "$tmp/first" - >"$tmp/said" && ! grep -E ' -c .*\.c .*\.c( |$)' "$tmp/first" >>"$tmp/said"
	check 'a source is compiled by a command of its own, the same at any time: ccache knows it again' $?
	[[ $(code "$tmp/parallel/userspace/mmscope") == "$(code "$tmp/serial/userspace/mmscope")" ]]
	check 'in parallel and one by one give the same program' $?
	find "$top" -path "$top/.git" -prune -o -path "$top/build" -prune -o -newer "$tmp/begun" -print >"$tmp/said"
	[[ ! -s $tmp/said ]]
	check 'nothing is written beside the sources' $?
	rm "$tmp/serial/userspace/fold.o" "$tmp/parallel/userspace/fold.o"
	make -C "$top" userspace OUT="$tmp/serial" V=1 >"$tmp/said" 2>&1 && grep -q '^[a-z-]*gcc .* -c -o .*fold.o' "$tmp/said" &&
		make -C "$top" userspace OUT="$tmp/parallel" >"$tmp/said" 2>&1 && grep -qx '  CC    fold.o' "$tmp/said" &&
		! grep -q ' -c ' "$tmp/said"
	check 'V=1 shows the commands, and without it they are named' $?
}

# From a clone, elsewhere, at another hour, with other permissions and settings.
test_dist() {
	local version
	version=$(sed -n 's/^#define MMS_VERSION\t"\(.*\)"/\1/p' "$top/module/uapi/mmscope.h")
	make -s -C "$top" dist OUT="$tmp/here" && git clone -q "$top" "$tmp/clone" &&
		(umask 077 && cd "$tmp/clone" && git config tar.umask 0077 && git config core.abbrev 12 &&
			find . -exec touch -d 2001-01-01 {} + && TZ=Asia/Tokyo LC_ALL=C make -s dist OUT="$tmp/there") &&
		cmp "$tmp/here/mmscope-$version.tar.gz" "$tmp/there/mmscope-$version.tar.gz"
	check 'make dist gives the same bytes anywhere' $?
	diff <(git -C "$top" ls-tree -r --name-only HEAD | sort) \
		<(tar -tzf "$tmp/here/mmscope-$version.tar.gz" | sed -n "s#^mmscope-$version/\(.*[^/]\)\$#\1#p" | sort)
	check 'it holds what is committed' $?
	[[ $(tar -tvzf "$tmp/here/mmscope-$version.tar.gz" | cut -c 1-10 | sort -u | tr '\n' ' ') == \
		'-rw-r--r-- -rwxr-xr-x drwxr-xr-x ' ]]
	check 'everyone can read it' $?
}

test_help() {
	diff <(sed -n 's/^\.PHONY: //p' "$top/Makefile" | tr ' ' '\n' | sort) \
		<(make -s -C "$top" help | sed -n 's/^make \([a-z-]*\) .*/\1/p' | sort)
	check 'make help lists the targets' $?
}

test_rebuilds
test_missing
test_refusals
test_tools
test_dist
test_help
echo "1..$count"
