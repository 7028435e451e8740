/// Why the rules of a time zone can't be used.
public struct TimeZoneError: Error, Sendable, Hashable, CustomStringConvertible {
    public let name: String
    /// Without full stop.
    public let reason: String

    public init(name: String, reason: String) {
        self.name = name
        self.reason = reason
    }

    public var description: String { "time zone '\(name)': \(reason)" }
}

/// How far the clocks of a time zone are ahead of UTC, and when that changes. Made from the bytes of a TZif file (see
/// ``init(name:tzif:)``), which the caller reads: the rules are data, and change several times a year.
public struct TimeZoneRules: Sendable, Hashable {
    /// A name of the IANA time zone database, such as `Europe/Berlin`.
    public let name: String
    let initial: Period
    /// In order of time. The rule behind a file's last change is written out to the end of ``lastYear``.
    let changes: [Change]

    /// How clocks go for a while.
    public struct Period: Sendable, Hashable {
        /// Seconds ahead of UTC; negative west of Greenwich.
        public let offset: Int
        public let isDaylightSaving: Bool
        /// Such as `CEST`, or digits where the zone has no letters.
        public let abbreviation: String
    }

    struct Change: Sendable, Hashable {
        let at: EpochSeconds
        let period: Period
    }

    /// Cron expressions reach to 2199.
    static let lastYear = 2200

    init(name: String, initial: Period, changes: [Change]) {
        self.name = name
        self.initial = initial
        self.changes = changes
    }

    /// Universal time, which needs no file.
    public static let utc = TimeZoneRules(
        name: "UTC", initial: Period(offset: 0, isDaylightSaving: false, abbreviation: "UTC"), changes: [])

    /// Whether a text has the form of a zone's name, so that it may be looked for under a folder of zone files: parts of
    /// letters, digits, `_`, `+` and `-` between slashes, at most 100 characters.
    public static func isName(_ text: String) -> Bool {
        guard text.utf8.count <= 100, text != "localtime" else { return false }
        return text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { part in
            guard let first = part.first, isLetter(first) else { return false }
            return part.allSatisfy { isLetter($0) || isDigit($0) || "_+-".utf8.contains($0) }
        }
    }

    public func period(at time: EpochSeconds) -> Period {
        let index = firstChange(after: time)
        return index == 0 ? initial : changes[index - 1].period
    }

    public func localTime(at time: EpochSeconds) -> LocalTime {
        LocalTime(at: time, offset: period(at: time).offset)
    }

    /// The index of the first change after a time.
    private func firstChange(after time: EpochSeconds) -> Int {
        var low = 0
        var high = changes.count
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].at <= time { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// What a local time means.
    public enum Resolution: Sendable, Hashable {
        case once(EpochSeconds)
        /// Clocks were put back: they show it at the first time and, some time later, again.
        case twice(EpochSeconds, EpochSeconds)
        /// Clocks are put forward over it.
        case never(Gap)
    }

    /// Where clocks are put forward.
    public struct Gap: Sendable, Hashable {
        /// When.
        public let at: EpochSeconds
        /// What clocks would have shown then, and what they show.
        public let from: LocalTime
        public let to: LocalTime
    }

    /// No change moves clocks further, and no two that matter to one local time are further apart.
    private static let reach = 2 * 86_400

    /// When clocks show a local time.
    public func resolve(_ local: LocalTime) -> Resolution {
        let wanted = local.secondsAsUTC
        var index = firstChange(after: wanted - TimeZoneRules.reach)
        var period = index == 0 ? initial : changes[index - 1].period
        var start = wanted - TimeZoneRules.reach
        var found: [EpochSeconds] = []
        var gap: Gap?
        while true {
            let end = index < changes.count ? changes[index].at : Int.max
            let candidate = wanted - period.offset
            if candidate >= start, candidate < end { found.append(candidate) }
            guard end <= wanted + TimeZoneRules.reach else { break }
            let next = changes[index].period
            if wanted >= end + period.offset, wanted < end + next.offset {
                gap = Gap(
                    at: end, from: LocalTime(at: end, offset: period.offset),
                    to: LocalTime(at: end, offset: next.offset))
            }
            start = end
            period = next
            index += 1
        }
        if found.count > 1 { return .twice(found[0], found[1]) }
        if let time = found.first { return .once(time) }
        guard let gap else { preconditionFailure("the local time \(local) is neither shown nor left out in \(name)") }
        return .never(gap)
    }

    /// The offset of a whole local day, where no change is near it.
    func constantOffset(ofDay day: Int) -> Int? {
        let from = day * 86_400 - TimeZoneRules.reach
        let index = firstChange(after: from)
        if index < changes.count, changes[index].at <= from + 86_400 + 2 * TimeZoneRules.reach { return nil }
        return index == 0 ? initial.offset : changes[index - 1].period.offset
    }

    /// The least offset around a time: what local times after it are not below.
    func leastOffset(around time: EpochSeconds) -> Int {
        var index = firstChange(after: time - TimeZoneRules.reach)
        var least = index == 0 ? initial.offset : changes[index - 1].period.offset
        while index < changes.count, changes[index].at <= time + TimeZoneRules.reach {
            least = min(least, changes[index].period.offset)
            index += 1
        }
        return least
    }
}

func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
}

func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
