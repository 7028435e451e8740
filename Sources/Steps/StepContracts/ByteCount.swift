/// Numbers of bytes as people write them.
public enum ByteCount {
    private static let units: [(name: String, bytes: Int)] = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("B", 1), ("", 1),
    ]

    /// `6GiB`, `512 MiB`, `1048576`; nil for anything else, and beyond 2^53.
    public static func read(_ text: String) -> Int? {
        let digits = text.prefix { ("0"..."9").contains($0) }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        guard !digits.isEmpty, let number = Int(digits), let scale = units.first(where: { $0.name == unit })?.bytes
        else { return nil }
        let (bytes, overflows) = number.multipliedReportingOverflow(by: scale)
        return overflows || bytes > 1 << 53 ? nil : bytes
    }

    /// In the largest unit that gives a number from 1, with a decimal where it has one.
    public static func text(_ bytes: Int) -> String {
        guard let unit = units.prefix(4).last(where: { bytes >= $0.bytes }) else { return "\(bytes) B" }
        let tenths = (Double(bytes) / Double(unit.bytes) * 10).rounded() / 10
        let whole = Int(tenths)
        return tenths == Double(whole) ? "\(whole) \(unit.name)" : "\(tenths) \(unit.name)"
    }
}
