import Encodings

/// Sixteen bytes as a UUID (RFC 9562) of a version, in its 36 lower-case characters. The bits of version and variant are
/// overwritten.
public func uuidText(_ bytes: [UInt8], version: UInt8) -> String {
    precondition(bytes.count == 16, "A UUID has 16 bytes, not \(bytes.count).")
    var bytes = bytes
    bytes[6] = bytes[6] & 0x0F | version << 4
    bytes[8] = bytes[8] & 0x3F | 0x80
    let digits = Hex.encode(bytes)
    var text = ""
    for (index, digit) in digits.enumerated() {
        if [8, 12, 16, 20].contains(index) { text.append("-") }
        text.append(digit)
    }
    return text
}

/// A UUID of version 7: the first 48 bits are milliseconds since 1970, so that ids sort by the time of their making.
///
/// - Parameter random: sixteen bytes, of which the rest is taken.
public func timeOrderedUUID(at microseconds: Int64, random: [UInt8] = randomBytes(16)) -> String {
    var bytes = random
    let milliseconds = UInt64(max(microseconds, 0)) / 1000
    for index in 0..<6 { bytes[index] = UInt8(truncatingIfNeeded: milliseconds >> UInt64(40 - 8 * index)) }
    return uuidText(bytes, version: 7)
}
