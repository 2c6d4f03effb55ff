# shellcheck shell=bash
# shellcheck disable=SC2034 # variables of the scripts that source this
# What the tests in shell share: where things are, a temporary directory, and points in TAP.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
vm=$top/tests/vm
tmp=$(mktemp -d) || exit
trap 'rm -rf "$tmp"' EXIT
count=0

# check WHAT STATUS: one test line; STATUS 0 is good, else it is followed by what $tmp/said holds.
check() {
	count=$((count + 1))
	if (($2 == 0)); then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		[[ ! -e $tmp/said ]] || sed 's/^/# /' "$tmp/said"
	fi
	rm -f "$tmp/said"
}
