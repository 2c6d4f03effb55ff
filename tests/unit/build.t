#!/usr/bin/env bash
# Tests of the makefiles: nothing is built again without need, what is missing is named with its package,
# make dist gives the same bytes anywhere, make help lists the targets.
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
		built_once "$top/build/module-$(cat "$dir/release")" module KDIR="$dir/build"
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
		echo libc6-dev
	} | sort -u | comm -23 - <("$top/tests/deps" --list build) >"$tmp/said"
	[[ ! -s $tmp/said ]]
	check 'tests/deps installs every package that is named' $?
	! make -C "$top" module KDIR="$tmp" >"$tmp/said" 2>&1 && grep -q 'linux-headers-' "$tmp/said"
	check 'without headers, their package is named' $?
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
test_dist
test_help
echo "1..$count"
