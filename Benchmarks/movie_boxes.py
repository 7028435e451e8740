"""What the boxes of a fragmented movie say, by the words of ISO/IEC 14496-12: for scripts that judge packages by none of the
packager's own code."""


def boxes(data, start=0, end=None):
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind, head = int.from_bytes(data[start:start + 4], "big"), data[start + 4:start + 8].decode("latin-1"), 8
        if size == 1:
            size, head = int.from_bytes(data[start + 8:start + 16], "big"), 16
        if size < head:
            return
        yield kind, start + head, start + size
        start += size


def find(data, path, start=0, end=None):
    kind, *rest = path
    for name, begin, stop in boxes(data, start, end):
        if name == kind:
            return (begin, stop) if not rest else find(data, rest, begin, stop)
    return None


def number(data, at, size=4):
    return int.from_bytes(data[at:at + size], "big")


def header(data):
    """Time scale, name of the sample entry, its bytes, and what the edit list skips."""
    at, _ = find(data, ["moov", "trak", "mdia", "mdhd"])
    scale = number(data, at + (20 if data[at] else 12))
    at, end = find(data, ["moov", "trak", "mdia", "minf", "stbl", "stsd"])
    kind, start, stop = next(boxes(data, at + 8, end))
    edits = find(data, ["moov", "trak", "edts", "elst"])
    skipped = 0
    if edits:
        at, version = edits[0], data[edits[0]]
        skipped = number(data, at + 8 + (8 if version else 4), 8 if version else 4)
    return scale, kind, data[start:stop], skipped


def fragments(data):
    """(decoding time, durations, whether the first sample is a key frame) of each fragment."""
    trex_at = find(data, ["moov", "mvex", "trex"])
    for kind, start, stop in boxes(data):
        if kind != "moof":
            continue
        at, _ = find(data, ["traf", "tfhd"], start, stop)
        flags, place = number(data, at + 1, 3), at + 8
        place += (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
        length, sample_flags = None, None
        if flags & 8:
            length, place = number(data, place), place + 4
        place += 4 if flags & 16 else 0
        if flags & 32:
            sample_flags = number(data, place)
        if trex_at:
            length = number(data, trex_at[0] + 12) if length is None else length
            sample_flags = number(data, trex_at[0] + 20) if sample_flags is None else sample_flags
        at, _ = find(data, ["traf", "tfdt"], start, stop)
        decoded = number(data, at + 4, 8 if data[at] else 4)
        at, _ = find(data, ["traf", "trun"], start, stop)
        flags, count, place = number(data, at + 1, 3), number(data, at + 4), at + 8
        place += 4 if flags & 1 else 0
        first = sample_flags
        if flags & 4:
            first, place = number(data, place), place + 4
        durations = []
        for i in range(count):
            duration = length
            if flags & 0x100:
                duration, place = number(data, place), place + 4
            place += 4 if flags & 0x200 else 0
            if flags & 0x400:
                first, place = number(data, place) if i == 0 else first, place + 4
            place += 4 if flags & 0x800 else 0
            durations.append(duration)
        yield decoded, durations, not (first or 0) & 0x10000


def codecs(kind, entry):
    """The codecs parameter (RFC 6381) by the bytes of a sample entry; None where it takes more than the header."""
    def record(name):
        for start in (78, 28):
            for found, begin, stop in boxes(entry, start):
                if found == name:
                    return entry[begin:stop]
        return b""
    original = kind
    if kind in ("encv", "enca"):
        for start in (78, 28):
            where = find(entry, ["sinf", "frma"], start)
            if where:
                original = entry[where[0]:where[1]].decode()
                break
    if original == "avc1":
        return "avc1." + record("avcC")[1:4].hex()
    if original == "hvc1":
        data = record("hvcC")
        space, profile = ["", "A", "B", "C"][data[1] >> 6], data[1] & 31
        compatible = int(f"{number(data, 2):032b}"[::-1], 2)
        constraints = ".".join(f"{byte:X}" for byte in data[6:12].rstrip(b"\0"))
        tier = "H" if data[1] & 32 else "L"
        return f"hvc1.{space}{profile}.{compatible:X}.{tier}{data[12]}" + ("." + constraints if constraints else "")
    if original == "av01":
        data = record("av1C")
        depth = 8 if not data[2] & 64 else 12 if data[2] & 32 else 10
        return f"av01.{data[1] >> 5}.{data[1] & 31:02d}{'H' if data[2] & 128 else 'M'}.{depth:02d}"
    if original == "vp09":
        data = record("vpcC")
        return f"vp09.{data[4]:02d}.{data[5]:02d}.{data[6] >> 4:02d}"
    return {"mp4a": "mp4a.40.2", "Opus": "Opus", "ac-3": "ac-3", "ec-3": "ec-3"}[original]
