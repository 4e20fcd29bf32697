# shellcheck shell=bash
# Lab hosts: start, what is put on them, and the files that say how to reach them.
#
# A Debian host runs systemd and sshd. Users: `lab` (key login; sudo, su and doas without a password) and `labpw`
# (password login; sudo and doas with it). root's password, and that of labpw, is in $LAB_DIR/password.

# What systemd as PID 1 and a nested Docker Engine need, on machines where --privileged is refused.
container_rights() {
	local capability
	for capability in SYS_ADMIN NET_ADMIN SYS_PTRACE MKNOD DAC_READ_SEARCH SYS_TIME SYS_NICE IPC_LOCK; do
		printf '%s\n' --cap-add "$capability"
	done
	printf '%s\n' --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
		--device-cgroup-rule 'a *:* rwm' -v /sys/fs/cgroup:/sys/fs/cgroup:rw \
		-v /var/lib/docker -v /bricks --tmpfs /run --tmpfs /run/lock
	[[ ! -e /dev/fuse ]] || printf '%s\n' --device /dev/fuse
	[[ $(stat -fc %T /sys/fs/cgroup) != cgroup2fs ]] || printf '%s\n' --cgroupns=host
}

# Keys and the password of this lab, made once per run directory.
make_credentials() {
	mkdir -p "$LAB_DIR/keys"
	chmod 0700 "$LAB_DIR" "$LAB_DIR/keys"
	[[ -f $LAB_DIR/id_ed25519 ]] || ssh-keygen -q -t ed25519 -N '' -C rprov-lab -f "$LAB_DIR/id_ed25519"
	[[ -f $LAB_DIR/password ]] || (umask 077 && openssl rand -hex 12 >"$LAB_DIR/password")
}

make_network() {
	docker network inspect "$LAB_NAME" >/dev/null 2>&1 && return
	# A tunnelled uplink may carry less than Ethernet's 1500 bytes, and not everyone answers to path MTU discovery.
	local mtu
	mtu=$(ip -o route get 203.0.113.1 2>/dev/null | grep -oP 'dev \K\S+' | head -n1)
	mtu=$(cat "/sys/class/net/${mtu:-none}/mtu" 2>/dev/null || echo 1500)
	((mtu > 1500)) && mtu=1500
	docker network create --subnet "$LAB_SUBNET.0/24" --opt com.docker.network.driver.mtu="$mtu" "$LAB_NAME" >/dev/null
}

# start_host NAME NUMBER IMAGE [docker flag...]: makes the container and starts it; does not wait for it.
start_host() {
	local host=$1 number=$2 image=$3 rights=() key=$LAB_DIR/keys/$1
	shift 3
	mapfile -t rights < <(container_rights)
	[[ -f $key ]] || ssh-keygen -q -t ed25519 -N '' -C "$host" -f "$key"
	docker create --pull never --stop-signal SIGRTMIN+3 --name "$LAB_NAME-$host" --hostname "$host" --label "$LAB_NAME" \
		--network "$LAB_NAME" --ip "$LAB_SUBNET.$((10 + number))" --network-alias "$host" \
		-p "$LAB_LOOPBACK.$number:22:22" "${rights[@]}" "$@" "$image" >/dev/null
	put_keys "$host" "$key" "$image"
	docker start "$LAB_NAME-$host" >/dev/null
}

# The host's own key and the lab's public key, in one archive with the owners that sshd insists on.
put_keys() {
	local host=$1 key=$2 image=$3 tree=$LAB_DIR/keys/$1.tree
	rm -rf "$tree"
	mkdir -p "$tree/home/lab/.ssh" "$tree/root/.ssh"
	chmod 0700 "$tree"/{home/lab,root}{,/.ssh}
	install -m 0600 "$LAB_DIR/id_ed25519.pub" "$tree/home/lab/.ssh/authorized_keys"
	install -m 0600 "$LAB_DIR/id_ed25519.pub" "$tree/root/.ssh/authorized_keys"
	if [[ $image == rprov-lab-busybox:* ]]; then
		mkdir -p "$tree/etc/dropbear"
		[[ -f $key.dropbear ]] || dropbearconvert openssh dropbear "$key" "$key.dropbear" 2>/dev/null
		install -m 0600 "$key.dropbear" "$tree/etc/dropbear/key"
	else
		mkdir -p "$tree/etc/ssh"
		install -m 0600 "$key" "$tree/etc/ssh/ssh_host_ed25519_key"
		install -m 0644 "$key.pub" "$tree/etc/ssh/ssh_host_ed25519_key.pub"
	fi
	{
		tar -C "$tree" --owner=1000 --group=1000 --no-recursion -c home/lab home/lab/.ssh home/lab/.ssh/authorized_keys
	} | docker cp -a - "$LAB_NAME-$host:/"
	tar -C "$tree" --owner=0 --group=0 -c root etc | docker cp -a - "$LAB_NAME-$host:/"
	rm -rf "$tree"
}

