#!/usr/bin/env python3
"""Throws random and broken requests of all operations at a running engine's wire API.

    Fuzz/wire/wire-fuzz.py --engine http://127.0.0.1:4600 --pid ENGINE_PID [--minutes 20 | --requests 5000] [--seed N]
                           [--threads 6] [--growth-mb 256]

Fails, with status 1 and the request's bytes in --out, on an answer of 5xx, an answer to a whole request that is not of the
protocol's type or no JSON, an error without a name, an engine that ends or whose memory grows by more than --growth-mb
after the first fifth of the run, and on silence. What it sends follows from the seed and from what the engine answered.
"""
import argparse
import collections
import json
import os
import random
import socket
import sys
import threading
import time

PREFIX = "arn:aws:states:us-east-1:000000000000:"
ROLE = "arn:aws:iam::000000000000:role/fuzz"
LONG_POLLS = {"GetActivityTask", "StartSyncExecution"}

# The members of each operation, by the kind of value that belongs there.
OPERATIONS = {
    "CreateActivity": {"name": "name", "tags": "tags", "encryptionConfiguration": "encryption"},
    "CreateStateMachine": {
        "name": "name", "definition": "definition", "roleArn": "role", "type": "type", "tags": "tags", "publish": "bool",
        "versionDescription": "text", "loggingConfiguration": "logging", "tracingConfiguration": "tracing",
        "encryptionConfiguration": "encryption"},
    "CreateStateMachineAlias": {"name": "name", "description": "text", "routingConfiguration": "routes"},
    "DeleteActivity": {"activityArn": "activity"},
    "DeleteStateMachine": {"stateMachineArn": "machine"},
    "DeleteStateMachineAlias": {"stateMachineAliasArn": "alias"},
    "DeleteStateMachineVersion": {"stateMachineVersionArn": "version"},
    "DescribeActivity": {"activityArn": "activity"},
    "DescribeExecution": {"executionArn": "execution", "includedData": "included"},
    "DescribeMapRun": {"mapRunArn": "maprun"},
    "DescribeStateMachine": {"stateMachineArn": "machine", "includedData": "included"},
    "DescribeStateMachineAlias": {"stateMachineAliasArn": "alias"},
    "DescribeStateMachineForExecution": {"executionArn": "execution", "includedData": "included"},
    "GetActivityTask": {"activityArn": "activity", "workerName": "name"},
    "GetExecutionHistory": {
        "executionArn": "execution", "maxResults": "count", "reverseOrder": "bool", "nextToken": "page",
        "includeExecutionData": "bool"},
    "ListActivities": {"maxResults": "count", "nextToken": "page"},
    "ListExecutions": {
        "stateMachineArn": "machine", "statusFilter": "status", "maxResults": "count", "nextToken": "page",
        "mapRunArn": "maprun", "redriveFilter": "redrive"},
    "ListMapRuns": {"executionArn": "execution", "maxResults": "count", "nextToken": "page"},
    "ListStateMachineAliases": {"stateMachineArn": "machine", "nextToken": "page", "maxResults": "count"},
    "ListStateMachineVersions": {"stateMachineArn": "machine", "nextToken": "page", "maxResults": "count"},
    "ListStateMachines": {"maxResults": "count", "nextToken": "page"},
    "ListTagsForResource": {"resourceArn": "machine"},
    "PublishStateMachineVersion": {"stateMachineArn": "machine", "revisionId": "text", "description": "text"},
    "RedriveExecution": {"executionArn": "execution", "clientToken": "text"},
    "SendTaskFailure": {"taskToken": "task", "error": "text", "cause": "text"},
    "SendTaskHeartbeat": {"taskToken": "task"},
    "SendTaskSuccess": {"taskToken": "task", "output": "json"},
    "StartExecution": {"stateMachineArn": "machine", "name": "name", "input": "json", "traceHeader": "text"},
    "StartSyncExecution": {
        "stateMachineArn": "machine", "name": "name", "input": "json", "traceHeader": "text", "includedData": "included"},
    "StopExecution": {"executionArn": "execution", "error": "text", "cause": "text"},
    "TagResource": {"resourceArn": "machine", "tags": "tags"},
    "TestState": {
        "definition": "state", "roleArn": "role", "input": "json", "inspectionLevel": "level", "revealSecrets": "bool",
        "variables": "json", "context": "json", "stateName": "name", "mock": "mock"},
    "UntagResource": {"resourceArn": "machine", "tagKeys": "keys"},
    "UpdateMapRun": {"mapRunArn": "maprun", "maxConcurrency": "count"},
    "UpdateStateMachine": {
        "stateMachineArn": "machine", "definition": "definition", "roleArn": "role", "publish": "bool",
        "versionDescription": "text", "loggingConfiguration": "logging", "tracingConfiguration": "tracing",
        "encryptionConfiguration": "encryption"},
    "UpdateStateMachineAlias": {"stateMachineAliasArn": "alias", "description": "text", "routingConfiguration": "routes"},
    "ValidateStateMachineDefinition": {
        "definition": "definition", "type": "type", "severity": "severity", "maxResults": "count"},
}

