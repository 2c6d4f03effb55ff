# shellcheck shell=bash
# shellcheck disable=SC2154 # cache, top and vm are set by common.sh
# Debian packages without root: which version is current, and fetching it. The system's package lists
# are used when they serve; otherwise lists of our own, kept in the cache.

apt_own=()	# options that select our own lists; empty while the system's serve

apt_quiet() {
	local tool=$1
	shift
	# As root, apt would drop to a user who cannot write our directories.
	"$tool" -qq -o APT::Sandbox::User=root -o Acquire::Retries=1 -o Acquire::http::Timeout=30 \
		"${apt_own[@]}" "$@"
}

# apt_use_own_lists [NAME SOURCES]: from the system's sources, or from the file SOURCES alone. Update
# scripts configured for the system may fail without root: whether the lists serve is found out by
# using them, not from the exit status.
apt_use_own_lists() {
	local dir=$cache/${1:-apt}
	mkdir -p "$dir/lists/partial" "$dir/archives/partial"
	apt_own=(-o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir" -o Debug::NoLocking=1)
	(($# < 2)) || apt_own+=(-o "Dir::Etc::sourcelist=$2" -o Dir::Etc::sourceparts=-)
	[[ -n $(find "$dir/updated" -mmin -60 2>/dev/null) ]] && return
	apt_quiet apt-get update >"$dir/update.log" 2>&1 || :
	touch "$dir/updated"
}

# apt_version PACKAGE: the version that apt would install, or failure.
apt_version() {
	local version
	version=$(apt_quiet apt-cache show --no-all-versions "$1" 2>/dev/null | sed -n 's/^Version: //p' | head -n 1)
	[[ -n $version ]] && printf '%s\n' "$version"
}

# apt_depends PACKAGE REGEX: the direct, unconditional dependencies whose name matches.
apt_depends() {
	apt_quiet apt-cache depends "$1" 2>/dev/null | sed -n 's/^  Depends: //p' | grep -E -- "$2"
}

# apt_fetch DIR PACKAGE...: download and unpack below DIR.
apt_fetch() {
	local dir=$1 deb
	shift
	mkdir -p "$dir.debs"
	(cd "$dir.debs" && apt_quiet apt-get download "$@") >"$dir.log" 2>&1 || return
	for deb in "$dir.debs"/*.deb; do
		dpkg -x "$deb" "$dir" || return
	done
	rm -rf "$dir.debs" "$dir.log"
}

# remembered KEY COMMAND...: the output of COMMAND, kept until the package lists change, a day at
# most: starting apt takes as long as booting a guest. What the system's lists said is no answer when
# our own are used.
remembered() {
	local file=$cache/resolved/$1 answer
	shift
	if ((!${#apt_own[@]})) && [[ -s $file && $file -nt /var/lib/apt/lists && $file -nt $top/tests/KERNELS &&
		-n $(find "$file" -mmin -1440) ]]; then
		cat "$file"
		return
	fi
	answer=$("$@") || return
	mkdir -p "${file%/*}"
	printf '%s\n' "$answer" >"$file.$$"
	mv "$file.$$" "$file"
	printf '%s\n' "$answer"
}