# Waits until systemd has settled and sshd listens, and sets the passwords. A host that is late is an error.
wait_for_host() {
	local host=$1 image=$2 container=$LAB_NAME-$1 deadline=$(($(date +%s) + LAB_BOOT_LIMIT)) state=none password
	password=$(<"$LAB_DIR/password")
	if [[ $image != rprov-lab-busybox:* ]]; then
		until [[ $state == running || $state == degraded ]]; do
			if (($(date +%s) > deadline)); then
				docker logs --tail 20 "$container" >&2 || true
				die "$host is '$state' after $LAB_BOOT_LIMIT s" "look with: docker exec $container systemctl --failed"
			fi
			state=$(docker exec "$container" timeout 20 systemctl is-system-running --wait 2>/dev/null) || true
			[[ -n $state ]] || sleep 0.2
		done
		[[ $state == running ]] || say "$host is $state: $(docker exec "$container" systemctl --failed --plain --no-legend | tr '\n' ' ')"
	fi
	on_host "$host" sed -i "s,^\(root\|labpw\):[^:]*:,\1:$(openssl passwd -6 "$password"):," /etc/shadow
	until ssh_to "$host" true 2>/dev/null; do
		(($(date +%s) <= deadline)) || die "$host does not let lab log in by key after $LAB_BOOT_LIMIT s" "look with: docker exec -it $container sh"
		sleep 0.2
	done
}

# Any command on a lab host, as user lab, by OpenSSH.
ssh_to() {
	local host=$1
	shift
	ssh -F "$LAB_DIR/ssh_config" -o BatchMode=yes -o ConnectTimeout=5 "$host" "$@" </dev/null
}

# A command on a lab host past SSH, as root: for what a test does behind the program's back.
on_host() {
	local host=$1
	shift
	docker exec "$LAB_NAME-$host" "$@"
}

# write_directory NAME:NUMBER...: inventory, known_hosts and an OpenSSH configuration for these hosts.
write_directory() {
	local entry host number
	: >"$LAB_DIR/known_hosts"
	: >"$LAB_DIR/ssh_config"
	echo '[lab]' >"$LAB_DIR/hosts.ini"
	for entry; do
		host=${entry%:*} number=${entry#*:}
		echo "$LAB_LOOPBACK.$number $(cut -d' ' -f1,2 "$LAB_DIR/keys/$host.pub")" >>"$LAB_DIR/known_hosts"
		printf '%s\n' "Host $host" "  HostName $LAB_LOOPBACK.$number" "  User lab" "  IdentityFile $LAB_DIR/id_ed25519" \
			"  IdentitiesOnly yes" "  UserKnownHostsFile $LAB_DIR/known_hosts" >>"$LAB_DIR/ssh_config"
		echo "$host ansible_host=$LAB_LOOPBACK.$number lab_address=$LAB_SUBNET.$((10 + number))" >>"$LAB_DIR/hosts.ini"
	done
	printf '%s\n' '' '[lab:vars]' 'ansible_user=lab' ansible_python_interpreter=/usr/bin/python3 \
		"ansible_ssh_private_key_file=$LAB_DIR/id_ed25519" \
		"ansible_ssh_common_args=-o UserKnownHostsFile=$LAB_DIR/known_hosts -o IdentitiesOnly=yes" >>"$LAB_DIR/hosts.ini"
}

# remove_hosts: every container of this lab with its volumes, and the network.
remove_hosts() {
	local containers
	mapfile -t containers < <(docker ps -aq --filter "label=$LAB_NAME")
	((${#containers[@]} == 0)) || docker rm -fv "${containers[@]}" >/dev/null
	docker network rm "$LAB_NAME" >/dev/null 2>&1 || true
}
