import Encodings

/// A UUID of version 7: the first 48 bits are milliseconds since 1970, so that ids sort by the time of their making.
///
/// - Parameter random: sixteen bytes, of which the rest is taken.
public func timeOrderedUUID(at microseconds: Int64, random: [UInt8] = randomBytes(16)) -> String {
    var bytes = random
    let milliseconds = UInt64(max(microseconds, 0)) / 1000
    for index in 0..<6 { bytes[index] = UInt8(truncatingIfNeeded: milliseconds >> UInt64(40 - 8 * index)) }
    return uuidText(bytes, version: 7)
}
