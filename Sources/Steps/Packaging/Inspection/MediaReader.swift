/// What was measured of one playlist's or representation's media.
struct MediaMeasure: Sendable {
    var peak = 0
    var average = 0
    var codecs: Set<String> = []
    var isVideo = false
    /// Of its segments, in microseconds.
    var starts: [Int64] = []
    var summary = ""
}

/// Reads segments one after the other and holds them against what was said of them.
struct MediaReader: Sendable {
    let read: PackageInspection.Read
    private(set) var header: HeaderFacts?
    /// Bytes and microseconds of each segment, as said.
    private(set) var sizes: [(bytes: Int, duration: Int64)] = []
    var findings: [Finding] = []
    private(set) var lastIsEncrypted = false
    private var headers: [String: HeaderFacts?] = [:]
    private var codecs: Set<String> = []
    private var keyIDs: Set<String> = []
    private var starts: [Int64] = []
    private var time: Int64 = 0
    /// Where the next fragment must begin, in ticks.
    private var expected: Int?
    /// The last segment's presentation start in ticks, what it was said to last, and its line.
    private var last: (start: Int, microseconds: Int64, line: Int)?
    private var protected = 0

    init(read: @escaping PackageInspection.Read) { self.read = read }

    /// Takes the next segment.
    mutating func take(
        _ address: String, range: HLSPlaylist.ByteRange?, map: (String, HLSPlaylist.ByteRange?)?,
        microseconds: Int64, line: Int, isPicture: Bool, isImage: Bool = false
    ) async {
        starts.append(time)
        time += microseconds
        lastIsEncrypted = false
        let bytes: [UInt8]
        do {
            bytes = try await read(address, range.flatMap(Self.bounds))
        } catch {
            findings.append(Finding(line: line, "\(address) cannot be read: \(error)"))
            return
        }
        sizes.append((bytes.count, microseconds))
        if let range, bytes.count != range.count {
            findings.append(
                Finding(line: line, "\(address) has \(bytes.count) bytes at \(range.start), not \(range.count)"))
        }
        guard let map else {
            if isImage { return }
            if bytes.starts(with: Array("WEBVTT".utf8)) {
                codecs.insert("wvtt")
                do {
                    _ = try WebVTTDocument(bytes)
                } catch {
                    findings.append(Finding(line: line, "\(address): \(error.message)"))
                }
            } else {
                findings.append(
                    Finding(line: line, .warning, "\(address) is neither fragmented MP4 nor WebVTT: not looked into"))
            }
            return
        }
        guard let header = await header(map.0, map.1, line: line) else { return }
        self.header = header
        check(bytes, header, address, microseconds: microseconds, line: line, isPicture: isPicture)
    }

    private static func bounds(_ range: HLSPlaylist.ByteRange) -> Range<Int>? {
        let (end, overflows) = range.start.addingReportingOverflow(range.count)
        return overflows ? nil : range.start..<end
    }

    /// Takes all segments of a file that has an index.
    mutating func takeIndexed(_ file: String, index: Range<Int>, line: Int) async {
        do {
            let bytes = try await read(file, index)
            let boxes = try BoxTree.read(bytes)
            guard let box = boxes.first, box.type == "sidx", boxes.count == 1 else {
                findings.append(Finding(line: line, "@indexRange of \(file) holds no 'sidx' alone"))
                return
            }
            var fields = FieldReader(box.content(of: bytes))
            let version = fields.versionAndFlags().version
            _ = fields.u32()
            let scale = max(1, fields.u32())
            _ = version == 0 ? fields.u32() : fields.u64()
            let gap = version == 0 ? fields.u32() : fields.u64()
            guard gap < 1 << 60, index.upperBound < 1 << 60 else {
                findings.append(Finding(line: line, "the index of \(file) begins beyond what can be counted"))
                return
            }
            var offset = index.upperBound + gap
            _ = fields.u16()
            var ticks: Int64 = 0
            for _ in 0..<fields.u16() {
                let size = fields.u32() & 0x7FFF_FFFF
                let duration = Int64(fields.u32())
                _ = fields.u32()
                if fields.isExhausted { break }
                let from = MediaTime(ticks, scale: Int64(scale)).ticks(scale: 1_000_000)
                ticks += duration
                await take(
                    file, range: .init(start: offset, count: size),
                    map: (file, .init(start: 0, count: index.lowerBound)),
                    microseconds: MediaTime(ticks, scale: Int64(scale)).ticks(scale: 1_000_000) - from, line: line,
                    isPicture: false)
                offset += size
            }
            if try await !read(file, offset..<offset + 1).isEmpty {
                findings.append(Finding(line: line, "\(file) goes on behind what its index lists"))
            }
        } catch {
            findings.append(Finding(line: line, "\(file): \(error)"))
        }
    }

