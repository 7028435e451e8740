#!/usr/bin/env python3
"""Runs the nightly retraining on generated interactions, kills the data worker in the middle, and tells what it cost.

    retrain-cost.py DIR --binaries .build/release --interactions 1000000 --profiles 20000 --titles 5000

Starts `showrunner up` in DIR, which must not exist, fills its catalogue with titles of eight genres and with profiles that
like one of them, and starts `retrain`. Prints wall time, the processor time of each data worker, and its memory at most.
"""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

SQL = """
SELECT setseed(0.5);
INSERT INTO catalogue.genre SELECT 'g' || n, 'Genre ' || n FROM generate_series(0, 7) AS n;
INSERT INTO catalogue.title (id, kind, name, languages, credits, package_prefix, hls_key, dash_key, duration_seconds,
    published_at, version, execution_id)
SELECT 't-' || n, 'movie', 'Film ' || n, '{{en}}', '[]', 'media/p', 'media/p/m.m3u8', 'media/p/m.mpd', 5400, now(), n + 1,
    gen_random_uuid()
FROM generate_series(0, {titles} - 1) AS n;
INSERT INTO catalogue.title_genre SELECT 't-' || n, 1, 'g' || n % 8 FROM generate_series(0, {titles} - 1) AS n;
UPDATE catalogue.version SET value = {titles};
INSERT INTO catalogue.account (id) SELECT 'a' || n FROM generate_series(0, {profiles} - 1) AS n;
INSERT INTO catalogue.profile (account_id, id, name, ceiling)
SELECT 'a' || n, 'main', 'main', CASE WHEN n % 10 = 0 THEN 12 END FROM generate_series(0, {profiles} - 1) AS n;
-- Three of four plays are of the genre that the profile likes; popular titles are watched more.
INSERT INTO catalogue.interaction (account_id, profile_id, event_id, title_id, kind, value, at, recorded_at)
SELECT 'a' || n % {profiles}, 'main', gen_random_uuid(),
    't-' || (({titles} / 8 * power(random(), 2))::int % ({titles} / 8)) * 8
        + CASE WHEN random() < 0.75 THEN n % {profiles} % 8 ELSE (random() * 7)::int END,
    'play', 0.2 + 0.8 * random(), now() - interval '300 days' * random() - interval '1 hour', now() - interval '1 hour'
FROM generate_series(1, {interactions}) AS n;
ANALYZE catalogue.interaction;
"""


def process(pid):
    """Seconds of processor time, and MiB at most."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), peak / 1024


def main():
    options = argparse.ArgumentParser()
    options.add_argument("directory", type=pathlib.Path)
    options.add_argument("--binaries", type=pathlib.Path, default=pathlib.Path(".build/release"))
    options.add_argument("--interactions", type=int, default=1_000_000)
    options.add_argument("--profiles", type=int, default=20_000)
    options.add_argument("--titles", type=int, default=5_000)
    options.add_argument("--port", type=int, default=4900)
    options.add_argument("--no-kill", action="store_true")
    chosen = options.parse_args()
    showrunner = str(chosen.binaries / "showrunner")
    engine = f"http://127.0.0.1:{chosen.port}"
    up = subprocess.Popen([showrunner, "up", "--data", str(chosen.directory), "--port", str(chosen.port), "--workers", "0"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        if not up.stdout.readline().startswith("ready"):
            sys.exit("up does not start")
        url = f"postgresql://postgres@/showrunner?host={chosen.directory.resolve()}/socket&port=5432"
        subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", url], check=True, text=True, stdout=subprocess.DEVNULL,
                       input=SQL.format(titles=chosen.titles, profiles=chosen.profiles, interactions=chosen.interactions))
        pid_file = chosen.directory / "run/data-worker.pid"
        start = time.monotonic()
        cutoff = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
        started = json.loads(subprocess.run(
            [showrunner, "runs", "start", "retrain", "--input", json.dumps({"cutoff": cutoff}), "--engine", engine, "--json"],
            check=True, capture_output=True, text=True).stdout)
        arn = started["executionArn"]
        workers, killed, run = {}, chosen.no_kill, None
        while True:
            pid = int(pid_file.read_text()) if pid_file.exists() else 0
            try:
                workers[pid] = process(pid)
            except OSError:
                pass
            run = json.loads(subprocess.run([showrunner, "runs", "show", arn, "--engine", engine, "--json"],
                                            check=True, capture_output=True, text=True).stdout)
            if run["status"] != "RUNNING":
                break
            entered = [state["name"] for state in run.get("states", [])]
            if not killed and entered.count("Train") >= 3 and workers.get(pid, (0, 0))[0] > 1:
                os.kill(pid, signal.SIGKILL)
                killed = True
            time.sleep(0.5)
        print(f"{run['status']} after {time.monotonic() - start:.1f} s {run.get('error', '')} {run.get('cause', '')}")
        for pid, (seconds, peak) in workers.items():
            print(f"data worker {pid}: {seconds:.1f} s of processor time, {peak:.0f} MiB at most")
        output = run.get("output")
        output = json.loads(output) if isinstance(output, str) else output
        for trial in (output or {}).get("trials", []):
            print(f"{trial['name']}: {trial['cpuSeconds']:.1f} s, NDCG@100 {trial['metrics']['ndcg@100']:.4f}, "
                  f"Recall@20 {trial['metrics']['recall@20']:.4f}")
        if output:
            print({key: output[key] for key in ("chosen", "profiles", "titles", "interactions", "generation")})
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait()


main()
