/// Timed Text Markup Language (W3C TTML2; what the text profile of IMSC 1.2 uses of it), read into cues. Italics, bold and
/// underline stay; regions and colours do not.
public struct TimedTextMarkup: Sendable {
    public private(set) var cues: [TextCue] = []
    private let clock: Clock
    /// What styles say, by their ids.
    private var styles: [String: Style] = [:]

    /// Whether bytes look like it: XML.
    public static func isMarkup(_ bytes: [UInt8]) -> Bool {
        let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        return text.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == 0x3C
    }

    /// - Throws: `samplesInvalid` with the line of what is no XML, no TTML or no time.
    public init(_ bytes: [UInt8]) throws(PackagingError) {
        let root: XMLNode
        do throws(XMLProblem) { root = try XMLNode.read(bytes) } catch {
            throw PackagingError(.samplesInvalid, "\(error)")
        }
        guard root.localName == "tt" else {
            throw PackagingError(.samplesInvalid, "line \(root.line): the root is '\(root.name)' and not TTML's 'tt'")
        }
        clock = try Clock(root)
        for head in root.children where head.localName == "head" {
            for styling in head.children where styling.localName == "styling" {
                for style in styling.children where style.localName == "style" {
                    guard let id = style.value("id") else { continue }
                    styles[id] = Style(style, styles)
                }
            }
        }
        for body in root.children where body.localName == "body" {
            try walk(body, during: Span(start: 0, end: nil), style: Style(body, styles))
        }
        cues.sort { ($0.start, $0.end) < ($1.start, $1.end) }
    }

    /// Milliseconds of the document.
    private struct Span {
        var start: Int64
        var end: Int64?
    }

    private struct Style {
        var isItalic: Bool?
        var isBold: Bool?
        var isUnderlined: Bool?

        /// What an element says itself comes before what it refers to.
        init(_ node: XMLNode, _ styles: [String: Style]) {
            for id in (node.value("style") ?? "").split(separator: " ") {
                if let style = styles[String(id)] { self = style.inside(self) }
            }
            if let value = node.value("fontStyle") { isItalic = value == "italic" || value == "oblique" }
            if let value = node.value("fontWeight") { isBold = value == "bold" }
            if let value = node.value("textDecoration") {
                isUnderlined = value.split(separator: " ").contains("underline")
            }
        }

        /// This style, and for what it leaves open another.
        func inside(_ outer: Style) -> Style {
            var style = outer
            style.isItalic = isItalic ?? outer.isItalic
            style.isBold = isBold ?? outer.isBold
            style.isUnderlined = isUnderlined ?? outer.isUnderlined
            return style
        }

        var tags: [String] {
            (isItalic == true ? ["i"] : []) + (isBold == true ? ["b"] : []) + (isUnderlined == true ? ["u"] : [])
        }
    }

    /// `body` and `div`: what they hold is timed from their beginning.
    private mutating func walk(_ node: XMLNode, during outer: Span, style: Style) throws(PackagingError) {
        let span = try self.span(of: node, in: outer)
        for child in node.children {
            let own = Style(child, styles).inside(style)
            switch child.localName {
            case "div": try walk(child, during: span, style: own)
            case "p":
                let line = try self.span(of: child, in: span)
                var text = ""
                try write(child, during: line, style: own, open: [], into: &text)
                try add(text, line, child)
            default: break
            }
        }
    }

    /// The text of a `p` or `span`; spans with times of their own become cues of their own.
    private mutating func write(
        _ node: XMLNode, during span: Span, style: Style, open: [String], into text: inout String
    ) throws(PackagingError) {
        let tags = style.tags.filter { !open.contains($0) }
        for tag in tags { text += "<\(tag)>" }
        var runs = node.runs[...]
        for (place, child) in node.children.enumerated() {
            while let run = runs.first, run.place <= place { text += TimedTextMarkup.escaped(runs.removeFirst().text) }
            switch child.localName {
            case "br": text += "\n"
            case "span":
                let own = Style(child, styles).inside(style)
                if child.value("begin") != nil || child.value("end") != nil || child.value("dur") != nil {
                    let inner = try self.span(of: child, in: span)
                    var line = ""
                    try write(child, during: inner, style: own, open: [], into: &line)
                    try add(line, inner, child)
                } else {
                    try write(child, during: span, style: own, open: open + tags, into: &text)
                }
            default: break
            }
        }
        for run in runs { text += TimedTextMarkup.escaped(run.text) }
        for tag in tags.reversed() { text += "</\(tag)>" }
    }

    private mutating func add(_ text: String, _ span: Span, _ node: XMLNode) throws(PackagingError) {
        let lines = TimedTextMarkup.lines(text)
        guard !lines.isEmpty else { return }
        guard let end = span.end else {
            throw PackagingError(.samplesInvalid, "line \(node.line): a text without an end")
        }
        guard end > span.start else { return }
        guard cues.count < WebVTTDocument.maximumCues else {
            throw PackagingError(.limitExceeded, "line \(node.line): more than \(WebVTTDocument.maximumCues) cues")
        }
        cues.append(TextCue(start: span.start, end: end, text: lines.joined(separator: "\n")))
    }

