import Encodings

/// Looks into a package, or a file of one, and says what is there and what is wrong. Reads through a closure: it knows
/// neither files nor the network.
public struct PackageInspection: Sendable {
    /// Gives the bytes of an address, or those of a range of it as far as they are there.
    public typealias Read = @Sendable (_ address: String, _ range: Range<Int>?) async throws -> [UInt8]

    /// What was found at one address.
    public struct Section: Sendable {
        public let address: String
        /// What is there, for people.
        public var lines: [String] = []
        public var findings: [Finding] = []
    }

    public private(set) var sections: [Section] = []
    let read: Read
    /// Addresses of media that playlists and manifests name.
    private(set) var playlistFiles: Set<String> = []
    private(set) var manifestFiles: Set<String> = []

    /// Boxes other than media data that are read whole.
    static let boxLimit = 64 << 20

    public init(read: @escaping Read) { self.read = read }

    public var errors: Int { sections.reduce(0) { $0 + $1.findings.count { $0.severity == .error } } }

    /// Inspects one address: a playlist with all that it names, a manifest likewise, or a file.
    public mutating func inspect(_ address: String) async {
        let start: [UInt8]
        do {
            start = try await read(address, 0..<16)
        } catch {
            sections.append(Section(address: address, findings: [Finding("cannot be read: \(error)")]))
            return
        }
        let name = address.split(separator: "?", omittingEmptySubsequences: false)[0].lowercased()
        if name.hasSuffix(".m3u8") || start.starts(with: Array("#EXTM3U".utf8)) {
            await inspectPlaylist(address)
        } else if name.hasSuffix(".mpd") || start.starts(with: Array("<?xml".utf8))
            || start.starts(with: Array("<MPD".utf8))
        {
            await inspectManifest(address)
        } else if name.hasSuffix(".vtt") || start.starts(with: Array("WEBVTT".utf8)) {
            await inspectText(address)
        } else {
            await inspectFile(address)
        }
    }

    /// Says which files only one of the two names, where a playlist and a manifest were both inspected.
    public mutating func compare() {
        guard !playlistFiles.isEmpty, !manifestFiles.isEmpty else { return }
        var section = Section(address: "playlists and manifests")
        section.lines.append("\(playlistFiles.intersection(manifestFiles).count) media files in common")
        for (names, text) in [
            (playlistFiles.subtracting(manifestFiles), "only a playlist"),
            (manifestFiles.subtracting(playlistFiles), "only a manifest"),
        ] {
            for name in names.sorted().prefix(20) { section.findings.append(Finding("\(text) names \(name)")) }
        }
        sections.append(section)
    }

    // MARK: Playlists

    private mutating func inspectPlaylist(_ address: String) async {
        guard let bytes = await whole(address) else { return }
        let playlist = HLSPlaylist(bytes)
        guard playlist.isMultivariant else {
            _ = await measure(playlist, at: address)
            return
        }
        var section = Section(address: address, findings: playlist.findings)
        let place = sections.count
        sections.append(section)
        var measures: [String: MediaMeasure] = [:]
        var addresses: [String] = []
        for variant in playlist.variants { addresses.append(DASHDocument.joined(address, variant.address)) }
        for rendition in playlist.renditions {
            if let uri = rendition.attributes.quoted("URI") { addresses.append(DASHDocument.joined(address, uri)) }
        }
        for other in addresses where measures[other] == nil {
            guard let bytes = await whole(other) else { continue }
            measures[other] = await measure(HLSPlaylist(bytes), at: other)
        }
        section.lines = [
            "multivariant playlist, version \(playlist.version): \(counted(playlist.variants.count, "variant")), "
                + counted(playlist.renditions.count, "rendition")
        ]
        var firstStarts: [Int64]?
        for variant in playlist.variants {
            guard let own = measures[DASHDocument.joined(address, variant.address)] else { continue }
            var parts = [own]
            for (name, type) in [("AUDIO", "AUDIO"), ("SUBTITLES", "SUBTITLES")] {
                guard let group = variant.attributes.quoted(name) else { continue }
                let members = playlist.renditions.filter {
                    $0.attributes["TYPE"] == type && $0.attributes.quoted("GROUP-ID") == group
                }.compactMap { $0.attributes.quoted("URI") }.filter {
                    // A group may name the variant's own playlist.
                    $0 != variant.address
                }.compactMap { measures[DASHDocument.joined(address, $0)] }
                guard let largest = members.max(by: { $0.peak < $1.peak }) else { continue }
                var part = largest
                part.average = members.map(\.average).max() ?? 0
                part.codecs = members.reduce(into: []) { $0.formUnion($1.codecs) }
                parts.append(part)
            }
            check(variant, parts, &section)
            if !variant.isPictures, own.isVideo {
                if let firstStarts, firstStarts != own.starts {
                    section.findings.append(
                        Finding(line: variant.line, "its segments do not begin where the first variant's do"))
                }
                firstStarts = firstStarts ?? own.starts
            }
        }
        sections[place] = section
    }

