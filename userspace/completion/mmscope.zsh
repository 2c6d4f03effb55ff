#compdef mmscope
# Completion of mmscope for zsh. Commands, options and columns are asked of the program itself.

# _mmscope_value OPTION: the value of an option. Return: 1 if it takes none.
_mmscope_value() {
	local -a columns
	case $1 in
	-o | --columns)
		columns=(help ${(f)"$($program --columns help 2>/dev/null | sed 's/ .*//')"})
		compset -P '*,'
		compadd -S '' -a columns
		;;
	-s | --sort)
		columns=(${(f)"$($program --columns help 2>/dev/null | sed 's/ .*//')"})
		compadd -a columns
		;;
	-p | --pid)
		compset -P '*,'
		compadd self /proc/<->(N:t)
		;;
	--debugfs) _files -/ ;;
	--output) _files ;;
	-d | --duration | -i | --interval | --top | --width | -r | --range | -f | --filter) ;;
	*) return 1 ;;
	esac
	return 0
}

_mmscope_options() {
	local -a options valued
	options=(${(f)"$($program --help 2>/dev/null | sed -n 's/^ \{2,6\}\(-., \)\{0,1\}\(--[a-z-]*\)\(=\{0,1\}\).*/\2\3/p')"})
	valued=(${(M)options:#*=})
	options=(${options:#*=})
	compadd -a options
	compadd -S '' -a valued
}

_mmscope_commands() {
	local -a list
	list=(${(f)"$($program[1] --help 2>/dev/null |
		sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .\{17\}\(.*\)/\1:\2/p')"})
	_describe command list
}

_mmscope() {
	local command='' word option=''
	local -a program
	integer i number=0 first=0

	program=(${~words[1]})
	for ((i = 2; i < CURRENT; i++)); do
		word=$words[i]
		if ((first)); then
			number+=1
		elif [[ -n $option ]]; then
			option=''
		elif [[ $word == -- ]]; then
			continue
		elif [[ $word == -* ]]; then
			# One whose value is the next word.
			[[ $word == (-o|-s|-p|-d|-i|-r|-f|--columns|--sort|--pid|--duration|--interval|--range|--filter|--debugfs|--output|--top|--width) ]] && option=$word
		elif [[ -z $command ]]; then
			command=$word
			program+=($command)
		else
			number=1
			first=i
		fi
	done
	word=$words[CURRENT]
	if [[ -n $option ]]; then
		_mmscope_value $option
	elif [[ $word == --*=* ]] && ((!first)); then
		compset -P '*='
		_mmscope_value ${word%%=*}
	elif [[ $word == -* ]] && ! { ((first)) && [[ $command == (stat|cow|tlb|faults) ]] }; then
		_mmscope_options
	elif [[ -z $command ]]; then
		_mmscope_commands
	else
		case $command in
		map | translate | tables | pages) ((first)) || compadd self /proc/<->(N:t) ;;
		lab) compadd ${(f)"$($program[1] lab 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p')"} ;;
		load) _files -g '*.ko' ;;
		stat | cow | tlb | faults)
			# As that command's own completion has it.
			((first)) || first=CURRENT
			shift $((first - 1)) words
			CURRENT=$((CURRENT - first + 1))
			_normal
			;;
		esac
	fi
}

_mmscope "$@"
