# shellcheck shell=bash
# The images that lab hosts start from, made from Debian's packages alone:
#
#   plain    Debian 12 with systemd, sshd, sudo, doas, and no Python
#   python   the same with python3 and python3-apt, for comparisons with ansible-core
#   busybox  BusyBox and dropbear with the libraries that dropbear links, and nothing else
#
# An image is named after a hash of what it is made from, and is built only where that name is missing.

LAB_SUITE=bookworm
LAB_PACKAGES=systemd,systemd-sysv,dbus,openssh-server,sudo,opendoas,ca-certificates,iproute2,procps

# Where the machine itself gets Debian packages from, as lines of `uri suite component`.
debian_mirrors() {
	local mirrors
	mirrors=$(
		# shellcheck disable=SC2016
		apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
			awk -v suite="$LAB_SUITE" '$1 == "Debian" && index($3, suite) == 1 && $4 == "main" { print $2, $3, $4 }' | sort -u
	)
	echo "${mirrors:-http://deb.debian.org/debian/ $LAB_SUITE main}"
}

# The machine's own way out, for the hosts: apt's sources, its proxy settings, extra certificate authorities.
write_machine_settings() {
	local root=$1 uri suite component
	: >"$root/etc/apt/sources.list"
	while read -r uri suite component; do
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite $component" >>"$root/etc/apt/sources.list"
	done < <(debian_mirrors)
	apt-config dump | grep -E '^Acquire::https?::Proxy' >"$root/etc/apt/apt.conf.d/80lab" || true
	if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
		mkdir -p "$root/usr/local/share/ca-certificates"
		cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
	fi
}

