#!/usr/bin/env bash
# Tests of the completions for bash and zsh: what each offers for a line, compared with what the program
# itself knows. zsh's runs in a terminal of its own, as it does for people.
set -u
# shellcheck source=checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
completion=$top/userspace/completion
PATH=$top/build/userspace:$PATH

# shellcheck source=/dev/null
. "$completion/mmscope.bash"

# bash_offers LINE: what bash would offer at its end. "=" is a word of its own, as bash splits it.
bash_offers() {
	local line=${1//=/ = }
	read -ra COMP_WORDS <<<"$line"
	[[ $line == *[[:blank:]] && $1 != *= ]] && COMP_WORDS+=('')
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMPREPLY=()
	_mmscope
	printf '%s\n' "${COMPREPLY[@]}"
}

zsh_offers() {
	timeout 60 zsh -f "$tmp/capture" "$completion" "$1" | tr -d '\r'
}

# In an interactive zsh, every word that is offered is printed, between two marks.
write_capture() {
	cat >"$tmp/capture" <<'END'
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PROMPT= RPROMPT=; stty -echo; unsetopt zle_bracketed_paste 2>/dev/null; source $0.rc ${(q)1}"
local line
repeat 200; do zpty -r z line && [[ $line == *READY* ]] && break; done
zpty -w -n z "$2"$'\t'
integer on=0
while zpty -r z line; do
	[[ $line == *BEGIN-OFFERS* ]] && on=1 && continue
	[[ $line == *END-OFFERS* ]] && break
	((on)) && [[ $line == OFFER\ * ]] && print -r -- "${line#OFFER }"
done
zpty -d z
END
	cat >"$tmp/capture.rc" <<'END'
mkdir -p ${0:h}/functions && cp $1/mmscope.zsh ${0:h}/functions/_mmscope
fpath=(${0:h}/functions $fpath)
autoload -Uz compinit && compinit -D -u
zstyle ':completion:*' list-grouped false
compadd() {
	local -a hits
	if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
		builtin compadd "$@"
		return
	fi
	builtin compadd -A hits "$@"
	(($#hits)) && print -rl -- "OFFER "$^hits
	return 0
}
offers_begin() { print; print BEGIN-OFFERS; }
offers_end() { print; print END-OFFERS; }
compprefuncs=(offers_begin)
comppostfuncs=(offers_end)
bindkey '^I' complete-word
print READY
END
}

# offers SHELL LINE WORD...: are exactly these offered?
offers() {
	local shell=$1 line=$2
	shift 2
	"${shell}_offers" "$line" | grep . | sort -u >"$tmp/offered"
	printf '%s\n' "$@" | grep . | sort -u | diff - "$tmp/offered" >"$tmp/diff"
	check "$shell: '$line' offers $(tr '\n' ' ' <<<"$*" | cut -c 1-40)" "${PIPESTATUS[3]}"
	sed 's/^/# /' "$tmp/diff"
}

# offers_some SHELL LINE WORD...: are these among what is offered?
offers_some() {
	local shell=$1 line=$2 word status=0
	shift 2
	"${shell}_offers" "$line" >"$tmp/offered"
	for word; do
		grep -qxF -e "$word" "$tmp/offered" || status=1
	done
	check "$shell: '$line' offers $*, among others" $status
	((!status)) || sed 's/^/# /' "$tmp/offered"
}

# The long options of a command; with "=" if they want a value.
options_of() {
	mmscope "$@" --help | grep -oP '^ {2,6}(-., )?\K--[a-z-]+=?'
}

columns_of() {
	mmscope "$1" -o help | awk '{ print $1 }'
}

# Words, of which there are many, are split where they are used.
# shellcheck disable=SC2046
test_both() {
	local shell=$1 commands
	commands=$(mmscope --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
	offers "$shell" 'mmscope ' $commands
	offers "$shell" 'mmscope t' tables tlb translate
	offers "$shell" 'mmscope --json ma' map
	offers "$shell" 'mmscope --' $(options_of)
	offers "$shell" 'mmscope ps --so' --sort=
	offers "$shell" 'mmscope cow --' $(options_of cow)
	offers "$shell" 'mmscope ps -s an' anon
	offers "$shell" 'mmscope ps --sort=an' anon
	offers "$shell" 'mmscope map -o soft' soft_dirty
	offers "$shell" 'mmscope tables --columns=' help $(columns_of tables)
	offers_some "$shell" 'mmscope map ' self $$
	offers_some "$shell" 'mmscope map -o rss ' self $$
	offers_some "$shell" 'mmscope --width 80 tables ' self $$
	offers_some "$shell" 'mmscope tlb --pid ' self $$
	offers "$shell" 'mmscope stat --width ' ''
	offers_some "$shell" 'mmscope stat mmsc' mmscope
	offers_some "$shell" 'mmscope stat -d 1 -- mmsc' mmscope
	offers_some "$shell" "mmscope load $tmp/" mmscope.ko
}

echo '# bash'
touch "$tmp/mmscope.ko"
# Of files bash offers the whole path.
bash_offers_paths() { bash_offers "$1" | sed "s#^$tmp/##"; }
eval "$(declare -f bash_offers | sed '1s/bash_offers/bash_words/')"
bash_offers() { bash_words "$1" | sed "s#^$tmp/##"; }
test_both bash
offers bash 'mmscope map -o rss,an' rss,anon
offers_some bash 'mmscope stat --pid 1,se' 1,self
offers bash 'mmscope map 1 --js' --json
offers bash "mmscope faults cat $tmp/mmscope.k" mmscope.ko
write_capture
test_both zsh
offers zsh 'mmscope map -o rss,an' anon
offers zsh 'mmscope map 1 --js' --json
echo "1..$count"
