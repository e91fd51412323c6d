# Starting, watching and ending processes, for sourcing. DIR/pids has a line for each: NAME PID STARTTIME. A process
# counts as ours only while both numbers fit, so one to which the kernel gave an old pid is never signalled.

# Field 22 of /proc/PID/stat, counted from behind the name, which may hold blanks. Fails for what has ended.
start_time() {
  local stat fields
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  read -ra fields <<<"${stat##*) }"
  [ "${fields[0]}" != Z ] || return 1
  echo "${fields[19]}"
}

is_alive() { [ "$(start_time "$1" || true)" = "$2" ]; }

# DIR NAME COMMAND...: in a session of its own, so that a Ctrl-C meant for the tests does not reach it.
spawn() {
  local dir=$1 name=$2
  shift 2
  setsid "$@" </dev/null >>"$dir/log/$name" 2>&1 &
  local pid=$!
  disown "$pid" # else bash reports on stderr that it was killed
  echo "$name $pid $(start_time "$pid" || echo ended)" >>"$dir/pids"
}

all_alive() {
  local name pid started
  [ -s "$1/pids" ] || return 1
  while read -r name pid started; do is_alive "$pid" "$started" || return 1; done <"$1/pids"
}

show_processes() {
  local name pid started
  [ -s "$1/pids" ] || { echo "not running"; return 1; }
  while read -r name pid started; do
    if is_alive "$pid" "$started"; then echo "$name runs as $pid"; else echo "$name has ended"; fi
  done <"$1/pids"
  all_alive "$1"
}

# The last started first. There is nothing to save in a store in memory, so nobody is asked politely.
stop_processes() {
  local name pid started i
  [ -f "$1/pids" ] || return 0
  while read -r name pid started; do
    for ((i = 0; i < 100; i++)); do
      is_alive "$pid" "$started" || break
      kill -KILL "$pid" 2>/dev/null || true
      sleep 0.05
    done
  done < <(tac "$1/pids")
  rm -f "$1/pids" "$1/env"
}
