/// File names as strangers give them, made fit for an object's key.
enum SafeFilename {
    static let maximumBytes = 100
    private static let maximumExtensionBytes = 12

    /// The last part of the path with every other character than `A-Z a-z 0-9 . _ -` replaced by `-`, at most
    /// ``maximumBytes`` long; what is too long loses the end of its stem and keeps its extension. `source` where
    /// nothing is left.
    static func clean(_ name: String) -> String {
        var bytes: [UInt8] = []
        for byte in base(name).utf8 {
            if isSafe(byte) {
                bytes.append(byte)
            } else if bytes.last != UInt8(ascii: "-") {
                bytes.append(UInt8(ascii: "-"))
            }
        }
        // A leading dot hides a file, a leading dash reads as an option, and ".." climbs.
        let isEdge = { (byte: UInt8) in byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") }
        let trimmed = bytes.drop(while: isEdge)
        let end = trimmed.lastIndex { !isEdge($0) }.map { $0 + 1 } ?? trimmed.startIndex
        let whole = trimmed[trimmed.startIndex..<end]
        if whole.isEmpty { return "source" }
        if whole.count <= maximumBytes { return String(decoding: whole, as: UTF8.self) }
        var ending: ArraySlice<UInt8> = []
        if let dot = whole.lastIndex(of: UInt8(ascii: ".")), whole.endIndex - dot <= maximumExtensionBytes {
            ending = whole[dot...]
        }
        return String(decoding: whole.prefix(maximumBytes - ending.count) + ending, as: UTF8.self)
    }

    /// The file's name without folders and extension, for people; nil where nothing is left.
    static func stem(of name: String) -> String? {
        let base = base(name)
        let stem = base.lastIndex(of: ".").map { base[..<$0] } ?? base
        let text = String((stem.isEmpty ? base : stem).prefix(200))
        return text.contains { !$0.isWhitespace } ? text : nil
    }

    static func isSafe(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func base(_ name: String) -> Substring {
        name.split { $0 == "/" || $0 == "\\" || $0 == "\0" }.last ?? ""
    }
}
