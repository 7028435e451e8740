extension TimeZoneRules {
    /// Longer files are refused; the longest of the database have 4 KiB.
    public static let maximumBytes = 64 << 10

    /// Reads a TZif file of any version, such as those under /usr/share/zoneinfo.
    ///
    /// Source: RFC 8536
    public init(name: String, tzif bytes: [UInt8]) throws(TimeZoneError) {
        var reader = TZifReader(name: name, bytes: bytes)
        self = try reader.rules()
    }
}

/// Sections 3.1 to 3.3 of RFC 8536.
private struct TZifReader {
    let name: String
    let bytes: [UInt8]
    private var position = 0

    private struct Header {
        let version: UInt8
        let isUTCount: Int
        let isStandardCount: Int
        let leapCount: Int
        let timeCount: Int
        let typeCount: Int
        let characterCount: Int

        func dataSize(timeSize: Int) -> Int {
            timeCount * (timeSize + 1) + typeCount * 6 + characterCount + leapCount * (timeSize + 4)
                + isStandardCount + isUTCount
        }
    }

    init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    private func failure(_ reason: String) -> TimeZoneError { TimeZoneError(name: name, reason: reason) }

    mutating func rules() throws(TimeZoneError) -> TimeZoneRules {
        guard bytes.count <= TimeZoneRules.maximumBytes else {
            throw failure("its file has \(bytes.count) bytes; \(TimeZoneRules.maximumBytes) are allowed")
        }
        var header = try header()
        var timeSize = 4
        if header.version >= UInt8(ascii: "2") {
            // The first block is for readers that know 32 bits only.
            try skip(header.dataSize(timeSize: 4))
            header = try self.header()
            timeSize = 8
        }
        guard header.leapCount == 0 else { throw failure("its file counts leap seconds, which UTC clocks do not") }
        guard header.typeCount > 0, header.characterCount > 0 else { throw failure("its file has no local time types") }
        guard position + header.dataSize(timeSize: timeSize) <= bytes.count else {
            throw failure("its file ends too early")
        }
        let (initial, changes) = try block(header, timeSize: timeSize)
        let rule = timeSize == 8 ? try footer() : nil
        return TimeZoneRules(
            name: name, initial: changes.isEmpty ? rule?.standard ?? initial : initial,
            changes: changes + TZifReader.written(rule, after: changes.last?.at))
    }

    /// The file's last rule, year by year.
    private static func written(_ rule: PosixTimeZone?, after last: EpochSeconds?) -> [TimeZoneRules.Change] {
        guard let rule else { return [] }
        // Some files begin with a change at the beginning of the universe.
        let first = Swift.max(last.map { LocalTime(at: $0, offset: 0).date.year - 1 } ?? 0, 1800)
        guard first <= TimeZoneRules.lastYear else { return [] }
        return rule.changes(inYears: first...TimeZoneRules.lastYear).filter { $0.at > last ?? Int.min }
    }

    private mutating func skip(_ count: Int) throws(TimeZoneError) {
        guard position + count <= bytes.count else { throw failure("its file ends too early") }
        position += count
    }

    private mutating func number(_ size: Int) -> Int {
        var value = bytes[position] & 0x80 == 0 ? 0 : -1
        for byte in bytes[position..<position + size] { value = value << 8 | Int(byte) }
        position += size
        return value
    }

    private mutating func header() throws(TimeZoneError) -> Header {
        guard position + 44 <= bytes.count, bytes[position..<position + 4].elementsEqual("TZif".utf8) else {
            throw failure("its file is no TZif file")
        }
        let version = bytes[position + 4]
        position += 20
        var counts: [Int] = []
        for _ in 0..<6 {
            let count = number(4)
            guard (0...TimeZoneRules.maximumBytes).contains(count) else { throw failure("its file's counts are wrong") }
            counts.append(count)
        }
        return Header(
            version: version, isUTCount: counts[0], isStandardCount: counts[1], leapCount: counts[2],
            timeCount: counts[3], typeCount: counts[4], characterCount: counts[5])
    }

    private mutating func block(
        _ header: Header, timeSize: Int
    ) throws(TimeZoneError) -> (TimeZoneRules.Period, [TimeZoneRules.Change]) {
        let times = (0..<header.timeCount).map { _ in number(timeSize) }
        let types = Array(bytes[position..<position + header.timeCount])
        position += header.timeCount
        var records: [(offset: Int, isDaylightSaving: Bool, abbreviation: Int)] = []
        for _ in 0..<header.typeCount {
            let offset = number(4)
            // POSIX allows a day and an hour more than RFC 8536 asks for; nothing on Earth is beyond.
            guard abs(offset) < 26 * 3600 else { throw failure("its file has an offset of \(offset) seconds") }
            records.append((offset, bytes[position] != 0, Int(bytes[position + 1])))
            position += 2
        }
        let characters = bytes[position..<position + header.characterCount]
        position += header.characterCount + header.isStandardCount + header.isUTCount
        var periods: [TimeZoneRules.Period] = []
        for record in records {
            guard record.abbreviation < characters.count else { throw failure("its file's abbreviations are wrong") }
            let letters = characters.dropFirst(record.abbreviation).prefix { $0 != 0 }
            periods.append(
                TimeZoneRules.Period(
                    offset: record.offset, isDaylightSaving: record.isDaylightSaving,
                    abbreviation: String(decoding: letters, as: UTF8.self)))
        }
        var changes: [TimeZoneRules.Change] = []
        for (time, type) in zip(times, types) {
            guard Int(type) < periods.count, changes.last.map({ $0.at < time }) != false else {
                throw failure("its file's changes are wrong")
            }
            changes.append(TimeZoneRules.Change(at: time, period: periods[Int(type)]))
        }
        return (periods[0], changes)
    }

    /// The rule for all times after the last change; nil where there is none.
    private mutating func footer() throws(TimeZoneError) -> PosixTimeZone? {
        let newline = UInt8(ascii: "\n")
        guard position < bytes.count, bytes[position] == newline,
            let end = bytes[(position + 1)...].firstIndex(of: newline)
        else { throw failure("its file has no footer") }
        let text = bytes[(position + 1)..<end]
        if text.isEmpty { return nil }
        guard let rule = PosixTimeZone(Array(text)) else {
            throw failure("its file's footer '\(String(decoding: text, as: UTF8.self))' is no TZ string")
        }
        return rule
    }
}
