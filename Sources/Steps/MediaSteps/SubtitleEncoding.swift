import MediaFiles
import Packaging

/// Makes one WebVTT file of a stream of text subtitles.
final class SubtitleEncoding {
    let info: StreamInfo
    let name: String
    private let decoder: SubtitleDecoder
    /// The first picture's time in milliseconds of the source; cues are told from there.
    private let origin: Int64
    private let path: String
    private var cues: [TextCue] = []

    struct Result {
        let name: String
        let info: StreamInfo
        let cues: Int
        let durationSeconds: Double
    }

    init(
        _ demuxer: Demuxer, _ info: StreamInfo, name: String, origin: (ticks: Int64, timeBase: Rational),
        directory: String
    ) throws(MediaError) {
        self.info = info
        self.name = name
        self.origin = origin.timeBase.rescale(origin.ticks, to: Rational(1, 1000))
        path = "\(directory)/\(name).vtt"
        decoder = try SubtitleDecoder(demuxer, stream: info)
    }

    /// Takes a packet of the stream.
    func add(_ packet: Packet) throws(MediaError) {
        for event in decoder.decode(packet) {
            let text = SubtitleText.webVTT(fromASS: event.text)
            guard event.end > origin, !text.isEmpty else { continue }
            guard cues.count < WebVTTDocument.maximumCues else {
                throw MediaError(
                    .unsupported, "more than \(WebVTTDocument.maximumCues) subtitles", stream: info.index)
            }
            cues.append(TextCue(start: max(0, event.start - origin), end: event.end - origin, text: text))
        }
    }

    /// Writes the file; nil when the stream held no text.
    func finish() throws(MediaError) -> Result? {
        guard !cues.isEmpty else { return nil }
        // Players want them by their beginnings; lines of one moment keep their order.
        let sorted = cues.enumerated().sorted {
            ($0.element.start, $0.offset) < ($1.element.start, $1.offset)
        }.map(\.element)
        try PictureFile.write(Array(WebVTTDocument(cues: sorted).text.utf8), to: path)
        return Result(
            name: name, info: info, cues: cues.count,
            durationSeconds: Double(cues.map(\.end).max() ?? 0) / 1000)
    }
}

/// Text of one notation in another.
enum SubtitleText {
    /// The text of an ASS dialogue line as a WebVTT cue: italics, bold and underline stay, other override codes go.
    static func webVTT(fromASS text: String) -> String {
        var result = ""
        var open: [Character] = []
        var isDrawing = false
        var characters = text[...]
        while let next = characters.popFirst() {
            switch next {
            case "{":
                // Without its end it is a brace.
                guard let end = characters.firstIndex(of: "}") else {
                    if !isDrawing { result.append(next) }
                    continue
                }
                override(characters[..<end], &open, &isDrawing, &result)
                characters = characters[characters.index(after: end)...]
            // Between \p1 and \p0 stand the strokes of a picture.
            case _ where isDrawing: break
            case "\\":
                switch characters.first {
                case "N", "n": result.append("\n")
                case "h": result.append("\u{A0}")
                default:
                    result.append(next)
                    continue
                }
                characters.removeFirst()
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\r": break
            default: result.append(next)
            }
        }
        for tag in open.reversed() { result += "</\(tag)>" }
        // An empty line would end the cue.
        return result.split(separator: "\n").map { $0.trimmed }.filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private static func override(
        _ codes: Substring, _ open: inout [Character], _ isDrawing: inout Bool, _ result: inout String
    ) {
        for code in codes.split(separator: "\\") {
            if code.first == "r" {
                // Back to the style of the line.
                for tag in open.reversed() { result += "</\(tag)>" }
                open.removeAll()
            }
            guard let tag = code.first, let value = Int(code.dropFirst()) else { continue }
            if tag == "p" { isDrawing = value > 0 }
            guard "ibu".contains(tag) else { continue }
            // Beside 0 and 1, \b takes weights, of which 400 is the ordinary one.
            let isOn = tag == "b" ? value == 1 || value >= 600 : value != 0
            if isOn, !open.contains(tag) {
                open.append(tag)
                result += "<\(tag)>"
            } else if !isOn, let place = open.lastIndex(of: tag) {
                // Spans nest: those opened since are closed and opened again.
                for inner in open[place...].reversed() { result += "</\(inner)>" }
                open.remove(at: place)
                for inner in open[place...] { result += "<\(inner)>" }
            }
        }
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}
