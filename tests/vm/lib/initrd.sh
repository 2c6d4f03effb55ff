# shellcheck shell=bash
# shellcheck disable=SC2154 # vm is set by common.sh
# The initramfs of a kernel directory: busybox, the modules that reach the host's root, init and guest.

initrd_modules='virtio_pci virtio_console overlay'

# What init and guest use of busybox. Links made here cost the guest less than "busybox --install".
initrd_applets='cat cp env grep hostname insmod ip ln mkdir mkfifo mount poweroff rmmod setsid sh sleep
	stty switch_root sync tail uname'

# initrd_depends DIR MODULE: what to insert for it, in order; nothing if it is built in.
initrd_depends() {
	modprobe -C /dev/null -d "$1" -S "$(<"$1/release")" --show-depends "$2" 2>/dev/null
}

# initrd_transport DIR: how its guests reach the host's files; Debian's cloud flavour has no 9p.
initrd_transport() {
	if initrd_depends "$1" 9p >/dev/null; then echo 9p; else echo virtiofs; fi
}

# initrd DIR: prints the path of its initramfs, made when missing or outdated.
initrd() {
	local dir=$1 file
	file=$dir/initrd-$(cat "$vm/init" "$vm/lib/guest" "$vm/lib/initrd.sh" /bin/busybox | sha256sum | cut -c 1-12)
	[[ -f $file ]] || initrd_make "$dir" "$file" || die 125 "cannot make the initramfs of $dir"
	printf '%s\n' "$file"
}

# Each run makes its own and renames it: two at once do no harm. Not compressed, because the guest
# takes longer to unpack than to read it.
initrd_make() {
	local dir=$1 file=$2 root status applet
	root=$(mktemp -d "$dir/initrd.XXXXXX") || return
	mkdir -p "$root"/{bin,dev,proc,sys,lower,rw,new,modules} &&
		cp /bin/busybox "$root/bin/busybox" && cp "$vm/init" "$root/init" && cp "$vm/lib/guest" "$root/guest" &&
		chmod 755 "$root" "$root/init" &&
		for applet in $initrd_applets; do ln -s busybox "$root/bin/$applet"; done &&
		initrd_add_modules "$dir" "$root/modules" &&
		(cd "$root" && find . -print0 | sort -z | cpio --quiet -0 -o -H newc -R 0:0) >"$root.cpio" &&
		mv "$root.cpio" "$file"
	status=$?
	rm -rf "$root" "$root.cpio"
	return "$status"
}

# initrd_add_modules DIR TO: the modules and what they depend on, uncompressed, and their order.
initrd_add_modules() {
	local dir=$1 to=$2 modules=$initrd_modules module path name
	case $(initrd_transport "$dir") in
	9p) modules+=' 9pnet_virtio 9p' ;;
	virtiofs) modules+=' virtiofs' ;;
	esac
	for module in $modules; do
		initrd_depends "$dir" "$module" >>"$to/depends" || {
			note "kernel $(<"$dir/release") has no $module, which it needs to reach the host's files"
			return 1
		}
	done
	awk '$1 == "insmod" && !seen[$2]++ { print $2 }' "$to/depends" >"$to/paths"
	while read -r path; do
		name=${path##*/}
		case $path in
		*.xz) xz -dc "$path" >"$to/${name%.xz}" ;;
		*.zst) zstd -qdc "$path" >"$to/${name%.zst}" ;;
		*.gz) gzip -dc "$path" >"$to/${name%.gz}" ;;
		*) cp "$path" "$to/$name" ;;
		esac || return
		printf '%s\n' "${name%.ko*}.ko"
	done <"$to/paths" >"$to/order"
	rm "$to/depends" "$to/paths"
}