    private mutating func header(_ address: String, _ range: HLSPlaylist.ByteRange?, line: Int) async -> HeaderFacts? {
        let key = "\(address) \(range.map { "\($0.start) \($0.count)" } ?? "")"
        if let known = headers[key] { return known }
        var facts: HeaderFacts?
        do {
            let bytes = try await read(address, range.flatMap(Self.bounds))
            facts = try HeaderFacts(bytes, try BoxTree.read(bytes))
        } catch {
            findings.append(Finding(line: line, "the header \(address): \(error)"))
        }
        headers[key] = .some(facts)
        if let text = facts?.codecs { codecs.insert(text) }
        if let id = facts?.keyID { keyIDs.insert(id.hex) }
        return facts
    }

    private mutating func check(
        _ bytes: [UInt8], _ header: HeaderFacts, _ address: String, microseconds: Int64, line: Int, isPicture: Bool
    ) {
        do {
            let boxes = try BoxTree.read(bytes)
            var isFirst = true
            var samples = 0
            for (place, box) in boxes.enumerated() where box.type == "moof" {
                let facts = try FragmentFacts(box, bytes, header: header)
                samples += facts.samples
                let time = facts.decodeTime ?? 0
                if isFirst {
                    isFirst = false
                    lastIsEncrypted = facts.isEncrypted
                    if facts.isEncrypted { protected += 1 }
                    if header.handler == "vide", !facts.startsWithSync {
                        findings.append(Finding(line: line, "\(address) does not begin with a key frame"))
                    }
                    checkStart(time &+ facts.firstOffset &- header.skippedTicks, microseconds, header, line, isPicture)
                }
                if !isPicture {
                    if let expected, time != expected {
                        findings.append(
                            Finding(
                                line: line,
                                "\(address): a fragment begins at \(time), the one before ends at \(expected)"))
                    }
                    expected = time &+ facts.duration
                }
                guard place + 1 < boxes.count, boxes[place + 1].type == "mdat" else {
                    findings.append(Finding(line: line, "\(address): no 'mdat' behind a 'moof'"))
                    continue
                }
                let data = boxes[place + 1]
                if data.size - data.headSize != facts.payloadSize || data.offset + data.size > bytes.count {
                    findings.append(
                        Finding(
                            line: line, "\(address): 'mdat' has not the \(facts.payloadSize) bytes its samples take"))
                }
            }
            if isFirst { findings.append(Finding(line: line, "\(address) has no fragment")) }
            if isPicture, samples != 1 {
                findings.append(Finding(line: line, "an I-frame entry of \(samples) pictures"))
            }
        } catch {
            findings.append(Finding(line: line, "\(address): \(error)"))
        }
    }

    /// The segment before lasts until this one begins, to a thousandth of a second.
    private mutating func checkStart(
        _ start: Int, _ microseconds: Int64, _ header: HeaderFacts, _ line: Int, _ isPicture: Bool
    ) {
        let start = max(0, start)
        if let last {
            let length = MediaTime(Int64(start &- last.start) % (1 << 40), scale: Int64(header.timeScale))
                .ticks(scale: 1_000_000)
            if abs(length - last.microseconds) > 1000 {
                findings.append(
                    Finding(
                        line: last.line,
                        "said to last \(decimalText(last.microseconds, places: 6)) s, the media last "
                            + "\(decimalText(length, places: 6)) s"))
            }
        }
        last = (start, microseconds, line)
    }

    func finished(targetDuration: Int, isPictures: Bool) -> MediaMeasure {
        let rates = SegmentBitRates(segments: sizes, timeScale: 1_000_000)
        let isVideo = header?.handler == "vide"
        let peak = rates.peak(targetDuration: targetDuration)
        let average = rates.average
        let bytes = sizes.reduce(0) { $0 + $1.bytes }
        var parts = ["\(sizes.count) segments, \(decimalText(time, places: 6)) s, \(bytes) bytes"]
        if !codecs.isEmpty { parts.append(codecs.sorted().joined(separator: ",")) }
        parts.append("peak \(peak), average \(average) bits a second")
        if !keyIDs.isEmpty {
            parts.append(
                "\(protected) protected (\(header?.scheme ?? "?")) by \(keyIDs.sorted().joined(separator: ", "))")
        }
        return MediaMeasure(
            peak: peak, average: average, codecs: codecs, isVideo: isVideo, starts: starts,
            summary: parts.joined(separator: "; "))
    }
}

extension HeaderFacts {
    /// Of a segment whose header is not at hand.
    static let unknown = HeaderFacts()

    private init() {}
}

extension FragmentFacts {
    func summary(_ header: HeaderFacts?) -> String {
        let scale = Double(header?.timeScale ?? 0)
        func seconds(_ ticks: Int) -> String { scale > 0 ? "\(Double(ticks) / scale) s" : "\(ticks) ticks" }
        return "\(samples) samples, \(decodeTime.map(seconds) ?? "no time"), \(seconds(duration)), \(payloadSize) bytes"
            + (startsWithSync ? ", key frame" : "") + (isEncrypted ? ", protected" : "")
    }
}
