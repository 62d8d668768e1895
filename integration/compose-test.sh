#!/usr/bin/env bash
# Tests docker-compose.yaml for real: the README's lines, the page's buttons, a killed replica, scaling, restarts, manifests that
# are edited, and a second `up` after a change.
#
# It works on a copy of this checkout, as a project of its own, with any engine that has `compose` and BuildKit.
# Environment: DOCKER, the engine's client (docker); COOKIE_PORT and HEADER_PORT, free ports (8888 and 8889).
# Exit status: 0, all of it held; 1, not all; 2, it could not be tried; 77, there is no engine.
set -euo pipefail

DOCKER=${DOCKER:-docker}
export COOKIE_PORT=${COOKIE_PORT:-8888} HEADER_PORT=${HEADER_PORT:-8889}
PROJECT=session-persistence-test
# The sessions of the task end after ten seconds. This route, which the page has, keeps them for sixty.
LONG=http://localhost:$COOKIE_PORT/header

unset COMPOSE_FILE COMPOSE_PROFILES COMPOSE_PROJECT_NAME
export no_proxy=localhost
root=$(cd "$(dirname "$0")/.." && pwd)

# ---------------------------------------------------------------------------------------------------------- counting

passed=0 failed=0

# holds SENTENCE FUNCTION: runs the function by itself, and counts whether it came to its end.
holds() {
    local status=0
    set +e
    (set -e; "$2") >"$work/told" 2>"$work/why"
    status=$?
    set -e
    if [ "$status" = 0 ]; then
        passed=$((passed + 1)); echo "ok    $1"; sed 's/^/      /' "$work/told"
    else
        failed=$((failed + 1)); echo "FAIL  $1"; sed 's/^/      /' "$work/told" "$work/why"
    fi
}

# fail WHY: what was tested does not hold.
fail() {
    echo "$*" >&2
    exit 1
}

say() {
    echo "==> $*"
}

# wait_until SECONDS STATE COMMAND…: until the command succeeds; the state is for the message when it never does.
wait_until() {
    local deadline=$(($(date +%s) + $1)) state=$2
    shift 2
    until "$@"; do
        [ "$(date +%s)" -lt "$deadline" ] || fail "not in time: $state"
        sleep 0.1
    done
}

# ----------------------------------------------------------------------------------------------------------- clients

