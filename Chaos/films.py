"""Real films for failover.py: sources, ingests by a real media worker, and the question whether everything that is named is there.

The object store is a directory that nobody puts back, as an object store beside a restored database is not.
"""
import hashlib
import json
import math
import os
import re
import subprocess
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

import chaos

DASH = "{urn:mpeg:dash:schema:mpd:2011}"
WORKFLOW = os.path.join(chaos.HERE, "..", "workflows", "ingest.asl.yaml")
TITLES = """SELECT t.id || '|' || l.name FROM catalogue.title AS t
            JOIN showrunner.execution_list AS l ON l.execution_id = t.execution_id"""


class Films:
    """Starts one film after the other, each two seconds long and different from all others."""

    def __init__(self, folder, database, ports, programs, binaries):
        self.folder, self.database, self.ports = folder, database, ports
        self.store = folder + "/objects"
        self.started = {}
        self.refused = []
        self.is_over = False
        self.lock = threading.Lock()
        os.makedirs(folder + "/films")
        # One media worker by each engine: where one engine is started again the other's goes on.
        for number, port in enumerate(ports):
            programs.keep(f"film-worker-{number}", [
                os.path.join(binaries, "showrunner-worker"), "--engine", f"http://127.0.0.1:{port}", "--store", self.store,
                "--name", f"film-worker-{number}", "--slots", "2", "--threads", "1", "--allow-local-sources",
                "--scratch", f"{folder}/scratch-{number}"])

    def source(self, number):
        path = f"{self.folder}/films/film-{number}.mp4"
        if not os.path.exists(path):
            subprocess.run(
                ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=128x72:rate=25:duration=2,hue=h={number * 7}",
                 "-f", "lavfi", "-i", f"sine=frequency={200 + number}:duration=2", "-c:v", "libx264", "-preset", "ultrafast",
                 "-pix_fmt", "yuv420p", "-c:a", "aac", path], check=True)
        return path

    def start(self, number):
        """Asks for a film's ingest until it is acknowledged; asked for again under its name, it is the same one."""
        name = f"film-{number}"
        answer = chaos.Client(self.ports).call("StartExecution", {
            "stateMachineArn": chaos.PREFIX + "stateMachine:ingest", "name": name,
            "input": json.dumps({"source": "file://" + self.source(number), "title": name, "preset": "ultrafast"})})
        with self.lock:
            if answer is not None and answer[0] == 200:
                self.started[name] = time.time()
            elif answer is None or answer[1].get("__type") != "ExecutionAlreadyExists":
                self.refused.append(f"{name}: {answer}")

    def keep_starting(self, pause):
        """In the background, until `is_over`."""
        def run():
            number = 0
            while not self.is_over:
                self.start(number)
                number += 1
                time.sleep(pause)
        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def stop_starting(self):
        self.is_over = True
        self.thread.join()

    def rows(self, text):
        return [line.split("|") for line in self.database.sql(text).stdout.splitlines()]

    def titles(self):
        """Published ones: their ids by the names of the executions that published them."""
        return {name: title for title, name in self.rows(TITLES)}

    def names(self, condition="true"):
        """Those of the executions in the database."""
        return {name for name, in self.rows(
            f"SELECT name FROM showrunner.execution_list WHERE machine = 'ingest' AND {condition}")}

    def wait(self, what, condition, patience=240):
        end = time.monotonic() + patience
        while not condition():
            if time.monotonic() > end:
                raise SystemExit(f"failover: in {patience} s it did not come to {what}")
            time.sleep(0.2)

    def start_lost(self, lost):
        """Asks again for what the database has forgotten, as its callers do."""
        for name in sorted(lost):
            self.start(int(name.split("-")[1]))

    # The questions asked when all is quiet.

    def check(self):
        """Prints what was looked at; the faults found."""
        faults = list(self.refused)
        titles = self.titles()
        succeeded = self.names("status = 'SUCCEEDED'")
        faults += [f"{name} has ended as SUCCEEDED and is no title" for name in succeeded - titles.keys()]
        faults += [f"{name} is a title and has not ended as SUCCEEDED" for name in titles.keys() - succeeded]
        orphans = self.database.sql("""SELECT count(*) FROM catalogue.title AS t WHERE NOT EXISTS (
            SELECT FROM showrunner.execution_list AS l WHERE l.execution_id = t.execution_id)""").stdout.strip()
        if orphans != "0":
            faults.append(f"{orphans} titles are of no execution")
        objects = {}
        recorded = {}
        for title, key, size, digest in self.rows(
                "SELECT title_id, key, bytes, encode(sha256, 'hex') FROM catalogue.stored_object"):
            objects[key, int(size), digest] = f"title {title}"
            recorded.setdefault(title, set()).add(key)
        referred = 0
        for title, hls, dash in self.rows("SELECT id, hls_key, dash_key FROM catalogue.title"):
            for key in self.playlist(hls, faults) | self.manifest(dash, faults):
                referred += 1
                if key not in recorded.get(title, set()):
                    faults.append(f"title {title} refers to {key}, which it does not consist of")
        of_titles, reused, outputs = len(objects), 0, 0
        for name, output in json.loads(self.database.sql("""
                SELECT coalesce(json_agg(json_build_array(l.name, e -> 'output')), '[]')
                FROM showrunner.execution_list AS l JOIN showrunner.journal USING (execution_id),
                    jsonb_array_elements(effects::jsonb -> 'effects') AS e
                WHERE l.machine = 'ingest' AND e ->> 'e' = 'taskSucceeded'""").stdout):
            outputs += 1
            reused += isinstance(output, dict) and output.get("cached") is True
            for key, size, digest in self.named(output):
                objects.setdefault((key, size, digest), f"an output of {name}")
        for (key, size, digest), owner in sorted(objects.items()):
            fault = self.fault(key, size, digest)
            if fault:
                faults.append(f"{key} of {owner} {fault}")
        print(f"failover: {len(titles)} titles of {of_titles} objects, {referred} references of their playlists and manifests; "
              f"with {outputs} outputs in the journal ({reused} of them kept ones) {len(objects)} objects by size and SHA-256")
        if not titles or not referred or outputs < 4 * len(titles):
            faults.append("too little was there to be looked at")
        return faults

    def named(self, value):
        """Objects of the store that an output names."""
        if isinstance(value, dict):
            if {"key", "sha256"} <= value.keys():
                yield value["key"], value.get("bytes"), value["sha256"]
            for member in value.values():
                yield from self.named(member)
        elif isinstance(value, list):
            for element in value:
                yield from self.named(element)

    def fault(self, key, size, digest):
        try:
            with open(f"{self.store}/{key}", "rb") as file:
                content = file.read()
        except FileNotFoundError:
            return "is missing"
        if size is not None and len(content) != size:
            return f"has {len(content)} bytes, not {size}"
        return None if hashlib.sha256(content).hexdigest() == digest else "has another content"

    def text(self, key, faults):
        try:
            with open(f"{self.store}/{key}", encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            faults.append(f"{key} is missing")
            return ""

    def playlist(self, key, faults):
        """Keys that an HLS playlist and the playlists in it refer to."""
        keys = set()
        for line in self.text(key, faults).splitlines():
            uris = re.findall(r'URI="([^"]+)"', line) if line.startswith("#") else [line] if line.strip() else []
            for uri in uris:
                if not uri.startswith(("data:", "skd:")):
                    keys.add(os.path.normpath(os.path.join(os.path.dirname(key), urllib.parse.unquote(uri))))
        for inner in [one for one in keys if one.endswith(".m3u8")]:
            keys |= self.playlist(inner, faults)
        return keys

    def manifest(self, key, faults):
        """Keys that a DASH manifest refers to."""
        text = self.text(key, faults)
        if not text:
            return set()
        document, files = ElementTree.fromstring(text), set()
        hours, minutes, seconds = re.fullmatch(
            r"PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?", document.get("mediaPresentationDuration")).groups("0")
        length = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        for group in document.iter(DASH + "AdaptationSet"):
            for representation in group.iter(DASH + "Representation"):
                name = representation.get("id")
                for address in representation.iter(DASH + "BaseURL"):
                    files.add(address.text)
                template = representation.find(DASH + "SegmentTemplate")
                if template is None:
                    template = group.find(DASH + "SegmentTemplate")
                if template is None:
                    continue
                first = int(template.get("startNumber", "1"))
                if template.get("duration"):
                    count = math.ceil(length * int(template.get("timescale")) / int(template.get("duration")))
                else:
                    count = sum(1 + int(step.get("r", "0")) for step in template.iter(DASH + "S"))
                if template.get("initialization"):
                    files.add(template.get("initialization").replace("$RepresentationID$", name))
                for number in range(first, first + count):
                    files.add(template.get("media").replace("$RepresentationID$", name).replace("$Number$", str(number)))
        return {os.path.normpath(os.path.join(os.path.dirname(key), urllib.parse.unquote(file))) for file in files}

    def delete_one(self):
        """Takes an object away that a title names: the check has to find that."""
        key = self.rows("SELECT key FROM catalogue.stored_object WHERE key LIKE '%.m4s' ORDER BY key LIMIT 1")[0][0]
        os.unlink(f"{self.store}/{key}")
        print(f"failover: {key} was deleted by hand")
