import Glibc

/// Which socket addresses lie on the public internet: everything but loopback, private (RFC 1918, RFC 4193),
/// link-local (RFC 3927, cloud metadata services), shared (RFC 6598), multicast, documentation and reserved ranges.
enum PublicAddress {
    static func isPublic(_ address: UnsafePointer<sockaddr>) -> Bool {
        switch CInt(address.pointee.sa_family) {
        case AF_INET:
            // Unaligned: libcurl's record keeps the address inside a plain sockaddr.
            let address = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self)
            return isPublic(v4: UInt32(bigEndian: address.sin_addr.s_addr))
        case AF_INET6:
            let address = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self)
            return isPublic(v6: withUnsafeBytes(of: address.sin6_addr) { Array($0) })
        default: return false
        }
    }

    static func isPublic(v4 address: UInt32) -> Bool {
        let reserved: [(network: UInt32, bits: UInt32)] = [
            (0x0000_0000, 8), (0x0A00_0000, 8), (0x6440_0000, 10), (0x7F00_0000, 8), (0xA9FE_0000, 16),
            (0xAC10_0000, 12), (0xC000_0000, 24), (0xC000_0200, 24), (0xC0A8_0000, 16), (0xC612_0000, 15),
            (0xC633_6400, 24), (0xCB00_7100, 24), (0xE000_0000, 3),
        ]
        return !reserved.contains { address >> (32 - $0.bits) == $0.network >> (32 - $0.bits) }
    }

    /// Only global unicast 2000::/3 is public, without documentation (2001:db8::/32), 6to4 (2002::/16) and Teredo
    /// (2001::/32), which may carry a private IPv4 address; mapped IPv4 (::ffff:0:0/96) counts as what it maps.
    static func isPublic(v6 bytes: [UInt8]) -> Bool {
        precondition(bytes.count == 16, "An IPv6 address has 16 bytes.")
        if bytes.prefix(10).allSatisfy({ $0 == 0 }) && bytes[10] == 0xFF && bytes[11] == 0xFF {
            return isPublic(v4: bytes.suffix(4).reduce(0) { $0 << 8 | UInt32($1) })
        }
        guard bytes[0] >> 5 == 1 else { return false }
        let head = (bytes[0], bytes[1], bytes[2], bytes[3])
        return head != (0x20, 0x01, 0x0D, 0xB8) && head != (0x20, 0x01, 0, 0) && (head.0, head.1) != (0x20, 0x02)
    }
}