    /// The lines that say something. Styles that begin or end on one that does not stay with the next, or the last.
    private static func lines(_ text: String) -> [String] {
        var lines: [String] = []
        var tags = ""
        for line in text.split(separator: "\n").map({ $0.split(separator: " ").joined(separator: " ") }) {
            if line.replacing(#/<\/?[ibu]>/#, with: "").contains(where: { !$0.isWhitespace }) {
                lines.append(tags + line)
                tags = ""
            } else {
                tags += line.filter { !$0.isWhitespace }
            }
        }
        if let last = lines.popLast() { lines.append(last + tags) }
        return lines
    }

    private func span(of node: XMLNode, in outer: Span) throws(PackagingError) -> Span {
        guard node.value("timeContainer") ?? "par" == "par" else {
            throw PackagingError(.samplesInvalid, "line \(node.line): times in sequence are not read")
        }
        let begin = try node.value("begin").map { text throws(PackagingError) in try clock.milliseconds(text, node) }
        let end = try node.value("end").map { text throws(PackagingError) in try clock.milliseconds(text, node) }
        let length = try node.value("dur").map { text throws(PackagingError) in try clock.milliseconds(text, node) }
        let start = outer.start + (begin ?? 0)
        // The earliest of all that is said.
        let ends = [outer.end, end.map { outer.start + $0 }, length.map { start + $0 }].compactMap(\.self)
        return Span(start: start, end: ends.min())
    }

    /// Blanks as one, and what WebVTT would take for markup.
    private static func escaped(_ text: String) -> String {
        // Letter by letter: with an accent behind it, a bracket is no character of its own.
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case _ where scalar.properties.isWhitespace: escaped += " "
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// How the document counts time (TTML2, 12.3).
    private struct Clock {
        let frameRate: Double
        let tickRate: Double

        init(_ root: XMLNode) throws(PackagingError) {
            if let base = root.value("timeBase"), base != "media" {
                throw PackagingError(.samplesInvalid, "line \(root.line): times of the base '\(base)' are not read")
            }
            func number(_ name: String, _ range: ClosedRange<Double>) throws(PackagingError) -> Double? {
                guard let text = root.value(name) else { return nil }
                guard let value = Double(text), range.contains(value) else {
                    throw PackagingError(.samplesInvalid, "line \(root.line): \(name) is '\(text.prefix(20))'")
                }
                return value
            }
            let whole = try number("frameRate", 1...1000)
            var rate = whole ?? 30
            if let parts = root.value("frameRateMultiplier")?.split(separator: " ").compactMap({ Double($0) }),
                parts.count == 2, parts[0] > 0, parts[1] > 0
            {
                rate *= parts[0] / parts[1]
            }
            frameRate = rate
            tickRate = try number("tickRate", 1...1e9) ?? (whole == nil ? 1 : rate)
        }

        /// `hh:mm:ss.fraction`, `hh:mm:ss:frames`, or a number with `h`, `m`, `s`, `ms`, `f` or `t`.
        func milliseconds(_ text: String, _ node: XMLNode) throws(PackagingError) -> Int64 {
            guard let seconds = seconds(text), (0...1e7).contains(seconds) else {
                throw PackagingError(.samplesInvalid, "line \(node.line): '\(text.prefix(40))' is no time")
            }
            return Int64((seconds * 1000).rounded())
        }

        private func seconds(_ text: String) -> Double? {
            if let match = text.wholeMatch(of: #/(\d{2,4}):(\d{2}):(\d{2}(?:\.\d{1,9})?)(?::(\d{2,4}))?/#) {
                guard let hours = Double(match.1), let minutes = Double(match.2), let seconds = Double(match.3),
                    minutes < 60, seconds < 61
                else { return nil }
                let frames = match.4.flatMap { Double($0) } ?? 0
                return (hours * 60 + minutes) * 60 + seconds + frames / frameRate
            }
            guard let match = text.wholeMatch(of: #/(\d{1,12}(?:\.\d{1,9})?)(h|ms|m|s|f|t)/#),
                let number = Double(match.1)
            else { return nil }
            return switch match.2 {
            case "h": number * 3600
            case "m": number * 60
            case "ms": number / 1000
            case "f": number / frameRate
            case "t": number / tickRate
            default: number
            }
        }
    }
}

extension XMLNode {
    /// Without the prefix of its namespace: documents choose it.
    fileprivate var localName: Substring { name.split(separator: ":").last ?? "" }

    /// The value of an attribute by its local name; of several prefixes, that of the first in their order.
    fileprivate func value(_ local: String) -> String? {
        attributes[local]
            ?? attributes.filter { $0.key.hasSuffix(":" + local) && !$0.key.hasPrefix("xmlns:") }
            .min { $0.key < $1.key }?.value
    }
}
