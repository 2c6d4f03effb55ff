#!/usr/bin/env bash
# Tests of make install and make uninstall: what is there, where PREFIX and DESTDIR say, that it works
# from there, and that nothing of it stays. Nothing is written outside a temporary directory.
set -u
# shellcheck source=checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

# quiet COMMAND...: what it says is shown if it fails.
quiet() {
	"$@" >"$tmp/said" 2>&1
}

# same WHAT EXPECTED FOUND
same() {
	diff -u <(echo "$2") <(echo "$3") >"$tmp/said"
	check "$1" $?
}

# Every file with its mode; every page that the reader has a command for.
expected() {
	local prefix=$1 command
	echo "755 $prefix/sbin/mmscope"
	echo "755 $prefix/libexec/mmscope/mmscope-lab"
	echo "755 $prefix/libexec/mmscope/mmscope-sample-dynamic"
	echo "755 $prefix/libexec/mmscope/mmscope-sample-static"
	echo "644 $prefix/include/mmscope.h"
	echo "644 $prefix/include/mmscope_events.h"
	echo "644 $prefix/share/bash-completion/completions/mmscope"
	echo "644 $prefix/share/zsh/site-functions/_mmscope"
	echo "644 $prefix/share/man/man4/mmscope.4"
	echo "644 $prefix/share/man/man8/mmscope.8"
	echo "644 $prefix/share/mmscope/schema/mmscope-common-1.json"
	for command in $commands; do
		echo "644 $prefix/share/mmscope/schema/mmscope-$command-1.json"
		echo "644 $prefix/share/man/man8/mmscope-$command.8"
	done
}

installed() {
	(cd "$1" && find . ! -type d -printf '%m %P\n')
}

# The headers are for others' programs: they need no other file of ours, and no option.
headers_stand_alone() {
	local name
	for name in mmscope mmscope_events; do
		echo "#include <$name.h>" | gcc -std=c11 -Wall -Wextra -Werror -I"$1" -x c -fsyntax-only - || return
	done
}

umask 077
quiet make -s -C "$top" install DESTDIR="$tmp/root" PREFIX=/usr
check 'make install' $?
commands=$("$tmp/root/usr/sbin/mmscope" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
same 'all of it is there, for everyone to read, and nothing else' "$(expected usr | sort)" \
	"$(installed "$tmp/root" | sort)"
[[ $("$tmp/root/usr/sbin/mmscope" --version) == "mmscope $(sed -n 's/^#define MMS_VERSION\t"\(.*\)"/\1/p' \
	"$top/module/uapi/mmscope.h")" ]]
check 'the installed reader runs, and tells its version' $?
quiet headers_stand_alone "$tmp/root/usr/include"
check 'the installed headers stand alone' $?
[[ $(MANPATH=$tmp/root/usr/share/man man -w 8 mmscope-map) == "$tmp/root/usr/share/man/man8/mmscope-map.8" ]]
check 'man finds the pages' $?
quiet make -s -C "$top" install DESTDIR="$tmp/root" PREFIX=/usr
check 'make install once more' $?
quiet make -s -C "$top" uninstall DESTDIR="$tmp/root" PREFIX=/usr
check 'make uninstall' $?
same 'nothing is left, directories included' '' "$(find "$tmp" -path "$tmp/root*")"

mkdir -p "$tmp/own/share/man/man8"
touch "$tmp/own/share/man/man8/other.8"
quiet make -s -C "$top" install PREFIX="$tmp/own"
check 'make install with a PREFIX of its own' $?
same 'it goes there' "$({ expected own; echo '600 own/share/man/man8/other.8'; } | sed 's# own/# #' | sort)" \
	"$(installed "$tmp/own" | sort)"
quiet make -s -C "$top" uninstall PREFIX="$tmp/own"
same "what is others' stays, and nothing else" "$tmp/own/share/man/man8/other.8" "$(find "$tmp/own" ! -type d)"
rm "$tmp/own/share/man/man8/other.8"
quiet make -s -C "$top" uninstall PREFIX="$tmp/own"
[[ ! -e $tmp/own ]]
check 'a PREFIX left empty is removed' $?
quiet make -s -C "$top" uninstall PREFIX="$tmp/own"
check 'uninstalling what is not there is no error' $?
echo "1..$count"
