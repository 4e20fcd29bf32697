# shellcheck shell=bash
# push_elk: the images of playbooks/elk.yml and playbooks/jenkins.yml. Sourced by scenarios after registry.sh.

push_elk() {
	local image kind name
	image=$(container_image elk)
	printf 'FROM %s\nUSER redis\n' "$image" | build_variant "rprov-lab-elk:$LAB_NUMBER-redis"
	push_image "rprov-lab-elk:$LAB_NUMBER-redis" redis:7.4
	push_image "$image" nginx:1.27
	for kind; do
		printf 'FROM %s\nUSER 1000\nENTRYPOINT ["/usr/bin/python3", "-u", "/standin/%s.py"]\n' "$image" "$kind" |
			build_variant "rprov-lab-elk:$LAB_NUMBER-$kind"
		case $kind in
		jenkins) name=jenkins/jenkins:lts-jdk17 ;;
		jenkins_agent) name=jenkins/inbound-agent:latest-jdk17 ;;
		*) name=$kind:8.15.3 ;;
		esac
		push_image "rprov-lab-elk:$LAB_NUMBER-$kind" "$name"
	done
}