    private func check(_ variant: HLSPlaylist.Variant, _ parts: [MediaMeasure], _ section: inout Section) {
        let peak = parts.reduce(0) { $0 + $1.peak }
        let average = parts.reduce(0) { $0 + $1.average }
        let line = variant.line
        section.lines.append(
            "\(variant.address): measured peak \(peak), average \(average) bits a second; "
                + "said \(variant.attributes["BANDWIDTH"] ?? "?"), \(variant.attributes["AVERAGE-BANDWIDTH"] ?? "?")")
        if let said = variant.attributes.number("BANDWIDTH") {
            if said < peak {
                section.findings.append(Finding(line: line, "BANDWIDTH \(said) is under the measured peak of \(peak)"))
            } else if Double(said) > Double(peak) * 1.1 + 1000 {
                section.findings.append(
                    Finding(line: line, .warning, "BANDWIDTH \(said) is more than a tenth above the measured \(peak)"))
            }
        }
        if let said = variant.attributes.number("AVERAGE-BANDWIDTH"),
            abs(Double(said) - Double(average)) > Double(average) * 0.1 + 1000
        {
            section.findings.append(
                Finding(line: line, "AVERAGE-BANDWIDTH \(said) is more than a tenth off the measured \(average)"))
        }
        guard let text = variant.attributes.quoted("CODECS") else { return }
        let said = Set(text.split(separator: ",").map { $0.filter { $0 != " " } })
        let found = parts.reduce(into: Set<String>()) { $0.formUnion($1.codecs) }
        for codec in found.subtracting(said).sorted() {
            section.findings.append(Finding(line: line, "CODECS does not name \(codec), which the media are"))
        }
        for codec in said.subtracting(found).sorted() where !found.isEmpty {
            section.findings.append(Finding(line: line, .warning, "CODECS names \(codec), which none of the media is"))
        }
    }

    /// Reads all segments of a media playlist.
    private mutating func measure(_ playlist: HLSPlaylist, at address: String) async -> MediaMeasure {
        var section = Section(address: address, findings: playlist.findings)
        var reader = MediaReader(read: read)
        for segment in playlist.segments {
            let part = DASHDocument.joined(address, segment.address)
            let map = segment.map.map { (DASHDocument.joined(address, $0.address), $0.range) }
            if segment.map != nil { playlistFiles.insert(part) }
            await reader.take(
                part, range: segment.range, map: map, microseconds: segment.duration, line: segment.line,
                isPicture: playlist.hasPicturesOnly)
            if let header = reader.header, header.isEncrypted {
                if !playlist.hasPicturesOnly, reader.lastIsEncrypted != segment.isProtected {
                    reader.findings.append(
                        Finding(
                            line: segment.line,
                            reader.lastIsEncrypted
                                ? "the segment is protected and no EXT-X-KEY says so"
                                : "EXT-X-KEY stands for this segment, which is clear"))
                }
                if let id = header.keyID, segment.isProtected, !segment.keyIDs.isEmpty, !segment.keyIDs.contains(id.hex)
                {
                    reader.findings.append(
                        Finding(line: segment.line, "EXT-X-KEY names another key than the header's \(id)"))
                }
            }
        }
        let measure = reader.finished(
            targetDuration: playlist.targetDuration ?? 1, isPictures: playlist.hasPicturesOnly)
        section.findings += reader.findings
        section.lines = [
            (playlist.hasPicturesOnly ? "I-frame playlist" : "media playlist")
                + ", version \(playlist.version), target \(playlist.targetDuration ?? 0) s: "
                + measure.summary
        ]
        sections.append(section)
        return measure
    }

    // MARK: Manifests

