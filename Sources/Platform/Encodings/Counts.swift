/// A number and what it counts, for people: `1 row`, `2 rows`.
///
/// - Parameter noun: in the singular; its plural ends in `s`.
public func counted(_ number: some BinaryInteger, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
}

/// A number that is not negative in decimal digits, with zeros in front up to a width.
public func zeroPadded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(width - digits.utf8.count, 0)) + digits
}

/// A number with so many digits behind the point, rounded: `0.3059`. One beyond 10^12 is written as that.
///
/// - Parameters:
///   - value: not NaN.
///   - places: from 1 to 6.
public func decimal(_ value: Double, places: Int) -> String {
    let unit = (0..<places).reduce(1) { unit, _ in unit * 10 }
    let (whole, rest) = Int((min(abs(value), 1e12) * Double(unit)).rounded()).quotientAndRemainder(dividingBy: unit)
    return "\(value < 0 && (whole, rest) != (0, 0) ? "-" : "")\(whole).\(zeroPadded(rest, places))"
}

/// A place in a film, or its length, as players show it: `HH:MM:SS.mmm`.
///
/// - Parameter milliseconds: not negative.
public func playingTime(milliseconds: Int) -> String {
    let seconds = milliseconds / 1000
    return "\(zeroPadded(seconds / 3600, 2)):\(zeroPadded(seconds / 60 % 60, 2)):\(zeroPadded(seconds % 60, 2))."
        + zeroPadded(milliseconds % 1000, 3)
}
