/// A file of subtitles beside a film: WebVTT, SubRip or TTML, told apart by its content.
public struct SubtitleFile: Sendable, Hashable {
    public enum Format: String, Sendable, Hashable {
        case webVTT = "webvtt"
        case subRip = "subrip"
        case ttml
    }

    public let format: Format
    public let document: WebVTTDocument

    /// - Throws: `samplesInvalid` with the line of what cannot be read, `limitExceeded` for a file that is too large.
    public init(_ bytes: [UInt8]) throws(PackagingError) {
        guard bytes.count <= WebVTTDocument.maximumSize else {
            throw PackagingError(
                .limitExceeded, "\(bytes.count) bytes of subtitles; up to \(WebVTTDocument.maximumSize) are read")
        }
        let text = SubtitleFile.unicode(bytes)
        if TimedTextMarkup.isMarkup(text) {
            format = .ttml
            document = WebVTTDocument(cues: try TimedTextMarkup(text).cues)
            return
        }
        let read = try WebVTTDocument(text)
        let isWebVTT = text.starts(with: Array("WEBVTT".utf8)) || text.dropFirst(3).starts(with: Array("WEBVTT".utf8))
        format = isWebVTT ? .webVTT : .subRip
        document = isWebVTT ? read : WebVTTDocument(cues: read.cues.compactMap(SubtitleFile.plain))
    }

    /// What SubRip's players take for markup and WebVTT's don't: places in braces, fonts, and ampersands as they are.
    private static func plain(_ cue: TextCue) -> TextCue? {
        var cue = cue
        cue.text = cue.text.replacing(#/\{\\[^}]*\}|<\/?font[^>]*>/#.ignoresCase(), with: "")
            .replacing(#/&(?!amp;|lt;|gt;|nbsp;|lrm;|rlm;|#)/#, with: "&amp;")
        return cue.text.contains { !$0.isWhitespace } ? cue : nil
    }

    /// As UTF-8: old files are in UTF-16 with a mark, or in Windows' code page for Western Europe.
    private static func unicode(_ bytes: [UInt8]) -> [UInt8] {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            let isLittle = bytes[0] == 0xFF
            var units: [UInt16] = []
            for place in stride(from: 2, to: bytes.count - 1, by: 2) {
                let (first, second) = (UInt16(bytes[place]), UInt16(bytes[place + 1]))
                units.append(isLittle ? second << 8 | first : first << 8 | second)
            }
            return Array(String(decoding: units, as: UTF16.self).utf8)
        }
        guard String(validating: bytes, as: UTF8.self) == nil else { return bytes }
        var text = String.UnicodeScalarView()
        for byte in bytes {
            let code = (0x80...0x9F).contains(byte) ? windows1252[Int(byte) - 0x80] : UInt16(byte)
            text.append(Unicode.Scalar(code) ?? "\u{FFFD}")
        }
        return Array(String(text).utf8)
    }

    /// The letters from 0x80 to 0x9F, where Windows-1252 is not ISO 8859-1.
    private static let windows1252: [UInt16] = [
        0x20AC, 0xFFFD, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0xFFFD,
        0x017D, 0xFFFD, 0xFFFD, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A,
        0x0153, 0xFFFD, 0x017E, 0x0178,
    ]
}
