/// IP addresses with a common beginning, such as `10.0.0.0/24` or `2001:db8::/32` (RFC 4632, RFC 4291).
struct AddressBlock: Sendable, Hashable {
    /// 4 bytes of IPv4 or 16 of IPv6.
    private let address: [UInt8]
    private let length: Int

    /// Nil when the text is none.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = AddressBlock.address(String(parts[0])),
            let length = AddressBlock.number(parts[1], upTo: address.count * 8)
        else { return nil }
        self.address = address
        self.length = length
    }

    /// Whether a text is an address of the block.
    func contains(_ text: String) -> Bool {
        guard let other = AddressBlock.address(text), other.count == address.count else { return false }
        let whole = length / 8
        guard address.prefix(whole).elementsEqual(other.prefix(whole)) else { return false }
        let rest = length % 8
        return rest == 0 || (address[whole] ^ other[whole]) >> UInt8(8 - rest) == 0
    }

    private static func number(_ text: Substring, upTo limit: Int) -> Int? {
        guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            text.utf8.count == 1 || text.utf8.first != 0x30, let value = Int(text), value <= limit
        else { return nil }
        return value
    }

    private static func address(_ text: String) -> [UInt8]? {
        // The longest text of an address.
        guard text.utf8.count <= 45 else { return nil }
        return text.utf8.contains(UInt8(ascii: ":")) ? version6(text) : version4(text[...])
    }

    private static func version4(_ text: Substring) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard let value = number(part, upTo: 255) else { return nil }
            bytes.append(UInt8(value))
        }
        return bytes
    }

    private static func version6(_ text: String) -> [UInt8]? {
        guard let gap = text.firstRange(of: "::") else {
            return groups(text[...]).flatMap { $0.count == 16 ? $0 : nil }
        }
        guard let front = groups(text[..<gap.lowerBound]), let back = groups(text[gap.upperBound...]),
            front.count + back.count <= 14
        else { return nil }
        return front + [UInt8](repeating: 0, count: 16 - front.count - back.count) + back
    }

    /// Groups of hexadecimal digits between colons, the last of which may be an IPv4 address.
    private static func groups(_ text: Substring) -> [UInt8]? {
        if text.isEmpty { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var bytes: [UInt8] = []
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, part.contains(".") {
                guard let last = version4(part) else { return nil }
                bytes += last
                continue
            }
            guard (1...4).contains(part.utf8.count), part.utf8.first != UInt8(ascii: "+"),
                part.utf8.first != UInt8(ascii: "-"), let value = UInt16(part, radix: 16)
            else { return nil }
            bytes += [UInt8(value >> 8), UInt8(value & 0xFF)]
        }
        return bytes.count <= 16 ? bytes : nil
    }
}
