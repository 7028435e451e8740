extension HLSPlaylist {
    /// Reads a playlist and checks what can be checked without its media.
    public init(_ bytes: [UInt8]) {
        guard bytes.count <= HLSPlaylist.maximumSize else {
            findings.append(Finding("\(bytes.count) bytes; up to \(HLSPlaylist.maximumSize) are read"))
            return
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { findings.append(Finding(line: 1, "a byte order mark")) }
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
        }
        if lines.last == "" { lines.removeLast() }
        guard lines.count <= HLSPlaylist.maximumLines else {
            findings.append(Finding("\(lines.count) lines; up to \(HLSPlaylist.maximumLines) are read"))
            return
        }
        if lines.first?.utf8.elementsEqual("#EXTM3U".utf8) != true {
            findings.append(Finding(line: 1, "the first line must be #EXTM3U"))
        }
        var reader = Reader(playlist: self)
        for (index, line) in lines.enumerated() { reader.read(line, number: index + 1) }
        self = reader.finished()
        check()
        findings.sort { ($0.line ?? 0, $0.message) < ($1.line ?? 0, $1.message) }
    }

    /// The state between lines.
    private struct Reader {
        var playlist: HLSPlaylist
        var duration: (line: Int, value: Int64)?
        var range: (count: Int, start: Int?)?
        var lastRange: (address: String, end: Int)?
        var map: Map?
        var isProtected = false
        var keyIDs: [String] = []
        /// KEY tags that stand together are alternatives of one key.
        var lastTagWasKey = false
        var stream: (line: Int, attributes: Attributes)?
        var seen: Set<String> = []

        mutating func error(_ line: Int, _ message: String) { playlist.findings.append(Finding(line: line, message)) }

        mutating func read(_ line: String, number: Int) {
            if line.isEmpty { return }
            if line.hasPrefix("#EXT") {
                let name = line.prefix { $0 != ":" }
                let value = line.dropFirst(name.count + 1)
                tag(String(name), value, number)
                lastTagWasKey = name == "#EXT-X-KEY"
            } else if !line.hasPrefix("#") {
                address(line, number)
                lastTagWasKey = false
            }
        }

        private static let once: Set<String> = [
            "#EXTM3U", "#EXT-X-VERSION", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-PLAYLIST-TYPE",
            "#EXT-X-ENDLIST", "#EXT-X-I-FRAMES-ONLY", "#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-DISCONTINUITY-SEQUENCE",
            "#EXT-X-START",
        ]
        private static let ignored: Set<String> = [
            "#EXT-X-DISCONTINUITY-SEQUENCE", "#EXT-X-START", "#EXT-X-DATERANGE", "#EXT-X-PROGRAM-DATE-TIME",
            "#EXT-X-DISCONTINUITY", "#EXT-X-GAP", "#EXT-X-BITRATE", "#EXT-X-DEFINE", "#EXT-X-SESSION-DATA",
            "#EXT-X-SERVER-CONTROL", "#EXT-X-PART-INF", "#EXT-X-PART", "#EXT-X-PRELOAD-HINT",
            "#EXT-X-RENDITION-REPORT", "#EXT-X-SKIP", "#EXT-X-CONTENT-STEERING", "#EXTM3U",
        ]

        private mutating func tag(_ name: String, _ value: Substring, _ line: Int) {
            if Self.once.contains(name), !seen.insert(name).inserted { error(line, "\(name) stands twice") }
            switch name {
            case "#EXT-X-VERSION":
                playlist.versionLine = line
                playlist.version = HLSPlaylist.integer(value) ?? 0
                if playlist.version == 0 { error(line, "'\(value.prefix(20))' is no version") }
            case "#EXT-X-INDEPENDENT-SEGMENTS": playlist.hasIndependentSegments = true
            case "#EXT-X-TARGETDURATION":
                playlist.targetLine = line
                playlist.targetDuration = HLSPlaylist.integer(value)
                if playlist.targetDuration == nil { error(line, "the target duration must be whole seconds") }
            case "#EXT-X-MEDIA-SEQUENCE":
                if HLSPlaylist.integer(value) == nil { error(line, "the media sequence must be a whole number") }
                if !playlist.segments.isEmpty {
                    error(line, "EXT-X-MEDIA-SEQUENCE must stand before the first segment")
                }
            case "#EXT-X-PLAYLIST-TYPE":
                playlist.playlistType = String(value)
                if value != "VOD", value != "EVENT" { error(line, "a playlist's type is VOD or EVENT") }
            case "#EXT-X-ENDLIST": playlist.isEnded = true
            case "#EXT-X-I-FRAMES-ONLY": playlist.hasPicturesOnly = true
            case "#EXTINF":
                let text = value.prefix { $0 != "," }
                if text.count == value.count { error(line, "no comma behind the duration") }
                guard let value = HLSPlaylist.microseconds(text) else {
                    error(line, "'\(text.prefix(20))' is no duration")
                    return
                }
                if duration != nil { error(line, "two EXTINF and no segment between them") }
                duration = (line, value)
            case "#EXT-X-BYTERANGE": range = byteRange(value, line)
            case "#EXT-X-MAP": readMap(value, line)
            case "#EXT-X-KEY": readKey(attributes(value, line), line)
            case "#EXT-X-SESSION-KEY":
                playlist.isMultivariant = true
                checkKey(attributes(value, line), line, isSession: true)
            case "#EXT-X-STREAM-INF":
                playlist.isMultivariant = true
                if let stream { error(stream.line, "no address follows this EXT-X-STREAM-INF") }
                stream = (line, attributes(value, line))
            case "#EXT-X-I-FRAME-STREAM-INF":
                playlist.isMultivariant = true
                let attributes = attributes(value, line)
                guard let address = attributes.quoted("URI") else {
                    error(line, "an I-frame variant needs a URI")
                    return
                }
                playlist.variants.append(
                    Variant(line: line, address: address, attributes: attributes, isPictures: true))
            case "#EXT-X-MEDIA":
                playlist.isMultivariant = true
                playlist.renditions.append(Rendition(line: line, attributes: attributes(value, line)))
            case _ where Self.ignored.contains(name): break
            default: playlist.findings.append(Finding(line: line, .warning, "unknown tag \(name.prefix(40))"))
            }
        }

        private mutating func attributes(_ value: Substring, _ line: Int) -> Attributes {
            Attributes(value, line: line, findings: &playlist.findings)
        }

        private mutating func byteRange(_ value: some StringProtocol, _ line: Int) -> (Int, Int?)? {
            let parts = value.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
            guard let count = HLSPlaylist.integer(parts[0]), parts.count == 1 || HLSPlaylist.integer(parts[1]) != nil
            else {
                error(line, "'\(value.prefix(40))' is no byte range: n[@o]")
                return nil
            }
            return (count, parts.count == 2 ? HLSPlaylist.integer(parts[1]) : nil)
        }

        private mutating func readMap(_ value: Substring, _ line: Int) {
            let attributes = attributes(value, line)
            guard let address = attributes.quoted("URI"), !address.isEmpty else {
                error(line, "EXT-X-MAP needs a quoted URI")
                return
            }
            var part: ByteRange?
            if let text = attributes["BYTERANGE"] {
                if attributes.quoted("BYTERANGE") == nil { error(line, "BYTERANGE of EXT-X-MAP must be quoted") }
                if let (count, start) = byteRange(text, line) { part = ByteRange(start: start ?? 0, count: count) }
            }
            map = Map(line: line, address: address, range: part)
        }

        private mutating func readKey(_ attributes: Attributes, _ line: Int) {
            checkKey(attributes, line, isSession: false)
            if !lastTagWasKey { keyIDs = [] }
            isProtected = attributes["METHOD"] != "NONE"
            if let id = attributes["KEYID"], id.lowercased().hasPrefix("0x") {
                let text = id.dropFirst(2).lowercased()
                if !keyIDs.contains(text) { keyIDs.append(text) }
            }
        }

        private mutating func checkKey(_ attributes: Attributes, _ line: Int, isSession: Bool) {
            switch attributes["METHOD"] {
            case nil: error(line, "a key needs a METHOD")
            case "NONE" where isSession: error(line, "a session key's METHOD must not be NONE")
            case "NONE": break
            case "AES-128", "SAMPLE-AES", "SAMPLE-AES-CTR":
                if attributes.quoted("URI") == nil { error(line, "a key needs a quoted URI") }
            case .some(let method): error(line, "METHOD \(method.prefix(20)) is none")
            }
            for name in ["IV", "KEYID"] {
                guard let value = attributes[name] else { continue }
                let digits = value.dropFirst(2)
                if !value.lowercased().hasPrefix("0x") || !(1...32).contains(digits.utf8.count)
                    || !digits.allSatisfy({ $0.isHexDigit })
                {
                    error(line, "\(name) must be 0x and up to 32 hexadecimal digits")
                }
            }
        }

        private mutating func address(_ text: String, _ line: Int) {
            if let stream {
                playlist.variants.append(
                    Variant(line: stream.line, address: text, attributes: stream.attributes, isPictures: false))
                self.stream = nil
                return
            }
            guard let duration else {
                error(
                    line,
                    playlist.isMultivariant ? "no EXT-X-STREAM-INF in front of this" : "no EXTINF in front of this")
                return
            }
            var part: ByteRange?
            if let range {
                var start = range.start
                if start == nil {
                    if let lastRange, lastRange.address == text {
                        start = lastRange.end
                    } else {
                        error(line, "a byte range without a start must follow another one of the same file")
                    }
                }
                let (end, overflows) = (start ?? 0).addingReportingOverflow(range.count)
                if overflows {
                    error(line, "a byte range ends beyond what can be counted")
                } else {
                    part = ByteRange(start: start ?? 0, count: range.count)
                    lastRange = (text, end)
                }
            } else {
                lastRange = nil
            }
            playlist.segments.append(
                Segment(
                    line: line, address: text, duration: duration.value, range: part, map: map,
                    isProtected: isProtected, keyIDs: isProtected ? keyIDs : []))
            self.duration = nil
            range = nil
        }

        consuming func finished() -> HLSPlaylist {
            if let stream {
                playlist.findings.append(Finding(line: stream.line, "no address follows this EXT-X-STREAM-INF"))
            }
            if let duration { playlist.findings.append(Finding(line: duration.line, "no segment follows this EXTINF")) }
            return playlist
        }
    }
}
