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

/// The same of two numbers, for what is drawn by a generator of numbers: its first and its second half.
public func uuidText(_ high: UInt64, _ low: UInt64, version: UInt8) -> String {
    let bytes = [high, low].flatMap { half in
        stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> UInt64($0)) }
    }
    return uuidText(bytes, version: version)
}