image_name() {
	local hash
	hash=$(
		{
			cat "$LAB_SOURCE/image.sh"
			debian_mirrors
			apt-config dump | grep -E '^Acquire::https?::Proxy' || true
			cat /usr/local/share/ca-certificates/*.crt 2>/dev/null || true
			# These two are copied from the machine.
			[[ $1 != busybox ]] || dpkg-query -W busybox-static dropbear-bin 2>/dev/null
		} | sha256sum | cut -c1-12
	)
	echo "rprov-lab-$1:$hash"
}

# Makes sure that an image is there, and prints its name.
build_image() {
	local kind=$1 name started
	mkdir -p "$LAB_DIR"
	[[ $kind != busybox ]] || install_packages busybox-static dropbear-bin
	name=$(image_name "$kind")
	if ! docker image inspect "$name" >/dev/null 2>&1; then
		started=$(now)
		say "building $name"
		"build_$kind" "$name"
		say "built $name in $(since "$started") s"
	fi
	echo "$name"
}

build_plain() {
	local name=$1 root mirror memory
	root=$(mktemp -d "${TMPDIR:-/var/tmp}/rprov-lab-root.XXXXXX")
	# dpkg waits for the disk after every file; memory spares it that where there is enough.
	memory=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
	(
		trap 'umount "$root" 2>/dev/null || true; rm -rf --one-file-system "$root"' EXIT
		if ((memory > 4000000)); then mount -t tmpfs -o size=1500m,mode=0755 rprov-lab "$root" || true; fi
		# A reader that stopped at the first line would end the writer by SIGPIPE, and with it the build.
		mirror=$(debian_mirrors | awk -v suite="$LAB_SUITE" '$2 == suite && !seen++ { print $1 }')
		debootstrap --variant=minbase --include="$LAB_PACKAGES" "$LAB_SUITE" "$root" "$mirror" >"$root.log" 2>&1 ||
			{ tail -n 20 "$root.log" >&2; die "debootstrap failed" "see $root.log"; }
		rm -f "$root.log"
		write_machine_settings "$root"
		chroot "$root" /bin/sh -eu <<-'SETUP'
			export LC_ALL=C.UTF-8
			update-ca-certificates >/dev/null 2>&1
			useradd --create-home --shell /bin/bash lab
			useradd --create-home --shell /bin/bash labpw
			groupadd --system wheel
			usermod --append --groups wheel lab
			sed -i '/pam_rootok.so/a auth sufficient pam_wheel.so trust group=wheel' /etc/pam.d/su
			echo 'lab ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/lab
			echo 'labpw ALL=(ALL:ALL) ALL' >>/etc/sudoers.d/lab
			chmod 0440 /etc/sudoers.d/lab
			printf 'permit nopass lab\npermit labpw\n' >/etc/doas.conf
			# Hosts get keys of their own when they start.
			rm -f /etc/ssh/ssh_host_*
			# A run opens its connections to one host at once; sshd would refuse some of them.
			printf '%s\n' 'HostKey /etc/ssh/ssh_host_ed25519_key' 'MaxStartups 200' 'MaxSessions 50' \
				'KbdInteractiveAuthentication yes' >/etc/ssh/sshd_config.d/lab.conf
			# These hosts live for minutes: nobody needs their packages to survive a power cut.
			echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/lab
			# These would hold apt's lock in the middle of a test.
			systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer >/dev/null 2>&1
			rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*_* /etc/machine-id
			: >/etc/machine-id
			# apt's age is told by this directory: a cache that is not there must not look like a fresh one.
			touch -d 2000-01-01 /var/lib/apt/lists
		SETUP
		tar -C "$root" --one-file-system -c . |
			docker import --change 'CMD ["/sbin/init"]' - "$name" >/dev/null
	)
}

build_python() {
	local name=$1 plain container=$LAB_NAME-build-python
	plain=$(build_image plain)
	docker rm -f "$container" >/dev/null 2>&1 || true
	docker run --network host --name "$container" "$plain" /bin/sh -euc '
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-apt
		rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*_*
		touch -d 2000-01-01 /var/lib/apt/lists' >"$LAB_DIR/build-python.log" 2>&1 ||
		die "the python image cannot be built" "see $LAB_DIR/build-python.log"
	docker commit --change 'CMD ["/sbin/init"]' "$container" "$name" >/dev/null
	docker rm -f "$container" >/dev/null
}

build_busybox() {
	local name=$1 root library applet
	root=$(mktemp -d "${TMPDIR:-/var/tmp}/rprov-lab-root.XXXXXX")
	(
		trap 'rm -rf --one-file-system "$root"' EXIT
		chmod 0755 "$root"
		mkdir -p "$root"/{bin,dev,etc/dropbear,home,proc,root,run,sys,tmp,usr/sbin,var/tmp,var/run}
		chmod 1777 "$root/tmp" "$root/var/tmp"
		chmod 0700 "$root/root"
		cp "$(command -v busybox)" "$root/bin/busybox"
		# BusyBox drops the right again for every applet but `su`, `passwd` and their like.
		chmod 4755 "$root/bin/busybox"
		for applet in $("$root/bin/busybox" --list); do [[ $applet == busybox ]] || ln -sf busybox "$root/bin/$applet"; done
		ln -sf busybox "$root/bin/sh"
		cp "$(command -v dropbear)" "$root/usr/sbin/dropbear"
		while read -r library; do
			mkdir -p "$root$(dirname "$library")"
			cp -L "$library" "$root$library"
		done < <(ldd "$(command -v dropbear)" | grep -oE '/[^ ]+')
		printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'lab:x:1000:1000:lab:/home/lab:/bin/sh' >"$root/etc/passwd"
		printf '%s\n' 'root:x:0:' 'lab:x:1000:' >"$root/etc/group"
		printf '%s\n' 'root:*:19000:0:99999:7:::' 'lab:*:19000:0:99999:7:::' >"$root/etc/shadow"
		chmod 0600 "$root/etc/shadow"
		echo /bin/sh >"$root/etc/shells"
		install -d -m 0755 -o 1000 -g 1000 "$root/home/lab"
		printf '%s\n' '::respawn:/usr/sbin/dropbear -F -r /etc/dropbear/key' '::shutdown:/bin/kill -TERM -1' >"$root/etc/inittab"
		tar -C "$root" -c . | docker import --change 'CMD ["/bin/init"]' - "$name" >/dev/null
	)
}