STRANGE = [
    "", " ", "\u0000", "\ud800", "\U0001f3ac", "a" * 300, "é" * 81, "null", "{}", "arn:", "arn:aws:states:::", "$", "$.",
    "{% %}", "{%", "..", "%00", "'; --", "\r\n", "-1", "1e999", PREFIX, PREFIX + "execution::", PREFIX + "activity:" + "x" * 90,
]
EXPRESSIONS = [
    "{% $states.input %}", "{% $sum([1..1000]) %}", "{% $map([1..50], function($v){$v*$v}) %}", "{% ( %}", "{% $x %}",
    "{% $states.input.a.b[0] %}", "{% $match('aaaaaaaaaaaaaaaaaaaaaaaa', /(a+)+b/) %}", "{% $parse('{') %}",
]
PATHS = [
    "$", "$.a", "$..a", "$[0]", "$.a[?(@.b > 1)]", "$$", "$$.Execution.Id", "States.Format('{}', $.a)", "$.a[", "States.Array(",
    "$['a']['b']", "States.ArrayRange(0, 1000, 1)", "States.Hash($.a, 'MD5')", "States.UUID()",
]


class Pool:
    """What the engine has told of, for requests that mean something. The oldest go first."""

    def __init__(self):
        self.lock = threading.Lock()
        self.items = collections.defaultdict(lambda: collections.deque(maxlen=60))

    def add(self, kind, value):
        if isinstance(value, str) and len(value) < 4096:
            with self.lock:
                self.items[kind].append(value)

    def draw(self, kind, dice):
        with self.lock:
            items = self.items[kind]
            return items[dice.randrange(len(items))] if items else None

    def take_oldest(self, kind, above):
        with self.lock:
            items = self.items[kind]
            return items.popleft() if len(items) > above else None


