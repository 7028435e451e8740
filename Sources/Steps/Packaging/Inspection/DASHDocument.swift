/// A static MPD (ISO/IEC 23009-1), read for checking: its representations with the addresses of their segments.
public struct DASHDocument: Sendable {
    public static let maximumSegments = 500_000

    public struct Segment: Sendable {
        public let address: String
        /// In ticks of the representation's time scale.
        public let duration: Int64
    }

    public struct Representation: Sendable {
        public let line: Int
        public let id: String
        public let mimeType: String
        public let bandwidth: Int
        public let codecs: String?
        public let timeScale: Int
        /// Nil where the file has its own index, or is no MP4.
        public let initialization: String?
        public let segments: [Segment]
        /// The one file of a representation with an index, or beside the film.
        public let file: String?
        public let indexRange: Range<Int>?
        public let keyIDs: [String]
    }

    public private(set) var findings: [Finding] = []
    public private(set) var representations: [Representation] = []
    public private(set) var minBufferTime: MediaTime?
    public private(set) var duration: MediaTime?

    public init(_ bytes: [UInt8]) {
        let root: XMLNode
        do {
            root = try XMLNode.read(bytes)
        } catch {
            findings.append(Finding(line: error.line, error.message))
            return
        }
        guard root.name == "MPD" else {
            findings.append(Finding(line: root.line, "the root element is '\(root.name)', not 'MPD'"))
            return
        }
        if root.attributes["profiles"] == nil { error(root, "MPD needs @profiles") }
        minBufferTime = time(root, "minBufferTime")
        if minBufferTime == nil { error(root, "MPD needs @minBufferTime") }
        duration = time(root, "mediaPresentationDuration")
        if root.attributes["type"] ?? "static" != "static" {
            error(root, "only static presentations are read")
        } else if duration == nil {
            error(root, "a static MPD needs @mediaPresentationDuration")
        }
        let periods = root.all("Period")
        if periods.count != 1 { error(root, "\(periods.count) periods; one is read") }
        guard let period = periods.first else { return }
        let base = Self.joined("", root.first("BaseURL")?.text)
        for set in period.all("AdaptationSet") {
            read(set, base: Self.joined(Self.joined(base, period.first("BaseURL")?.text), set.first("BaseURL")?.text))
        }
        let ids = representations.map(\.id)
        for (index, representation) in representations.enumerated() where ids[..<index].contains(representation.id) {
            findings.append(
                Finding(line: representation.line, "two representations have the id '\(representation.id)'"))
        }
        if representations.isEmpty { error(period, "no representation") }
    }

    private mutating func error(_ node: XMLNode, _ message: String) {
        findings.append(Finding(line: node.line, message))
    }

    private mutating func read(_ set: XMLNode, base: String) {
        for node in set.all("Representation") {
            let base = Self.joined(base, node.first("BaseURL")?.text)
            func value(_ name: String) -> String? { node.attributes[name] ?? set.attributes[name] }
            guard let id = node.attributes["id"], !id.isEmpty else {
                error(node, "a representation needs an @id")
                continue
            }
            let bandwidth = node.attributes["bandwidth"].flatMap { HLSPlaylist.integer($0) } ?? 0
            if bandwidth == 0 { error(node, "'\(id)' needs a @bandwidth above zero") }
            guard let type = value("mimeType") else {
                error(node, "'\(id)' needs a @mimeType")
                continue
            }
            if type != "text/vtt", type != "image/jpeg", value("codecs") == nil { error(node, "'\(id)' needs @codecs") }
            let keyIDs = (set.all("ContentProtection") + node.all("ContentProtection"))
                .compactMap { $0.attributes["cenc:default_KID"].flatMap { KeyID($0)?.hex } }
            let template = node.first("SegmentTemplate") ?? set.first("SegmentTemplate")
            var initialization: String?
            var segments: [Segment] = []
            var timeScale = 1
            var indexRange: Range<Int>?
            if let template {
                (timeScale, initialization, segments) = expand(template, id: id, bandwidth: bandwidth, base: base)
            } else if let segmentBase = node.first("SegmentBase") {
                timeScale = segmentBase.attributes["timescale"].flatMap { HLSPlaylist.integer($0) } ?? 1
                let bounds = (segmentBase.attributes["indexRange"] ?? "").split(separator: "-")
                    .compactMap { HLSPlaylist.integer($0) }
                if bounds.count == 2, bounds[0] <= bounds[1], bounds[1] < Int.max {
                    indexRange = bounds[0]..<bounds[1] + 1
                } else {
                    error(segmentBase, "SegmentBase needs an @indexRange")
                }
            } else if type != "text/vtt" {
                error(node, "'\(id)' has no SegmentTemplate and no SegmentBase")
            }
            representations.append(
                Representation(
                    line: node.line, id: id, mimeType: type, bandwidth: bandwidth, codecs: value("codecs"),
                    timeScale: timeScale, initialization: initialization, segments: segments,
                    file: template == nil ? base : nil, indexRange: indexRange, keyIDs: keyIDs))
        }
    }

