#!/usr/bin/env bash
# Tests of the schemas of JSON: there is one for each command, valid and strict; it and the manual pages have
# the same keys; and tests/validate refuses what is not as they say.
set -u
# shellcheck source=checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

validate() {
	"$top/tests/validate" "$@" >"$tmp/said" 2>&1
}

# told PAGE...: the keys that pages explain.
told() {
	(cd "$top/userspace/man" && sed -n 's/^\.It \(Va\|Cm\) //p' "$@" | tr -d ',' | tr -s ' ' '\n')
}

keys() {
	local command
	for command; do "$top/tests/validate" --keys "$command"; done
}

# Every key of a command's schema is in its page, or where that page sends its reader; and every key in
# its page is in its schema. What is common to those that count is told in stat's.
same_keys() {
	local command=$1 pages=("mmscope-$1.8" mmscope.8) schemas=("$1")
	[[ ! $command =~ ^(stat|cow|tlb|faults)$ ]] || pages+=(mmscope-stat.8)
	[[ $command != stat ]] || schemas+=(cow tlb faults)
	keys "$command" >"$tmp/keys" || return
	{
		comm -23 "$tmp/keys" <(told "${pages[@]}" | sort -u) | sed 's/^/not in the page: /'
		comm -13 <(keys "${schemas[@]}" | sort -u) <(told "mmscope-$command.8" | sort -u) |
			sed 's/^/not in the schema: /'
	} >"$tmp/said"
	[[ -s $tmp/keys && ! -s $tmp/said ]]
}

# refuses WHAT EXPECTED FILTER: what doctor wrote, changed by a jq FILTER, is refused with these words.
refuses() {
	jq "$3" "$tmp/doctor" >"$tmp/wrong" && ! validate "$tmp/wrong" && grep -qF -- "$2" "$tmp/said" &&
		(($(wc -l <"$tmp/said") == 1))
	check "$1 is refused" $?
}

# lax WHAT EXPECTED FILTER: the same of a schema that is changed.
lax() {
	rm -rf "$tmp/schema"
	cp -r "$top/userspace/schema" "$tmp/schema"
	jq "$3" "$top/userspace/schema/mmscope-map-1.json" >"$tmp/schema/mmscope-map-1.json"
	! validate --schemas "$tmp/schema" --check && grep -qF -- "$2" "$tmp/said"
	check "$1 is found" $?
}

commands=$("$top/build/userspace/mmscope" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
validate --check
check 'the schemas are valid and strict' $?
diff <(printf 'mmscope-%s-1.json\n' common $commands | sort) <(cd "$top/userspace/schema" && ls) >"$tmp/said"
check 'there is one for each command' $?
for command in $commands; do
	same_keys "$command"
	check "$command: the manual pages have the same keys" $?
done

# Without the module, as here, these say what they have to say.
"$top/build/userspace/mmscope" --json doctor >"$tmp/doctor"
"$top/build/userspace/mmscope" --json load /dev/null >"$tmp/load" 2>/dev/null
jq -e '.error' "$tmp/load" >"$tmp/said" && validate "$tmp/doctor" "$tmp/load"
check 'what doctor and a failing load write passes' $?
refuses 'an undocumented key' "'more' was unexpected" '. + {more: 1}'
refuses 'an undocumented key in a row' "'more' was unexpected" '.checks[3] += {more: null}'
refuses 'a missing key' "'verdict' is a required property" 'del(.verdict)'
refuses 'a missing key in a row' "'state' is a required property" 'del(.checks[0].state)'
refuses 'a number for a string' '/checks/1/detail: 6 is not of type' '.checks[1].detail = 6'
refuses 'an unknown word' "'fine' is not one of" '.verdict = "fine"'
refuses 'a schema that is not there' "no schema is named 'mmscope/nonsense'" '.schema = "mmscope/nonsense"'
refuses 'a command that is not there' 'no file' '.schema = "mmscope/nonsense/1"'
echo '{' >"$tmp/wrong"
! validate "$tmp/wrong" "$tmp/doctor"
check 'what is no JSON is refused' $?
! validate --all-keys "$tmp/load" && grep -qx 'mmscope/load/1: no file has state' "$tmp/said"
check 'a key that no file has is found' $?
lax 'an object where any key passes' '/properties/vmas/items: any key passes' \
	'del(.properties.vmas.items.additionalProperties)'
lax 'an invalid schema' 'mmscope-map-1.json: ' '.properties.vmas.type = "list"'
echo "1..$count"
