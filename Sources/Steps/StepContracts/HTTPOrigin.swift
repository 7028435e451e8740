/// Scheme, host and port of a URL, as RFC 6454 compares them: where a connection's secrets may go.
///
/// Reads strictly: a URL whose host another parser could see elsewhere (a user before `@`, a backslash, `%`, letters
/// beyond ASCII) has no origin here.
public struct HTTPOrigin: Sendable, Hashable, CustomStringConvertible {
    /// `http` or `https`.
    public let scheme: String
    /// In lower case; an IPv6 address in brackets. International names in their ASCII form (`xn--`).
    public let host: String
    public let port: Int

    /// The most characters of an origin's text.
    public static let maximumLength = 300

    /// The origin of an absolute URL, whatever is behind it; nil where it has none.
    public init?(of url: String) {
        guard let separator = url.firstRange(of: "://") else { return nil }
        scheme = url[..<separator.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        let authority = url[separator.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard let (host, port) = Self.split(authority.utf8) else { return nil }
        self.host = host
        if let port {
            self.port = port
        } else {
            self.port = scheme == "https" ? 443 : 80
        }
    }

    /// An origin alone, as `https://api.example.com` or `http://10.0.0.7:8080`; nil for anything else.
    public init?(_ text: String) {
        guard text.utf8.count <= Self.maximumLength, let separator = text.firstRange(of: "://"),
            !text[separator.upperBound...].utf8.contains(where: { "/?#".utf8.contains($0) })
        else { return nil }
        self.init(of: text)
    }

    /// What ``init(_:)`` reads, without the scheme's own port.
    public var description: String {
        let isUsual = port == (scheme == "https" ? 443 : 80)
        return "\(scheme)://\(host)\(isUsual ? "" : ":\(port)")"
    }

    /// Host and, where it is said, port.
    private static func split(_ authority: Substring.UTF8View) -> (host: String, port: Int?)? {
        let host: Substring.UTF8View
        if authority.first == UInt8(ascii: "[") {
            guard let end = authority.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = authority[...end]
            guard host.count > 2, host.dropFirst().dropLast().allSatisfy(isAddressByte) else { return nil }
        } else {
            host = authority.prefix { $0 != UInt8(ascii: ":") }
            guard !host.isEmpty, host.allSatisfy(isNameByte) else { return nil }
        }
        let name = Substring(host).lowercased()
        let rest = authority[host.endIndex...]
        guard !rest.isEmpty else { return (name, nil) }
        let digits = rest.dropFirst()
        guard rest.first == UInt8(ascii: ":"), (1...5).contains(digits.count),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = Int(Substring(digits)), (1...65_535).contains(port)
        else { return nil }
        return (name, port)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
