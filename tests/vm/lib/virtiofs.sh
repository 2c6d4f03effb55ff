# shellcheck shell=bash
# shellcheck disable=SC2154 # tmp is set by run
# The host's files for guests without 9p: virtiofs, and a program of this machine for each directory.

virtiofs_served=()

# virtiofs_socket TAG
virtiofs_socket() {
	echo "$tmp/virtiofs-$1/socket"
}

# virtiofs_program: part of QEMU up to 7.2 (Debian 12: qemu-system-common), a package of its own since.
virtiofs_program() {
	local program
	for program in /usr/lib/qemu/virtiofsd /usr/libexec/virtiofsd; do
		[[ ! -x $program ]] || { echo "$program" && return; }
	done
	die 125 'missing: virtiofsd (package qemu-system-common of Debian 12, later virtiofsd)'
}

# virtiofs_serve TAG DIR WRITABLE: returns when the socket is there. Who is not root is root of own files.
virtiofs_serve() {
	local socket program as=()
	socket=$(virtiofs_socket "$1")
	program=$(virtiofs_program) || exit
	((EUID == 0)) || as=(--map-root-user)
	mkdir "${socket%/*}"
	setpriv --pdeathsig KILL unshare --mount "${as[@]}" bash -c "$(declare -f virtiofs_alone); virtiofs_alone \"\$@\"" \
		virtiofs "${socket%/*}" "$3" "$program" -f --socket-path="$socket" -o "source=$2" -o sandbox=chroot \
		-o cache=auto </dev/null >"$tmp/virtiofs-$1.log" 2>&1 &
	virtiofs_served+=($!)
	until [[ -S $socket ]]; do
		kill -0 $! 2>/dev/null || die 125 "the host's $2 cannot be served: $(tail -n 3 "$tmp/virtiofs-$1.log")"
		sleep 0.05
	done
}

# virtiofs_alone DIR WRITABLE COMMAND...: with mounts of its own; unless rw, nothing can be written but DIR,
# whatever the guest asks for. /run is for locks; guests have one of their own.
virtiofs_alone() {
	local dir=$1 writable=$2 target
	shift 2
	mount --bind "$dir" "$dir" || return
	while [[ $writable == ro ]] && read -r target; do
		target=$(printf '%b' "$target")
		[[ $target == "$dir" ]] || mount -o remount,bind,ro "$target" || return
	done < <(findmnt -rno TARGET)
	# It keeps every file open that the guest knows.
	prlimit --pid $$ --nofile=1000000 2>/dev/null || ulimit -n "$(ulimit -H -n)"
	mount -t tmpfs tmpfs /run && mkdir /run/virtiofsd && exec "$@"
}

# They end with the machine; those that never saw one are ended.
virtiofs_stop() {
	((${#virtiofs_served[@]} == 0)) || kill "${virtiofs_served[@]}" 2>/dev/null
}
