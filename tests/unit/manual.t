#!/usr/bin/env bash
# Tests of the manual pages: that mandoc and groff find nothing wrong with them, and that each option,
# column, key in JSON, file and name that the programs know is in the page it belongs in, and no option
# or column that they do not know. What they know is asked of them, or taken from their tables.
set -u
# shellcheck source=checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
pages=$top/userspace/man

mmscope() {
	"$top/build/userspace/mmscope" "$@"
}

# Every page has a file of its own, and no page is linked that has none.
lint() {
	local xr bad=0
	# That other packages' pages, or ours, are installed here is not asked for.
	mandoc -Tlint "$1" 2>/dev/null | grep -v 'referenced manual not found' && bad=1
	man --warnings -E UTF-8 -l -Tutf8 -Z "$1" 2>&1 >/dev/null | grep . && bad=1
	for xr in $(sed -n 's/^\.Xr \(mmscope[a-z-]*\) \([48]\).*/\1.\2/p' "$1"); do
		[[ -f $pages/$xr ]] || { echo "no page $xr" && bad=1; }
	done
	return $bad
}

# tagged MACRO PAGE: the words that a page's lists explain with this macro, one a line.
tagged() {
	sed -n "s/^\.It $1 //p" "$pages/$2" | tr -d ',' | tr -s ' ' '\n'
}

# options PAGE: long ones, as --NAME.
options() {
	grep '^\.It Fl ' "$pages/$1" | grep -oE 'Fl -[a-z-]+' | sed 's/^Fl /-/'
}

# known_options COMMAND...
known_options() {
	mmscope "$@" --help | sed -n 's/^ .*\(--[a-z-]*\).*/\1/p'
}

# short PAGE, known_short COMMAND...: pairs of a short option and its long one.
short() {
	sed -n 's/^\.It Fl \(\\&\)\{0,1\}\(.\) , Fl -\([a-z-]*\).*/-\2 --\3/p' "$pages/$1"
}
known_short() {
	mmscope "$@" --help | sed -n 's/^  \(-.\), \(--[a-z-]*\).*/\1 \2/p'
}

# same KNOWN TOLD: says what is known and not told, and what is told and not known.
same() {
	diff <(sort -u "$1") <(sort -u "$2") | sed -n 's/^</# not in the page:/p; s/^>/# not in the program:/p' >"$tmp/diff"
	sed 's/^/  /' "$tmp/diff"
	[[ ! -s $tmp/diff ]]
}

# within KNOWN TOLD: is all that is known told?
within() {
	comm -23 <(sort -u "$1") <(sort -u "$2") | sed 's/^/  # not in the page: /' >"$tmp/diff"
	cat "$tmp/diff"
	[[ -s $1 && ! -s $tmp/diff ]]
}

# An option is told in the command's page, or, if all have it, in mmscope(8).
test_options() {
	known_options >"$tmp/shared"
	options mmscope.8 >"$tmp/told"
	same "$tmp/shared" "$tmp/told"
	check "mmscope(8) tells the options of every command" $?
	known_short >"$tmp/known"
	short mmscope.8 >"$tmp/told"
	same "$tmp/known" "$tmp/told"
	check "mmscope(8) tells their letters" $?
	for command in $commands; do
		known_options "$command" | grep -vxFf "$tmp/shared" >"$tmp/known"
		options "mmscope-$command.8" >"$tmp/told"
		same "$tmp/known" "$tmp/told"
		check "mmscope-$command(8) tells its options" $?
		known_short "$command" | grep -vxF -e "$(known_short)" >"$tmp/known"
		short "mmscope-$command.8" >"$tmp/told"
		same "$tmp/known" "$tmp/told"
		check "mmscope-$command(8) tells their letters" $?
	done
}

test_columns() {
	local command
	for command in $commands; do
		mmscope "$command" -o help | awk '{ print $1 }' >"$tmp/known"
		tagged Cm "mmscope-$command.8" >"$tmp/told"
		same "$tmp/known" "$tmp/told"
		check "mmscope-$command(8) tells its columns" $?
	done
}

# keys FILE...: what these sources may write as a key: columns of their tables, and names given to
# the functions that write JSON.
keys() {
	(cd "$top/userspace" && {
		tr '\n' ' ' <<<"$(cat "$@")" | grep -oP '\{ "\K[a-z_]+(?=",\s+("[^"]*"|head), MMS_)'
		tr '\n' ' ' <<<"$(cat "$@")" |
			grep -oP 'mms_(out_(number|string|address|seconds|null|object|list|table|total)|show_(counters|histogram|processes))\([^;{"]*"\K[a-z_]+(?=")'
		tr '\n' ' ' <<<"$(cat "$@")" | grep -oP 'show_(group|why)\([^;{"]*"\K[a-z_]+(?=")'
		# A name of two, by what it is of.
		tr '\n' ' ' <<<"$(cat "$@")" | grep -oP 'kernel \? "[a-z]+" : "[a-z]+"' | grep -oP '"\K[a-z]+(?=")'
		# Named sums.
		tr '\n' ' ' <<<"$(cat "$@")" | grep -oP 'mms_show_counters\([^;{"]*"\K[a-z_]+(?=")' | sed 's/$/_total/'
		tr '\n' ' ' <<<"$(cat "$@")" | grep -oP 'show_group\([^;{"]*"\K[a-z_]+(?=")' | sed 's/$/_total/'
		grep -hoP 'notes\[\] = \{\K.*(?=\})' "$@" | grep -oP '"\K[a-z_]+'
	} | sort -u)
}

