import Encodings

/// Dates of header fields (RFC 9110, section 5.6.7).
public enum HTTPDate {
    /// A time as they have it: `Sun, 06 Nov 1994 08:49:37 GMT`.
    ///
    /// - Parameter seconds: since 1970, not before.
    public static func text(seconds: Int64) -> String {
        precondition(seconds >= 0, "no header field of ours names a time before 1970")
        let (days, inDay) = (Int(seconds) / 86_400, Int(seconds) % 86_400)
        let date = CivilDate(daysSinceEpoch: days)
        // The first of 1970 was a Thursday.
        let day = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][days % 7]
        return "\(day), \(zeroPadded(date.day, 2)) \(months[date.month - 1]) \(zeroPadded(date.year, 4)) "
            + "\(zeroPadded(inDay / 3600, 2)):\(zeroPadded(inDay / 60 % 60, 2)):\(zeroPadded(inDay % 60, 2)) GMT"
    }

    /// The time that such a text names, in seconds since 1970; nil for anything else, obsolete formats among it. The name
    /// of the weekday is not compared with the date.
    public static func parse(_ text: some StringProtocol) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 29, bytes[3...4].elementsEqual(", ".utf8), bytes[25...].elementsEqual(" GMT".utf8),
            [7, 11, 16].allSatisfy({ bytes[$0] == UInt8(ascii: " ") }),
            [19, 22].allSatisfy({ bytes[$0] == UInt8(ascii: ":") }),
            let month = months.firstIndex(where: { bytes[8...10].elementsEqual($0.utf8) }),
            let day = number(bytes[5...6]), let year = number(bytes[12...15]), let hour = number(bytes[17...18]),
            let minute = number(bytes[20...21]), let second = number(bytes[23...24]),
            (1...CivilDate.daysInMonth(month + 1, year: year)).contains(day), hour < 24, minute < 60, second < 60
        else { return nil }
        let days = CivilDate(year: year, month: month + 1, day: day).daysSinceEpoch
        return Int64(days * 86_400 + hour * 3600 + minute * 60 + second)
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        digits.reduce(0 as Int?) { value, digit in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit)
                ? value.map { $0 * 10 + Int(digit - UInt8(ascii: "0")) } : nil
        }
    }
}
