#!/usr/bin/env python3
"""What becomes of executions when the database's server is replaced, frozen or put back, under load and with real processes.

    Chaos/failover.py promote|freeze|restore|engine|kill [--runs N] [--seed N] [--programs .build/release] [--keep]
                      [--delete-object]

promote   A primary with a synchronous standby: the primary is killed, the standby promoted.
freeze    The primary stops for 30 seconds (SIGSTOP) and goes on: every call has an answer within DEADLINE.
restore   In the middle of all executions the server is put back to some seconds earlier (base backup, archived log,
          recovery_target_time) while workers and engines live on: answers to tasks of the lost seconds are refused. Two media
          workers bring films into the catalogue meanwhile: some titles were published before that moment, some runs go across
          it, some are started after it and titles published that are lost again. The object store is not put back. In the end
          everything that a title or an output names has to be there, with its size and its SHA-256; --delete-object takes one
          object away before that question, whereupon the script has to fail. Needs ffmpeg.
engine    The active engine stops for 30 seconds (SIGSTOP) while the other takes over, and goes on with what was true before:
          what it still appends is refused.
kill      The active engine is killed (SIGKILL) while 600 executions are open, and the other stands by as on another machine: it
          has to wait until the lease has run out. All executions have a row of the journal within five seconds of that.
          Other host names take root.

The load, the workers and the questions asked afterwards are chaos.py's. Exit status 1 where a check finds something.
"""
import argparse
import glob
import http.client
import json
import os
import pwd
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import chaos
import films
import processes
import takeover

# Seconds until the slowest call is answered, with whatever: an engine gives up its audit row after 10, what is asked after 15.
DEADLINE = 27
COUNTS = """SELECT count(*) FILTER (WHERE status = 'RUNNING') || ' executions that run and '
                   || count(*) FILTER (WHERE status <> 'RUNNING') || ' that have ended' FROM showrunner.execution_list"""


class Pair(processes.Database):
    """A primary and its synchronous standby, `a` and `b`; or a primary alone that archives its log."""

    def __init__(self, folder, has_standby):
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.folder = folder
        self.account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self.is_small, self.is_over, self.servers = False, False, {}
        self.ports = {"a": processes.free_port(), "b": processes.free_port()}
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
                   "max_connections=60", "shared_buffers=64MB", "track_commit_timestamp=on", "log_line_prefix=%m [%p] ", *settings]
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

    def log_statements(self, is_wanted):
        self.on("a", f"ALTER SYSTEM SET log_min_duration_statement = {0 if is_wanted else -1}")
        self.on("a", "SELECT pg_reload_conf()")

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

    def __init__(self, *arguments, length=24):
        super().__init__(*arguments)
        # Seconds from the first start to the last.
        self.length = length
        self.slowest = 0.0

    def start(self, threads=6):
        super().start(threads)
        for action in (self.pace, *(lambda port=port: self.watch(port) for port in self.ports)):
            threading.Thread(target=action, daemon=True).start()

    def pace(self):
        began = time.monotonic()
        while self.allowed < self.runs:
            self.allowed = min(self.runs, 1 + int(self.runs * (time.monotonic() - began) / self.length))
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


