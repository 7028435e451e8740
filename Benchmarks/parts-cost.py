#!/usr/bin/env python3
"""What it costs to encode a film in parts, what a second worker gains, and how wrong the time that is left is told to be.

The script plays the engine of one or two worker processes. It generates a film (or takes --source), has it validated, and
encoded in one, in parts by one worker with --threads threads, and in parts by two workers that share these. It prints wall
and processor time and bytes of each; how similar the 12 pictures on each side of a border are to the film, beside the same
pictures of the encode in one; how far a decoder's buffer of the peak rate is emptied, in one and joined; and the error
of the time left, told from a tenth of the encode on.

    Benchmarks/parts-cost.py --worker .build/release/showrunner-worker --seconds 60 --part-seconds 15

Exits 1 where parts need more than 2 % more bytes, or a border's pictures are less similar by more than 0.005.
"""
import argparse
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from played_engine import PlayedEngine, offer


class Engine(PlayedEngine):

    def __init__(self):
        self.lock = threading.Lock()
        self.ready = queue.SimpleQueue()
        self.results = {}
        self.reports = {}
        self.began = {}
        self.ended = {}
        self.polls = 0
        self.arrived = threading.Condition(self.lock)

    def add(self, token, step, more):
        self.ready.put((token, step, more))

    def task(self, wait):
        with self.lock:
            self.polls += 1
        try:
            token, step, more = self.ready.get(timeout=max(0.01, min(wait, 1)))
        except queue.Empty:
            return None
        finally:
            with self.arrived:
                self.polls -= 1
                self.arrived.notify_all()
        with self.lock:
            self.began[token] = time.monotonic()
            self.reports[token] = []
        return offer(token, step, more, "parts")

    def beat(self, tasks):
        with self.lock:
            for task in tasks:
                if task.get("progress") and task["token"] in self.reports:
                    self.reports[task["token"]].append((time.monotonic(), task["progress"]))

    def completed(self, token, output):
        self.end(token, {"output": output})

    def failed(self, token, error, cause):
        self.end(token, {"error": error, "cause": cause})

    def end(self, token, result):
        with self.arrived:
            self.ended[token] = time.monotonic()
            self.results[token] = result
            self.arrived.notify_all()

    def wait(self, *tokens):
        with self.arrived:
            while not all(token in self.results for token in tokens):
                self.arrived.wait(1)
            for token in tokens:
                if "error" in self.results[token]:
                    sys.exit(f"{token}: {self.results[token]}")
            return [self.results[token]["output"] for token in tokens]

    def rest(self):
        """Waits until nobody asks: a poll of a worker that is gone would take a task with it."""
        with self.arrived:
            while self.polls:
                self.arrived.wait(1)

    def wall(self, *tokens):
        return max(self.ended[t] for t in tokens) - min(self.began[t] for t in tokens)


def generate(path, size, seconds, noise):
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i",
         f"testsrc2=size={size}:rate=24:duration={seconds},noise=alls={noise}:allf=t,format=yuv420p", "-f", "lavfi", "-i",
         f"sine=440:sample_rate=48000:duration={seconds}", "-c:v", "libx264", "-preset", "superfast", "-crf", "12", "-g", "48",
         "-c:a", "aac", path], check=True)


def similarities(rung, source, width, height):
    """SSIM of luma, picture by picture."""
    log = rung + ".ssim"
    graph = f"[1:v]scale={width}:{height}:flags=bicubic[s];[0:v][s]ssim=stats_file={log}"
    subprocess.run(["ffmpeg", "-v", "error", "-i", rung, "-i", source, "-lavfi", graph, "-f", "null", "-"], check=True)
    with open(log) as file:
        found = [float(re.search(r" Y:([0-9.]+)", line).group(1)) for line in file]
    os.remove(log)
    return found


def least_fill(path, rate, size):
    """How full a decoder's buffer is at least, as a share, if it is filled at the peak rate and was full at first."""
    said = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=dts_time,size", "-of", "csv=p=0", path],
        check=True, capture_output=True, text=True).stdout
    fill, least, before = float(size), float(size), None
    for line in said.splitlines():
        dts, count = line.split(",")[:2]
        if before is not None:
            fill = min(size, fill + rate * (float(dts) - before))
        before = float(dts)
        fill -= int(count) * 8
        least = min(least, fill)
    return least / size


