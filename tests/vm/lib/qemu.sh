# shellcheck shell=bash
# shellcheck disable=SC2154 # cache and top are set by common.sh
# Which QEMU runs the guests. Emulating processors in parallel, those before 8.1 may keep running code
# that the guest has just replaced (QEMU commit deba78709a, "Always lock pages before translation").
# A kernel whose trace points are switched then dies of "int3", or misses events, once in a few dozen
# runs. Where the installed one is that old, the one in Debian's backports is unpacked in the cache.

qemu_packages='qemu-system-x86 qemu-system-common qemu-system-data seabios'

# qemu_good PROGRAM: does it run, and is it new enough?
qemu_good() {
	local version
	version=$("$1" --version 2>/dev/null | sed -n 's/.*version \([0-9]*\.[0-9]*\).*/\1/p')
	[[ -n $version && $(printf '%s\n' 8.1 "$version" | sort -V | head -n 1) == 8.1 ]]
}

# qemu_program: prints the path of the QEMU to use, an old one when there is no other.
qemu_program() {
	local installed
	installed=$(command -v qemu-system-x86_64) || die 125 'missing: qemu-system-x86_64 (package qemu-system-x86)'
	[[ -x $(cat "$cache/resolved/qemu" 2>/dev/null) ]] || rm -f "$cache/resolved/qemu"
	remembered qemu qemu_choose "$installed"
	[[ $(<"$cache/resolved/qemu") != "$installed" ]] || qemu_good "$installed" || {
		note "$installed is old: it may kill a guest, or lose events, once in a few dozen runs"
		rm -f "$cache/resolved/qemu"
	}
}

qemu_choose() {
	local lock program
	if ! qemu_good "$1"; then
		mkdir -p "$cache/qemu"
		exec {lock}>"$cache/qemu/.lock"
		flock "$lock"
		program=$(qemu_cached) || { qemu_fetch >&2 && program=$(qemu_cached); }
		exec {lock}>&-
	fi
	printf '%s\n' "${program:-$1}"
}

# qemu_cached: prints the newest one in the cache that runs here.
qemu_cached() {
	local program
	while read -r program; do
		qemu_good "$program" && printf '%s\n' "$program" && return
	done < <(printf '%s\n' "$cache"/qemu/*/usr/bin/qemu-system-x86_64 | sort -rV)
	return 1
}

# qemu_fetch: from the backports of this Debian release, with package lists of its own.
qemu_fetch() (
	list=$cache/qemu/sources.list
	new=$cache/qemu/.new
	# shellcheck source=/dev/null
	[[ -r /etc/os-release ]] && . /etc/os-release
	[[ ${ID:-} == debian && -n ${VERSION_CODENAME:-} ]] || exit 1
	note 'fetching a QEMU without the faults of the installed one (once)'
	printf 'deb [signed-by=%s] %s %s main\n' /usr/share/keyrings/debian-archive-keyring.gpg \
		http://deb.debian.org/debian "$VERSION_CODENAME-backports" >"$list"
	apt_use_own_lists qemu/apt "$list"
	rm -rf "$new" "$new".*
	version=$(apt_version qemu-system-x86) || exit
	# shellcheck disable=SC2086 # one word per package
	apt_fetch "$new" $qemu_packages || exit
	mv "$new" "$cache/qemu/${version//:/_}"
)