def restore(database, the_films):
    """Puts the database back to a moment in the middle of everything.

    From when to when time was lost, by this machine's clock; the executions that were open at that moment; films that are forgotten.
    """
    the_films.wait("two published films and two under way", lambda: (
        len(the_films.titles()) >= 2 and len(the_films.names("status = 'RUNNING'")) >= 2))
    moment, lost_since = database.on("a", "SELECT clock_timestamp()"), time.time()
    before, known = the_films.titles(), the_films.names()
    the_films.wait("a film that was published and two that were started since", lambda: (
        time.time() - lost_since > 5 and len(the_films.titles()) > len(before) and len(the_films.names() - known) >= 2))
    the_films.stop_starting()
    published, asked = the_films.titles(), the_films.names()
    database.restore(moment)
    until = time.time()
    # The engines may be back already.
    open_ones = set(database.on("a", "SELECT execution_id FROM showrunner.execution_list WHERE status = 'RUNNING'").splitlines())
    print(f"failover: put back by {until - lost_since:.1f} s to {database.on('a', COUNTS)}", flush=True)
    after, there = the_films.titles(), the_films.names()
    lost = asked - there
    print(f"failover: of {len(asked)} films {len(after)} are titles, {len(there) - len(after)} under way, {len(lost)} forgotten; "
          f"{len(published.keys() - after.keys())} titles are not published any more", flush=True)
    if not lost or not published.keys() - after.keys() or not after.keys() <= before.keys():
        raise SystemExit("failover: the moment was none in the middle")
    half = lost & the_films.titles().keys()
    if half:
        raise SystemExit(f"failover: {half} are titles of executions that are not there")
    return (lost_since, until), open_ones, lost


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["promote", "freeze", "restore", "engine", "kill"])
    parser.add_argument("--runs", type=int, help="executions started (default: 2000; kill: 600)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--programs", default=os.path.join(chaos.HERE, "..", ".build", "release"))
    parser.add_argument("--keep", action="store_true", help="leave logs and offers where they are")
    parser.add_argument("--delete-object", action="store_true", help="restore: take an object away, so that the check has to fail")
    given = parser.parse_args()
    what = given.what
    if what == "kill" and os.geteuid() != 0:
        parser.error("kill gives each engine a host name of its own, which takes root")
    runs = given.runs or (600 if what == "kill" else 2000)
    chaos.leave_when_told()
    print(f"failover: {what}, seed {given.seed}", flush=True)
    folder = tempfile.mkdtemp(prefix="showrunner-failover-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    database = Pair(folder + "/postgres", has_standby=what == "promote")
    programs = processes.Programs(folder)
    faults = 0
    try:
        machines = {**chaos.MACHINES, "pulse": takeover.PULSE} if what == "kill" else chaos.MACHINES
        ports = chaos.start_engines(
            programs, database, folder, given.programs, machines=machines,
            workflow_files=[films.WORKFLOW] if what == "restore" else [],
            prefix=takeover.on_machine if what == "kill" else lambda number: [])
        workers = chaos.start_workers(programs, folder, ports)
        load = Load(ports, runs, given.seed, length={"kill": 12, "restore": 60}.get(what, 24))
        if what == "kill":
            load.shares = {"pulse": 95, "many": 5}
        load.start()
        if what == "restore":
            the_films = films.Films(folder, database, ports, programs, given.programs)
            the_films.keep_starting(pause=0.4)
        while load.next < (runs if what == "kill" else runs // 2):
            time.sleep(0.05)
        lost_time = None
        began = time.monotonic()
        if what == "promote":
            database.promote()
        elif what == "freeze":
            database.freeze(30)
        elif what == "restore":
            lost_time, open_ones, lost = restore(database, the_films)
        else:
            change = takeover.Takeover(database, ports)
            name = f"engine-{change.active}"
            if what == "kill":
                programs.held.add(name)
            programs.signal(name, signal.SIGKILL if what == "kill" else signal.SIGSTOP)
            change.wait()
            while not chaos.is_active(ports[1 - change.active]):
                time.sleep(0.01)
            print(f"failover: the other engine served {time.monotonic() - began:.1f} s after the fault", flush=True)
            programs.held.clear()
            if what == "engine":
                time.sleep(max(0, 30 - (time.monotonic() - began)))
                database.log_statements(True)
                programs.signal(name, signal.SIGCONT)
        fault = time.monotonic() - began
        first = len(load.acknowledged)
        while len(load.acknowledged) == first and any(thread.is_alive() for thread in load.threads):
            time.sleep(0.02)
        if first < len(load.acknowledged):
            print(f"failover: the fault took {fault:.1f} s, starts were acknowledged again {time.monotonic() - began - fault:.1f} s after it",
                  flush=True)
        if what == "restore":
            the_films.start_lost(lost)
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
        if what == "restore":
            ended = set(database.on("a", "SELECT execution_id FROM showrunner.execution_list WHERE status <> 'RUNNING'").splitlines())
            print(f"failover: {len(open_ones & ended)} of the {len(open_ones)} executions that were open then have ended")
            faults += open_ones - ended != set()
            load.acknowledged += [("ingest", name, at) for name, at in the_films.started.items()]
            if given.delete_object:
                the_films.delete_one()
            found = the_films.check()
            for one in found[:10]:
                print(f"failover: {one}")
            faults += len(found)
        if what == "kill":
            faults += change.check_moves(500)
        if what == "engine":
            database.log_statements(False)
            faults += change.check_late(database.folder + "/a.log")
        faults += chaos.check(database, folder, workers, load, lost=lost_time, wants_stale=what in ("restore", "engine"))
        print("failover: FAILED" if faults else "failover: all of it holds")
        return 1 if faults else 0
    finally:
        programs.stop()
        database.stop()
        processes.Clock.tidy()
        if given.keep:
            print(f"failover: everything is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