    private mutating func expand(
        _ template: XMLNode, id: String, bandwidth: Int, base: String
    ) -> (Int, String?, [Segment]) {
        let timeScale = max(1, template.attributes["timescale"].flatMap { HLSPlaylist.integer($0) } ?? 1)
        let first = template.attributes["startNumber"].flatMap { HLSPlaylist.integer($0) } ?? 1
        guard let media = template.attributes["media"] else {
            error(template, "SegmentTemplate needs @media")
            return (timeScale, nil, [])
        }
        func filled(_ text: String, number: Int, time: Int64) -> String {
            let values = [
                ("$RepresentationID$", id), ("$Bandwidth$", String(bandwidth)), ("$Number$", String(number)),
                ("$Time$", String(time)),
            ]
            return values.reduce(text) { Self.replaced($0, $1.0, by: $1.1) }
        }
        let initialization = template.attributes["initialization"].map {
            Self.joined(base, filled($0, number: 0, time: 0))
        }
        var segments: [Segment] = []
        func add(_ time: Int64, _ duration: Int64) -> Bool {
            guard segments.count < Self.maximumSegments, first <= Int.max - segments.count else { return false }
            segments.append(
                Segment(
                    address: Self.joined(base, filled(media, number: first + segments.count, time: time)),
                    duration: duration))
            return true
        }
        if let timeline = template.first("SegmentTimeline") {
            var time: Int64 = 0
            for entry in timeline.all("S") {
                if let start = entry.attributes["t"].flatMap({ HLSPlaylist.integer($0) }) {
                    if Int64(start) < time { error(entry, "a segment begins before the one in front of it ends") }
                    time = Int64(start)
                }
                guard let length = entry.attributes["d"].flatMap({ HLSPlaylist.integer($0) }), length > 0 else {
                    error(entry, "S needs a @d above zero")
                    continue
                }
                for _ in 0...(entry.attributes["r"].flatMap { HLSPlaylist.integer($0) } ?? 0) {
                    let (next, overflows) = time.addingReportingOverflow(Int64(length))
                    // Times of a year at most: sums stay within 63 bits.
                    guard !overflows, next / Int64(timeScale) < 366 * 86_400, add(time, Int64(length)) else {
                        error(entry, "more than \(Self.maximumSegments) segments, or than a year of them")
                        return (timeScale, initialization, segments)
                    }
                    time = next
                }
            }
        } else if let length = template.attributes["duration"].flatMap({ HLSPlaylist.integer($0) }), length > 0,
            let duration
        {
            let count = MediaTime(duration.value, scale: duration.scale).ticksRoundedUp(scale: Int64(timeScale))
            var time: Int64 = 0
            while time < count {
                guard Int64(length) < 1 << 53, add(time, Int64(length)) else {
                    error(template, "more than \(Self.maximumSegments) segments")
                    break
                }
                time += Int64(length)
            }
        } else {
            error(template, "SegmentTemplate needs a SegmentTimeline or a @duration")
        }
        return (timeScale, initialization, segments)
    }

    /// `PT[nH][nM][n.nS]`, at most a year.
    private mutating func time(_ node: XMLNode, _ name: String) -> MediaTime? {
        guard let text = node.attributes[name] else { return nil }
        var rest = text.dropFirst(2)
        var microseconds: Int64 = 0
        for (unit, seconds) in [("H", 3600), ("M", 60), ("S", 1)] as [(Character, Int64)] {
            guard let end = rest.firstIndex(of: unit) else { continue }
            guard let value = HLSPlaylist.microseconds(rest[..<end]), value < 366 * 86_400 * 1_000_000 else {
                error(node, "@\(name) '\(text.prefix(40))' is no duration")
                return nil
            }
            microseconds += value * seconds
            rest = rest[rest.index(after: end)...]
        }
        guard text.hasPrefix("PT"), rest.isEmpty, text.utf8.count > 2 else {
            error(node, "@\(name) '\(text.prefix(40))' is no duration of hours, minutes and seconds")
            return nil
        }
        return MediaTime(microseconds, scale: 1_000_000)
    }

    private static func replaced(_ text: String, _ name: String, by value: String) -> String {
        guard let range = text.firstRange(of: name) else { return text }
        return String(text[..<range.lowerBound]) + value + replaced(String(text[range.upperBound...]), name, by: value)
    }

    /// An address seen from another one's folder; absolute ones stay.
    public static func joined(_ base: String, _ address: String?) -> String {
        guard var address else { return base }
        if address.hasPrefix("http://") || address.hasPrefix("https://") || address.hasPrefix("/") { return address }
        while address.hasPrefix("./") { address = String(address.dropFirst(2)) }
        guard let slash = base.lastIndex(of: "/") else { return address }
        return String(base[...slash]) + address
    }
}