# ask URL [HEADER]: sets STATUS, POD and ISSUED, the token that the answer carries, if any.
ask() {
    local answer
    answer=$(curl --silent --max-time 15 --include ${2:+--header "$2"} "$1") || true
    STATUS='' POD='' ISSUED=''
    [[ $answer =~ ^HTTP/1.1\ ([0-9]+) ]] && STATUS=${BASH_REMATCH[1]}
    [[ $answer =~ $'\n \"pod\": \"'([^\"]+) ]] && POD=${BASH_REMATCH[1]}
    [[ $answer =~ $'\n'(set-cookie: Session-A=|session-a: )([A-Za-z0-9_-]+) ]] && ISSUED=${BASH_REMATCH[2]}
    return 0
}

# line START [PAGE]: the line of the README, or another page, that starts so, with the ports of this test.
line() {
    local found page=${2:-README.md}
    found=$(grep --max-count=1 --fixed-strings -- "$1" "$page") || fail "$page has no line with: $1"
    found=${found//localhost:8888/localhost:$COOKIE_PORT}
    echo "${found//localhost:8889/localhost:$HEADER_PORT}"
}

# open_sessions COUNT: sets TOKENS and PODS, one of each per session.
open_sessions() {
    TOKENS=() PODS=()
    while [ "${#TOKENS[@]}" -lt "$1" ]; do open_session; done
}

open_session() {
    ask "$LONG"
    [ -n "$ISSUED" ] || fail "a request without a session got status ${STATUS:-none} and no token"
    TOKENS+=("$ISSUED") PODS+=("$POD")
}

# Whether the sessions are with this many pods; opens another one if not.
sessions_with() {
    [ "$(printf '%s\n' "${PODS[@]}" | sort -u | wc -l)" = "$1" ] || { open_session; false; }
}

# new_sessions_reach COUNT: waits until Envoy has found so many replicas.
new_sessions_reach() {
    TOKENS=() PODS=()
    open_session
    wait_until 30 "new sessions reach $1 pods" sessions_with "$1"
}

# ---------------------------------------------------------------------------------------------------------- engine

compose() {
    "$DOCKER" compose --project-name "$PROJECT" --progress plain "$@"
}

# up [OPTION…]: starts what does not run, and waits until all of it is healthy.
up() {
    compose up --detach --wait --wait-timeout 120 "$@" >"$work/up" 2>&1 || { tail -n 40 "$work/up" >&2; return 1; }
}

# The names of the running pods: a container's hostname is the beginning of its id.
replicas() {
    compose ps --quiet backend | cut -c 1-12
}

is_replica() {
    grep --quiet --line-regexp "$1" <<<"$(replicas)"
}

# inspect FORMAT: a line of every container, ended ones too.
inspect() {
    # shellcheck disable=SC2046 # one word per container
    "$DOCKER" inspect --format "$1" $(compose ps --all --quiet)
}

address() {
    "$DOCKER" inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1"
}

# ---------------------------------------------------------------------------------------------------------- promises

four_replicas() {
    new_sessions_reach 4
}

confined() {
    local found user='{{.Config.User}}' confines='{{.ReadonlyRootfs}} {{.CapDrop}} {{.SecurityOpt}} {{.Privileged}}'
    found=$(inspect "{{.Name}} $user {{with .HostConfig}}$confines{{end}}")
    [ "$(wc -l <<<"$found")" = 7 ] || fail "these are not all containers: $found"
    ! grep --invert-match --extended-regexp \
        '^[^ ]+ [1-9][0-9]*:[1-9][0-9]* true \[ALL\] \[no-new-privileges:true\] false$' <<<"$found" >&2 || fail 'not confined'
}

keys_are_secret() {
    local keys
    keys=$(compose exec -T envoy cat /var/lib/session-keys/keys)
    [[ $keys =~ ^[0-9a-f]{64}$ ]] || fail "the keys are no 64 hexadecimal digits"
    { compose logs; compose config; inspect '{{json .}}'; } >"$work/shown" 2>&1
    ! grep --quiet "$keys" "$work/shown" || fail "the keys can be read from outside"
}

cookie_transcript() {
    local pods
    eval "$(line 'COOKIE=$(curl')"
    pods=$(eval "$(line 'curl -H "Cookie: $COOKIE"')")
    same_pod_five_times "$pods"
}

policy_transcript() {
    local pods
    eval "$(line 'COOKIE=$(curl')"
    pods=$(eval "$(line 'curl -H "Cookie: $COOKIE" http://localhost:8888/assets' docs/session-policy.md)")
    [ "$(grep --count '^ "pod": ".*"$' <<<"$pods")" = 5 ] && [ "$(sort -u <<<"$pods" | wc -l)" -gt 1 ] || fail "$pods"
    same_pod_five_times "$(eval "$(line 'curl -H "Cookie: $COOKIE"')")"
    ask "http://localhost:$COOKIE_PORT/assets/logo"
    [ "$STATUS$ISSUED" = 200 ] || fail "status ${STATUS:-none}${ISSUED:+ and a token}"
}

header_transcript() {
    local pods
    eval "$(line 'HEADER=$(curl')"
    pods=$(eval "$(line 'curl -H "Session-A: $HEADER"')")
    same_pod_five_times "$pods"
}

same_pod_five_times() {
    [ "$(grep --count '^ "pod": ".*"$' <<<"$1")" = 5 ] && [ "$(sort -u <<<"$1" | wc -l)" = 1 ] || fail "$1"
}

cookie_expires() {
    expires "http://localhost:$COOKIE_PORT/get" 'Cookie: Session-A='
}

header_expires() {
    expires "http://localhost:$HEADER_PORT/get" 'Session-A: '
}

# expires URL CARRIER: the token is good for ten seconds, however often the client sends it.
expires() {
    local begun token pods=''
    begun=$(date +%s)
    ask "$1"
    token=$ISSUED
    refused() { ask "$1" "$2$token"; [ -n "$ISSUED" ]; }
    wait_until 20 'the token is refused' refused "$1" "$2"
    [ $(($(date +%s) - begun)) -ge 9 ] || fail "refused after $(($(date +%s) - begun)) seconds"
    for _ in $(seq 20); do
        ask "$1" "$2$token"
        [ -n "$ISSUED" ] || fail 'an answer to the expired token carries no new one'
        pods+="$POD"$'\n'
    done
    [ "$(sort -u <<<"${pods%$'\n'}" | wc -l)" -gt 1 ] || fail "all twenty answers to the expired token are from $POD"
}

# client FILE: asks until told to stop; a line per answer: the status, the pod, and `new` if there was a token with it.
# Told to hold, it waits between two requests, and there is a file that says so.
client() {
    local token=''
    until [ -e "$work/stop" ]; do
        if [ -e "$work/hold" ]; then
            touch "$1.holds"
            sleep 0.02
            continue
        fi
        ask "$LONG" ${token:+"Session-A: $token"}
        token=${ISSUED:-$token}
        echo "${STATUS:-none} ${POD:-none} ${ISSUED:+new}" >>"$1"
    done
}

killed_replica() {
    local clients=8 files=() pids=() before=() index victim
    rm -f "$work/stop" "$work/hold"
    for index in $(seq 0 $((clients - 1))); do
        files+=("$work/client-$index")
        : >"${files[index]}"
        client "${files[index]}" &
        pids+=($!)
    done
    # Nobody may be left asking, whatever happens.
    trap 'touch "$work/stop"; rm -f "$work/hold"; wait' EXIT
    answers() { [ "$(wc -l <"$1")" -ge "$2" ]; }
    for index in "${!files[@]}"; do
        wait_until 20 'every client has a session' answers "${files[index]}" 5
    done
    # A request that a replica dies with is lost (docs/operations.md, limits): it dies between two.
    touch "$work/hold"
    for index in "${!files[@]}"; do
        wait_until 20 'no request is under way' test -e "${files[index]}.holds"
        before[index]=$(wc -l <"${files[index]}")
    done
    victim=$(tail -n 1 "${files[0]}" | cut -d ' ' -f 2)
    "$DOCKER" kill "$victim" >/dev/null
    rm "$work/hold"
    moved() { [ "$(tail -n 1 "$1" | cut -d ' ' -f 2)" != "$victim" ]; }
    for index in "${!files[@]}"; do
        wait_until 30 "no client is with $victim" moved "${files[index]}"
        wait_until 30 'every client goes on' answers "${files[index]}" $((before[index] + 30))
    done
    touch "$work/stop"
    wait "${pids[@]}"
    # One session each, and a second one for the clients of the killed replica; every change comes with its token.
    awk -v victim="$victim" '
        FNR == 1 { pod = ""; left = 0 }
        $1 != 200 { print FILENAME ": answer " FNR " is " $0; bad = 1 }
        ($2 != pod) != ($3 == "new") { print FILENAME ": answer " FNR " after one of " pod " is " $0; bad = 1 }
        FNR > 1 && $2 != pod && (pod != victim || left++) { print FILENAME ": left " pod " at answer " FNR; bad = 1 }
        { pod = $2 }
        END { exit bad }' "${files[@]}" >&2
}

page() {
    local site=http://localhost:$COOKIE_PORT token
    grep --quiet '<html' <<<"$(curl --silent --fail --header 'Accept: text/html' "$site/")" || fail 'there is no page'
    open_sessions 1
    token=${TOKENS[0]}
    curl --silent --fail --request POST --output /dev/null "$site/-/stop?pod=${PODS[0]}" || fail 'cannot stop a pod'
    moves "$token" "${PODS[0]}"
    listening() { [ "$(curl --silent "$site/-/pods" | grep --only-matching '"listening":true' | wc -l)" = "$1" ]; }
    listening 3 || fail "stopped one pod, and now: $(curl --silent "$site/-/pods")"
    curl --silent --fail --request POST --output /dev/null "$site/-/start" || fail 'cannot bring the pods back'
    listening 4 || fail "brought the pods back, and now: $(curl --silent "$site/-/pods")"
    stays "$token" "${PODS[0]}"
}

scaled_up() {
    open_sessions 12
    up --no-build --no-recreate --scale backend=6
    local index
    for index in "${!TOKENS[@]}"; do
        stays "${TOKENS[index]}" "${PODS[index]}"
    done
    new_sessions_reach 6
}

scaled_down() {
    new_sessions_reach 6
    up --no-build --no-recreate --scale backend=2
    local index stayed=0
    for index in "${!TOKENS[@]}"; do
        if is_replica "${PODS[index]}"; then
            stays "${TOKENS[index]}" "${PODS[index]}"
            stayed=$((stayed + 1))
        else
            moves "${TOKENS[index]}" "${PODS[index]}"
        fi
    done
    [ "$(replicas | wc -l)" = 2 ] && [ "$stayed" -ge 2 ] || fail "$stayed sessions stayed"
    echo "$stayed of ${#TOKENS[@]} sessions stayed, the others moved"
}

# stays TOKEN POD
stays() {
    ask "$LONG" "Session-A: $1"
    [ "$STATUS $POD $ISSUED" = "200 $2 " ] ||
        fail "the session of $2 got status ${STATUS:-none} from $POD${ISSUED:+ and a new token}"
}

# moves TOKEN POD: to another replica, and the answer has the token to stay there.
moves() {
    ask "$LONG" "Session-A: $1"
    [ "$STATUS" = 200 ] && [ "$POD" != "$2" ] && is_replica "$POD" && [ -n "$ISSUED" ] ||
        fail "the session of $2, which is gone, got status ${STATUS:-none} from $POD${ISSUED:+ and a new token}"
    stays "$ISSUED" "$POD"
}

restarted_backends() {
    local index addresses=() now moved=0
    new_sessions_reach 4
    for index in "${!PODS[@]}"; do addresses[index]=$(address "${PODS[index]}"); done
    local tokens=("${TOKENS[@]}") pods=("${PODS[@]}")
    compose restart backend >/dev/null 2>&1
    up --no-build --no-recreate
    new_sessions_reach 4
    now=$(for pod in $(replicas); do address "$pod"; done)
    for index in "${!tokens[@]}"; do
        ask "$LONG" "Session-A: ${tokens[index]}"
        [ "$STATUS" = 200 ] || fail "status ${STATUS:-none}"
        if grep --quiet --line-regexp --fixed-strings "${addresses[index]}" <<<"$now"; then
            [ "$(address "$POD") $ISSUED" = "${addresses[index]} " ] ||
                fail "pinned to ${addresses[index]}, answered by $(address "$POD")${ISSUED:+ with a new token}"
        else
            [ -n "$ISSUED" ] || fail "${addresses[index]} is gone, and there is no new token"
        fi
        [ "$POD" = "${pods[index]}" ] || moved=$((moved + 1))
    done
    echo "$moved of ${#tokens[@]} sessions are with another replica"
}

restarted_envoy() {
    open_sessions 4
    compose restart envoy >/dev/null 2>&1
    up --no-build --no-recreate
    local index
    for index in "${!TOKENS[@]}"; do
        stays "${TOKENS[index]}" "${PODS[index]}"
    done
}

MANIFESTS=envoy-config/examples/quickstart

# edit FILE FROM TO: replaces the file, as editors do.
edit() {
    grep --quiet --fixed-strings -- "$2" "$MANIFESTS/$1" || fail "$1 does not contain: $2"
    sed "s|$2|$3|" "$MANIFESTS/$1" >"$work/edited"
    chmod 644 "$work/edited"
    mv "$work/edited" "$MANIFESTS/$1"
}

# When the containers were started.
started() { inspect '{{.Name}} {{.State.StartedAt}}' | sort; }

has_lifetime() { grep --quiet "^set-cookie:.*; Max-Age=$1;" <<<"$(curl --silent --include "http://localhost:$COOKIE_PORT/get")"; }

watch_says() { grep --quiet --fixed-strings -- "$1" <<<"$(compose logs --no-log-prefix watch 2>&1)"; }

edited_manifest() {
    local before index
    open_sessions 4
    before=$(started)
    edit cookie.yaml 'absoluteTimeout: 10s' 'absoluteTimeout: 40s'
    wait_until 20 'the new timeout is served' has_lifetime 40
    # A rule more, with a cookie of its own.
    sed -n '/- name: cookie-of-a-path/,/lifetimeType/p' "$MANIFESTS/page.yaml" |
        sed 's/cookie-of-a-path/new/; s,/cookie,/new,; s/Session-B/Session-N/' >"$work/rule"
    cat "$MANIFESTS/page.yaml" "$work/rule" >"$work/page"
    chmod 644 "$work/page"
    mv "$work/page" "$MANIFESTS/page.yaml"
    has_rule() { grep --quiet '^set-cookie: Session-N=' <<<"$(curl --silent --include "http://localhost:$COOKIE_PORT/new")"; }
    wait_until 20 'the new rule is served' has_rule
    for index in "${!TOKENS[@]}"; do
        stays "${TOKENS[index]}" "${PODS[index]}"
    done
    [ "$(started)" = "$before" ] || fail 'a container was restarted'
    compose logs --no-log-prefix watch | tail -n 2
}

wrong_manifest() {
    local before index
    open_sessions 4
    before=$(started)
    edit header.yaml '- name: backend' '- name: bakend'
    wait_until 20 'watch says what is wrong' watch_says 'Service `default/bakend` not found'
    wait_until 20 'watch says what it does' watch_says 'the last good configuration stays'
    ask "http://localhost:$HEADER_PORT/get"
    [ "$STATUS" = 200 ] && [ -n "$ISSUED" ] || fail "status ${STATUS:-none}"
    for index in "${!TOKENS[@]}"; do
        stays "${TOKENS[index]}" "${PODS[index]}"
    done
    edit header.yaml '- name: bakend' '- name: backend'
    edit cookie.yaml 'absoluteTimeout: 40s' 'absoluteTimeout: 10s'
    wait_until 20 'the good manifests are served' has_lifetime 10
    [ "$(started)" = "$before" ] || fail 'a container was restarted'
}

# What the last `up` compiled, one package a line.
compiled() {
    sed -nE 's/.* Compiling ([^ ]+) v.*/\1/p' "$work/up"
}

unchanged_up() {
    local begun=$SECONDS
    up
    [ -z "$(compiled)" ] || fail "compiled: $(compiled)"
    echo "$((SECONDS - begun)) s"
}

changed_up() {
    local begun=$SECONDS
    # Something that no build has seen: the engine would know the result of one that an earlier run made.
    echo "// Changed at $(date +%s%N)." | tee -a filter/src/lib.rs envoy-config/src/lib.rs integration/src/lib.rs >/dev/null
    sed -i.before 's/absoluteTimeout: 10s/absoluteTimeout: 20s/' envoy-config/examples/quickstart/cookie.yaml
    up
    echo "$((SECONDS - begun)) s, of which Cargo compiled $(compiled | sort -u | paste -s -d ' ' -)"
    # The packages of the workspace: the Dockerfile makes all of its sources new.
    [ "$(compiled | sort -u | paste -s -d ' ' -)" = 'envoy-config integration session-persistence strip-exports' ] ||
        fail 'these are more or less than the packages of the workspace'
    grep --quiet '^set-cookie:.*; Max-Age=20;' <<<"$(curl --silent --include "http://localhost:$COOKIE_PORT/get")" ||
        fail 'the new manifest is not served'
}

stops() {
    local ended begun=$SECONDS
    compose stop >/dev/null 2>&1
    ended=$(inspect '{{.Name}} {{.State.Status}} {{.State.ExitCode}}')
    [ "$(wc -l <<<"$ended")" = 7 ] || fail "these are not all containers: $ended"
    # After the grace period of two seconds the engine ends it, and the exit code is 137.
    ! grep --invert-match --extended-regexp ' exited (0|143)$' <<<"$ended" >&2 || fail 'ended by force'
    echo "$((SECONDS - begun)) s"
}

leaves_nothing() {
    compose down --volumes >/dev/null 2>&1
    local left project="label=com.docker.compose.project=$PROJECT"
    left=$(
        "$DOCKER" container ls --all --quiet --filter "$project"
        "$DOCKER" volume ls --quiet --filter "$project"
        "$DOCKER" network ls --quiet --filter "$project"
    )
    [ -z "$left" ] || fail "left: $left"
}

# ----------------------------------------------------------------------------------------------------------------- run

if ! command -v "$DOCKER" >/dev/null || ! "$DOCKER" info >/dev/null 2>&1; then
    echo "compose: there is no engine: \`$DOCKER info\` does not answer" >&2
    exit 77
fi
if ! "$DOCKER" compose version >/dev/null 2>&1; then
    echo "compose: the engine has no \`$DOCKER compose\`" >&2
    exit 77
fi
command -v curl >/dev/null || { echo 'compose: curl is missing: install it and try again' >&2; exit 2; }

work=$(mktemp -d)
clean_up() {
    cd "$work/checkout" 2>/dev/null && {
        compose down --volumes --rmi local
        "$DOCKER" image prune --force --filter "label=com.docker.compose.project=$PROJECT"
    } >/dev/null 2>&1
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' HUP INT PIPE TERM
mkdir "$work/checkout"
# The times of the files come along, but not what Git ignores.
(cd "$root" && git ls-files --cached --others --exclude-standard -z | tar --null --files-from=- --create) |
    tar -C "$work/checkout" -x
cd "$work/checkout"
compose down --volumes >/dev/null 2>&1

say "$("$DOCKER" version --format 'engine {{.Server.Version}}'), compose $("$DOCKER" compose version --short)"
say 'Building and starting (the first time, everything is compiled)'
begun=$SECONDS
if ! up; then
    compose logs --tail 20 >&2
    echo 'compose: 0 passed, 1 failed'
    exit 1
fi
say "up and healthy after $((SECONDS - begun)) s"
"$DOCKER" image ls --format '    {{.Repository}}: {{.Size}}' --filter dangling=false \
    --filter "label=com.docker.compose.project=$PROJECT"

holds 'new sessions reach four replicas, found by the name of their Service' four_replicas
holds 'no container has a root user, a writable file system or capabilities' confined
holds 'the keys are made at the first start, and shown to nobody' keys_are_secret
holds 'the lines for cookies in the README show the same pod five times' cookie_transcript
holds 'ten seconds later the cookie reaches others, each answer with a new one' cookie_expires
holds 'what the policy ignores reaches any replica, without a token, and the session stays' policy_transcript
holds 'the lines for headers in the README show the same pod five times' header_transcript
holds 'ten seconds later the header reaches others, each answer with a new one' header_expires
holds 'the page at / stops a pod, whose sessions move, and brings it back' page
holds "a killed replica's clients move, with a new token in the same answer, and nobody sees an error" killed_replica
holds 'from four replicas to six, all sessions stay' scaled_up
holds 'from six replicas to two, the sessions of the two stay, and the others move' scaled_down
holds 'a second up without a change compiles nothing' unchanged_up
holds 'an edited manifest is served without a restart, and sessions stay' edited_manifest
holds 'with a wrong manifest the last good one is served, and the log of watch says why' wrong_manifest
holds 'when the backends restart, sessions stay at their addresses' restarted_backends
holds 'when Envoy restarts, sessions stay' restarted_envoy
holds 'an up after a change compiles the change alone, and serves it' changed_up
holds 'every container ends by itself within two seconds' stops
holds 'down leaves nothing' leaves_nothing

[ "$failed" = 0 ] || compose logs --tail 50 >&2 || true
echo "compose: $passed passed, $failed failed"
[ "$failed" = 0 ]
