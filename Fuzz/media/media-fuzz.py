#!/usr/bin/env python3
"""Gives a media worker films that were damaged at random, and sees whether it lives.

    Fuzz/media/media-fuzz.py --worker .build/release/showrunner-worker [--minutes 20 | --films 500] [--seed N] [--slots 2]
                             [--sandbox auto|required|off] [--out DIR]

The script plays the engine of one worker process: it hands out `validate` for each damaged film and, where that is content,
`thumbnail` and `transcode`. Seeds are made by ffmpeg in a dozen containers and codecs; bytes are flipped, runs of them are
overwritten, cut out, doubled and swapped, lengths of boxes are made absurd, ends are cut off.

Fails, with status 1, when the worker's process ends or is replaced, when a task gets no answer within its time, when a
crash is not told with the digest of its film, and when the worker does not stop in order at the end. Films on which the
child crashed are kept in --out under their digests: most are faults of libav, which the child is there for.
"""
import argparse
import collections
import hashlib
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Benchmarks"))
from played_engine import PlayedEngine, offer

PICTURE = ["-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=1.2"]
SOUND = ["-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=1.2"]
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "12", "-bf", "2"]
SEEDS = [
    ("plain.mp4", PICTURE + SOUND + H264 + ["-c:a", "aac"]),
    ("fast.mp4", PICTURE + SOUND + H264 + ["-c:a", "aac", "-movflags", "+faststart"]),
    ("fragments.mp4", PICTURE + SOUND + H264 + ["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"]),
    ("hevc.mp4", PICTURE + ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"]),
    ("prores.mov", PICTURE + SOUND + ["-c:v", "prores_ks", "-c:a", "pcm_s24le"]),
    ("film.mkv", PICTURE + SOUND + H264 + ["-c:a", "flac"]),
    ("vp9.webm", PICTURE + SOUND + ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"]),
    ("vp8.webm", PICTURE + SOUND + ["-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libvorbis"]),
    ("av1.mkv", PICTURE + ["-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "lp=1"]),
    ("film.ts", PICTURE + SOUND + H264 + ["-c:a", "mp2"]),
    ("mpeg2.mpg", PICTURE + SOUND + ["-c:v", "mpeg2video", "-c:a", "ac3"]),
    ("divx.avi", PICTURE + SOUND + ["-c:v", "mpeg4", "-vtag", "DX50", "-c:a", "libmp3lame"]),
    ("film.flv", PICTURE + SOUND + H264 + ["-c:a", "aac"]),
    ("mjpeg.mov", PICTURE + ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"]),
    ("wmv2.asf", PICTURE + SOUND + ["-c:v", "wmv2", "-c:a", "wmav2"]),
    ("dnxhd.mxf", ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25:duration=0.2", "-c:v", "dnxhd", "-b:v", "75M",
                   "-pix_fmt", "yuv422p"]),
]


def make_seeds(folder):
    seeds = []
    for name, arguments in SEEDS:
        path = os.path.join(folder, name)
        made = subprocess.run(["ffmpeg", "-v", "error", "-y"] + arguments + [path], capture_output=True, text=True)
        if made.returncode != 0:
            # Not every build of ffmpeg has every encoder.
            print(f"no seed {name}: {made.stderr.strip().splitlines()[-1:]}")
            continue
        with open(path, "rb") as file:
            seeds.append((name, file.read()))
    if not seeds:
        sys.exit("ffmpeg made no seed")
    return seeds


def damaged(dice, seeds):
    """A seed's name and its bytes after one to a few dozen changes."""
    name, original = dice.choice(seeds)
    data = bytearray(original)
    for _ in range(dice.choice([1, 1, 2, 3, 8, 40])):
        if not data:
            break
        # Headers decide more than media does.
        reach = len(data) if dice.random() < 0.5 else min(len(data), 4096)
        at = dice.randrange(reach)
        if dice.random() < 0.3:
            at = max(0, len(data) - 1 - at)
        length = dice.choice([1, 2, 4, 16, 256])
        kind = dice.randrange(8)
        if kind <= 1:
            data[at] ^= 1 << dice.randrange(8)
        elif kind == 2:
            data[at:at + length] = dice.randbytes(min(length, len(data) - at))
        elif kind == 3:
            value = dice.choice([0, 1, 7, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, len(data), len(data) + 1])
            data[at:at + 4] = value.to_bytes(4, dice.choice(["big", "little"]))[:max(0, len(data) - at)]
        elif kind == 4:
            del data[at:at + length]
        elif kind == 5:
            data[at:at] = data[at:at + length]
        elif kind == 6:
            to = dice.randrange(len(data))
            data[at:at + length], data[to:to + length] = data[to:to + length], data[at:at + length]
        elif dice.random() < 0.3:
            del data[at:]
    if dice.random() < 0.05:
        other = dice.choice(seeds)[1]
        data[len(data) // 2:] = other[len(other) // 2:]
    return name, bytes(data)


class Film:
    def __init__(self, number, name, data, folder):
        self.number = number
        self.name = name
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.bytes = len(data)
        self.path = os.path.join(folder, f"{number}-{name}")
        with open(self.path, "wb") as file:
            file.write(data)
        self.url = f"file://{self.path}"


class Engine(PlayedEngine):
    """For one worker."""

    def __init__(self, films, keep):
        self.films = films
        self.keep = keep
        self.lock = threading.Lock()
        self.ready = queue.SimpleQueue()
        self.running = {}
        self.outcomes = collections.Counter()
        self.crashes = []
        self.troubles = []
        self.incarnations = set()
        self.count = 0
        self.isOver = False

    def task(self, wait):
        """The next task of a film that is being looked at, or of a new one; nil when all are done."""
        try:
            step, film, more = self.ready.get_nowait()
        except queue.Empty:
            with self.lock:
                film = None if self.isOver else next(self.films, None)
                if film is None:
                    self.isOver = True
            if film is None:
                time.sleep(min(wait, 0.2))
                return None
            step, more = "validate", {"source": film.url}
        with self.lock:
            self.count += 1
            token = f"task-{self.count}"
            self.running[token] = (step, film, time.monotonic())
        return offer(token, step, more, "fuzz", execution=str(film.number), timeout=60)

    def polled(self, request):
        self.incarnations.add(request["incarnation"])

    def completed(self, token, output):
        with self.lock:
            if token not in self.running:
                return
            step, film, _ = self.running[token]
            self.outcomes[step, "done"] += 1
            source = {"url": film.url, "bytes": film.bytes, "sha256": film.sha256}
            if step == "validate":
                self.ready.put(("thumbnail", film, {"source": source}))
            elif step == "thumbnail":
                self.ready.put(("transcode", film, {"source": source, "preset": "ultrafast"}))
            else:
                os.remove(film.path)
            del self.running[token]

    def failed(self, token, error, cause):
        with self.lock:
            if token not in self.running:
                return
            step, film, _ = self.running.pop(token)
            self.outcomes[step, error] += 1
            if error == "Showrunner.StepCrashed":
                self.crashes.append((step, film, cause))
                shutil.copyfile(film.path, os.path.join(self.keep, f"{film.sha256}-{film.name}"))
                if film.sha256 not in cause:
                    self.troubles.append(f"a crash is told without its film's digest: {cause}")
            os.remove(film.path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", required=True)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--films", type=int)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--sandbox", default="auto")
    parser.add_argument("--out", default="media-fuzz-crashes")
    arguments = parser.parse_args()
    if arguments.minutes is None and arguments.films is None:
        arguments.minutes = 20
    print(f"seed {arguments.seed}", flush=True)
    dice = random.Random(arguments.seed)
    work = tempfile.mkdtemp(prefix="media-fuzz-")
    os.makedirs(arguments.out, exist_ok=True)
    end = time.monotonic() + arguments.minutes * 60 if arguments.minutes else None
    seeds = make_seeds(work)
    folder = os.path.join(work, "films")
    os.mkdir(folder)

    def films():
        number = 0
        while (end is None or time.monotonic() < end) and (arguments.films is None or number < arguments.films):
            number += 1
            yield Film(number, *damaged(dice, seeds), folder)

    engine = Engine(films(), arguments.out)
    address = engine.serve()
    log = open(os.path.join(work, "worker.log"), "wb")
    worker = subprocess.Popen(
        [arguments.worker, "--engine", address, "--store", os.path.join(work, "store"),
         "--name", "fuzzed", "--slots", str(arguments.slots), "--threads", "1", "--scratch", os.path.join(work, "scratch"),
         "--sandbox", arguments.sandbox, "--memory", "4096", "--no-cache", "--allow-local-sources"],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    troubles = engine.troubles
    told = time.monotonic()
    while True:
        time.sleep(0.5)
        if worker.poll() is not None:
            troubles.append(f"the worker ended with {worker.returncode}")
            break
        with engine.lock:
            late = [(step, film.path) for step, film, began in engine.running.values() if time.monotonic() - began > 180]
            isDone = engine.isOver and not engine.running and engine.ready.empty()
        if late:
            troubles.append(f"no answer within three minutes: {late}")
            break
        if isDone:
            break
        if time.monotonic() - told > 60:
            told = time.monotonic()
            print(f"{sum(engine.outcomes.values())} tasks, {len(engine.crashes)} crashes", flush=True)
    if len(engine.incarnations) > 1:
        troubles.append("the worker was replaced")
    if worker.poll() is None:
        worker.send_signal(signal.SIGTERM)
        try:
            if worker.wait(60) != 0:
                troubles.append(f"the worker stopped with {worker.returncode}")
        except subprocess.TimeoutExpired:
            worker.kill()
            troubles.append("the worker did not stop")
    left = os.listdir(os.path.join(work, "scratch"))
    if left:
        troubles.append(f"scratch is left behind: {left}")
    for (step, outcome), count in sorted(engine.outcomes.items()):
        print(f"{step:10} {outcome:32} {count}")
    for step, film, cause in engine.crashes:
        print(f"crash of {step} on {film.sha256} ({film.name}): {cause}")
    for trouble in troubles:
        print(f"TROUBLE: {trouble}")
    if troubles:
        print(f"what the worker said is in {work}/worker.log")
        sys.exit(1)
    shutil.rmtree(work)


main()