# told PAGE: the keys that a page explains, columns included.
told() {
	tagged Va "$1"
	tagged Cm "$1"
}

# keys_told PAGE FILE...: every key of FILEs is in PAGE.
keys_told() {
	local page=$1 status
	shift
	keys "$@" >"$tmp/known"
	told "$page" >"$tmp/told"
	within "$tmp/known" "$tmp/told"
	status=$?
	check "$page tells the $(wc -l <"$tmp/known") keys of $*" $status
}

test_keys() {
	for command in map translate tables pages ps doctor stat cow tlb faults; do
		keys_told "mmscope-$command.8" "cmd_$command.c"
	done
	for command in load unload; do
		grep -oP 'mms_out_[a-z]+\(out, "\K[a-z]+' "$top/userspace/cmd_load.c" |
			grep -vxF "$([[ $command == load ]] || echo module)" >"$tmp/known"
		told "mmscope-$command.8" >"$tmp/told"
		within "$tmp/known" "$tmp/told"
		check "mmscope-$command.8 tells its keys" $?
	done
	keys_told mmscope-stat.8 show_run.c readings.c
	grep -oP 'MMS_PROCESS_[A-Z]+\s+\{ "\K[a-z]+' "$top/userspace/show.h" >"$tmp/process"
	for command in cow tlb faults; do
		told "mmscope-$command.8" >"$tmp/told"
		within "$tmp/process" "$tmp/told"
		check "mmscope-$command.8 tells the keys of processes" $?
		keys_told "mmscope-$command.8" show_stacks.c
	done
	for command in cow faults; do
		keys_told "mmscope-$command.8" show_vmas.c
	done
	for command in stat tlb; do
		told "mmscope-$command.8" >"$tmp/told"
		keys show_flushes.c | if [[ $command == tlb ]]; then cat; else
			# A table of tlb alone.
			grep -vxFf <(reasons) | grep -vxF -e by_cpu -e cpu
		fi >"$tmp/known"
		within "$tmp/known" "$tmp/told"
		check "mmscope-$command.8 tells the keys of flushes" $?
	done
	# Of show_tables.c the counters are told once, the histograms where they are.
	keys show_tables.c | grep -vxF -e from -e to -e below -e bar -e histogram -e processes >"$tmp/all"
	grep -E '_ns$|^buckets$' "$tmp/all" >"$tmp/known"
	grep -vE '_ns$|^buckets$' "$tmp/all" >"$tmp/counters"
	told mmscope-stat.8 >"$tmp/told"
	within "$tmp/counters" "$tmp/told"
	check 'mmscope-stat.8 tells the keys of counters' $?
	for command in tlb faults; do
		told "mmscope-$command.8" >"$tmp/told"
		within "$tmp/known" "$tmp/told"
		check "mmscope-$command.8 tells the keys of histograms" $?
	done
	{ names cost "$top/module/leaf.c"; keys viewtable.c; echo schema; echo error; } >"$tmp/known"
	told mmscope.8 >"$tmp/told"
	within "$tmp/known" "$tmp/told"
	check 'mmscope.8 tells the keys that all have' $?
}

# What the program writes here, where there is no module: its keys are told, too.
test_written() {
	mmscope --json doctor | grep -oP '"\K[a-z_]+(?=":)' >"$tmp/known"
	cat <(told mmscope.8) <(told mmscope-doctor.8) >"$tmp/told"
	within "$tmp/known" "$tmp/told"
	check 'what doctor writes is told' $?
	mmscope --json doctor | grep -oP '"check":"\K[^"]+' >"$tmp/known"
	sed -n 's/^\.It Li //p' "$pages/mmscope-doctor.8" >"$tmp/told"
	same "$tmp/known" "$tmp/told"
	check 'mmscope-doctor(8) tells what it checks' $?
	grep -oP '^\t\{ "\K[^"]+(?=", ")' "$top/userspace/cmd_translate.c" >"$tmp/known"
	sed -n 's/^\.It Li //p' "$pages/mmscope-translate.8" >"$tmp/told"
	same "$tmp/known" "$tmp/told"
	check 'mmscope-translate(8) tells what an access would do' $?
}

# names FUNCTION FILE: the strings of a function that names things, whose name ends so.
names() {
	sed -n "/$1.*(.*unsigned int\|$1.*(.*enum/,/^}/p" "$2" | grep -oP '= "\K[^"]+'
}

