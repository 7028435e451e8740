import Encodings

/// A box of an ISO base media file (ISO/IEC 14496-12, 4.2) as it lies there: where, how long, and what is inside.
public struct Box: Sendable, Hashable {
    /// Four characters; bytes outside of ASCII's printable ones are written as `\xNN`.
    public let type: String
    /// Bytes from the start of what was read.
    public let offset: Int
    /// With its head. In a part of a file that ends early, more than there is.
    public let size: Int
    public let headSize: Int
    /// Boxes inside, where this type holds boxes.
    public let children: [Box]

    /// Its content in the bytes it was read from.
    public func content(of bytes: [UInt8]) -> ArraySlice<UInt8> {
        bytes[min(bytes.count, offset + headSize)..<min(bytes.count, offset + size)]
    }

    public func first(_ type: String) -> Box? { children.first { $0.type == type } }

    /// The first box down a path of types.
    public func descendant(_ path: String...) -> Box? {
        path.reduce(Optional(self)) { $0?.first($1) }
    }
}

/// Why bytes are no sequence of boxes.
public struct BoxError: Error, Sendable, Hashable, CustomStringConvertible {
    public let offset: Int
    public let message: String
    public var description: String { "byte \(offset): \(message)" }
}

/// Reads box structure. Whatever the bytes say, the work is bounded by their number.
public enum BoxTree {
    /// Boxes within boxes; CMAF has nine levels.
    static let maximumDepth = 16
    static let maximumBoxes = 200_000

    private static let containers: Set<String> = [
        "moov", "trak", "edts", "mdia", "minf", "dinf", "stbl", "mvex", "moof", "traf", "sinf", "schi", "udta", "mfra",
        "wave",
    ]
    /// Bytes of a box's own fields before its inner boxes.
    private static let fields: [String: Int] = [
        "dref": 8, "stsd": 8, "avc1": 78, "avc3": 78, "hvc1": 78, "hev1": 78, "av01": 78, "vp09": 78, "encv": 78,
        "mp4a": 28, "Opus": 28, "ac-3": 28, "ec-3": 28, "enca": 28, "dvh1": 78, "dvhe": 78,
    ]
    private static let soundEntries: Set<String> = ["mp4a", "Opus", "ac-3", "ec-3", "enca"]
    /// Bytes of further fields that QuickTime's sound descriptions have by their version (QuickTime File Format, sound
    /// sample descriptions).
    private static let versionFields = [1: 16, 2: 36]

    /// The boxes of a whole file or segment, the last of which may be an `mdat` that is not all there.
    /// - Throws: where a box's size is impossible.
    public static func read(_ bytes: [UInt8]) throws(BoxError) -> [Box] {
        var count = 0
        return try boxes(bytes, from: 0, to: bytes.count, in: nil, depth: 0, count: &count)
    }

    /// - Parameter parent: the type of the box they are in, and where its content begins.
    private static func boxes(
        _ bytes: [UInt8], from start: Int, to end: Int, in parent: (type: String, content: Int)?, depth: Int,
        count: inout Int
    ) throws(BoxError) -> [Box] {
        var result: [Box] = []
        var place = start
        // In a sample description of version 1 an entry's version says something else (ISO/IEC 14496-12, 12.2.3).
        let hasVersions = parent.map { $0.type == "stsd" && bytes[$0.content] == 0 } ?? false
        let isInEntry = parent.map { fields[$0.type] != nil && $0.type != "stsd" || $0.type == "wave" } ?? false
        while place < end {
            // QuickTime ends what is in an entry by a zero.
            if isInEntry, end - place == 4, number(bytes, at: place, 4) == 0 { break }
            count += 1
            guard count <= maximumBoxes else {
                throw BoxError(offset: place, message: "more than \(maximumBoxes) boxes")
            }
            guard end - place >= 8 else {
                throw BoxError(offset: place, message: "\(end - place) bytes are left, a box has at least 8")
            }
            let type = typeText(bytes[place + 4..<place + 8])
            var head = 8
            var size = number(bytes, at: place, 4)
            if size == 1 {
                guard end - place >= 16 else {
                    throw BoxError(offset: place, message: "the size of '\(type)' is cut off")
                }
                head = 16
                size = number(bytes, at: place + 8, 8)
            } else if size == 0 {
                size = end - place
            }
            guard size >= head, size <= end - place || depth == 0 && type == "mdat" && size <= Int.max - place else {
                throw BoxError(
                    offset: place, message: "'\(type)' claims \(size) bytes, \(end - place) are there")
            }
            var children: [Box] = []
            var inside = place + head + (fields[type] ?? 0)
            if hasVersions, soundEntries.contains(type), place + head + 10 <= place + size {
                inside += versionFields[number(bytes, at: place + head + 8, 2)] ?? 0
            }
            if depth < maximumDepth, containers.contains(type) || fields[type] != nil, inside <= place + size {
                do throws(BoxError) {
                    children = try boxes(
                        bytes, from: inside, to: place + size, in: (type, place + head), depth: depth + 1, count: &count
                    )
                } catch {
                    // Few codecs need what is in there, and who wrote it kept to no rule.
                    guard type == "wave" else { throw error }
                }
            }
            result.append(Box(type: type, offset: place, size: size, headSize: head, children: children))
            place += size
        }
        return result
    }

    /// A big-endian number; beyond 63 bits the largest.
    static func number(_ bytes: [UInt8], at place: Int, _ count: Int) -> Int {
        Int(clamping: bytes[place..<place + count].reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    static func typeText(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map { (0x20...0x7E).contains($0) ? String(UnicodeScalar($0)) : "\\x" + Hex.encode([$0]) }.joined()
    }
}

/// Reads a box's fields in order; zeros past the end, which ``isExhausted`` tells.
struct FieldReader {
    private let bytes: ArraySlice<UInt8>
    private var place: Int
    private(set) var isExhausted = false

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        place = bytes.startIndex
    }

    var left: Int { bytes.endIndex - place }

    mutating func number(_ count: Int) -> UInt64 {
        guard left >= count else {
            isExhausted = true
            place = bytes.endIndex
            return 0
        }
        defer { place += count }
        return bytes[place..<place + count].reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func u8() -> Int { Int(number(1)) }
    mutating func u16() -> Int { Int(number(2)) }
    mutating func u32() -> Int { Int(number(4)) }
    mutating func i32() -> Int { Int(Int32(truncatingIfNeeded: Int64(number(4)))) }
    mutating func u64() -> Int { Int(clamping: number(8)) }
    mutating func raw(_ count: Int) -> [UInt8] {
        guard left >= count else {
            isExhausted = true
            place = bytes.endIndex
            return []
        }
        defer { place += count }
        return Array(bytes[place..<place + count])
    }
    /// Version and flags of a full box.
    mutating func versionAndFlags() -> (version: Int, flags: Int) {
        let both = u32()
        return (both >> 24, both & 0xFF_FFFF)
    }
}
