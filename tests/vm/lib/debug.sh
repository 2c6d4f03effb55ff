# shellcheck shell=bash
# shellcheck disable=SC2154 # cache, top and vm are set by common.sh
# A kernel directory built from the distribution's kernel source with tests/vm/debug.config: the
# kernel that finds bugs. The variant kcsan adds tests/vm/kcsan.config.

debug_source=linux-source-6.12

# debug_fragments NAME
debug_fragments() {
	printf '%s\n' "$vm/debug.config"
	[[ $1 == debug ]] || printf '%s\n' "$vm/$1.config"
}

# debug_request NAME: one line per symbol, the last one asked for.
debug_request() {
	local files
	mapfile -t files < <(debug_fragments "$1")
	cat "${files[@]}" | awk '
		/^CONFIG_[A-Za-z0-9_]+=/ { split($0, part, "="); symbol = part[1] }
		/^# CONFIG_[A-Za-z0-9_]+ is not set$/ { symbol = $2 }
		symbol { line[symbol] = $0; symbol = "" }
		END { for (symbol in line) print line[symbol] }' | sort
}

# debug_key NAME: what else than the version of the source decides the result.
debug_key() {
	debug_request "$1" | sha256sum | cut -c 1-12
}

# debug_prepare DIR NAME: fill DIR.
debug_prepare() {
	local dir=$1
	need gcc:gcc make:make bc:bc bison:bison flex:flex pahole:dwarves
	apt_fetch "$dir" "$debug_source" || return
	# A program of its own, because "set -e" does nothing in a function called in a condition.
	debug_request "$2" >"$dir.request"
	"$vm/lib/build-debug" "$dir" "$dir/usr/src/$debug_source.tar.xz" "$dir.request" >"$dir.log" 2>&1 || {
		tail -n 20 "$dir.log" >&2
		return 1
	}
	rm -rf "${dir:?}/usr" "$dir.log" "$dir.request"
}
