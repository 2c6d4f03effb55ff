#!/usr/bin/env bash
# The examples of the manual pages are run as they stand there, but for the process 1234 and its addresses:
# each ends with status 0 and prints something.
set -u

# shellcheck source=points.sh
. "$(dirname "${BASH_SOURCE[0]}")/points.sh"

# examples PAGE: what stands behind a prompt below EXAMPLES, one a line; of a literal display all lines
# together, for they belong to one shell.
examples() {
	awk '
	/^\.Sh / { here = $2 == "EXAMPLES" }
	!here { next }
	/^\.Bd / { display = 1; line = "" }
	/^\.Ed/ { display = 0; print line }
	/^\.Dl [#$] / { print substr($0, 7) }
	display && /^[#$] / { line = line (line ? "; " : "") substr($0, 3) }' "$pages/$1" | sed 's/\\-/-/g; s/\\e/\\/g'
}

# What it is run with: a process, an address of it, and programs that need not be installed.
prepare() {
	# shellcheck disable=SC2016 # expanded by the child
	bash -c 'x=$(head -c 300000 /dev/zero | tr "\0" x); echo >&3; read -r _' 3>"$tmp/ready" < <(sleep 1000) &
	pid=$!
	until [[ -s $tmp/ready ]]; do sleep 0.1; done
	heap=$(awk '/\[heap\]/ { print $1 }' "/proc/$pid/maps" | cut -d- -f1)
	mkdir "$tmp/bin" "$tmp/work"
	printf '#!/bin/sh\nexec cat\n' >"$tmp/bin/flamegraph.pl"
	chmod +x "$tmp/bin/flamegraph.pl"
	printf 'all:\n\t@echo made\n' >"$tmp/work/Makefile"
}

# run LINE: in a shell of its own. What it writes to a file is what it prints.
run() {
	local line=$1 status beside=''
	line=$(sed -E "s/\b1234\b/$pid/g; s/\b7[0-9a-f]{11}\b/$heap/g" <<<"$1")
	echo "$line"
	rm -f "$tmp"/work/*.svg
	# A machine at rest interrupts no processor.
	[[ $line != *'mmscope tlb '* ]] || { "$worker" interrupt & beside=$!; }
	(cd "$tmp/work" && PATH=$tmp/bin:$PATH bash -o pipefail -ec "$line") >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	[[ -z $beside ]] || kill "$beside"
	cat "$tmp/out" "$tmp/err"
	cat "$tmp"/work/*.svg >>"$tmp/out" 2>/dev/null
	((status == 0)) && [[ ! -s $tmp/err ]] && done_well "$line"
}

# These two do, and say nothing.
done_well() {
	case $1 in
	'mmscope load') grep -q '^mmscope ' /proc/modules ;;
	'mmscope unload') ! grep -q '^mmscope ' /proc/modules && mmscope load ;;
	*) [[ -s $tmp/out ]] ;;
	esac
}

pages=$here/../../userspace/man
prepare
for page in "$pages"/*; do
	name=${page##*/}
	examples "$name" >"$tmp/examples"
	[[ -s $tmp/examples ]] || point "$name has examples" false
	while read -r line <&5; do
		point "$name: $line" run "$line"
	done 5<"$tmp/examples"
done
echo "1..$number"
exit $failed