def eta_errors(reports, end):
    """How wrong the time left is told to be, as shares of what was left, from a tenth of the encode on."""
    errors = []
    for at, progress in reports:
        total, media, speed = (progress.get(name) for name in ("totalSeconds", "mediaSeconds", "speed"))
        if progress["stage"] != "encode" or not total or not speed or not 0.1 <= media / total < 0.95:
            continue
        errors.append(((total - media) / speed - (end - at)) / (end - at))
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", required=True)
    parser.add_argument("--source", help="a film of your own instead of the generated one")
    parser.add_argument("--size", default="854x480")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--noise", type=int, default=8)
    parser.add_argument("--part-seconds", type=int, default=15)
    parser.add_argument("--preset", default="veryfast")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--sandbox", default="auto")
    arguments = parser.parse_args()
    work = tempfile.mkdtemp(prefix="parts-cost-")
    store = os.path.join(work, "store")
    failed = False
    engine = Engine()
    address = engine.serve()
    log = open(os.path.join(work, "workers.log"), "wb")

    def start(name, threads):
        return subprocess.Popen(
            [arguments.worker, "--engine", address, "--store", store, "--name", name,
             "--slots", "1", "--threads", str(threads), "--scratch", os.path.join(work, f"scratch-{name}"), "--sandbox",
             arguments.sandbox, "--no-cache", "--allow-local-sources"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(workers):
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(60)

    workers = []
    try:
        film = arguments.source
        if not film:
            film = os.path.join(work, "film.mp4")
            generate(film, arguments.size, arguments.seconds, arguments.noise)
        workers = [start("one", arguments.threads)]
        engine.add("validate", "validate", {"source": f"file://{os.path.abspath(film)}", "partSeconds": arguments.part_seconds})
        media, = engine.wait("validate")
        base = {"source": media["source"], "preset": arguments.preset}
        engine.add("whole", "transcode", dict(base, media=media))
        whole, = engine.wait("whole")

        def in_parts(name):
            tokens = []
            for index, part in enumerate(media["parts"] + ["sound"]):
                tokens.append(f"{name}-{index}")
                engine.add(tokens[-1], "transcode", dict(base, media=media, part=part))
            outputs = engine.wait(*tokens)
            join = f"{name}-join"
            engine.add(join, "join", {"parts": [o["renditions"] for o in outputs[:-1]], "sound": outputs[-1]["renditions"]})
            joined, = engine.wait(join)
            return joined, sum(o["cpuSeconds"] for o in outputs), engine.wall(*tokens, join)

        one, one_cpu, one_wall = in_parts("one")
        stop(workers)
        engine.rest()
        workers = [start(name, max(1, arguments.threads // 2)) for name in ("two-a", "two-b")]
        # Both are there before the clock begins to run.
        for token in ("ready-a", "ready-b"):
            engine.add(token, "validate", {"source": f"file://{os.path.abspath(film)}"})
        engine.wait("ready-a", "ready-b")
        two, two_cpu, two_wall = in_parts("two")

        def video(output):
            return {r["name"]: r for r in output["renditions"] if r["kind"] == "video"}

        def size(output):
            return sum(r["bytes"] for r in video(output).values())

        def path(rendition):
            return os.path.join(store, rendition["file"]["key"])

        print(f"{media['video']['frames']} pictures, {len(media['parts'])} parts, {arguments.preset}")
        print("| | wall s | processor s | bytes of pictures |\n|---|---|---|---|")
        print(f"| in one, one worker | {engine.wall('whole'):.1f} | {whole['cpuSeconds']:.1f} | {size(whole)} |")
        for name, output, cpu, wall in (("one worker", one, one_cpu, one_wall), ("two workers", two, two_cpu, two_wall)):
            print(f"| in parts, {name} | {wall:.1f} | {cpu:.1f} ({cpu / whole['cpuSeconds']:.3f}) | {size(output)} "
                  f"({size(output) / size(whole) - 1:+.2%}) |")
        failed |= size(one) > size(whole) * 1.02
        same = all(open(path(video(one)[name]), "rb").read() == open(path(video(two)[name]), "rb").read() for name in video(one))
        print(f"the two joined films are {'equal to the byte' if same else 'NOT EQUAL'}")
        failed |= not same
        for name, rendition in video(whole).items():
            peak, room = int(rendition["options"]["maxrate"]), int(rendition["options"]["bufsize"])
            before = similarities(path(rendition), film, rendition["width"], rendition["height"])
            after = similarities(path(video(one)[name]), film, rendition["width"], rendition["height"])
            worst = 0.0
            for part in media["parts"][1:]:
                border = part["first"]
                for side in (slice(border - 12, border), slice(border, border + 12)):
                    count = len(before[side])
                    worst = max(worst, (sum(before[side]) - sum(after[side])) / count)
            failed |= worst > 0.005
            print(f"{name}: at borders less similar by {worst:.4f} at most; buffer at least {least_fill(path(rendition), peak, room):.0%} "
                  f"full in one, {least_fill(path(video(one)[name]), peak, room):.0%} joined; "
                  f"{rendition['bitRate'] / peak:.0%} of the peak rate")
        errors = eta_errors(engine.reports["whole"], engine.ended["whole"])
        if errors:
            print(f"time left, told {len(errors)} times after a tenth: off by {errors[0]:+.0%} at first, "
                  f"{max(errors, key=abs):+.0%} at worst, of what was left")
        else:
            print("the encode was too short to be told of after a tenth")
    finally:
        stop([worker for worker in workers if worker.poll() is None])
        shutil.rmtree(work)
    sys.exit(1 if failed else 0)


main()
