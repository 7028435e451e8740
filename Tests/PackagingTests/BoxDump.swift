import Testing

@testable import Packaging

/// Reads boxes back, without the writer's code: type, size, payload in hex, containers indented.
enum BoxDump {
    private static let containers: Set<String> = [
        "moov", "trak", "edts", "mdia", "minf", "dinf", "stbl", "mvex", "moof", "traf", "sinf", "schi",
    ]
    /// Bytes of a box's own fields before its inner boxes.
    private static let fieldsBefore: [String: Int] = [
        "dref": 8, "stsd": 8, "avc1": 78, "hvc1": 78, "mp4a": 28,
        "encv": 78, "enca": 28, "av01": 78, "vp09": 78, "Opus": 28, "ac-3": 28, "ec-3": 28,
    ]

    /// The headers of a segment's pieces, without their data.
    static func text(_ track: PackagedTrack, _ segment: Segment) throws -> String {
        try segment.pieces.map { try text(try track.header(of: $0, in: segment)) }.joined(separator: "-- data\n")
    }

    static func text(_ bytes: [UInt8]) throws -> String {
        var lines: [String] = []
        try boxes(bytes[...], depth: 0, into: &lines)
        return lines.joined(separator: "\n") + "\n"
    }

    private static func boxes(_ bytes: ArraySlice<UInt8>, depth: Int, into lines: inout [String]) throws {
        var rest = bytes
        while !rest.isEmpty {
            try #require(rest.count >= 8, "a box has at least eight bytes")
            var size = number(rest.prefix(4))
            var head = 8
            let type = String(decoding: rest.dropFirst(4).prefix(4), as: UTF8.self)
            if size == 1 {
                size = number(rest.dropFirst(8).prefix(8))
                head = 16
            }
            let indent = String(repeating: "  ", count: depth)
            if type == "mdat" {
                // Only the head is there: the data follows in the file.
                lines.append("\(indent)mdat \(size)")
                try #require(rest.count == head)
                return
            }
            try #require(size >= head && size <= rest.count, "box \(type) claims \(size) of \(rest.count) bytes")
            let payload = rest.dropFirst(head).prefix(size - head)
            if containers.contains(type) {
                lines.append("\(indent)\(type) \(size)")
                try boxes(payload, depth: depth + 1, into: &lines)
            } else if let fields = fieldsBefore[type] {
                lines.append("\(indent)\(type) \(size) \(hex(payload.prefix(fields)))")
                try boxes(payload.dropFirst(fields), depth: depth + 1, into: &lines)
            } else {
                lines.append("\(indent)\(type) \(size) \(hex(payload))")
            }
            rest = rest.dropFirst(size)
        }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

    private static func hex(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.enumerated().map { index, byte in
            let digits = String(byte, radix: 16)
            return (index > 0 && index % 4 == 0 ? " " : "") + (digits.utf8.count == 1 ? "0" : "") + digits
        }.joined()
    }
}
