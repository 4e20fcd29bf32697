# shellcheck shell=bash
# A registry for the lab, and the images in it, built from Debian's packages under images/.
#
# The registry is Debian's docker-registry on this lab's bridge address, with its blobs in $LAB_DIR/registry. A second
# process on loopback serves the same directory: the machine's own Engine pushes there without being told that it may.
# Sourced by scenarios after check.sh.

# shellcheck source=/dev/null
. "$LAB_SOURCE/machine.sh"
# shellcheck source=/dev/null
. "$LAB_SOURCE/image.sh"

REGISTRY=$LAB_SUBNET.1:5000
REGISTRY_INSIDE=$LAB_LOOPBACK.250:5000
REGISTRY_PROCESSES=()

start_registry() {
	local address deadline
	install_packages docker-registry
	mkdir -p "$LAB_DIR/registry"
	for address in "$REGISTRY" "$REGISTRY_INSIDE"; do
		printf '%s\n' 'version: 0.1' 'log: {level: warn}' 'storage:' "  filesystem: {rootdirectory: $LAB_DIR/registry}" \
			'  delete: {enabled: true}' 'http:' "  addr: $address" >"$LAB_DIR/registry-${address%:*}.yml"
		docker-registry serve "$LAB_DIR/registry-${address%:*}.yml" >"$LAB_DIR/registry-${address%:*}.log" 2>&1 &
		REGISTRY_PROCESSES+=($!)
	done
	deadline=$(($(date +%s) + 60))
	for address in "$REGISTRY" "$REGISTRY_INSIDE"; do
		until curl -fsS --noproxy '*' --max-time 5 "http://$address/v2/" >/dev/null 2>&1; do
			(($(date +%s) <= deadline)) || die "no registry answers on $address" "see $LAB_DIR/registry-${address%:*}.log"
			sleep 0.2
		done
	done
}

stop_registry() {
	local process
	for process in ${REGISTRY_PROCESSES[@]+"${REGISTRY_PROCESSES[@]}"}; do kill "$process" 2>/dev/null || true; done
	REGISTRY_PROCESSES=()
}

# container_image KIND: makes sure that the image of images/KIND is there, and prints its name, which has a hash of what
# it is made from.
container_image() {
	local kind=$1 base name started
	base=$(build_image plain)
	name=rprov-lab-$kind:$(cd "$LAB_SOURCE/images/$kind" && { echo "$base" && find . -type f | sort | xargs sha256sum; } | sha256sum | cut -c1-12)
	if ! docker image inspect "$name" >/dev/null 2>&1; then
		started=$(now)
		say "building $name"
		DOCKER_BUILDKIT=0 docker build --network host --build-arg BASE="$base" --tag "$name" "$LAB_SOURCE/images/$kind" >"$LAB_DIR/build-$kind.log" 2>&1 ||
			{ tail -n 20 "$LAB_DIR/build-$kind.log" >&2; die "the image of images/$kind cannot be built" "see $LAB_DIR/build-$kind.log"; }
		say "built $name in $(since "$started") s"
	fi
	echo "$name"
}

# push_image IMAGE NAME:TAG...: puts an image of the machine's Engine into the registry under these names.
push_image() {
	local image=$1 name
	shift
	for name; do
		docker tag "$image" "$REGISTRY_INSIDE/$name"
		docker push -q "$REGISTRY_INSIDE/$name" >/dev/null
		docker rmi "$REGISTRY_INSIDE/$name" >/dev/null
	done
}

# build_variant NAME: an image from a Dockerfile on standard input.
build_variant() {
	DOCKER_BUILDKIT=0 docker build -q --tag "$1" - >"$LAB_DIR/build-variant.log" 2>&1 || die "no image ${1}" "see $LAB_DIR/build-variant.log"
}

# push_all: every image that playbooks/site.yml needs in the lab, and the article's under the names of 2015.
push_all() {
	local image kind name
	push_image "$(container_image mariadb)" mariadb:10.11 library/mysql:5.5
	image=$(container_image wordpress)
	push_image "$image" wordpress:6.1
	printf 'FROM %s\nENV WORDPRESS_DB_CREATE=yes\n' "$image" | build_variant "rprov-lab-wordpress:$LAB_NUMBER-2015"
	push_image "rprov-lab-wordpress:$LAB_NUMBER-2015" library/wordpress:latest
	image=$(container_image rancher)
	while read -r kind name; do
		printf 'FROM %s\nENV STANDIN_AGENT_IMAGE=%s\nENTRYPOINT ["/usr/bin/python3", "-u", "/standin.py", "%s"]\n' \
			"$image" "$REGISTRY/rancher/$([[ $kind == *-2 ]] && echo rancher-agent:v2.8.5 || echo agent:v1.2.11)" "$kind" |
			build_variant "rprov-lab-rancher:$LAB_NUMBER-$kind"
		# shellcheck disable=SC2086
		push_image "rprov-lab-rancher:$LAB_NUMBER-$kind" $name
	done <<-'KINDS'
		server-2 rancher/rancher:v2.8.5
		agent-2 rancher/rancher-agent:v2.8.5
		server-1.6 rancher/server:v1.6.30 rancher/server:latest
		agent-1.6 rancher/agent:v1.2.11
	KINDS
}

# allow_privileged HOST...: lets the Engines on these hosts start privileged containers; see `runc`.
allow_privileged() {
	local host
	for host; do
		on_host "$host" mkdir -p /usr/local/sbin
		docker cp "$LAB_SOURCE/runc" "$LAB_NAME-$host:/usr/local/sbin/runc" >/dev/null
		on_host "$host" chmod 0755 /usr/local/sbin/runc
	done
}
