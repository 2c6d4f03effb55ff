# shellcheck shell=bash
# Completion of mmscope for bash. Commands, options and columns are asked of the program itself.

# Words the program knows: commands, options of a command, columns of a command.
_mmscope_commands() {
	"$1" --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

_mmscope_options() {
	"$@" --help 2>/dev/null | sed -n 's/^ \{2,6\}\(-., \)\{0,1\}\(--[a-z-]*=\{0,1\}\).*/\2/p'
}

_mmscope_columns() {
	"$@" --columns help 2>/dev/null | sed 's/ .*//'
}

_mmscope_labs() {
	"$1" lab 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p'
}

_mmscope_pids() {
	local dir
	echo self
	for dir in /proc/[0-9]*; do
		echo "${dir##*/}"
	done
}

# _mmscope_reply WORDS CUR: those of WORDS that CUR may become; an option that wants a value gets no blank.
_mmscope_reply() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
	[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
}

# _mmscope_list WORDS CUR: the same for the last of a list between commas.
_mmscope_list() {
	local last=${2##*,}
	mapfile -t COMPREPLY < <(compgen -W "$1" -P "${2%"$last"}" -- "$last")
	compopt -o nospace 2>/dev/null
}

# _mmscope_value OPTION CUR: the value of an option. Return: 1 if it takes none.
_mmscope_value() {
	case $1 in
	-o | --columns) _mmscope_list "help $(_mmscope_columns "${program[@]}")" "$2" ;;
	-s | --sort) _mmscope_reply "$(_mmscope_columns "${program[@]}")" "$2" ;;
	-p | --pid) _mmscope_list "$(_mmscope_pids)" "$2" ;;
	--debugfs) mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
	--output) mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
	-d | --duration | -i | --interval | --top | --width | -r | --range | -f | --filter) ;;
	*) return 1 ;;
	esac
	return 0
}

# _mmscope_argument COMMAND NUMBER FIRST CUR: the NUMBERth argument; the first is word FIRST of the line.
_mmscope_argument() {
	case $1:$2 in
	map:1 | translate:1 | tables:1 | pages:1) _mmscope_reply "$(_mmscope_pids)" "$4" ;;
	lab:*) _mmscope_reply "$(_mmscope_labs "${program[0]}")" "$4" ;;
	load:1) mapfile -t COMPREPLY < <(compgen -f -X '!*.ko' -- "$4" && compgen -d -- "$4") ;;
	stat:1 | cow:1 | tlb:1 | faults:1) mapfile -t COMPREPLY < <(compgen -c -- "$4") ;;
	stat:* | cow:* | tlb:* | faults:*)
		# As that command's own completion has it, where there is one.
		if declare -F _command_offset >/dev/null; then
			_command_offset "$3"
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$4")
		fi
		;;
	esac
}

_mmscope() {
	local cur=${COMP_WORDS[COMP_CWORD]} option='' command='' number=0 first=0 i word
	local program=("${COMP_WORDS[0]/#\~/$HOME}")

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		# "=" is a word of its own.
		=) ;;
		-- | -*)
			# What follows a command's name to be run is not ours.
			if [[ $command =~ ^(stat|cow|tlb|faults)$ ]] && ((number)); then
				number=$((number + 1))
			else
				option=$word
				continue
			fi
			;;
		*)
			if _mmscope_value "$option" ''; then
				option=
			elif [[ -z $command ]]; then
				command=$word
				program+=("$command")
			else
				number=$((number + 1))
				((first)) || first=$i
			fi
			;;
		esac
		[[ $word == = ]] || option=
	done
	COMPREPLY=()
	[[ $cur != = ]] || cur=
	if ((number == 0)) && _mmscope_value "$option" "$cur"; then
		return
	elif ((number == 0)) && [[ $cur == -* && $option != -- ]]; then
		_mmscope_reply "$(_mmscope_options "${program[@]}")" "$cur"
	elif [[ -z $command ]]; then
		_mmscope_reply "$(_mmscope_commands "${program[0]}")" "$cur"
	elif ((number)) && [[ $cur == -* && ! $command =~ ^(stat|cow|tlb|faults)$ ]]; then
		_mmscope_reply "$(_mmscope_options "${program[@]}")" "$cur"
	else
		_mmscope_argument "$command" $((number + 1)) "$((first ? first : COMP_CWORD))" "$cur"
	fi
}

complete -F _mmscope mmscope
