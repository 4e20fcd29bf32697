#!/bin/bash
# The container in which the module tests may change what they like: Debian 12 with System V's init, iptables, gpg,
# Subversion, and rpm and dnf with a repository of small packages in /srv/rpm. It has the Python modules that the reference
# needs, too. Made from Debian's packages alone; built where it is missing. Prints its name.
#
# Needs root, Docker and debootstrap.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
packages=ca-certificates,createrepo-c,dnf,gnupg,iproute2,iptables,procps,python3,python3-apt,python3-dnf
packages+=,python3-pexpect,python3-rpm,rpm,subversion,sysvinit-core
suite=bookworm

name=rprov-test-machine:$(sha256sum "${BASH_SOURCE[0]}" "$here"/*.spec "$here"/comps.xml "$here"/rprov-daemon |
	awk '{ print $1 }' | sha256sum | cut -c1-12)
exec 9>"${TMPDIR:-/tmp}/rprov-test-machine.lock"
flock 9
if docker image inspect "$name" >/dev/null 2>&1; then
	echo "$name"
	exit
fi

mirror=$(
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v suite="$suite" '$1 == "Debian" && $3 == suite && $4 == "main" { print $2; exit }'
)
root=$(mktemp -d "${TMPDIR:-/var/tmp}/rprov-test-root.XXXXXX")
trap 'umount -R "$root" 2>/dev/null || true; rm -rf --one-file-system "$root"' EXIT
# dpkg waits for the disk after every file; memory spares it that where there is enough.
if (($(awk '/^MemAvailable/ { print $2 }' /proc/meminfo) > 4000000)); then
	mount -t tmpfs -o size=2500m,mode=0755 rprov-test "$root" || true
fi
debootstrap --variant=minbase --include="$packages" "$suite" "$root" "${mirror:-http://deb.debian.org/debian/}" >"$root.log" 2>&1 || {
	tail -n 20 "$root.log" >&2
	exit 1
}
rm -f "$root.log"
mkdir -p "$root/srv/spec" "$root/etc/rpm" "$root/etc/yum.repos.d"
cp "$here"/*.spec "$here/comps.xml" "$root/srv/spec/"
install -m 0755 "$here/rprov-daemon" "$root/etc/init.d/rprov-daemon"
# Debian's rpm has its database in the user's home, since dpkg is in charge there.
echo '%_dbpath /var/lib/rpm' >"$root/etc/rpm/macros"
chroot "$root" /bin/sh -eu <<-'SETUP'
	export LC_ALL=C.UTF-8 HOME=/root
	apt-get update -qq
	# Only for the tests of OpenRC: it would take the place of System V's runlevels.
	mkdir -p /srv/openrc
	(cd /srv/openrc && apt-get download -qq openrc libeinfo1 librc1)
	rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*_*
	for spec in /srv/spec/*.spec; do
		for version in 1.0 1.1; do rpmbuild -bb --quiet --define "version_of_all $version" "$spec" >/dev/null 2>&1; done
	done
	mkdir -p /srv/rpm
	mv /root/rpmbuild/RPMS/*/*.rpm /srv/rpm/
	# Of this one there is a single version in the repository.
	mv /srv/rpm/rp-base-1.1-1.noarch.rpm /srv/
	rm /srv/rpm/rp-release-1.1-1.noarch.rpm
	createrepo_c --quiet --groupfile /srv/spec/comps.xml /srv/rpm
	rpm --initdb
	rpm -i /srv/rpm/rp-release-1.0-1.noarch.rpm
	# A test that wants a host of Red Hat's family puts these in place.
	mkdir -p /srv/redhat
	echo 'Rocky Linux release 9.4 (Blue Onyx)' >/srv/redhat/redhat-release
	printf 'NAME="Rocky Linux"\nVERSION_ID="9.4"\nID="rocky"\nID_LIKE="rhel centos fedora"\n' >/srv/redhat/os-release
	printf '[rprov]\nname=Small packages\nbaseurl=file:///srv/rpm\ngpgcheck=0\n' >/srv/rprov.repo
	SETUP
tar -C "$root" --one-file-system -c . | docker import --change 'CMD ["/bin/sleep", "infinity"]' - "$name" >/dev/null
echo "$name"
