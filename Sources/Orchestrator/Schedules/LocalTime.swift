public import CivilDates
import Encodings

/// A point in time in whole seconds since 1970-01-01T00:00:00Z: schedules know nothing finer.
public typealias EpochSeconds = Int

/// What the clocks of some place show: a day and a time of day, without saying where.
public struct LocalTime: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The seconds since 1970-01-01T00:00:00 that it would be if the place kept UTC.
    let secondsAsUTC: Int

    init(secondsAsUTC: Int) { self.secondsAsUTC = secondsAsUTC }

    /// - Parameter secondOfDay: 0 to 86,399
    public init(_ date: CivilDate, secondOfDay: Int) {
        secondsAsUTC = date.daysSinceEpoch * 86_400 + secondOfDay
    }

    /// What clocks that are so many seconds ahead of UTC show at that time.
    public init(at time: EpochSeconds, offset: Int) { secondsAsUTC = time + offset }

    public var date: CivilDate { CivilDate(daysSinceEpoch: floorDivide(secondsAsUTC, 86_400)) }

    /// 0 to 86,399
    public var secondOfDay: Int { secondsAsUTC - floorDivide(secondsAsUTC, 86_400) * 86_400 }

    public static func < (left: LocalTime, right: LocalTime) -> Bool { left.secondsAsUTC < right.secondsAsUTC }

    /// `2026-03-08T02:30:00`, as `at(...)` writes it.
    public var description: String { "\(dayText)T\(clockText):\(zeroPadded(secondOfDay % 60, 2))" }

    /// `2026-03-08`
    public var dayText: String {
        let date = date
        return "\(zeroPadded(date.year, 4))-\(zeroPadded(date.month, 2))-\(zeroPadded(date.day, 2))"
    }

    /// `02:30`
    public var clockText: String { "\(zeroPadded(secondOfDay / 3600, 2)):\(zeroPadded(secondOfDay / 60 % 60, 2))" }
}

/// The time in UTC as events carry it: `2026-03-08T07:30:00Z`.
public func utcText(_ time: EpochSeconds) -> String { LocalTime(at: time, offset: 0).description + "Z" }

func floorDivide(_ value: Int, _ divisor: Int) -> Int {
    let quotient = value / divisor
    return value % divisor != 0 && (value < 0) != (divisor < 0) ? quotient - 1 : quotient
}
