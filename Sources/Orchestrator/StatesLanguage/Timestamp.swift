import CivilDates
import Encodings

/// Points in time as the language writes them: RFC 3339 with an upper-case T, and an upper-case Z where there is no
/// numeric offset.
///
/// Source: https://states-language.net/spec.html#timestamps
public enum Timestamp {
    /// Microseconds since 1970-01-01T00:00:00Z; nil when the text is no timestamp. Digits beyond the microsecond are
    /// dropped; leap seconds (`:60`) are refused.
    public static func microseconds(rfc3339 text: String) -> Int64? {
        var reader = Reader(bytes: Array(text.utf8))
        guard let year = reader.number(digits: 4), reader.take("-"),
            let month = reader.number(digits: 2), (1...12).contains(month), reader.take("-"),
            let day = reader.number(digits: 2), (1...CivilDate.daysInMonth(month, year: year)).contains(day),
            reader.take("T"),
            let hour = reader.number(digits: 2), hour < 24, reader.take(":"),
            let minute = reader.number(digits: 2), minute < 60, reader.take(":"),
            let second = reader.number(digits: 2), second < 60,
            let fraction = reader.fraction(), let offset = reader.offsetMinutes(), reader.isAtEnd
        else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSinceEpoch
        let seconds = (days * 24 + hour) * 3600 + minute * 60 + second
        return Int64((seconds - offset * 60) * 1_000_000 + fraction)
    }

    /// The time in UTC with milliseconds: `2026-01-02T03:04:05.678Z`. Digits beyond the millisecond are dropped.
    public static func text(microseconds: Int64) -> String {
        let milliseconds = floorDivide(microseconds, 1000)
        let seconds = floorDivide(milliseconds, 1000)
        let days = floorDivide(seconds, 86_400)
        let date = CivilDate(daysSinceEpoch: Int(days))
        let inDay = Int(seconds - days * 86_400)
        return "\(zeroPadded(date.year, 4))-\(zeroPadded(date.month, 2))-\(zeroPadded(date.day, 2))"
            + "T\(playingTime(milliseconds: inDay * 1000 + Int(milliseconds - seconds * 1000)))Z"
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : -((-value + divisor - 1) / divisor)
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        var isAtEnd: Bool { position == bytes.count }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
            position += 1
            return true
        }

        mutating func digit() -> Int? {
            guard position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) else {
                return nil
            }
            position += 1
            return Int(bytes[position - 1] - UInt8(ascii: "0"))
        }

        mutating func number(digits: Int) -> Int? {
            var value = 0
            for _ in 0..<digits {
                guard let digit = digit() else { return nil }
                value = value * 10 + digit
            }
            return value
        }

        /// Microseconds after the second; 0 where there is no fraction.
        mutating func fraction() -> Int? {
            guard take(".") else { return 0 }
            guard var value = digit() else { return nil }
            var count = 1
            while let digit = digit() {
                if count < 6 { value = value * 10 + digit }
                count += 1
            }
            while count < 6 {
                value *= 10
                count += 1
            }
            return value
        }

        mutating func offsetMinutes() -> Int? {
            if take("Z") { return 0 }
            let sign: Int
            if take("+") {
                sign = 1
            } else if take("-") {
                sign = -1
            } else {
                return nil
            }
            guard let hours = number(digits: 2), hours < 24, take(":"), let minutes = number(digits: 2), minutes < 60
            else { return nil }
            return sign * (hours * 60 + minutes)
        }
    }
}
