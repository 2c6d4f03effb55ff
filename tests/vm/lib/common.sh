# shellcheck shell=bash
# What the scripts of tests/vm share: messages, where things are, and the table of kernels.
# Knows nothing about packages or machines.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd -P)
# shellcheck disable=SC2034 # for the scripts that source this file
vm=$top/tests/vm

# Tools such as depmod and modprobe serve ordinary users too, but are not on their PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

note() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# die STATUS MESSAGE...
die() {
	local status=$1
	shift
	note "$@"
	exit "$status"
}

# need PROGRAM:PACKAGE...: die with 125 when a program is missing, naming the package that has it.
need() {
	local pair missing=''
	for pair; do
		command -v "${pair%%:*}" >/dev/null || missing+=" ${pair%%:*} (package ${pair#*:})"
	done
	[[ -z $missing ]] || die 125 "missing:$missing"
}

# Sets $cache, the root of everything kept between runs. kbuild cannot work below a path with blanks.
open_cache() {
	[[ -n ${MMSCOPE_CACHE:-}${XDG_CACHE_HOME:-}${HOME:-} ]] || die 125 'no HOME, and no MMSCOPE_CACHE either'
	cache=${MMSCOPE_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/mmscope}
	mkdir -p "$cache" 2>/dev/null
	[[ -w $cache ]] || die 125 "cannot write the cache $cache"
	cache=$(cd "$cache" && pwd -P)
	[[ $cache != *[[:space:]:]* ]] || die 125 "the cache path holds a blank or a colon: $cache"
}

# kernel_table: the rows of tests/KERNELS, without comments.
kernel_table() {
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$top/tests/KERNELS"
}

# kernel_names [TESTS]: the names of the rows, or of those with TESTS.
kernel_names() {
	kernel_table | awk -v tests="${1-}" 'tests == "" || $4 == tests { print $1 }'
}

# kernel_newest: of those that every test runs on, the row with the highest version.
kernel_newest() {
	kernel_names all | sort -V | tail -n 1
}

# kernel_exists NAME
kernel_exists() {
	[[ $1 == debug || $1 == kcsan ]] || kernel_names | grep -qxF -- "$1"
}
