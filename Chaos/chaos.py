#!/usr/bin/env python3
"""Runs executions while their engines, workers and database are killed, and asks the journal afterwards what became of them.

    Chaos/chaos.py [--runs 10000] [--kills 1000] [--seed N] [--programs .build/release] [--keep]

Two engines on one PostgreSQL, four workers that speak the workers' protocol, and a stream of executions of every kind: tasks
in a row, Maps, Parallel states, child executions of distributed Maps, nested executions, failures that are retried. Meanwhile
faults are drawn from the seed: SIGKILL and SIGSTOP of engines and workers, SIGKILL of the postmaster and of backends, connections
cut, jumps of the database's clock and of engines', a full disk where this user may mount. Then everything is left in peace until
it is quiet, and Chaos/checks.sql looks into the journal: nothing that was acknowledged is lost, nothing is there twice. Needs
PostgreSQL's server programs and, for the clocks, libfaketime: `scripts/set-up.sh chaos` installs both (Debian: postgresql-15,
faketime); without it no clock is set, and that is said. Exit status 1 where a check finds something, 3 where the load never
became quiet.
"""
import argparse
import collections
import http.client
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

from processes import Clock, Database, Programs, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
PREFIX = "arn:aws:states:us-east-1:000000000000:"
ROLE = "arn:aws:iam::000000000000:role/chaos"
# The one that worker.py takes tasks of; none of those that a film goes through.
STEP = "verify"


def task(**more):
    """A task that a worker may lose: after three seconds without a word another attempt begins."""
    return {
        "Type": "Task", "Resource": "arn:aws:states:::showrunner:" + STEP, "HeartbeatSeconds": 3,
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 100}], **more}


