#!/usr/bin/env python3
"""Sends a large file by tus 1.0 over connections that break, and tells what it cost.

    upload-cuts.py DIR --binaries .build/release --bytes 2147483648 --cuts 20 --seed 1

Starts `showrunner up` in DIR, which must not exist, with a machine that only takes note. The connection is cut at places
drawn by the seed, half of the times with a reset; each time the client asks where the upload stands and goes on from there.
In the middle the engine is killed once. At the end the stored object is compared with what was sent (SHA-256), and there has
to be one execution. Prints wall time, bytes sent more than once, and the engine's processor time and memory at most.
"""
import argparse
import base64
import hashlib
import json
import os
import pathlib
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request

MACHINE = "StartAt: Note\nStates:\n  Note: {Type: Pass, End: true}\n"
BLOCK = 1 << 20


def process(pid):
    """Seconds of processor time, and MiB at most."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), peak / 1024


class Client:
    def __init__(self, port):
        self.port = port

    def request(self, method, path, headers):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         headers={"Tus-Resumable": "1.0.0", **headers})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.headers, answer.read()

    def offset(self, path):
        """Where the upload stands, once the engine says so."""
        deadline = time.monotonic() + 120
        while True:
            try:
                return int(self.request("HEAD", path, {})[0]["Upload-Offset"])
            except (urllib.error.URLError, ConnectionError, OSError, TimeoutError) as error:
                if time.monotonic() > deadline:
                    sys.exit(f"the engine does not answer: {error}")
                time.sleep(0.05)

    def patch(self, path, source, offset, size, stop, resets):
        """Sends from an offset on; up to `stop`, where the connection is cut, or to the end. The status at the end, and
        how many bytes went out."""
        source.seek(offset)
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.sendall((f"PATCH {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {offset}\r\n"
                            "Content-Type: application/offset+octet-stream\r\n"
                            f"Content-Length: {size - offset}\r\n\r\n").encode())
        place = offset
        try:
            while place < min(stop, size):
                # The connection before may still be read to its end: then this one is refused before its bytes are.
                if select.select([connection], [], [], 0)[0]:
                    break
                block = source.read(min(BLOCK, min(stop, size) - place))
                connection.sendall(block)
                place += len(block)
            else:
                if place < size:
                    if resets:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return None, place - offset
            return connection.recv(64 << 10).split(b"\r\n")[0].split()[1].decode(), place - offset
        except OSError:
            # The engine ended, or refused what it has no place for: the next look says where it stands.
            return None, place - offset
        finally:
            connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--binaries", type=pathlib.Path, default=pathlib.Path(".build/release"))
    parser.add_argument("--bytes", type=int, default=2 << 30)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=4920)
    parser.add_argument("--no-kill", action="store_true")
    chosen = parser.parse_args()
    showrunner = str(chosen.binaries / "showrunner")
    draws = random.Random(chosen.seed)
    chosen.directory.mkdir(parents=True)
    workflows = chosen.directory / "workflows"
    workflows.mkdir()
    (workflows / "note.asl.yaml").write_text(MACHINE)
    film = chosen.directory / "film.bin"
    digest = hashlib.sha256()
    with open(film, "wb") as file:
        for _ in range(0, chosen.bytes, BLOCK):
            block = draws.randbytes(min(BLOCK, chosen.bytes - file.tell()))
            digest.update(block)
            file.write(block)
    data = chosen.directory / "data"
    up = subprocess.Popen([showrunner, "up", "--data", str(data), "--port", str(chosen.port), "--workers", "0",
                           "--workflows", str(workflows)], stdout=subprocess.PIPE, stderr=open(chosen.directory / "log", "w"))
    try:
        if not up.stdout.readline().startswith(b"ready"):
            sys.exit("showrunner does not start")
        measure(chosen, showrunner, draws, data, film, digest.hexdigest())
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait()


def measure(chosen, showrunner, draws, data, film, digest):
    client = Client(chosen.port)
    text = lambda value: base64.b64encode(value.encode()).decode()
    pid = lambda: int((data / "run" / "engine.pid").read_text())
    headers, _ = client.request("POST", "/uploads", {
        "Upload-Length": str(chosen.bytes),
        "Upload-Metadata": f"filename {text('film.bin')},title {text('Cut')},workflow {text('note')}"})
    path = headers["Location"]
    cuts = sorted(draws.randrange(1, chosen.bytes) for _ in range(chosen.cuts))
    kill_at = None if chosen.no_kill else len(cuts) // 2
    sent, connections, spent = 0, 0, [0.0, 0.0]
    began = time.monotonic()
    with open(film, "rb") as source:
        while True:
            offset = client.offset(path)
            if offset == chosen.bytes:
                break
            while cuts and cuts[0] <= offset:
                cuts.pop(0)
            stop = cuts[0] if cuts else chosen.bytes
            status, count = client.patch(path, source, offset, chosen.bytes, stop, draws.random() < 0.5)
            sent += count
            if status in ("409", "423"):
                time.sleep(0.1)
                continue
            if status is not None and not status.startswith("2"):
                sys.exit(f"PATCH is answered {status}")
            connections += 1
            if status is None and cuts and cuts[0] == stop:
                cuts.pop(0)
            if kill_at is not None and connections > kill_at:
                kill_at = None
                spent = list(process(pid()))
                os.kill(pid(), signal.SIGKILL)
    wall = time.monotonic() - began
    listed = json.loads(subprocess.check_output([showrunner, "runs", "list", "--json", "--engine",
                                                 f"http://127.0.0.1:{chosen.port}"]))
    runs = listed["items"] if isinstance(listed, dict) else listed
    if len(runs) != 1:
        sys.exit(f"{len(runs)} executions were started, not one")
    stored = [file for file in (data / "objects" / "uploads").rglob("*") if file.is_file()]
    found = [file for file in stored if file.stat().st_size == chosen.bytes]
    if len(found) != 1:
        sys.exit(f"the store has {[str(file) for file in stored]}")
    with open(found[0], "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
            sys.exit("what is stored is not what was sent")
    processor, peak = process(pid())
    print(f"{chosen.bytes} bytes over {connections} connections in {wall:.1f} s "
          f"({chosen.bytes / wall / 1e6:.0f} MB/s); {sent - chosen.bytes} bytes sent more than once; "
          f"engine {spent[0] + processor:.1f} s of processor time, {max(spent[1], peak):.0f} MiB at most; "
          "stored whole, one execution")


main()
