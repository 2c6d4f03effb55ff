# shellcheck shell=bash
# shellcheck disable=SC2154 # cache, program and tmp are set by common.sh and run
# Whether this machine's KVM can be used. It may open and then hang: only a boot proves it.

# accel DIR INITRD: prints kvm or tcg. The answer holds until the host reboots.
accel() {
	local file boot
	[[ -r /dev/kvm && -w /dev/kvm ]] || {
		echo tcg
		return
	}
	boot=$(</proc/sys/kernel/random/boot_id)
	file=$cache/kvm/$boot/$(<"$1/release")
	if [[ ! -s $file ]]; then
		mkdir -p "${file%/*}"
		find "$cache/kvm" -mindepth 1 -maxdepth 1 ! -name "$boot" -exec rm -rf {} +
		accel_decide "$1" "$2" "$file"
	fi
	cat "$file"
}

# accel_decide DIR INITRD FILE: one trial at a time, its answer in FILE.
accel_decide() {
	local lock answer=tcg
	exec {lock}>"${3%/*}/.lock"
	flock "$lock"
	if [[ ! -s $3 ]]; then
		accel_boots "$1" "$2" && answer=kvm
		printf '%s\n' "$answer" >"$3"
	fi
	exec {lock}>&-
}

# accel_boots DIR INITRD: a guest that says it has booted and powers off within seconds.
accel_boots() {
	local said=$tmp/trial
	(
		ulimit -c 0
		setpriv --pdeathsig KILL timeout -k 1 15 setpriv --pdeathsig KILL "$program" \
			-nodefaults -display none -no-reboot -accel kvm -cpu max -m 512M \
			-kernel "$1/vmlinuz" -initrd "$2" -append "console=ttyS0 panic=-1 mmscope_trial" \
			-device virtio-serial-pci -chardev "file,id=status,path=${said//,/,,}" \
			-device virtserialport,chardev=status,name=mmscope.status
	) </dev/null >/dev/null 2>&1 && grep -qs ^booted "$said"
}
