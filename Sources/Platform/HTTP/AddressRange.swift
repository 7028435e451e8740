import Glibc

/// A range of IP addresses in CIDR notation (RFC 4632, RFC 4291): `127.0.0.0/8`, `fd00::/8`, or one address.
public struct AddressRange: Sendable, Hashable, CustomStringConvertible {
    /// 4 or 16 bytes.
    private let network: [UInt8]
    private let bits: Int
    public let description: String

    /// Nil for what is no such range, or has bits set behind its length.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let network = Self.bytes(of: String(parts[0])) else { return nil }
        var bits = network.count * 8
        if parts.count == 2 {
            guard !parts[1].isEmpty, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let given = Int(parts[1]), given <= bits
            else { return nil }
            bits = given
        }
        self.network = network
        self.bits = bits
        description = text
        guard Self.masked(network, bits) == network else { return nil }
    }

    /// Whether the range holds an address of a socket; a mapped IPv4 address counts as what it maps.
    func contains(_ address: UnsafePointer<sockaddr>) -> Bool {
        switch CInt(address.pointee.sa_family) {
        case AF_INET:
            // Unaligned: libcurl's record keeps the address inside a plain sockaddr.
            let address = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self)
            return contains(withUnsafeBytes(of: address.sin_addr) { Array($0) })
        case AF_INET6:
            let address = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self)
            return contains(withUnsafeBytes(of: address.sin6_addr) { Array($0) })
        default: return false
        }
    }

    func contains(_ address: [UInt8]) -> Bool {
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
        let plain = address.count == 16 && address.starts(with: mapped) ? Array(address.suffix(4)) : address
        return plain.count == network.count && Self.masked(plain, bits) == network
    }

    private static func masked(_ address: [UInt8], _ bits: Int) -> [UInt8] {
        address.enumerated().map { index, byte in
            let kept = min(max(bits - index * 8, 0), 8)
            return byte & UInt8(truncatingIfNeeded: 0xFF00 >> kept)
        }
    }

    private static func bytes(of text: String) -> [UInt8]? {
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 { return withUnsafeBytes(of: v4) { Array($0) } }
        var v6 = in6_addr()
        if inet_pton(AF_INET6, text, &v6) == 1 { return withUnsafeBytes(of: v6) { Array($0) } }
        return nil
    }
}
