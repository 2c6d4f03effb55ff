#!/usr/bin/env bash
# Tests of how tests/vm/run and tests/vm/kernel refuse wrong usage: one clear line, the right status,
# and before anything is downloaded, built or booted.
set -u
# shellcheck source=checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

# refuses STATUS TEXT PROGRAM ARG...: that status, nothing on stdout, one line on stderr with TEXT.
refuses() {
	local want=$1 text=$2 program=$3
	shift 3
	"$vm/$program" "$@" >"$tmp/out" 2>"$tmp/said" </dev/null
	(($? == want)) && [[ ! -s $tmp/out ]] && (($(wc -l <"$tmp/said") == 1)) && grep -qF -- "$text" "$tmp/said"
	check "$program $*: status $want, '$text'" $?
}

# With an empty cache and no way to fill it, anything that got past the options would fail differently.
export MMSCOPE_CACHE=$tmp/cache

refuses 2 'CMD is missing' run
refuses 2 'CMD is missing' run --
refuses 2 'CMD is missing' run --icount
refuses 2 "no such option: '--nonsense'" run --nonsense -- true
refuses 2 "no such option: '-x'" run -x -- true
refuses 2 "unknown kernel '5.0'" run -k 5.0 -- true
refuses 2 '-k wants a value' run -k
refuses 2 'two different modules' run --dkms --faults -- true
refuses 2 '--smp wants a number' run --smp two -- true
refuses 2 '--smp wants a number' run --smp 0 -- true
refuses 2 '--mem wants a size' run --mem lots -- true
refuses 2 '--mem wants 256M' run --mem 16M -- true
refuses 2 '--numa wants a number' run --numa -1 -- true
refuses 2 'wants more memory' run --numa 64 --mem 1G -- true
refuses 2 '--disk wants a size' run --disk big -- true
refuses 2 '--share wants a directory' run --share "$tmp/nothing" -- true
refuses 2 '--timeout wants a number' run --timeout soon -- true
refuses 125 'cannot write the log' run --log "$tmp/no/such/log" -- true
refuses 2 'no kernel name' kernel
refuses 2 "no such option: '--nonsense'" kernel --nonsense
refuses 2 "unknown kernel '5.0'" kernel 5.0
MMSCOPE_CACHE=/proc/nowhere refuses 125 'cannot write the cache' kernel 6.1
MMSCOPE_CACHE="$tmp/with blank" refuses 125 'holds a blank' kernel 6.1

"$vm/run" --help >"$tmp/out" 2>"$tmp/err" && grep -q '^usage: ' "$tmp/out" && [[ ! -s $tmp/err ]]
check 'run --help goes to stdout' $?
for tests in all few; do
	names=$(sed -n "s/^\([0-9][^[:space:]]*\).*[[:space:]]$tests\$/\1/p" "$vm/../KERNELS")
	[[ -n $names && $("$vm/kernel" --list $tests) == "$names" ]]
	check "kernel --list $tests prints the names of those rows of tests/KERNELS" $?
done
[[ $("$vm/kernel" --list) == "$("$vm/kernel" --list all)" ]]
check 'kernel --list prints those that every test runs on' $?
echo "1..$count"
