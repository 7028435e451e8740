#!/usr/bin/env python3
"""What becomes of executions when the database's server is replaced, frozen or put back, under load and with real processes.

    Chaos/failover.py promote|freeze|restore|engine [--runs 2000] [--seed N] [--programs .build/release] [--keep]

promote   A primary with a synchronous standby: the primary is killed, the standby promoted.
freeze    The primary stops for 30 seconds (SIGSTOP) and goes on: every call has an answer within DEADLINE.
restore   In the middle of all executions the server is put back to five seconds earlier (base backup, archived log,
          recovery_target_time) while workers and engines live on: answers to tasks of the lost seconds are refused.
engine    The active engine stops for 30 seconds (SIGSTOP) while the other takes over, and goes on with what was true before.

The load, the workers and the questions asked afterwards are chaos.py's. Exit status 1 where a check finds something.
"""
import argparse
import glob
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import chaos

# Seconds until the slowest call is answered, with whatever: an engine gives up its audit row after 10, what is asked after 15.
DEADLINE = 27
COUNTS = """SELECT count(*) FILTER (WHERE status = 'RUNNING') || ' executions that run and '
                   || count(*) FILTER (WHERE status <> 'RUNNING') || ' that have ended' FROM showrunner.execution_list"""


class Pair(chaos.Database):
    """A primary and its synchronous standby, `a` and `b`; or a primary alone that archives its log."""

    def __init__(self, folder, has_standby):
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.folder = folder
        self.account = chaos.pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self.is_small, self.is_over, self.servers = False, False, {}
        self.ports = {"a": chaos.free_port(), "b": chaos.free_port()}
        for path in (folder, folder + "/archive"):
            os.makedirs(path)
            if self.account:
                os.chown(path, self.account.pw_uid, self.account.pw_gid)
        self.run("initdb", "-D", folder + "/a", "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
        settings = ["archive_mode=on", f"archive_command=cp %p {folder}/archive/%f"] if not has_standby else []
        self.begin("a", settings)
        self.run("pg_basebackup", "-h", "127.0.0.1", "-p", str(self.ports["a"]), "-U", "postgres", "-D", folder + "/b", "-c", "fast",
                 *(["-R", "-X", "stream", "-d", f"host=127.0.0.1 port={self.ports['a']} user=postgres application_name=b"]
                   if has_standby else ["-X", "none"]))
        if has_standby:
            self.begin("b", [])
            self.on("a", "ALTER SYSTEM SET synchronous_standby_names = 'b'")
            self.on("a", "SELECT pg_reload_conf()")
            while self.on("a", "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != "1":
                time.sleep(0.1)

    def begin(self, name, settings):
        options = [f"port={self.ports[name]}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}",
                   "max_connections=60", "shared_buffers=64MB", *settings]
        self.servers[name] = subprocess.Popen(
            [os.path.join(self.bin, "postgres"), "-D", f"{self.folder}/{name}", *(word for o in options for word in ("-c", o))],
            preexec_fn=self.become, cwd="/", stdout=subprocess.DEVNULL, stderr=open(f"{self.folder}/{name}.log", "a"))
        while self.on(name, "SELECT 1", check=False) != "1":
            time.sleep(0.1)

    def on(self, name, text, check=True):
        return subprocess.run(
            ["psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(self.ports[name]), "-U", "postgres", "postgres", "-c", text],
            check=check, capture_output=True, text=True).stdout.strip()

    @property
    def url(self):
        return ("postgresql:///postgres?host=127.0.0.1,127.0.0.1&user=postgres&target_session_attrs=read-write&connect_timeout=2"
                f"&port={self.ports['a']},{self.ports['b']}")

    def everything_of(self, name):
        pid = self.servers[name].pid
        children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
        return [pid, *map(int, children)]

    def stop(self):
        for server in self.servers.values():
            if server.poll() is None:
                server.send_signal(signal.SIGINT)
                server.wait()

    # What happens to it.

    def promote(self):
        self.servers["a"].kill()
        self.servers["a"].wait()
        self.run("pg_ctl", "-D", self.folder + "/b", "-w", "promote")

    def freeze(self, seconds):
        pids = self.everything_of("a")
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    def restore(self, moment):
        """To what it was at a moment of its own clock."""
        self.on("a", "SELECT pg_switch_wal()")
        self.servers["a"].send_signal(signal.SIGINT)
        self.servers["a"].wait()
        shutil.rmtree(self.folder + "/a")
        os.rename(self.folder + "/b", self.folder + "/a")
        open(self.folder + "/a/recovery.signal", "w").close()
        self.begin("a", [f"restore_command=cp {self.folder}/archive/%f %p", f"recovery_target_time={moment}",
                         "recovery_target_action=promote", "archive_mode=off"])
        while self.on("a", "SELECT pg_is_in_recovery()", check=False) != "f":
            time.sleep(0.1)


class Load(chaos.Load):
    """Starts at a steady pace, and knows how long the slowest call of all took."""

    # Seconds from the first start to the last.
    LENGTH = 24

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.slowest = 0.0

    def start(self, threads=6):
        super().start(threads)
        for action in (self.pace, *(lambda port=port: self.watch(port) for port in self.ports)):
            threading.Thread(target=action, daemon=True).start()

    def pace(self):
        began = time.monotonic()
        while self.allowed < self.runs:
            self.allowed = min(self.runs, 1 + int(self.runs * (time.monotonic() - began) / self.LENGTH))
            time.sleep(0.02)

    def watch(self, port):
        """A call of its own every 100 ms, without a second try: it has to be answered, with whatever."""
        while any(thread.is_alive() for thread in self.threads):
            began = time.monotonic()
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
                connection.request("POST", "/", json.dumps({
                    "stateMachineArn": chaos.PREFIX + "stateMachine:refused", "name": f"watch-{time.time_ns()}", "input": "{}"}), {
                    "X-Amz-Target": "AWSStepFunctions.StartExecution", "Content-Type": "application/x-amz-json-1.0"})
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                pass
            with self.lock:
                self.slowest = max(self.slowest, time.monotonic() - began)
            time.sleep(0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["promote", "freeze", "restore", "engine"])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--programs", default=os.path.join(chaos.HERE, "..", ".build", "release"))
    parser.add_argument("--keep", action="store_true", help="leave logs and offers where they are")
    given = parser.parse_args()
    chaos.leave_when_told()
    print(f"failover: {given.what}, seed {given.seed}", flush=True)
    folder = tempfile.mkdtemp(prefix="showrunner-failover-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    database = Pair(folder + "/postgres", has_standby=given.what == "promote")
    programs = chaos.Programs(folder)
    try:
        ports = chaos.start_engines(programs, database, folder, given.programs)
        workers = chaos.start_workers(programs, folder, ports)
        load = Load(ports, given.runs, given.seed)
        load.start()
        while load.next < given.runs // 2:
            time.sleep(0.05)
        lost_since = None
        began = time.monotonic()
        if given.what == "promote":
            database.promote()
        elif given.what == "freeze":
            database.freeze(30)
        elif given.what == "restore":
            time.sleep(5)
            lost_since = time.time() - 5
            moment = database.on("a", f"SELECT to_timestamp({lost_since!r})")
            database.restore(moment)
            print(f"failover: put back to {database.on('a', COUNTS)}", flush=True)
        else:
            active = next(n for n, port in enumerate(ports) if chaos.is_active(port))
            programs.signal(f"engine-{active}", signal.SIGSTOP)
            while not chaos.is_active(ports[1 - active]):
                time.sleep(0.05)
            print(f"failover: the other engine was active after {time.monotonic() - began:.1f} s", flush=True)
            time.sleep(max(0, 30 - (time.monotonic() - began)))
            programs.signal(f"engine-{active}", signal.SIGCONT)
        fault = time.monotonic() - began
        first = len(load.acknowledged)
        while len(load.acknowledged) == first and any(thread.is_alive() for thread in load.threads):
            time.sleep(0.02)
        print(f"failover: the fault took {fault:.1f} s, starts were acknowledged again {time.monotonic() - began - fault:.1f} s after it",
              flush=True)
        for thread in load.threads:
            thread.join()
        print(f"failover: the slowest call took {load.slowest:.1f} s")
        if load.slowest > DEADLINE:
            print(f"failover: a call was not answered within {DEADLINE} s")
            return 1
        if not chaos.wait_until_quiet(database):
            print("failover: executions stay open", file=sys.stderr)
            return 3
        programs.stop()
        return chaos.check(database, folder, workers, load, lost_since=lost_since, wants_stale=given.what in ("restore", "engine"))
    finally:
        programs.stop()
        database.stop()
        chaos.Clock.tidy()
        if given.keep:
            print(f"failover: everything is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
