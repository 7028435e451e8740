import Encodings

/// A WebVTT file (W3C WebVTT, 4), or SubRip text, read into cues and written back.
public struct WebVTTDocument: Sendable, Hashable {
    /// Cues a document may have, and characters of it.
    public static let maximumCues = 100_000
    public static let maximumSize = 32 << 20

    /// STYLE and REGION blocks, as they stand.
    public private(set) var blocks: [String] = []
    public private(set) var cues: [TextCue] = []

    public init(cues: [TextCue]) { self.cues = cues }

    /// Reads WebVTT; without its signature, SubRip, whose times have a comma and whose markup is nearly the same.
    /// - Throws: `samplesInvalid` with the line where a time cannot be read.
    public init(_ text: [UInt8]) throws(PackagingError) {
        guard text.count <= Self.maximumSize else {
            throw PackagingError(.limitExceeded, "\(text.count) bytes of subtitles; up to \(Self.maximumSize) are read")
        }
        let lines = Self.lines(of: text)
        let isWebVTT = lines.first?.hasPrefix("WEBVTT") ?? false
        var block: [String] = []
        var place = 0
        for (index, line) in (lines + [""]).enumerated() {
            if !line.isEmpty {
                if block.isEmpty { place = index }
                block.append(line)
                continue
            }
            defer { block = [] }
            if block.isEmpty || isWebVTT && place == 0 { continue }
            try take(block, from: place + 1, isWebVTT: isWebVTT)
        }
        guard isWebVTT || !cues.isEmpty else {
            throw PackagingError(.samplesInvalid, "neither WebVTT nor SubRip: line 1 is no 'WEBVTT' and no cue follows")
        }
    }

    private mutating func take(_ block: [String], from line: Int, isWebVTT: Bool) throws(PackagingError) {
        guard let place = block.prefix(2).firstIndex(where: { $0.contains("-->") }) else {
            if isWebVTT, block[0].hasPrefix("STYLE") || block[0].hasPrefix("REGION") {
                blocks.append(block.joined(separator: "\n"))
            } else if !isWebVTT {
                throw PackagingError(.samplesInvalid, "line \(line): '\(block[0].prefix(40))' is no cue")
            }
            return  // a note
        }
        let fields = block[place].split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
        guard fields.count >= 3, fields[1] == "-->", let start = Self.milliseconds(fields[0]),
            let end = Self.milliseconds(fields[2])
        else {
            throw PackagingError(
                .samplesInvalid, "line \(line + place): '\(block[place].prefix(60))' has no two times")
        }
        guard cues.count < Self.maximumCues else {
            throw PackagingError(.limitExceeded, "line \(line): more than \(Self.maximumCues) cues")
        }
        // Cues that end before they begin are never shown.
        guard end > start, block.count > place + 1 else { return }
        let settings = isWebVTT ? fields.dropFirst(3).joined(separator: " ") : ""
        cues.append(
            TextCue(
                start: start, end: end, identifier: isWebVTT && place == 1 ? block[0] : "", settings: settings,
                text: block[(place + 1)...].joined(separator: "\n")))
    }

    private static func lines(of text: [UInt8]) -> [String] {
        var bytes = text[...]
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
        var lines: [String] = []
        var line: [UInt8] = []
        var last: UInt8 = 0
        for byte in bytes {
            switch byte {
            case 0x0A where last == 0x0D: break
            case 0x0A, 0x0D:
                lines.append(String(decoding: line, as: UTF8.self))
                line = []
            case 0: line += [0xEF, 0xBF, 0xBD]
            default: line.append(byte)
            }
            last = byte
        }
        lines.append(String(decoding: line, as: UTF8.self))
        return lines
    }

    /// `[hours:]minutes:seconds.thousandths`, hours up to 9999.
    private static func milliseconds(_ text: String) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), let last = parts.last else { return nil }
        let ends = last.split(whereSeparator: { $0 == "." || $0 == "," })
        guard ends.count == 2, ends[0].utf8.count == 2, ends[1].utf8.count == 3, let seconds = number(ends[0]),
            let thousandths = number(ends[1]), seconds < 60, let minutes = number(parts[parts.count - 2]), minutes < 60
        else { return nil }
        let hours = parts.count == 3 ? number(parts[0]) : 0
        guard let hours, hours <= 9999 else { return nil }
        return ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths
    }

    private static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.count <= 4, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text)
    }

    /// The document written as WebVTT.
    public var text: String { Self.text(blocks: blocks, cues: cues, head: nil) }

    static func text(blocks: [String], cues: [TextCue], head: String?) -> String {
        var parts = ["WEBVTT" + (head.map { "\n" + $0 } ?? "")]
        parts += blocks
        for cue in cues {
            var lines = cue.identifier.isEmpty ? [] : [cue.identifier]
            let settings = cue.settings.isEmpty ? "" : " " + cue.settings
            let times = [cue.start, cue.end].map { playingTime(milliseconds: Int($0)) }
            lines.append(times.joined(separator: " --> ") + settings)
            lines.append(cue.text)
            parts.append(lines.joined(separator: "\n"))
        }
        return parts.joined(separator: "\n\n") + "\n"
    }
}