class Maker:
    """Makes requests."""

    def __init__(self, dice, pool):
        self.dice, self.pool = dice, pool

    def some(self, *values):
        return values[self.dice.randrange(len(values))]

    def name(self):
        return self.some("n%d" % self.dice.randrange(40), "n%d" % self.dice.randrange(10**9), self.some(*STRANGE))

    def json_value(self, depth=0):
        kind = self.dice.randrange(9 if depth < 4 else 6)
        if kind == 0:
            return self.some(None, True, False)
        if kind == 1:
            return self.some(0, -1, 1, 2**31, 2**63, -(2**63), 10**30, self.dice.randrange(1000))
        if kind == 2:
            return self.some(0.5, -0.0, 1e300, 5e-324, self.dice.random())
        if kind in (3, 4, 5):
            return self.some(self.some(*STRANGE), self.some(*EXPRESSIONS), self.some(*PATHS), "text")
        if kind == 6:
            return [self.json_value(depth + 1) for _ in range(self.dice.randrange(4))]
        return {self.some("a", "b", "Type", "Next", "x.$", self.some(*STRANGE)): self.json_value(depth + 1)
                for _ in range(self.dice.randrange(4))}

    def state(self, following):
        end = {"Next": following} if following else {"End": True}
        jsonata = self.dice.random() < 0.4
        query = {"QueryLanguage": "JSONata"} if jsonata else {}
        data = {}
        if self.dice.random() < 0.5:
            if jsonata:
                data = {"Output": self.some(*EXPRESSIONS)}
            else:
                data = self.some({"InputPath": self.some(*PATHS)}, {"OutputPath": self.some(*PATHS)},
                                 {"ResultPath": self.some("$", "$.r", None, "$.a.b")},
                                 {"Parameters": {"p.$": self.some(*PATHS)}})
        if self.dice.random() < 0.2:
            data["Assign"] = {"v": 1, "w": self.some(*EXPRESSIONS)} if jsonata else {"v": 1, "w.$": self.some(*PATHS)}
        kind = self.dice.randrange(8)
        if kind <= 2:
            return {"Type": "Pass", **query, **data, **end}
        if kind == 3:
            return {"Type": "Wait", "Seconds": self.some(0, 1, 2), **end}
        if kind == 4:
            resource = self.some(
                self.pool.draw("activity", self.dice) or PREFIX + "activity:n1", "arn:aws:states:::states:startExecution",
                "arn:aws:states:::lambda:invoke", "arn:aws:states:::showrunner:verify", self.some(*STRANGE))
            return {"Type": "Task", "Resource": resource, "TimeoutSeconds": 5, **query, **data, **end}
        if kind == 5:
            return {"Type": self.some("Succeed", "Fail")}
        if kind == 6:
            return {"Type": "Parallel", "Branches": [self.machine(1) for _ in range(self.dice.randrange(3))], **end}
        return {"Type": "Map", "ItemProcessor": self.machine(1), "MaxConcurrency": self.some(0, 1, 3),
                **({"Items": [1, 2, 3], **query} if jsonata else {"ItemsPath": self.some("$", "$.a")}), **end}

    def machine(self, depth=0):
        tag = "%x" % self.dice.randrange(1 << 32)
        names = ["S%s%d" % (tag, number) for number in range(1 + self.dice.randrange(3 if depth == 0 else 2))]
        if depth > 0 and self.dice.random() < 0.5:
            return {"StartAt": names[0], "States": {names[0]: {"Type": "Pass", "End": True}}}
        return {"StartAt": names[0], "States": {
            name: self.state(names[index + 1] if index + 1 < len(names) else None) for index, name in enumerate(names)}}

    def text(self, value):
        """As JSON text, now and then broken."""
        text = json.dumps(value)
        chance = self.dice.random()
        if chance < 0.08:
            text = text[:self.dice.randrange(len(text) + 1)]
        elif chance < 0.12:
            at = self.dice.randrange(len(text) + 1)
            text = text[:at] + self.some("{", "}", "\"", ",", "[", "\\", "0") + text[at:]
        elif chance < 0.13:
            text = "[" * 3000 + "]" * 3000
        return text

    def arn(self, kind, own):
        known = self.pool.draw(kind, self.dice)
        chance = self.dice.random()
        if known and chance < 0.85:
            return known
        return self.some(own, own + ":" + self.name(), PREFIX + self.some("stateMachine:", "execution:", "mapRun:") + self.name(),
                         self.some(*STRANGE))

    def value(self, kind):
        dice = self.dice
        if kind == "name":
            return self.name()
        if kind == "text":
            return self.some("text", "x" * 300, self.some(*STRANGE))
        if kind == "bool":
            return dice.random() < 0.5
        if kind == "count":
            return self.some(1, 2, 10, 0, -1, 1000, 1001, 2**40)
        if kind == "json":
            return self.text(self.json_value())
        if kind == "definition":
            return self.text(self.machine() if dice.random() < 0.85 else self.json_value())
        if kind == "state":
            return self.text(self.state(None) if dice.random() < 0.8 else self.json_value())
        if kind == "role":
            return self.some(ROLE, ROLE, self.some(*STRANGE))
        if kind == "machine":
            return self.arn("machine", PREFIX + "stateMachine:n1")
        if kind == "execution":
            return self.arn("execution", PREFIX + "execution:n1:n2")
        if kind == "activity":
            return self.arn("activity", PREFIX + "activity:n1")
        if kind == "version":
            return self.arn("version", PREFIX + "stateMachine:n1:1")
        if kind == "alias":
            return self.arn("alias", PREFIX + "stateMachine:n1:live")
        if kind == "maprun":
            return self.arn("maprun", PREFIX + "mapRun:n1/L:019ac800-0000-7000-8000-0123456789ab")
        if kind == "task":
            return self.arn("task", "019ac800-0000-7000-8000-0123456789ab.1.0123456789abcdef0123456789abcdef")
        if kind == "page":
            known = self.pool.draw("page", dice)
            return known if known and dice.random() < 0.7 else self.some(*STRANGE)
        if kind == "tags":
            return [{"key": self.name(), "value": self.name()} for _ in range(dice.randrange(4))]
        if kind == "keys":
            return [self.name() for _ in range(dice.randrange(4))]
        if kind == "routes":
            weight = self.some(0, 10, 50, 100)
            return [{"stateMachineVersionArn": self.value("version"), "weight": part}
                    for part in ([100] if dice.random() < 0.6 else [weight, 100 - weight])]
        if kind == "encryption":
            return {"type": self.some("AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY", "x")}
        if kind == "logging":
            return {"level": self.some("OFF", "ALL", "x"), "destinations": self.some([], [{}], None)}
        if kind == "tracing":
            return {"enabled": self.some(True, "yes")}
        if kind == "mock":
            return self.some({"result": self.text(self.json_value())}, {"errorOutput": {"error": "E", "cause": "c"}},
                             self.json_value())
        words = {"type": ["STANDARD", "EXPRESS"], "included": ["ALL_DATA", "METADATA_ONLY"],
                 "status": ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"],
                 "redrive": ["REDRIVEN", "NOT_REDRIVEN"], "level": ["INFO", "DEBUG", "TRACE"],
                 "severity": ["ERROR", "WARNING"]}[kind]
        return self.some(*words, "x")

    def request(self):
        """An operation's name and a request's bytes; and whether the request is whole, so that it has to be answered in the
        protocol's form."""
        operation = self.some(*OPERATIONS)
        # What makes the others meaningful comes more often.
        if self.dice.random() < 0.5 or operation.startswith("Delete") and self.dice.random() < 0.7:
            operation = self.some(
                "CreateStateMachine", "CreateStateMachine", "CreateStateMachine", "StartExecution", "StartExecution", "TestState",
                "GetExecutionHistory", "DescribeExecution")
        members = OPERATIONS[operation]
        optional = 0.35 if operation != "CreateStateMachine" else 0.2
        required = {"name", "definition", "roleArn", "stateMachineArn", "executionArn", "activityArn", "taskToken", "output",
                    "stateMachineAliasArn", "stateMachineVersionArn", "routingConfiguration", "resourceArn", "tags", "tagKeys"}
        arguments = {member: self.value(kind) for member, kind in members.items()
                     if self.dice.random() < (0.97 if member in required else optional)}
        if operation == "StartExecution" and self.dice.random() < 0.7:
            arguments.pop("name", None)
        if self.dice.random() < 0.12:
            key = self.some(*members, "else")
            arguments[key] = self.json_value()
        body = json.dumps(arguments).encode()
        chance = self.dice.random()
        if chance < 0.03:
            body = bytearray(body)
            for _ in range(1 + self.dice.randrange(4)):
                if body:
                    body[self.dice.randrange(len(body))] = self.dice.randrange(256)
            body = bytes(body)
        elif chance < 0.04:
            body = body[:self.dice.randrange(len(body) + 1)]
        elif chance < 0.045:
            body = self.some(b"", b"[]", b"null", b"[" * 5000, b"{\"a\":" * 5000, b"\xff\xfe{}", b"1e99999", b"\"" + b"x" * (1 << 20))
        elif chance < 0.047:
            body = b" " * ((2 << 20) + 1)
        return self.frame(operation, body)

    def frame(self, operation, body):
        target = "AWSStepFunctions." + operation
        chance = self.dice.random()
        if chance < 0.02:
            target = self.some("", "AWSStepFunctions", "AWSStepFunctions.", "DynamoDB_20120810.GetItem", "x" * 5000,
                               target.lower(), target + "\t", "AWSStepFunctions.é")
        head = ["POST / HTTP/1.1", "Host: " + ("127.0.0.1" if self.dice.random() < 0.97 else self.some("sync-127.0.0.1", "x"))]
        if self.dice.random() < 0.995:
            head.append("X-Amz-Target: " + target)
        head.append("Content-Type: " + self.some(
            "application/x-amz-json-1.0", "application/x-amz-json-1.0", "text/plain", "application/xml", "x"))
        if self.dice.random() < 0.05:
            head.append(self.some("Authorization: AWS4-HMAC-SHA256 x", "Expect: 100-continue", "Request-Id: " + "r" * 70,
                                  "Accept-Encoding: gzip", "Cookie: " + "c" * 3000, "X-Amz-Date: never"))
        whole = True
        chance = self.dice.random()
        if chance < 0.02:
            head.append("Transfer-Encoding: chunked")
            pieces = []
            rest = body
            while rest:
                count = 1 + self.dice.randrange(min(len(rest), 65536))
                pieces.append(b"%x\r\n%s\r\n" % (count, rest[:count]))
                rest = rest[count:]
            body = b"".join(pieces) + b"0\r\n\r\n"
        elif chance < 0.03:
            whole = False
            head.append("Content-Length: " + self.some("-1", "x", str(len(body) + 10), "99999999999999999999", "3, 4"))
        else:
            head.append("Content-Length: %d" % len(body))
        if self.dice.random() < 0.005:
            whole = False
            head[0] = self.some("POST", "GARBAGE / HTTP/1.1", "POST / HTTP/9.9", "POST /\x00 HTTP/1.1", "GET / HTTP/1.1",
                                "POST " + "/" * 9000 + " HTTP/1.1", "")
        text = "\r\n".join(head) + "\r\n\r\n"
        return operation, text.encode("utf-8", "surrogatepass"), body, whole


