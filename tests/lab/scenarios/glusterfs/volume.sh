# shellcheck shell=bash
# What the scenarios `glusterfs` and `glusterfs_container` ask of a volume, its bricks and the web application on it, past
# rprov: by gluster's XML, over HTTP, and by the files on the bricks. Sourced after check.sh.

# glusterfs NAME ARGUMENT...: playbooks/glusterfs.yml with $GLUSTERFS_INVENTORY; it must succeed.
glusterfs() {
	local name=$1 scenario
	scenario=$(cd "$(dirname "$0")" && pwd)
	shift
	run_program "${scenario##*/}-$name" "${GLUSTERFS_INVENTORY[@]}" "$LAB_REPOSITORY/playbooks/glusterfs.yml" ${reference[@]+"${reference[@]}"} "$@"
	expect_code 0 "$name"
	expect_no_panic "$name"
	echo "        $name took $RUN_SECONDS s"
}

# The number of changes on each host of this run.
changes() {
	local host
	for host in "${SERVERS[@]}"; do echo "$host $(recap "$host" | grep -oE 'changed=[0-9]+')"; done
}

expect_unchanged() {
	local host
	for host in "${SERVERS[@]}"; do expect_recap "$host" "$1" changed=0 unreachable=0 failed=0; done
}

# What check mode must leave alone.
state_of_servers() {
	local host
	for host in "${SERVERS[@]}"; do
		on_host "$host" sh -c 'echo "$0"; find /bricks /srv /etc/nginx /etc/fstab /etc/systemd/system /etc/docker /var/lib/dpkg/status /usr/local/sbin ! -path "*/.glusterfs/*" -printf "%p %m %u %g %T@\n" 2>/dev/null | sort
			grep glusterfs /proc/mounts; gluster --mode=script --xml volume info 2>/dev/null; docker ps -a --no-trunc --format "{{.ID}} {{.Names}}" 2>/dev/null' "$host" || true
	done
}

# What a server says of its peers, options and bricks. gluster HOST WORD...
gluster() {
	local host=$1
	shift
	on_host "$host" gluster --mode=script --xml "$@"
}

# peers_of HOST: how many it is connected to.
peers_of() { gluster "$1" peer status | grep -c '<connected>1</connected>'; }

# Every file of the volume on a brick with its checksum.
brick() { on_host "$1" sh -c 'cd /bricks/shared && find . -name .glusterfs -prune -o -type f -exec sha256sum {} + | sort -k2'; }

bricks_are_equal() {
	local host
	for host in "${SERVERS[@]:1}"; do diff <(brick "${SERVERS[0]}") <(brick "$host") || return; done
}

# pending HOST: entries that wait to be healed; fails where a brick is not connected.
pending() {
	local answer
	answer=$(gluster "$1" volume heal shared info)
	[[ $(grep -c '<status>Connected</status>' <<<"$answer") == "${#SERVERS[@]}" ]] || return 1
	grep -oP '<numberOfEntries>\K[0-9]+' <<<"$answer" | awk '{ sum += $1 } END { print sum }'
}

healed() { [[ $(pending "$1") == 0 ]]; }

something_pends() { (($(gluster "$1" volume heal shared info | grep -oP '<numberOfEntries>\K[0-9]+' | awk '{ sum += $1 } END { print sum }') > 0)); }

# Without the lost server: BRICKS bricks are connected.
connected_bricks() { [[ $(gluster "$1" volume heal shared info | grep -c '<status>Connected</status>') == "$2" ]]; }

web() { curl -fsS --noproxy '*' --connect-timeout 3 --max-time 30 "$@"; }

# The site by its name, which has the address of every web host: as a browser does, curl takes the next where one is lost.
site() {
	local path=$1
	shift
	web --resolve "asteroids.example:80:$WEB_ADDRESSES" "http://asteroids.example/$path" "$@"
}

page_is_served() { site '' | grep -F '<title>Asteroids</title>' && site game.js | grep -F canvas; }

# How many scores were posted; in a file, since checks run in subshells.
POSTED=$LAB_DIR/posted
echo 0 >"$POSTED"

# post_score: adds a score that nobody has, and counts it.
post_score() {
	local score=$(($(<"$POSTED") + 1))
	site scores -d "{\"player\": \"player $score\", \"score\": $score}" && echo "$score" >"$POSTED"
}

# scores_are_there [ADDRESS]: every score that was posted is there, and no other.
scores_are_there() {
	local answer
	if (($#)); then answer=$(web "http://$1/scores"); else answer=$(site scores); fi
	diff <(seq "$(<"$POSTED")") <(grep -oP '"score": \K[0-9]+' <<<"$answer" | sort -n)
}

# start_writer HOST: from now on a file every fifth of a second through the mount, synced, and read back.
start_writer() {
	on_host "$1" sh -c 'rm -f /run/writer.stop /run/writer.ended; mkdir -p /srv/shared/written'
	docker exec -d "$LAB_NAME-$1" sh -c 'number=0; while [ ! -e /run/writer.stop ]; do
		number=$((number + 1)); name=/srv/shared/written/$(date +%s)-$number
		head -c 20000 /dev/urandom >/run/writer.data
		if cp /run/writer.data $name && sync $name && cmp /run/writer.data $name; then
			sha256sum $name | sed "s,/srv/shared,.,"; else echo "FAILED $name"; fi >>/run/writer.log
		sleep 0.2; done 2>>/run/writer.errors; touch /run/writer.ended'
}

# writer_goes_on HOST: it has written ten files more.
writer_goes_on() {
	local before
	before=$(on_host "$1" sh -c 'wc -l </run/writer.log')
	within 90 on_host "$1" sh -c "[ \$(wc -l </run/writer.log) -ge $((before + 10)) ]"
}

end_writer() {
	on_host "$1" touch /run/writer.stop
	within 60 on_host "$1" test -e /run/writer.ended
}

# Whatever the writer was told is written is on every brick as it was.
written_is_there() {
	local host
	[[ -z $(on_host "$1" sh -c 'grep FAILED /run/writer.log; cat /run/writer.errors') ]] || { on_host "$1" cat /run/writer.errors; return 1; }
	for host in "${SERVERS[@]}"; do
		diff <(on_host "$1" sort -k2 /run/writer.log) <(brick "$host" | grep ' ./written/') || return
	done
}
