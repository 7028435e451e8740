#!/usr/bin/env python3
"""Processor time of the transcode step against the ffmpeg program doing the same work in one process.

Generates a 1080p24 clip with sound (or takes --source), encodes it once with the command under test, reads from its
JSON which rungs with which x264 options came out, builds one ffmpeg command with `split` and the same options, then
runs both in turn. Prints user+sys seconds of every run, the medians and their ratio, what all processes of a run had in
memory at most, and the bytes of the renditions; exits 1 where the ratio of the seconds is above --limit, that of memory above
1.2, or that of the bytes of all renditions more than 1 % from 1.

The command under test is a template: {in}, {out} and {threads} are filled in, and it prints the step's output as JSON.
    Benchmarks/transcode-ratio.py -- .build/release/showrunner-worker transcode {in} --out {out} --threads {threads} --json \\
        --no-cache
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading


class Memory:
    """What a process and all below it have in memory together at most, in MiB, looked at five times a second. Pages that
    several of them share count once (Pss of proc(5))."""
    def __init__(self, pid):
        self.most, self.over = 0, threading.Event()
        self.thread = threading.Thread(target=self.watch, args=(pid,))
        self.thread.start()

    def watch(self, pid):
        while not self.over.wait(0.2):
            self.most = max(self.most, self.resident(pid))

    def resident(self, pid):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                own = next(int(line.split()[1]) / 1024 for line in file if line.startswith("Pss:"))
            below = []
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/children") as file:
                    below += file.read().split()
        except OSError:
            # It has ended while it was looked at.
            return 0
        return own + sum(self.resident(int(child)) for child in below)

    def end(self):
        self.over.set()
        self.thread.join()
        return self.most


def cpu_seconds(command, stdout=subprocess.DEVNULL, memory=None):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout)
    watch = Memory(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    if memory is not None:
        memory.append(watch.end())
    else:
        watch.end()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"failed with {process.returncode}: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime


def generate(path, seconds):
    """Moving detail, noise and cuts: neither a still picture nor pure noise."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size=1920x1080:rate=24:duration={seconds}",
         "-f", "lavfi", "-i", f"mandelbrot=size=1920x1080:rate=24:end_pts={seconds * 24}",
         "-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}",
         "-filter_complex", "[1]format=yuv420p[m];[0][m]blend=all_mode=average,noise=alls=6:allf=t,format=yuv420p[v]",
         "-map", "[v]", "-map", "2", "-t", str(seconds), "-c:v", "libx264", "-preset", "fast", "-crf", "18",
         "-c:a", "aac", "-ac", "2", path], check=True)


def peer(source, renditions, directory, threads):
    """The ffmpeg command that writes the same renditions; the source's own rung needs no scaling there either."""
    video = [r for r in renditions if r["kind"] == "video"]
    audio = [r for r in renditions if r["kind"] == "audio"]
    pads = "".join(f"[s{i}]" for i in range(len(video)))
    graph = f"[0:v:0]split={len(video)}{pads}"
    for i, r in enumerate(video):
        graph += f";[s{i}]scale={r['width']}:{r['height']}:flags=bicubic,format=yuv420p[v{i}]"
    command = ["ffmpeg", "-v", "error", "-y", "-threads", str(threads), "-i", source, "-filter_complex", graph]
    for i, r in enumerate(video):
        command += ["-map", f"[v{i}]", "-c:v", r["encoder"]]
        for name, value in r["options"].items():
            command += [f"-{name}", value]
        command += ["-movflags", "+faststart", os.path.join(directory, f"{r['name']}.mp4")]
    for i, r in enumerate(audio):
        command += ["-map", f"0:a:{i}", "-c:a", r["encoder"], "-b:a", r["options"]["b"], "-ac", r["options"]["ac"],
                    "-ar", r["options"]["ar"], "-movflags", "+faststart", os.path.join(directory, f"{r['name']}.mp4")]
    return command


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", help="a film of your own instead of the generated clip")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--limit", type=float, default=1.10)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    work = tempfile.mkdtemp(prefix="transcode-ratio-")
    try:
        source = arguments.source
        if not source:
            source = os.path.join(work, "source.mp4")
            generate(source, arguments.seconds)
        ours_out, peer_out = os.path.join(work, "ours"), os.path.join(work, "peer")
        fill = {"in": source, "out": ours_out, "threads": str(arguments.threads)}
        ours = [part.format(**fill) for part in arguments.command]

        memory = {"ours": [], "ffmpeg": []}

        def run_ours():
            shutil.rmtree(ours_out, ignore_errors=True)
            os.mkdir(ours_out)
            with open(os.path.join(work, "ours.json"), "w") as file:
                spent = cpu_seconds(ours, stdout=file, memory=memory["ours"])
            with open(os.path.join(work, "ours.json")) as file:
                reported = json.load(file)["cpuSeconds"]
            # The work is done in a sandboxed child for whom bubblewrap does not wait, so the kernel adds its time to
            # nobody's; the child reports its own.
            return spent if spent >= reported else spent + reported

        run_ours()
        with open(os.path.join(work, "ours.json")) as file:
            renditions = json.load(file)["renditions"]
        os.mkdir(peer_out)
        theirs = peer(source, renditions, peer_out, arguments.threads)
        print("peer:", " ".join(theirs))
        pairs = []
        for number in range(arguments.pairs):
            pairs.append((run_ours(), cpu_seconds(theirs, memory=memory["ffmpeg"])))
            print(f"pair {number + 1}: ours {pairs[-1][0]:.2f} s, ffmpeg {pairs[-1][1]:.2f} s")
        ours_median = statistics.median(pair[0] for pair in pairs)
        theirs_median = statistics.median(pair[1] for pair in pairs)
        ratio = ours_median / theirs_median
        print(f"median: ours {ours_median:.2f} s, ffmpeg {theirs_median:.2f} s, ratio {ratio:.3f}")
        most = {side: statistics.median(values) for side, values in memory.items()}
        print(f"memory at most: ours {most['ours']:.0f} MiB, ffmpeg {most['ffmpeg']:.0f} MiB, "
              f"ratio {most['ours'] / most['ffmpeg']:.2f}")
        sizes = [0, 0]
        for rendition in renditions:
            ours_bytes = rendition["bytes"]
            theirs_bytes = os.path.getsize(os.path.join(peer_out, f"{rendition['name']}.mp4"))
            sizes = [sizes[0] + ours_bytes, sizes[1] + theirs_bytes]
            print(f"{rendition['name']}: {ours_bytes} bytes, ffmpeg {theirs_bytes}, {ours_bytes / theirs_bytes - 1:+.2%}")
        size = sizes[0] / sizes[1]
        print(f"all renditions: {size - 1:+.2%}")
        isMet = ratio <= arguments.limit and most["ours"] <= 1.2 * most["ffmpeg"] and abs(size - 1) <= 0.01
        sys.exit(0 if isMet else 1)
    finally:
        shutil.rmtree(work)


main()
