import Encodings

/// A box tree as lines for people: place, size, type, and the fields that matter when something is wrong.
public enum BoxListing {
    public static func lines(_ boxes: [Box], of bytes: [UInt8], base: Int = 0, depth: Int = 0) -> [String] {
        boxes.flatMap { box -> [String] in
            let indent = String(repeating: "  ", count: depth)
            let note = note(box, bytes)
            let line = "\(indent)\(box.type) @\(base + box.offset) \(box.size)\(note.isEmpty ? "" : "  \(note)")"
            return [line] + lines(box.children, of: bytes, base: base, depth: depth + 1)
        }
    }

    private static func note(_ box: Box, _ bytes: [UInt8]) -> String {
        var fields = FieldReader(box.content(of: bytes))
        let text: String
        switch box.type {
        case "ftyp", "styp":
            let major = BoxTree.typeText(fields.raw(4)[...])
            _ = fields.u32()
            var brands: [String] = []
            while fields.left >= 4, brands.count < 32 { brands.append(BoxTree.typeText(fields.raw(4)[...])) }
            text = "\(major) \(brands.joined(separator: " "))"
        case "mfhd":
            _ = fields.u32()
            text = "sequence \(fields.u32())"
        case "tfdt":
            let version = fields.versionAndFlags().version
            text = "time \(version == 1 ? fields.u64() : fields.u32())"
        case "trun", "senc", "saiz":
            _ = fields.u32()
            if box.type == "saiz" { _ = fields.u8() }
            text = "\(fields.u32()) samples"
        case "tenc":
            let version = fields.versionAndFlags().version
            _ = fields.u8()
            let pattern = fields.u8()
            let isProtected = fields.u8()
            let vector = fields.u8()
            let id = Hex.encode(fields.raw(16))
            text =
                "kid \(id), protected \(isProtected), vector \(vector) bytes"
                + (version > 0 ? ", pattern \(pattern >> 4):\(pattern & 15)" : "")
        case "schm":
            _ = fields.u32()
            text = BoxTree.typeText(fields.raw(4)[...])
        case "frma": text = BoxTree.typeText(fields.raw(4)[...])
        case "pssh":
            let version = fields.versionAndFlags().version
            let system = fields.raw(16)
            text = "version \(version), system \(system.count == 16 ? KeyID(bytes: system).uuid : "?")"
        case "hdlr":
            _ = fields.raw(8)
            text = BoxTree.typeText(fields.raw(4)[...])
        case "mdhd":
            let version = fields.versionAndFlags().version
            _ = fields.raw(version == 1 ? 16 : 8)
            text = "time scale \(fields.u32())"
        case "sidx":
            let version = fields.versionAndFlags().version
            _ = fields.u32()
            let scale = fields.u32()
            _ = fields.raw(version == 0 ? 8 : 16)
            _ = fields.u16()
            text = "\(fields.u16()) references, time scale \(scale)"
        default: return ""
        }
        return fields.isExhausted ? "cut off" : text
    }
}
