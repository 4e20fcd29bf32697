# shellcheck shell=bash
# What the lab needs of the machine it runs on: Debian packages and a Docker Engine.

# The packages that are missing are installed; nothing happens where all are there.
install_packages() {
	local missing=() package
	for package; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
	done
	((${#missing[@]})) || return 0
	[[ $EUID == 0 ]] || die "Debian packages are missing: ${missing[*]}" "run this as root, or install them first"
	say "installing ${missing[*]}"
	local log=${TMPDIR:-/var/tmp}/rprov-lab-apt.$$.log
	{
		apt-get update -qq &&
			DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
	} </dev/null >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "apt cannot install ${missing[*]}" "see $log"; }
	rm -f "$log"
}

prepare_machine() {
	install_packages docker.io debootstrap iproute2 iptables openssh-client openssl curl ca-certificates procps
	start_docker
}

# A Docker Engine that answers is used as it is. Otherwise one is started, and its process id kept for `stop_docker`.
start_docker() {
	docker info >/dev/null 2>&1 && return
	[[ $EUID == 0 ]] || die "no Docker Engine answers" "run this as root, so that dockerd can be started"
	mkdir -p "$LAB_DIR"
	say "starting dockerd"
	setsid nohup dockerd >"$LAB_DIR/dockerd.log" 2>&1 </dev/null &
	echo $! >"$LAB_DIR/dockerd.pid"
	local deadline=$(($(date +%s) + 60))
	until docker info >/dev/null 2>&1; do
		if (($(date +%s) > deadline)) || ! kill -0 "$(<"$LAB_DIR/dockerd.pid")" 2>/dev/null; then
			tail -n 20 "$LAB_DIR/dockerd.log" >&2
			die "dockerd does not answer" "see $LAB_DIR/dockerd.log"
		fi
		sleep 0.3
	done
}

# Ends the dockerd that `start_docker` started, and no other.
stop_docker() {
	[[ -f $LAB_DIR/dockerd.pid ]] || return 0
	local pid
	pid=$(<"$LAB_DIR/dockerd.pid")
	if [[ $(cat "/proc/$pid/comm" 2>/dev/null) == dockerd ]]; then
		kill "$pid"
		while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
	fi
	rm -f "$LAB_DIR/dockerd.pid"
}
