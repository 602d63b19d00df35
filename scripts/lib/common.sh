# Shared by the scripts beside this folder; sourced, never run.
set -euo pipefail
export LC_ALL=C.UTF-8
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$top"

say() { printf '%s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

# Runs its arguments as root, or says what to run.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "This needs root, and there is no sudo. As root: $*"
    fi
}

# Whether as_root works without asking anybody: in a pipe nobody could answer.
root_for_free() {
    [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }
}

jobs_at_once() { nproc 2>/dev/null || echo 2; }

# Keeps one line of a terminal up to date with what is piped in.
last_line() {
    local line width
    width=$(tput cols 2>/dev/null || echo 80)
    while IFS= read -r line; do printf '\r\033[K%s' "${line:0:width-1}" >&2; done
    printf '\r\033[K' >&2
}

# quietly WHAT LOG COMMAND...: all output goes to the log, and on a terminal the last line of it is
# shown; where the command fails, what matters of the log.
quietly() {
    local what=$1 log=$2 status=0
    shift 2
    mkdir -p "$(dirname "$log")"
    if [ -t 2 ]; then
        "$@" 2>&1 | tee "$log" | last_line || status=$?
    else
        "$@" >"$log" 2>&1 || status=$?
    fi
    if [ "$status" -ne 0 ]; then
        say "$what failed:"
        grep -E 'error|FAILED|Error' "$log" | head -n 20 >&2 || true
        tail -n 30 "$log" >&2
        say "All of it: $log"
    fi
    return "$status"
}
