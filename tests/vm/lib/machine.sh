# shellcheck shell=bash
# shellcheck disable=SC2154,SC2054 # the options are set by run; the commas are QEMU's
# The virtual machine: QEMU's command line, starting, waiting, stopping. Knows nothing about what the
# guest does; $tmp holds what goes in ($tmp/in, seen by the guest) and what comes out.

machine=()

# machine_share TAG DIR WRITABLE: show the host's DIR to the guest. "none" lets a user who is not root
# serve it: what cannot be done with the host's files is left out silently.
machine_share() {
	local options=local,path=${2//,/,,},mount_tag=$1,security_model=none,multidevs=remap
	if [[ $transport == virtiofs ]]; then
		virtiofs_serve "$@"
		machine+=(-chardev "socket,id=$1,path=$(virtiofs_socket "${1//,/,,}")" -device "vhost-user-fs-pci,chardev=$1,tag=$1")
		return
	fi
	[[ $3 == rw ]] || options+=,readonly=on
	machine+=(-virtfs "$options")
}

# machine_port NAME: a serial port of the guest whose output is the file $tmp/NAME. A file never makes
# the guest wait, and keeps everything should QEMU end before its reader has caught up.
machine_port() {
	: >"$tmp/$1"
	machine+=(-chardev "file,id=$1,path=${tmp//,/,,}/$1" -device "virtserialport,chardev=$1,name=mmscope.$1")
}

# machine_memory NAME MEGABYTES: memory that those who serve virtiofs can share.
machine_memory() {
	local kind=memory-backend-ram
	[[ $transport != virtiofs ]] || kind=memory-backend-memfd,share=on
	machine+=(-object "$kind,id=$1,size=$2M")
}

# machine_nodes COUNT MEGABYTES CPUS: memory and processors in equal parts, a socket for each processor.
machine_nodes() {
	local node
	machine+=(-smp "$3,sockets=$3")
	for ((node = 0; node < $1; node++)); do
		machine_memory "ram$node" "$(($2 / $1))"
		machine+=(-numa "node,nodeid=$node,memdev=ram$node")
	done
	for ((node = 0; node < $3; node++)); do
		machine+=(-numa "cpu,node-id=$((node % $1)),socket-id=$node")
	done
}

# machine_disks SIZE...: empty disks, gone with the machine.
machine_disks() {
	local size count=0
	for size; do
		truncate -s "$size" "$tmp/disk$count" || die 125 "cannot make a disk of $size"
		machine+=(-drive "file=${tmp//,/,,}/disk$count,if=none,id=disk$count,format=raw,cache=unsafe,discard=unmap"
			-device "virtio-blk-pci,drive=disk$count")
		count=$((count + 1))
	done
}

# machine_processor ACCEL: icount wants one processor emulated by one thread.
machine_processor() {
	# Copying with "rep movsb" would count, and cost, an instruction for every byte.
	machine+=(-cpu max,-fsrm,-erms -smp "$smp" -m "${mem}M")
	if ((icount)); then
		machine+=(-accel "tcg,thread=single" -icount "shift=0,sleep=off")
	elif [[ $1 == kvm ]]; then
		machine+=(-accel kvm)
	else
		machine+=(-accel "tcg,thread=$threads")
	fi
}

# Everything that is said goes to the console. The detectors of stalls get times that an emulated
# machine on a busy host does not reach by itself.
machine_append() {
	printf '%s' 'console=ttyS0 ignore_loglevel printk.devkmsg=on panic=-1'
	[[ $1 == kvm ]] || printf ' %s' no_timer_check watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120
	printf ' %s' "$append"
}

# machine_events: QEMU's own account of why it ended, in $tmp/events.out. It is said only to a client
# that greets; the greeting waits in the pipe until QEMU opens it.
machine_events() {
	local greeting
	mkfifo "$tmp/events.in" && : >"$tmp/events.out"
	exec {greeting}<>"$tmp/events.in"
	echo '{"execute":"qmp_capabilities"}' >&"$greeting"
	machine+=(-chardev "pipe,id=events,path=${tmp//,/,,}/events" -mon "chardev=events,mode=control")
}

# machine_terminal: the caller's terminal is the guest's first virtio console.
machine_terminal() {
	machine+=(-chardev "stdio,id=terminal,mux=on,signal=off" -device "virtconsole,chardev=terminal")
}

# machine_build DIR INITRD ACCEL
machine_build() {
	machine=("$program" -name mmscope -machine q35 -no-user-config -nodefaults -display none -no-reboot
		-kernel "$1/vmlinuz" -initrd "$2" -append "$(machine_append "$3")"
		-chardev "file,id=console,path=${tmp//,/,,}/console" -serial chardev:console
		-device virtio-serial-pci,ioeventfd=off)
	machine_processor "$3"
	if ((numa)); then
		machine_nodes "$numa" "$mem" "$smp"
	else
		machine_memory ram "$mem"
		machine+=(-machine memory-backend=ram)
	fi
	((!tty)) || machine_terminal
	machine_port status
	machine_port out
	machine_port err
	machine_share host / ro
	machine_share job "$tmp/in" ro
	machine_disks "${disks[@]}"
	machine_events
}

# machine_start: in the background, its process in $qemu. It dies with this script however that ends,
# and does not leave a core file.
machine_start() {
	: >"$tmp/console"
	local guard=(setpriv --pdeathsig KILL timeout --foreground -k 5 "$timeout" setpriv --pdeathsig KILL)
	ulimit -c 0
	if ((tty)); then
		"${guard[@]}" "${machine[@]}" <&0 2>"$tmp/qemu" &
	else
		"${guard[@]}" "${machine[@]}" </dev/null >"$tmp/qemu" 2>&1 &
	fi
	qemu=$!
}

# machine_relay: what the command prints, to our own output. The readers end with QEMU.
machine_relay() {
	tail -c +1 -s 0.1 --pid="$qemu" -f "$tmp/out" &
	relays=$!
	tail -c +1 -s 0.1 --pid="$qemu" -f "$tmp/err" >&2 &
	relays+=" $!"
}

# machine_wait: returns QEMU's status, 124 after a timeout, when all output has been passed on.
machine_wait() {
	local status
	wait "$qemu"
	status=$?
	qemu=''
	# shellcheck disable=SC2086 # one word per process
	wait $relays
	return "$status"
}

machine_stop() {
	[[ -n ${qemu:-} ]] || return
	kill "$qemu" 2>/dev/null
	wait "$qemu" 2>/dev/null
	qemu=''
}
