#!/usr/bin/env python3
"""Ladders by trial against the fixed ladder, on films of four kinds.

Generates films (natural, animation, grain, screen), or takes --source NAME=FILE, encodes each with both ladders, measures
the structural similarity of every rung of both to the film scaled to the rung's size, and prints for each rung bytes
and similarity of both, and for each film what is saved and the search's share of the encode's processor time.
The command under test is a template: {in}, {out}, {ladder} and {threads} are filled in; it prints the step's output as JSON.
    Benchmarks/per-title.py -- .build/release/showrunner-worker transcode {in} --out {out} --ladder {ladder} --threads {threads} \\
        --json --no-cache
Exits 1 where a film needs more bytes than with the fixed ladder, a rung is less similar by more than --tolerance, or the search
takes more than --share of the encode.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

KINDS = {
    # A slow flight over detail of every size, with a sensor's noise.
    "natural": "mandelbrot=size={size}:rate=24:start_scale=0.3:end_scale=0.1:end_pts={frames},noise=alls=3:allf=t",
    # Flat surfaces with hard edges that move, each drawing held for two pictures.
    "animation": "testsrc2=size={size}:rate=12,fps=24",
    # Soft shapes under a film's grain.
    "grain": "testsrc2=size={size}:rate=24,gblur=sigma=8,noise=alls=6:allf=t",
    # A still screen on which a small part changes.
    "screen": "testsrc=size={size}:rate=24:decimals=2",
}


def generate(path, source, size, seconds):
    graph = source.format(size=size, frames=seconds * 24)
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", graph, "-t", str(seconds), "-pix_fmt", "yuv420p", "-c:v",
         "libx264", "-preset", "superfast", "-crf", "8", "-g", "48", path], check=True)


def similarity(rung, source):
    """Mean SSIM of luma to the source scaled to the rung's size."""
    graph = f"[1:v]scale={rung['width']}:{rung['height']}:flags=bicubic[s];[0:v][s]ssim"
    said = subprocess.run(
        ["ffmpeg", "-v", "info", "-nostats", "-i", rung["path"], "-i", source, "-lavfi", graph, "-f", "null", "-"],
        check=True, capture_output=True, text=True).stderr
    return float(re.search(r"SSIM Y:([0-9.]+)", said).group(1))


def encode(command, source, out, ladder, threads):
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    fill = {"in": source, "out": out, "ladder": ladder, "threads": str(threads)}
    output = json.loads(subprocess.run(
        [part.format(**fill) for part in command], check=True, capture_output=True, text=True).stdout)
    rungs = {}
    for r in output["renditions"]:
        if r["kind"] == "video":
            file = r["file"]["file"] if isinstance(r["file"], dict) else r["file"]
            rungs[r["name"]] = dict(r, path=os.path.join(out, file))
    return output, rungs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", action="append", default=[], help="NAME=FILE instead of the generated films")
    parser.add_argument("--size", default="854x480")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--tolerance", type=float, default=0.0)
    parser.add_argument("--kinds", default=",".join(KINDS), help="which of the generated films, comma-separated")
    parser.add_argument("--share", type=float, default=0.10)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    work = tempfile.mkdtemp(prefix="per-title-")
    failed = False
    try:
        films = dict(pair.split("=", 1) for pair in arguments.source)
        if not films:
            for kind in arguments.kinds.split(","):
                source = KINDS[kind]
                films[kind] = os.path.join(work, f"{kind}.mkv")
                generate(films[kind], source, arguments.size, arguments.seconds)
        print("| film | rung | fixed: bytes, SSIM | per title: bytes, SSIM | saved |\n|---|---|---|---|---|")
        for kind, film in films.items():
            fixed_output, fixed = encode(arguments.command, film, os.path.join(work, "fixed"), "fixed", arguments.threads)
            own_output, own = encode(arguments.command, film, os.path.join(work, "own"), "per-title", arguments.threads)
            for name, rung in fixed.items():
                before = similarity(rung, film)
                if name not in own:
                    reason = next((d["reason"] for d in own_output["ladder"]["dropped"]
                                   if f"video-{d['name']}" == name), "")
                    print(f"| {kind} | {name} | {rung['bytes']}, {before:.4f} | left out: {reason} | 100 % |")
                    continue
                after = similarity(own[name], film)
                saved = 1 - own[name]["bytes"] / rung["bytes"]
                print(f"| {kind} | {name} | {rung['bytes']}, {before:.4f} | {own[name]['bytes']}, {after:.4f} | "
                      f"{saved:.1%} |")
                failed |= after < before - arguments.tolerance
            total = sum(r["bytes"] for r in fixed.values())
            mine = sum(r["bytes"] for r in own.values())
            search = own_output["searchCpuSeconds"]
            cost = own_output["cpuSeconds"] - search
            taken = [t["name"] for t in own_output["ladder"].get("tools", []) if t["taken"]]
            before = fixed_output["cpuSeconds"]
            print(f"| {kind} | all | {total} | {mine} | {1 - mine / total:.1%} |")
            print(f"{kind}: encode {before:.1f} s fixed, {cost:.1f} s per title; search {search:.1f} s, {search / before:.1%} of "
                  f"the fixed one; taken: {', '.join(taken) or 'nothing'}", file=sys.stderr, flush=True)
            failed |= mine > total or search > arguments.share * before
    finally:
        shutil.rmtree(work)
    sys.exit(1 if failed else 0)


main()