class Broken(Exception):
    pass


class Left(Exception):
    """A long poll was given up."""


class Connection:
    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def exchange(self, data, patience):
        self.socket.settimeout(patience)
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            # A request that is refused before its end may be answered and cut.
            pass
        while b"\r\n\r\n" not in self.rest:
            self.read()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            key, _, value = line.partition(":")
            headers[key.strip().lower()] = value.strip()
        status = int(lines[0].split(" ")[1])
        if status == 100:
            return self.exchange(b"", patience)
        length = int(headers.get("content-length", "0"))
        while len(self.rest) < length:
            self.read()
        body, self.rest = self.rest[:length], self.rest[length:]
        return status, headers, body

    def read(self):
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Broken()
        self.rest += data

    def close(self):
        self.socket.close()


def process(pid):
    """Resident bytes and the start of a process; None when it is gone."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            start = file.read().rpartition(")")[2].split()[19]
        with open("/proc/%d/status" % pid) as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024, start
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None


class Run:
    def __init__(self, options):
        self.options = options
        host, _, port = options.engine.removeprefix("http://").partition(":")
        self.address = (host, int(port))
        self.pool = Pool()
        self.lock = threading.Lock()
        self.statuses = collections.Counter()
        self.errors = collections.Counter()
        self.served = collections.Counter()
        self.count = 0
        self.failure = None
        self.over = threading.Event()
        self.began = time.monotonic()

    def fail(self, reason, request=b""):
        with self.lock:
            if self.failure is None:
                self.failure = reason
                with open(self.options.out, "wb") as file:
                    file.write(request)
        self.over.set()

    def share(self):
        """How much of the run is done."""
        if self.options.requests:
            return self.count / self.options.requests
        return (time.monotonic() - self.began) / (self.options.minutes * 60)

    def note(self, operation, arguments, status, body):
        """Remembers what later requests can ask for."""
        answer = json.loads(body)
        with self.lock:
            self.count += 1
            self.statuses[status] += 1
            if status == 200:
                self.served[operation] += 1
            else:
                self.errors[answer.get("__type", "?") if isinstance(answer, dict) else "?"] += 1
        if status != 200:
            return
        pool = self.pool
        for run in answer.get("mapRuns") or []:
            pool.add("maprun", run.get("mapRunArn"))
        for member, kind in [("stateMachineArn", "machine"), ("activityArn", "activity"), ("executionArn", "execution"),
                             ("stateMachineAliasArn", "alias"), ("stateMachineVersionArn", "version"), ("taskToken", "task"),
                             ("nextToken", "page")]:
            if operation.startswith("Describe") and kind in ("machine", "activity"):
                continue
            pool.add(kind, answer.get(member))

    def tell(self, connection, dice):
        """Calls that fit together, so that there are versions, aliases and tasks to ask for."""
        name = "s%x" % dice.getrandbits(64)

        def call(operation, arguments):
            body = json.dumps(arguments).encode()
            head = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AWSStepFunctions.%s\r\nContent-Length: %d\r\n\r\n" % (
                operation, len(body))
            # Whose task was stopped meanwhile waits for another one.
            patience = 2 if operation in LONG_POLLS else self.options.patience
            try:
                status, _, answer = connection.exchange(head.encode() + body, patience)
            except (socket.timeout, TimeoutError):
                if operation not in LONG_POLLS:
                    self.fail("%s was not answered in %d s" % (operation, patience), head.encode() + body)
                raise Left()
            if status >= 500:
                self.fail("%s: %d %r" % (operation, status, answer[:500]), head.encode() + body)
            self.note(operation, arguments, status, answer)
            return json.loads(answer)

        activity = call("CreateActivity", {"name": name}).get("activityArn")
        task = {"Type": "Task", "Resource": activity, "HeartbeatSeconds": 20, "TimeoutSeconds": 30, "End": True}
        call("CreateStateMachine", {
            "name": name, "roleArn": ROLE, "publish": True,
            "definition": json.dumps({"StartAt": "A", "States": {"A": task}})})
        alias = call("CreateStateMachineAlias", {"name": "live", "routingConfiguration": [
            {"stateMachineVersionArn": PREFIX + "stateMachine:" + name + ":1", "weight": 100}]}).get("stateMachineAliasArn")
        inner = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "I",
                 "States": {"I": {"Type": "Wait", "Seconds": dice.randrange(3), "End": True}}}
        mapped = call("CreateStateMachine", {
            "name": name + "-map", "roleArn": ROLE, "definition": json.dumps({"StartAt": "M", "States": {"M": {
                "Type": "Map", "ItemProcessor": inner, "ItemsPath": "$", "MaxConcurrency": 2, "End": True}}})})
        run = call("StartExecution", {"stateMachineArn": mapped.get("stateMachineArn"), "input": "[1, 2, 3]"})
        for found in call("ListMapRuns", {"executionArn": run.get("executionArn")}).get("mapRuns") or []:
            change = dice.choice(["maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage"])
            call("UpdateMapRun", {"mapRunArn": found.get("mapRunArn"), change: dice.randrange(5)})
        swift = call("CreateStateMachine", {
            "name": name + "-sync", "roleArn": ROLE, "type": "EXPRESS",
            "definition": json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})})
        call("StartSyncExecution", {"stateMachineArn": swift.get("stateMachineArn"), "input": json.dumps({"n": dice.random()})})
        for _ in range(3):
            if "executionArn" in call("StartExecution", {"stateMachineArn": alias, "input": "{}"}):
                call("GetActivityTask", {"activityArn": activity})

    def work(self, number):
        dice = random.Random(self.options.seed * 1000 + number)
        maker = Maker(dice, self.pool)
        connection = None
        while not self.over.is_set() and self.share() < 1:
            if connection and dice.random() < 0.01:
                try:
                    self.tell(connection, dice)
                except Left:
                    connection.close()
                    connection = None
                    continue
                except (Broken, ValueError) as error:
                    return self.fail("calls that fit together were cut, or answered with no JSON: %r" % error)
            operation, head, body, whole = maker.request()
            # Now and then what has been made goes again, so that the engine's own limits stay far.
            for kind, above, cleaning, member in [
                    ("execution", 40, "StopExecution", "executionArn"), ("machine", 30, "DeleteStateMachine", "stateMachineArn"),
                    ("activity", 15, "DeleteActivity", "activityArn")]:
                if dice.random() < 0.2:
                    old = self.pool.take_oldest(kind, above)
                    if old:
                        operation, whole = cleaning, True
                        body = json.dumps({member: old}).encode()
                        head = ("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AWSStepFunctions.%s\r\nContent-Length: %d\r\n\r\n"
                                % (cleaning, len(body))).encode()
            request = head + body
            try:
                connection = connection or Connection(self.address)
            except OSError as error:
                return self.fail("the engine takes no connection: %s" % error)
            try:
                patience = 0.2 if operation in LONG_POLLS or not whole else self.options.patience
                status, headers, answer = connection.exchange(request, patience)
            except (socket.timeout, TimeoutError):
                connection.close()
                connection = None
                if whole and operation not in LONG_POLLS:
                    return self.fail("%s was not answered in %d s" % (operation, self.options.patience), request)
                with self.lock:
                    self.count += 1
                    self.statuses["left"] += 1
                continue
            except Broken:
                connection.close()
                connection = None
                # A server may cut what it can't take; what is whole and within the limits it has to answer.
                if whole and len(body) <= 2 << 20:
                    return self.fail("the connection was cut at %s" % operation, request)
                with self.lock:
                    self.count += 1
                    self.statuses["cut"] += 1
                continue
            if status >= 500:
                return self.fail("%s: %d %r" % (operation, status, answer[:500]), request)
            try:
                if whole:
                    if headers.get("content-type") != "application/x-amz-json-1.0":
                        return self.fail("%s: %d of type %s" % (operation, status, headers.get("content-type")), request)
                    if status != 200 and not isinstance(json.loads(answer).get("__type"), str):
                        return self.fail("%s: an error without a name: %r" % (operation, answer[:500]), request)
                    self.note(operation, body, status, answer)
                else:
                    with self.lock:
                        self.count += 1
                        self.statuses["%d, not whole" % status] += 1
            except ValueError:
                return self.fail("%s: %d is no JSON: %r" % (operation, status, answer[:500]), request)
            # After what was not whole nobody knows where the next request begins.
            if not whole or headers.get("connection", "").lower() == "close" or status == 413:
                connection.close()
                connection = None
        if connection:
            connection.close()

    def go(self):
        first = process(self.options.pid)
        if first is None:
            sys.exit("there is no process %d" % self.options.pid)
        print("seed %d, engine %d, %d MB resident" % (self.options.seed, self.options.pid, first[0] >> 20), flush=True)
        threads = [threading.Thread(target=self.work, args=(number,)) for number in range(self.options.threads)]
        for thread in threads:
            thread.start()
        warm, most, told = None, 0, 0
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.2)
            now = process(self.options.pid)
            if now is None or now[1] != first[1]:
                self.fail("the engine has ended")
                break
            most = max(most, now[0])
            if warm is None and self.share() >= 0.2:
                warm = now[0]
            if warm is not None and now[0] - warm > self.options.growth_mb << 20:
                self.fail("the engine grew from %d to %d MB" % (warm >> 20, now[0] >> 20))
            minute = int((time.monotonic() - self.began) / 60)
            if minute > told:
                told = minute
                print("minute %d: %d requests, %d MB" % (minute, self.count, now[0] >> 20), flush=True)
        for thread in threads:
            thread.join()
        last = process(self.options.pid)
        seconds = time.monotonic() - self.began
        print("%d requests in %.0f s: %s" % (
            self.count, seconds, ", ".join("%s: %d" % pair for pair in sorted(self.statuses.items(), key=lambda p: str(p[0])))))
        print("served: " + ", ".join("%s %d" % pair for pair in sorted(self.served.items())))
        print("refused: " + ", ".join("%s %d" % pair for pair in self.errors.most_common()))
        print("resident MB: %d at first, %s after a fifth, %d at most, %s at the end" % (
            first[0] >> 20, warm and warm >> 20, most >> 20, last and last[0] >> 20))
        if self.failure:
            print("FAILED: %s (the request is in %s)" % (self.failure, self.options.out))
            sys.exit(1)
        print("no finding")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--requests", type=int)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--threads", type=int, default=6)
    parser.add_argument("--growth-mb", type=int, default=256)
    parser.add_argument("--patience", type=int, default=60)
    parser.add_argument("--out", default="wire-fuzz-request.bin")
    Run(parser.parse_args()).go()
