# shellcheck shell=bash
# shellcheck disable=SC2154 # cache, top and vm are set by common.sh
# A kernel directory made of the distribution's packages: image, modules and headers, not installed.

# stock_current IMAGE-META: prints "VERSION RELEASE", what the meta package stands for today.
# A row may also name a versioned package.
stock_current() {
	local image version
	image=$(apt_depends "$1" '^linux-image-' | head -n 1)
	image=${image:-$1}
	version=$(apt_version "$image") || return
	image=${image#linux-image-}
	printf '%s %s\n' "$version" "${image%-unsigned}"
}

# stock_headers HEADERS-META RELEASE: the packages that make up the headers.
stock_headers() {
	local headers=$1
	[[ $headers == "linux-headers-$2" ]] || headers=$(apt_depends "$1" '^linux-headers-.*[0-9]' | head -n 1)
	if [[ $headers != "linux-headers-$2" ]]; then
		[[ -z $headers ]] || note "$1 is $headers, which does not belong to kernel $2"
		return 1
	fi
	printf '%s\n' "$headers"
	apt_depends "$headers" '^linux-(headers|kbuild|compiler-gcc)-'
}

# stock_prepare DIR RELEASE HEADERS-META: fill DIR.
stock_prepare() {
	local dir=$1 release=$2 packages
	packages=$(stock_headers "$3" "$release") || return
	# shellcheck disable=SC2086 # one word per package
	apt_fetch "$dir" "linux-image-$release" $packages || return
	stock_arrange "$dir" "$release"
}

# The headers name their own place, /usr/src, in one include and two links: make them relative, so
# that the directory works wherever it is.
stock_arrange() {
	local dir=$1 release=$2 file headers=usr/src/linux-headers-$2
	for file in vmlinuz config System.map; do
		mv "$dir/boot/$file-$release" "$dir/$file" || return
	done
	[[ -d $dir/lib/modules ]] || mv "$dir/usr/lib/modules" "$dir/lib/" || return
	sed -i 's|^include /usr/src/|include ../|' "$dir/$headers/Makefile" || return
	ln -sfn "$headers" "$dir/build"
	ln -sfn "../../../$headers" "$dir/lib/modules/$release/build"
	rm -f "$dir/lib/modules/$release/source"
	rm -rf "${dir:?}/boot" "${dir:?}/usr/share" "${dir:?}/etc"
	depmod -b "$dir" "$release" || return
	printf '%s\n' "$release" >"$dir/release"
}
