import CivilDates
import Encodings

/// A moment as signatures name it: ISO 8601 basic format in UTC, whole seconds (`20150830T123600Z`).
public struct SigningTime: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Since 1970.
    public let seconds: Int64

    /// - Parameter seconds: since 1970; a moment outside the years 0 to 9999 has no such text and traps.
    public init(seconds: Int64) {
        precondition((-62_167_219_200..<253_402_300_800).contains(seconds), "\(seconds) s is no moment to sign at.")
        self.seconds = seconds
    }

    /// From `YYYYMMDD'T'HHMMSS'Z'`; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count == 16, bytes[8] == UInt8(ascii: "T"), bytes[15] == UInt8(ascii: "Z"),
            let year = Self.number(bytes[0..<4]), let month = Self.number(bytes[4..<6]),
            let day = Self.number(bytes[6..<8]), let hour = Self.number(bytes[9..<11]),
            let minute = Self.number(bytes[11..<13]), let second = Self.number(bytes[13..<15])
        else { return nil }
        self.init(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    }

    /// From the fixed format of HTTP dates (RFC 9110, section 5.6.7: `Sun, 30 Aug 2015 12:36:00 GMT`), which a `Date`
    /// field may have; nil for anything else.
    public init?(httpDate text: some StringProtocol) {
        guard let seconds = HTTPDate.parse(text) else { return nil }
        self.seconds = seconds
    }

    private init?(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
        guard (1...12).contains(month), (1...CivilDate.daysInMonth(month, year: year)).contains(day), hour < 24,
            minute < 60, second < 60
        else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSinceEpoch
        seconds = Int64(days * 86_400 + hour * 3600 + minute * 60 + second)
    }

    private static func number(_ digits: some Collection<UInt8>) -> Int? {
        var value = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            value = value * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return value
    }

    /// `YYYYMMDD`, as credential scopes have it.
    public var day: String { String(description.prefix(8)) }

    public var description: String {
        let (day, second) = Int(seconds).quotientAndRemainderFloored(86_400)
        let date = CivilDate(daysSinceEpoch: day)
        return zeroPadded(date.year, 4) + zeroPadded(date.month, 2) + zeroPadded(date.day, 2) + "T"
            + zeroPadded(second / 3600, 2) + zeroPadded(second / 60 % 60, 2) + zeroPadded(second % 60, 2) + "Z"
    }

    public static func < (left: SigningTime, right: SigningTime) -> Bool { left.seconds < right.seconds }
}

extension Int {
    /// Division that rounds down, so that the remainder is never negative.
    fileprivate func quotientAndRemainderFloored(_ divisor: Int) -> (Int, Int) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
