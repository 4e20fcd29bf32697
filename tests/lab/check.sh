# shellcheck shell=bash
# Running the program under test, and checks that are counted. Sourced by scenarios.
#
# Given by `tests/lab/run`: LAB_PROGRAM (rprov, or a reference ansible-playbook), LAB_REFERENCE (yes for the latter),
# LAB_COUNTS (a file that gets one line per check). A check that fails is told at once, and the scenario goes on.

# shellcheck source=/dev/null
. "$LAB_SOURCE/settings.sh"
# shellcheck source=/dev/null
. "$LAB_SOURCE/host.sh"

# Where roles keep the passwords that they generate, beside the lab's inventory.
credentials=$LAB_DIR/.credentials

passed() {
	printf 'ok      %s\n' "$1"
	echo passed >>"$LAB_COUNTS"
}

failed() {
	printf 'FAILED  %s\n' "$1"
	shift
	local line
	for line; do printf '        %s\n' "$line"; done
	echo failed >>"$LAB_COUNTS"
}

# check WHAT COMMAND...: passes where the command succeeds.
check() {
	local what=$1 output
	shift
	if output=$("$@" 2>&1); then passed "$what"; else failed "$what" "command: $*" "output: ${output:0:600}"; fi
}

# within SECONDS COMMAND...: until it succeeds; what it says the last time is shown.
within() {
	local deadline=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		(($(date +%s) <= deadline)) || { "$@"; return; }
		sleep 1
	done
}

# start_program NAME ARGUMENT...: starts the program under test; what it prints goes to $RUN.out and $RUN.err.
# Colour, configuration and settings of the caller do not reach it, and SIGINT does as from a terminal.
start_program() {
	RUN=$LAB_DIR/logs/$1
	shift
	mkdir -p "$LAB_DIR/logs"
	RUN_STARTED=$(now)
	# A connection that the reference left open would hide what is wrong with the next: each run has its own.
	# shellcheck disable=SC2086
	env --default-signal=INT,QUIT -u ANSIBLE_CONFIG ANSIBLE_SSH_CONTROL_PATH_DIR="$LAB_DIR/cp/${RUN##*/}" ANSIBLE_NOCOLOR=1 ANSIBLE_HOST_KEY_CHECKING=True ANSIBLE_PIPELINING=True \
		$LAB_PROGRAM "$@" >"$RUN.out" 2>"$RUN.err" </dev/null &
	RUN_PROCESS=$!
}

# Waits for it; its exit code is in $RUN_CODE, and the seconds since its start are in $RUN_SECONDS.
end_program() {
	RUN_CODE=0
	wait "$RUN_PROCESS" || RUN_CODE=$?
	RUN_SECONDS=$(since "$RUN_STARTED")
}

run_program() {
	start_program "$@"
	end_program
}

# play NAME FILE ARGUMENT...: FILE.yml beside the scenario, on the lab's hosts and with $PLAY_ARGUMENTS; it must succeed.
play() {
	local name=$1 file=$2 scenario
	scenario=$(cd "$(dirname "$0")" && pwd)
	shift 2
	run_program "${scenario##*/}-$name" -i "$LAB_DIR/hosts.ini" "$scenario/$file.yml" ${PLAY_ARGUMENTS[@]+"${PLAY_ARGUMENTS[@]}"} "$@"
	expect_code 0 "$name"
	expect_no_panic "$name"
	echo "        $name took $RUN_SECONDS s"
}

# A number of a host's recap line: counter HOST changed.
counter() { recap "$1" | grep -oP "$2=\\K[0-9]+"; }

# The recap line of a host without its padding: `ok=3 changed=1 ...`.
recap() {
	awk -v host="$1" '/^PLAY RECAP/ { recap = 1; next } recap && $1 == host { $1 = $2 = ""; print substr($0, 3) }' "$RUN.out"
}

# expect_code CODE WHAT
expect_code() {
	if [[ $RUN_CODE == "$1" ]]; then
		passed "$2: exit code $1"
	else
		failed "$2: exit code $RUN_CODE, expected $1" "standard output:" "$(tail -n 25 "$RUN.out")" "standard error:" "$(tail -n 15 "$RUN.err")"
	fi
}

# expect_recap HOST WHAT COUNTER=VALUE...: the counters of a host's recap line, those that are named.
expect_recap() {
	local host=$1 what=$2 line counter wrong=
	shift 2
	line=" $(recap "$host") "
	for counter; do
		[[ $line == *" $counter "* ]] || wrong+=" $counter"
	done
	if [[ -z $wrong ]]; then passed "$what: $host $*"; else failed "$what: $host, expected$wrong" "recap:$line"; fi
}

# expect_message WHAT PATTERN: an extended regular expression that standard output or error must have.
expect_message() {
	if grep -qiE -- "$2" "$RUN.out" "$RUN.err"; then
		passed "$1: says $2"
	else
		failed "$1: nothing says '$2'" "$(tail -n 15 "$RUN.out")" "$(tail -n 15 "$RUN.err")"
	fi
}

# expect_once WHAT PATTERN: exactly one line of standard output has it.
expect_once() {
	local count
	count=$(grep -ciE -- "$2" "$RUN.out" || true)
	if [[ $count == 1 ]]; then
		passed "$1: says once $2"
	else
		failed "$1: $count lines of standard output say '$2', expected one" "$(tail -n 15 "$RUN.out")"
	fi
}

# expect_no_panic WHAT: no sign of a crash in what the program printed.
expect_no_panic() {
	if grep -qE "panicked at|RUST_BACKTRACE|stack backtrace|Traceback \(most recent" "$RUN.out" "$RUN.err"; then
		failed "$1: the program crashed" "$(grep -E -A3 'panicked at|Traceback' "$RUN.out" "$RUN.err" | head -n 8)"
	else
		passed "$1: no crash"
	fi
}

# The command line of an agent in a list of processes; its file bears a hash of 32 digits.
agent_in() { grep -E '/agent-[0-9a-f]{32} ' "$1"; }

no_agent_on() {
	local _
	# It ends when it notices that its channel has closed.
	for _ in {1..10}; do
		on_host "$1" ps ax >"$LAB_DIR/processes"
		agent_in "$LAB_DIR/processes" >/dev/null || return 0
		sleep 0.2
	done
	return 1
}

# None of the passwords that roles have generated, in files below $credentials, is in what the last run printed.
shows_no_password() {
	local file
	for file in "$credentials"/*/*; do
		[[ -f $file ]] || continue
		! grep -qF -- "$(cut -d' ' -f1 "$file")" "$RUN.out" "$RUN.err" || { echo "it shows ${file#"$credentials/"}"; return 1; }
	done
}
