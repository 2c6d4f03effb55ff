#!/usr/bin/env bash
# The module goes and comes back: not while a file of it is open, then at once, with targets
# attached, and again and again while others read.
set -u

dir=/sys/kernel/debug/mmscope
module=${MMSCOPE_KO:-/run/vm/job/mmscope.ko}
points=0 failed=0

point() {
	local status=$1
	shift
	points=$((points + 1))
	if ((status == 0)); then
		echo "ok $points - $*"
	else
		failed=1
		echo "not ok $points - $*"
	fi
}

# Whether the module is there, with all of its files.
is_loaded() {
	[[ -d /sys/module/mmscope && -e $dir/version && -e $dir/attach && -e $dir/processes ]]
}

is_gone() {
	[[ ! -d /sys/module/mmscope && ! -e $dir ]]
}

# refuses WHAT: the module does not go, and works on.
refuses() {
	local said status
	said=$(rmmod mmscope 2>&1)
	status=$?
	[[ $status -ne 0 && $said == *"in use"* ]] && is_loaded && grep -q '^abi ' "$dir/version"
	point $? "rmmod with $1 open: refused, \"in use\""
}

goes() {
	rmmod mmscope && is_gone
	point $? "rmmod $1"
	insmod "$module" && is_loaded
	point $? "insmod $1"
}

# check_open FILE [WORDS]: with FILE open; WORDS are written to it.
check_open() {
	exec {file}<>"$1" || {
		point 1 "open $1"
		return
	}
	[[ -z ${2:-} ]] || echo "$2" >&"$file"
	refuses "${1#"$dir"/}"
	exec {file}>&-
}

# Reads all that is there, over and over, until it is told to stop.
reader() {
	while [[ ! -e $stop ]]; do
		cat "$dir/processes" "$dir/targets" "$dir/version" "$dir"/[0-9]*/*
	done >/dev/null 2>&1
}

# The module goes while others try to read it: whenever none has a file open.
check_busy() {
	local went=0 tries=0 round readers=()
	stop=$(mktemp -u)
	for round in 1 2; do
		reader &
		readers+=($!)
	done
	for ((round = 0; round < 8; round++)); do
		for ((tries = 0; tries < 2000; tries++)); do
			rmmod mmscope 2>/dev/null && break
		done
		[[ -d /sys/module/mmscope ]] || went=$((went + 1))
		insmod "$module" 2>/dev/null
		is_loaded || break
		echo $$ >"$dir/attach"
	done
	: >"$stop"
	wait "${readers[@]}"
	rm -f "$stop"
	((went == 8)) && is_loaded
	point $? "rmmod and insmod while others read: $went of 8 times"
}

main() {
	local pid file round
	[[ -r $module ]] || {
		echo "1..0 # SKIP no module to load again: $module"
		exit 0
	}
	echo 1..16
	sleep 1000 &
	pid=$!
	echo "$pid" >"$dir/attach"
	for file in targets processes "$pid/vmas" "$pid/records"; do
		exec {held}<"$dir/$file"
		refuses "$file"
		read -r -n 1 -u "$held" _
		exec {held}<&-
	done
	check_open "$dir/attach"
	check_open "$dir/attach" "hold $$"
	check_open "$dir/$pid/translate" 1000
	goes "with a target attached"
	kill "$pid"
	wait "$pid" 2>/dev/null
	echo $$ >"$dir/attach"
	goes "with another"
	[[ ! -e $dir/$$ ]]
	point $? "after insmod nobody is attached"
	for ((round = 0; round < 20; round++)); do
		rmmod mmscope || break
		is_gone || break
		insmod "$module" || break
	done
	((round == 20)) && is_loaded
	point $? "rmmod and insmod, 20 times"
	insmod "$module" hold_budget=1 2>/dev/null
	rmmod mmscope
	insmod "$module" hold_budget=1 2>/dev/null
	is_gone
	point $? "insmod with a budget too small: refused, nothing is left"
	insmod "$module"
	check_busy
	echo $$ >"$dir/detach"
	is_loaded
	point $? "the module is there at the end"
	return "$failed"
}

stop=''
main