reasons() {
	names tlb_reason_name "$top/module/event_names.c"
}

# Every word of the page, marked up or not.
words() {
	tr -c 'A-Za-z0-9_:.-' '\n' <"$pages/$1" | sed 's/[.:]*$//' | sort -u
}

test_module() {
	words mmscope.4 >"$tmp/words"
	grep -hoP '\{ "\K[a-z_]+(?=", 0[0-7]+, &)|debugfs_create_file\("\K[a-z]+' "$top/module/debugfs.c" >"$tmp/known"
	grep -hoP '\.name = "\K[a-z_]+' "$top"/module/view_*.c "$top/module/main.c" >>"$tmp/known"
	grep '^\.It Pa ' "$pages/mmscope.4" | sed 's/^\.It Pa //; s/PID\///g' | tr -d ',' | tr -s ' ' '\n' >"$tmp/told"
	same "$tmp/known" "$tmp/told"
	check 'mmscope(4) tells every file' $?
	grep -oP '^\t\{ "\K[a-z_]+(?=", MMS_STAT)' "$top/module/stat.c" >"$tmp/known"
	sed -n '/^\.Sh MEASURES/,/^\.Ss Kinds/p' "$pages/mmscope.4" | sed -n 's/^\.It Va //p' >"$tmp/told"
	same "$tmp/known" "$tmp/told"
	check 'mmscope(4) tells every measure' $?
	sed -n '/version_head/,/^}/s/.*seq_printf(m, "\([a-z_]*\) .*/\1/p' "$top/module/main.c" >"$tmp/known"
	sed -n '/^\.Sh VERSION/,/^\.Sh MEASURES/s/^\.It Va //p' "$pages/mmscope.4" >"$tmp/told"
	same "$tmp/known" "$tmp/told"
	check 'mmscope(4) tells every line of version' $?
	names class_name "$top/module/leaf.c" >"$tmp/known"
	sed -n '/^\.Ss Classes/,/^\.Ss Flags/s/^\.It Li //p' "$pages/mmscope.4" >"$tmp/told"
	same "$tmp/known" "$tmp/told"
	check 'mmscope(4) tells every class' $?
	# The columns of each view, as its title names them, and what stands in lines of their own.
	grep -hoP 'seq_(puts|printf)\(m, "\K[^"]*' "$top"/module/view_*.c "$top"/module/count.c |
		sed 's/\\n//g; s/%[-0-9a-z]*//g' | tr -c 'a-z_-' '\n' | grep -E '[a-z]{2}' >"$tmp/known"
	within "$tmp/known" "$tmp/words"
	check 'mmscope(4) tells every column of every view' $?
	{
		names kind_name "$top/module/leaf.c"
		names cost "$top/module/leaf.c"
		sed -n '/append_flags\|struct flag/,$s/.*{ .*"\([A-Za-z-]*\)" },/\1/p' "$top/module/leaf.c"
		grep -oP '"\K(NX|PAT|PROTNONE)(?=")' "$top/module/leaf.c"
		grep -oP '= "\K[a-z_]+|^\t.*"\K[a-z_]+(?=" *\},$)' "$top/module/event_names.c"
	} >"$tmp/known"
	within "$tmp/known" "$tmp/words"
	check 'mmscope(4) tells every kind, flag and counter' $?
	sed -n '/^struct mms_\(layout\|record\|records_header\) {/,/^};/s/^\t[a-z_ 0-9]* \([a-z_]*\)\(\[.*\]\)*;.*/\1/p' \
		"$top/module/uapi/mmscope.h" | grep -vx pad >"$tmp/known"
	sed -n '/^\.Sh RECORD FORMAT/,/^\.Sh EXAMPLES/s/^\.It Va //p' "$pages/mmscope.4" | tr -d ',' | tr -s ' ' '\n' >"$tmp/told"
	same "$tmp/known" "$tmp/told"
	check 'mmscope(4) tells every field of the records' $?
	# But for those that only a build for tests has.
	sed '/^#ifdef MMS_FAULTS/,/^#endif/d' "$top/module/main.c" | grep -oP 'module_param\w*\((\w+, )?\K\w+' >"$tmp/known"
	sed -n '/^\.Ss Module parameters/,/^\.Ss Files/s/^\.It Va //p' "$pages/mmscope.4" >"$tmp/told"
	same <(sed 's/^mms_//' "$tmp/known") "$tmp/told"
	check 'mmscope(4) tells every parameter' $?
}

commands=$(mmscope --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
for page in "$pages"/*; do
	lint "$page" >"$tmp/said"
	check "${page##*/}: nothing wrong with it" $?
done
for command in $commands; do
	[[ -f $pages/mmscope-$command.8 ]]
	check "$command has a page" $?
done
test_options
test_columns
test_keys
test_written
test_module
echo "1..$count"
