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
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        return "\(day), \(zeroPadded(date.day, 2)) \(months[date.month - 1]) \(zeroPadded(date.year, 4)) "
            + "\(zeroPadded(inDay / 3600, 2)):\(zeroPadded(inDay / 60 % 60, 2)):\(zeroPadded(inDay % 60, 2)) GMT"
    }
}
