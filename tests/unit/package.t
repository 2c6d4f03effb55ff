#!/usr/bin/env bash
# Tests of debian/: dpkg-buildpackage makes both packages of what git knows, lintian has nothing to say, and
# another time and place give the same bytes. The packages stay in build/packages, for tests/vm/t_package.sh.
set -u
# shellcheck source=checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
packages=$top/build/packages

# tree DIR: the files of this tree that git has or would take.
tree() {
	mkdir -p "$1" && cd "$top" && git ls-files -z -c -o --exclude-standard |
		while IFS= read -r -d '' file; do [[ ! -e $file ]] || printf '%s\0' "$file"; done | xargs -0 cp --parents -t "$1"
}

# build DIR OPTION...: with an environment of its own, and in it only what the caller gives.
build() (
	tree "$1" && cd "$1" && shift &&
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$tmp" "${given[@]}" dpkg-buildpackage -us -uc "$@"
)

# same A B: have these directories the same packages?
same() {
	local deb
	ls "$1"/*.deb >"$tmp/said" 2>&1 || return
	for deb in "$1"/*.deb; do
		cmp "$deb" "$2/${deb##*/}" >>"$tmp/said" 2>&1 || return
	done
}

# holds PACKAGE FILE...: those files, among others.
holds() {
	local deb=$1 file
	shift
	dpkg-deb -c "$packages/$deb"_*.deb | awk '{ print $6 }' >"$tmp/said"
	for file; do
		grep -qxF "./$file" "$tmp/said" || return
	done
}

version=$(sed -n 's/^#define MMS_VERSION\t"\(.*\)"/\1/p' "$top/module/uapi/mmscope.h")
[[ $(dpkg-parsechangelog -l "$top/debian/changelog" -S Version) == "$version" ]]
check "debian/changelog is about version $version" $?

given=(LC_ALL=C.UTF-8 TZ=UTC)
build "$tmp/a/mmscope" >"$tmp/said" 2>&1
check 'dpkg-buildpackage, source and binaries' $?
rm -rf "$packages" && mkdir -p "$packages" && cp "$tmp"/a/*.deb "$packages"
holds mmscope usr/sbin/mmscope usr/libexec/mmscope/mmscope-lab \
	usr/share/man/man8/mmscope.8.gz usr/share/man/man4/mmscope.4.gz usr/include/mmscope.h \
	usr/share/bash-completion/completions/mmscope usr/share/zsh/vendor-completions/_mmscope
check 'mmscope holds the reader, its labs, pages, completions and headers' $?
holds mmscope-dkms "usr/src/mmscope-$version/"{dkms.conf,Kbuild,tests/KERNELS,module/main.c,module/uapi/mmscope.h}
check 'mmscope-dkms holds what DKMS needs' $?

lintian --allow-root --fail-on error,warning,info,pedantic --display-info --pedantic \
	"$tmp"/a/mmscope_"$version"_amd64.changes >"$tmp/said" 2>&1 && [[ ! -s $tmp/said ]]
check 'lintian has nothing to say, of the source and of the packages' $?

given=(LC_ALL=C TZ=Pacific/Kiritimati DEB_BUILD_OPTIONS=parallel=1)
(umask 077 && build "$tmp/b/elsewhere" -b) >"$tmp/said" 2>&1 && same "$packages" "$tmp/b"
check 'dpkg-buildpackage -b in another place gives the same packages' $?
echo "1..$count"