    private mutating func inspectManifest(_ address: String) async {
        guard let bytes = await whole(address) else { return }
        let document = DASHDocument(bytes)
        var section = Section(address: address, findings: document.findings)
        section.lines = ["static MPD: \(counted(document.representations.count, "representation"))"]
        for representation in document.representations {
            var reader = MediaReader(read: read)
            if let file = representation.file {
                let file = DASHDocument.joined(address, file)
                guard let index = representation.indexRange else {
                    if await whole(file) == nil { continue }
                    section.lines.append("\(representation.id): \(representation.mimeType), \(file)")
                    continue
                }
                manifestFiles.insert(file)
                await reader.takeIndexed(file, index: index, line: representation.line)
            } else {
                let scale = Int64(representation.timeScale)
                var time: Int64 = 0
                for segment in representation.segments {
                    let part = DASHDocument.joined(address, segment.address)
                    if representation.initialization != nil { manifestFiles.insert(part) }
                    let from = MediaTime(time, scale: scale).ticks(scale: 1_000_000)
                    time += segment.duration
                    let to = MediaTime(time, scale: scale).ticks(scale: 1_000_000)
                    await reader.take(
                        part, range: nil,
                        map: representation.initialization.map { (DASHDocument.joined(address, $0), nil) },
                        microseconds: to - from, line: representation.line, isPicture: false,
                        isImage: representation.mimeType.hasPrefix("image/"))
                }
            }
            let measure = reader.finished(targetDuration: 1, isPictures: false)
            section.findings += reader.findings
            section.lines.append("\(representation.id): \(measure.summary)")
            if let buffer = document.minBufferTime, !reader.sizes.isEmpty, representation.mimeType.hasSuffix("/mp4") {
                let needed = SegmentBitRates(segments: reader.sizes, timeScale: 1_000_000).bandwidth(
                    minBufferTime: buffer)
                // A segment's length is known to a microsecond here.
                if representation.bandwidth + 2 < needed {
                    section.findings.append(
                        Finding(
                            line: representation.line,
                            "@bandwidth \(representation.bandwidth) of '\(representation.id)' does not hold for "
                                + "@minBufferTime: \(needed) would"))
                }
            }
            if let codecs = representation.codecs, let found = measure.codecs.first, codecs != found {
                section.findings.append(
                    Finding(line: representation.line, "@codecs '\(codecs)' of '\(representation.id)' are \(found)"))
            }
            if let header = reader.header, let id = header.keyID, header.isEncrypted,
                !representation.keyIDs.contains(id.hex)
            {
                section.findings.append(
                    Finding(
                        line: representation.line, "no ContentProtection of '\(representation.id)' names its key \(id)")
                )
            }
        }
        sections.append(section)
    }

    // MARK: Files

    private mutating func inspectText(_ address: String) async {
        guard let bytes = await whole(address) else { return }
        var section = Section(address: address)
        do {
            let document = try WebVTTDocument(bytes)
            section.lines = ["WebVTT: \(counted(document.cues.count, "cue"))"]
        } catch {
            section.findings = [Finding(error.message)]
        }
        sections.append(section)
    }

    /// Boxes, segments and keys of an ISO base media file, without its media data.
    private mutating func inspectFile(_ address: String) async {
        var section = Section(address: address)
        var header: HeaderFacts?
        var place = 0
        var expected: Int?
        var number = 0
        do {
            while true {
                let head = try await read(address, place..<place + 16)
                if head.isEmpty { break }
                guard head.count >= 8 else {
                    throw BoxError(offset: place, message: "\(head.count) bytes are left, a box has at least 8")
                }
                let type = BoxTree.typeText(head[4..<8])
                let small = BoxTree.number(head, at: 0, 4)
                let size = small == 1 && head.count == 16 ? BoxTree.number(head, at: 8, 8) : small
                if type == "mdat" || size == 0 || size > Self.boxLimit {
                    section.lines.append("\(type) @\(place) \(size == 0 ? "to the end" : String(size))")
                    guard size >= 8, size < (1 << 60) - place else { break }
                    place += size
                    continue
                }
                guard size >= 8 else { throw BoxError(offset: place, message: "'\(type)' claims \(size) bytes") }
                let bytes = try await read(address, place..<place + size)
                guard bytes.count == size else {
                    throw BoxError(offset: place, message: "'\(type)' claims \(size) bytes, \(bytes.count) are there")
                }
                let boxes = try BoxTree.read(bytes)
                section.lines += BoxListing.lines(boxes, of: bytes, base: place)
                if type == "moov" {
                    let facts = try HeaderFacts(bytes, boxes)
                    header = facts
                    section.lines.append(
                        "  -> \(facts.handler), \(facts.codecs ?? "unknown codec"), time scale \(facts.timeScale)"
                            + (facts.keyID.map { ", key \($0) (\(facts.scheme ?? "?"))" } ?? ""))
                } else if type == "moof", let box = boxes.first {
                    number += 1
                    let facts = try FragmentFacts(box, bytes, header: header ?? .unknown)
                    section.lines.append("  -> fragment \(number): \(facts.summary(header))")
                    if let expected, let time = facts.decodeTime, time != expected {
                        section.findings.append(
                            Finding("fragment \(number) begins at \(time), the one before ends at \(expected)"))
                    }
                    expected = facts.decodeTime.map { $0 &+ facts.duration }
                }
                place += size
            }
        } catch let error as BoxError {
            section.findings.append(Finding("\(error)"))
        } catch {
            section.findings.append(Finding("cannot be read: \(error)"))
        }
        if section.lines.isEmpty, section.findings.isEmpty { section.findings.append(Finding("the file is empty")) }
        sections.append(section)
    }

    private mutating func whole(_ address: String) async -> [UInt8]? {
        do {
            return try await read(address, nil)
        } catch {
            sections.append(Section(address: address, findings: [Finding("cannot be read: \(error)")]))
            return nil
        }
    }
}