ONE = {"StartAt": "One", "States": {"One": task(End=True)}}
MACHINES = {
    "line": {"StartAt": "First", "States": {
        "First": task(Next="Pause"), "Pause": {"Type": "Wait", "Seconds": 1, "Next": "Second"}, "Second": task(End=True)}},
    "fan": {"StartAt": "All", "States": {"All": {
        "Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "ItemProcessor": ONE, "End": True}}},
    "tree": {"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": True, "Branches": [
        {"StartAt": "Nested", "States": {"Nested": {
            "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": True,
            "Parameters": {"StateMachineArn": PREFIX + "stateMachine:nested", "Input": {"of.$": "$.number"}}}}},
        ONE]}}},
    "nested": ONE,
    "many": {"StartAt": "Children", "States": {"Children": {
        "Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 3, "Label": "children", "End": True,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **ONE}}}},
    "refused": {"StartAt": "Refused", "States": {"Refused": {"Type": "Fail", "Error": "Chaos.Refused"}}},
}
# How often each is started; `nested` is started by `tree` alone.
SHARES = {"line": 50, "fan": 15, "tree": 15, "many": 10, "refused": 10}

# What is done how often: weights.
FAULTS = {
    "kill a worker": 45, "stop a worker": 8, "kill the active engine": 10, "kill the standby": 4, "stop the active engine": 1,
    "cut connections": 20, "kill a backend": 5, "kill the postmaster": 3, "fill the disk": 1, "set the database's clock": 4,
    "set an engine's clock": 4,
}

# Seconds that the database's clock shows beside the right time. A takeover between two of them moves all times that
# executions wait for by as much; more would only make the end of it later. A lease lasts ten.
OFFSETS = [-20, -7, 0, 7, 20]
# The same of engines' clocks: nothing that happens to executions goes by them.
ENGINE_OFFSETS = [-3600, -60, 0, 60, 3600]


class Client:
    """Calls whichever engine answers, as often as it takes."""

    def __init__(self, ports):
        self.ports = list(ports)
        self.connection = None

    def call(self, operation, body, patience=120):
        """The answer's status and content; None where nobody answered in time."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPConnection("127.0.0.1", self.ports[0], timeout=10)
                self.connection.request(
                    "POST", "/", json.dumps(body),
                    {"X-Amz-Target": "AWSStepFunctions." + operation, "Content-Type": "application/x-amz-json-1.0"})
                response = self.connection.getresponse()
                content = response.read()
                if response.status < 500:
                    return response.status, json.loads(content)
            except (OSError, http.client.HTTPException, ValueError):
                pass
            if self.connection:
                self.connection.close()
            self.connection = None
            self.ports.append(self.ports.pop(0))
            time.sleep(0.05)
        return None


def is_active(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


class Load:
    """Starts executions and writes down which of them were acknowledged."""

    def __init__(self, ports, runs, seed):
        self.ports, self.runs, self.seed = ports, runs, seed
        self.shares = SHARES
        self.acknowledged = []
        self.unanswered = 0
        # Of the acknowledged: repeated, and told that the name is taken, since the first call's execution had ended.
        self.known = 0
        self.refused = []
        self.lock = threading.Lock()
        self.next = 0
        # How many may have been started so far: faults and starts go on side by side until the end.
        self.allowed = 0

    def start(self, threads=6):
        self.threads = [threading.Thread(target=self.work, args=(n,), daemon=True) for n in range(threads)]
        for thread in self.threads:
            thread.start()

    def work(self, thread):
        dice = random.Random(f"{self.seed}/{thread}")
        client = Client(self.ports[thread % 2:] + self.ports[:thread % 2])
        while True:
            with self.lock:
                number = self.next
                self.next += 1
            if number >= self.runs:
                return
            while number >= self.allowed:
                time.sleep(0.02)
            machine = dice.choices(list(self.shares), list(self.shares.values()))[0]
            name = f"{machine}-{number}"
            answer = client.call("StartExecution", {
                "stateMachineArn": PREFIX + "stateMachine:" + machine, "name": name,
                "input": json.dumps({"number": number, "items": list(range(dice.randint(1, 6)))})})
            with self.lock:
                if answer is None:
                    self.unanswered += 1
                elif answer[0] == 200:
                    self.acknowledged.append((machine, name, time.time()))
                elif answer[1].get("__type") == "ExecutionAlreadyExists":
                    self.known += 1
                    self.acknowledged.append((machine, name, time.time()))
                else:
                    self.refused.append(f"{name}: {answer}")


class Faults:
    def __init__(self, programs, database, ports, workers, seed):
        self.programs, self.database, self.ports, self.workers = programs, database, ports, workers
        self.dice = random.Random(f"{seed}/faults")
        self.counts = collections.Counter()

    def one(self):
        fault = self.dice.choices(list(FAULTS), list(FAULTS.values()))[0]
        worker = f"worker-{self.dice.randrange(self.workers)}"
        if fault == "kill a worker":
            done = self.programs.signal(worker, signal.SIGKILL)
        elif fault == "stop a worker":
            done = self.freeze(worker, 5)
        elif fault in ("kill the active engine", "kill the standby", "stop the active engine"):
            wanted = fault != "kill the standby"
            engines = [n for n, port in enumerate(self.ports) if is_active(port) == wanted]
            if not engines:
                return
            name = f"engine-{engines[0]}"
            # Longer than the lease: the other one takes over, and this one wakes up with what was true before.
            done = self.freeze(name, 13) if fault.startswith("stop") else self.programs.signal(name, signal.SIGKILL)
        elif fault == "cut connections":
            done = self.database.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'showrunner-%'",
                check=False).returncode == 0
        elif fault == "kill a backend":
            backends = self.database.backends()
            if not backends:
                return
            done = self.kill(self.dice.choice(backends))
        elif fault == "kill the postmaster":
            done = self.kill(self.database.process.pid)
        elif fault in ("set the database's clock", "set an engine's clock"):
            if not Clock.library:
                return
            if fault == "set an engine's clock":
                self.dice.choice(self.programs.clocks).set(self.dice.choice(ENGINE_OFFSETS))
            else:
                self.database.clock.set(self.dice.choice(OFFSETS))
            done = True
        else:
            if not self.database.is_small:
                return
            done = self.fill()
        if done:
            self.counts[fault] += 1

    def freeze(self, name, seconds):
        if not self.programs.signal(name, signal.SIGSTOP):
            return False
        threading.Timer(seconds, self.programs.signal, (name, signal.SIGCONT)).start()
        return True

    def kill(self, pid):
        try:
            os.kill(pid, signal.SIGKILL)
            return True
        except ProcessLookupError:
            return False

    def fill(self):
        path = self.database.folder + "/full"
        free = os.statvfs(self.database.folder)
        try:
            with open(path, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_bsize)
        except OSError:
            pass
        time.sleep(2)
        os.unlink(path)
        return True


def start_engines(programs, database, folder, binaries, machines=MACHINES, workflow_files=(), prefix=lambda number: []):
    """Two engines with the machines in them; their ports.

    prefix: the words before an engine's command, by its number.
    """
    ports = [free_port(), free_port()]
    workflows = folder + "/workflows"
    os.makedirs(workflows)
    for path in workflow_files:
        shutil.copy(path, workflows)
    with open(workflows + "/dispatch.yaml", "w") as file:
        # Workers die here all the time, and nobody is there to release what would be parked for that.
        file.write("parkAfter: 0\n")
    programs.clocks = [Clock(f"{folder}/clock-{number}") for number in range(len(ports))]
    for number, port in enumerate(ports):
        programs.keep(f"engine-{number}", [
            *prefix(number), os.path.join(binaries, "showrunner"), "engine", "--database", database.url, "--port", str(port), "--store",
            folder + "/objects", "--workflows", workflows, "--spool", f"{folder}/spool-{number}"],
            environment=programs.clocks[number].environment)
    client = Client(ports)
    for name, definition in machines.items():
        answer = client.call("CreateStateMachine", {
            "name": name, "roleArn": ROLE, "definition": json.dumps(definition)})
        if answer is None or answer[0] != 200:
            raise SystemExit(f"chaos: {name} could not be made: {answer}")
    return ports


def start_workers(programs, folder, ports, count=4):
    for number in range(count):
        programs.keep(f"worker-{number}", [
            sys.executable, os.path.join(HERE, "worker.py"), f"worker-{number}", f"{folder}/answers-{number}.jsonl",
            *map(str, ports)])
    return count


def leave_when_told():
    """Told to stop, a script stops what it has started: the signal becomes an exit that runs what stands in `finally`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--programs", default=os.path.join(HERE, "..", ".build", "release"))
    parser.add_argument("--pause", type=float, default=0.25, help="mean seconds between faults")
    parser.add_argument("--keep", action="store_true", help="leave logs and offers where they are")
    given = parser.parse_args()
    leave_when_told()
    print(f"chaos: seed {given.seed}", flush=True)
    if not Clock.library:
        print("chaos: no clock is set, because libfaketime is not installed (Debian: faketime)", flush=True)
    folder = tempfile.mkdtemp(prefix="showrunner-chaos-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    database = Database(folder + "/postgres")
    programs = Programs(folder)
    try:
        ports = start_engines(programs, database, folder, given.programs)
        workers = start_workers(programs, folder, ports)
        load = Load(ports, given.runs, given.seed)
        load.start()
        faults = Faults(programs, database, ports, workers, given.seed)
        told = time.monotonic()
        load.allowed = min(given.runs, 100)
        while sum(faults.counts.values()) < given.kills or any(thread.is_alive() for thread in load.threads):
            if sum(faults.counts.values()) < given.kills:
                faults.one()
                load.allowed = 100 + given.runs * sum(faults.counts.values()) // given.kills
                time.sleep(faults.dice.expovariate(1 / given.pause))
            else:
                time.sleep(1)
            if time.monotonic() - told > 15:
                told = time.monotonic()
                print(f"chaos: {min(load.next, given.runs)} of {given.runs} started, "
                      f"{sum(faults.counts.values())} of {given.kills} faults", flush=True)
        for fault, count in faults.counts.most_common():
            print(f"chaos: {fault}: {count}")
        if not wait_until_quiet(database):
            print("chaos: executions stay open", file=sys.stderr)
            return 3
        programs.stop()
        return check(database, folder, workers, load, wants_stale=faults.counts["stop a worker"] >= 5)
    finally:
        programs.stop()
        database.stop()
        Clock.tidy()
        if given.keep:
            print(f"chaos: everything is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def wait_until_quiet(database, patience=300):
    """Nothing is asked of an engine: what recovers has to recover by itself."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        answer = database.sql("SELECT count(*) FROM showrunner.execution_list WHERE status NOT IN "
                              "('SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED')", check=False)
        if answer.returncode == 0 and answer.stdout.strip() == "0":
            return True
        time.sleep(2)
    return False


def check(database, folder, workers, load, wants_stale, lost=None):
    """Asks the journal; what was acknowledged between two moments may be lost where the database was put back from one to the other.

    wants_stale: whether an answer must have been refused, since a worker stood still for longer than its heartbeats may be missed and
    answered all the same when it went on, or the database has forgotten tasks.
    """
    def has_to_be_there(at):
        return lost is None or not lost[0] - 1 < at < lost[1] + 1

    answers, stale, offers = [], 0, collections.Counter()
    for number in range(workers):
        path = f"{folder}/answers-{number}.jsonl"
        for line in open(path) if os.path.exists(path) else []:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # The worker was killed while it wrote.
            if event["event"] == "offered":
                offers[event["token"]] += 1
            elif event["status"] == 200:
                if has_to_be_there(event["at"]):
                    answers.append(event["token"])
            else:
                stale += 1
    twice = sum(1 for count in offers.values() if count > 1)
    script = ["CREATE TEMP TABLE acknowledged_start (machine text, name text);",
              "COPY acknowledged_start FROM stdin;",
              *(f"{machine}\t{name}" for machine, name, at in load.acknowledged if has_to_be_there(at)), "\\.",
              "CREATE TEMP TABLE acknowledged_answer (token text);", "COPY acknowledged_answer FROM stdin;", *answers, "\\.",
              open(os.path.join(HERE, "checks.sql")).read()]
    result = database.sql(None, input="\n".join(script))
    print(f"chaos: {len(load.acknowledged)} starts acknowledged, {load.known} of them as known, {load.unanswered} without an answer; "
          f"{sum(offers.values())} tasks offered, {len(answers)} answers acknowledged, {stale} refused as stale")
    bad = twice + len(load.refused)
    for refusal in load.refused[:3]:
        print(f"chaos: StartExecution was refused: {refusal}")
    if stale == 0 and wants_stale:
        print("chaos: no answer was refused as stale")
        bad += 1
    if twice:
        print(f"chaos: {twice} attempts were offered twice")
    for line in result.stdout.splitlines():
        kind, name, count = line.split("|")
        print(f"chaos: {name}: {count}")
        if kind == "must be 0" and count != "0" or kind == "must be over 0" and count == "0":
            bad += 1
    print("chaos: nothing lost, nothing doubled" if bad == 0 else "chaos: FAILED")
    return 0 if bad == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
