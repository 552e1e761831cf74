#!/usr/bin/env bash
# The whole process, release build, embedded clouds without latency: median wall and CPU time and peak memory of RUNS runs each (9 unless
# RUNS says otherwise), and the requests of plans. Needs bash, python3 and cargo. BIN measures a binary that is built already, PIPELINES
# says how many pipelines the large spec has (100; 0 leaves it out).
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${RUNS:-9}
pipelines=${PIPELINES:-100}
if [ -z "${BIN:-}" ]; then
  cargo build --release --locked
  BIN=${CARGO_TARGET_DIR:-target}/release/snowssi
fi
bin=$(realpath "$BIN")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# measure NAME DIRECTORY-TO-REMOVE-FIRST COMMAND...  ("-" removes nothing)
measure() {
  python3 - "$runs" "$@" <<'PY'
import os, shutil, statistics, subprocess, sys, time

runs, name, remove, command = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
walls, cpus, peaks = [], [], []
for number in range(runs + 1):
    if remove != "-":
        shutil.rmtree(remove, ignore_errors=True)
    begin = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = child.stderr.read().decode(errors="replace")
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{name}: exit code {child.returncode}\n{said}")
    if number == 0:
        continue  # The first run warms caches.
    walls.append(wall * 1000)
    cpus.append((used.ru_utime + used.ru_stime) * 1000)
    peaks.append(used.ru_maxrss / 1024)
print(f"{name:32} {statistics.median(walls):9.1f} ms {statistics.median(cpus):9.1f} ms CPU {max(peaks):7.1f} MiB", flush=True)
PY
}

requests() {
  "$bin" plan --sandbox="$1" --stats -f "$2" 2>&1 >/dev/null | grep -E '^(AWS|Snowflake|Total)'
}

spec=examples/event-pipeline
box=$dir/one
measure 'version' - "$bin" version
measure 'validate' - "$bin" validate -f "$spec"
measure 'first apply' "$box" "$bin" apply --sandbox="$box" --auto-approve -f "$spec"
measure 'plan, no change' - "$bin" plan --sandbox="$box" --detailed-exitcode -f "$spec"
echo 'Requests of a plan without changes:'
requests "$box" "$spec"

if [ "$pipelines" -gt 0 ]; then
  echo
  echo "$pipelines pipelines:"
  large=$dir/large
  mkdir "$large"
  python3 benches/generate.py "$pipelines" >"$large/snowssi.toml"
  measure 'validate' - "$bin" validate -f "$large"
  runs=1 measure 'first apply' "$dir/many" "$bin" apply --sandbox="$dir/many" --auto-approve -f "$large"
  measure 'plan, no change' - "$bin" plan --sandbox="$dir/many" --detailed-exitcode -f "$large"
  echo 'Requests of a plan without changes:'
  requests "$dir/many" "$large"
fi
