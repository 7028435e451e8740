#!/usr/bin/env python3
"""A worker for chaos.py: takes tasks by /worker/v1, waits a little, answers, and writes down what it was told.

    Chaos/worker.py NAME FILE PORT...
"""
import http.client
import json
import os
import random
import sys
import threading
import time

import chaos

name, path, *ports = sys.argv[1:]
incarnation = f"{os.getpid()}-{time.time_ns()}"
log = open(path, "a", buffering=1)
lock = threading.Lock()


def note(**event):
    with lock:
        log.write(json.dumps({**event, "at": time.time()}) + "\n")


def work():
    mine = list(ports)
    connection = None

    def call(route, body):
        nonlocal connection
        while True:
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", int(mine[0]), timeout=30)
                connection.request("POST", route, json.dumps(body), {"Content-Type": "application/json"})
                response = connection.getresponse()
                content = response.read()
                if response.status < 500:
                    return response.status, content
            except (OSError, http.client.HTTPException):
                pass
            connection.close()
            connection = None
            mine.append(mine.pop(0))
            time.sleep(0.05)
            if route.endswith("/poll"):
                return 204, b""

    while True:
        status, content = call("/worker/v1/poll", {
            "worker": name, "incarnation": incarnation, "version": "chaos", "steps": [chaos.STEP], "slots": 8,
            "waitSeconds": 5})
        if status != 200:
            continue
        task = json.loads(content)["task"]
        note(event="offered", token=task["token"])
        # Now and then too long: the attempt is over by then, and its answer has to be refused.
        time.sleep(4.5 if random.random() < 0.005 else random.expovariate(50))
        # Until somebody answers: a completion may be repeated, and is acknowledged once or refused.
        status, _ = call("/worker/v1/complete", {"token": task["token"], "output": {"by": name}})
        note(event="answered", token=task["token"], status=status)


for _ in range(8):
    threading.Thread(target=work, daemon=True).start()
threading.Event().wait()
