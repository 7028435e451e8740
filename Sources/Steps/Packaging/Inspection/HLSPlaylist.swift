/// A playlist as it is written (RFC 8216bis, 4), read for checking: every line with its number, and what breaks the rules.
public struct HLSPlaylist: Sendable {
    /// Bytes and lines that are read.
    public static let maximumSize = 32 << 20
    public static let maximumLines = 500_000

    /// An attribute list (4.2), in order of its names' first appearance.
    public struct Attributes: Sendable {
        public enum Value: Sendable, Hashable {
            case quoted(String)
            case plain(String)

            public var text: String {
                switch self {
                case .quoted(let text), .plain(let text): text
                }
            }
        }

        public private(set) var values: [String: Value] = [:]

        public subscript(name: String) -> String? { values[name]?.text }
        public func quoted(_ name: String) -> String? {
            if case .quoted(let text)? = values[name] { text } else { nil }
        }
        public func number(_ name: String) -> Int? {
            if case .plain(let text)? = values[name] { HLSPlaylist.integer(text) } else { nil }
        }

        init(_ text: Substring, line: Int, findings: inout [Finding]) {
            var rest = text
            while !rest.isEmpty {
                guard let equals = rest.firstIndex(of: "=") else {
                    findings.append(Finding(line: line, "'\(rest.prefix(40))' is no attribute: it has no '='"))
                    return
                }
                let name = String(rest[..<equals])
                if name.isEmpty
                    || !name.utf8.allSatisfy({ (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D })
                {
                    findings.append(Finding(line: line, "'\(name.prefix(40))' is no attribute name"))
                }
                rest = rest[rest.index(after: equals)...]
                let value: Value
                if rest.first == "\"" {
                    rest = rest.dropFirst()
                    guard let end = rest.firstIndex(of: "\"") else {
                        findings.append(Finding(line: line, "the quoted value of \(name) does not end"))
                        return
                    }
                    value = .quoted(String(rest[..<end]))
                    rest = rest[rest.index(after: end)...]
                    if !rest.isEmpty, rest.first != "," {
                        findings.append(Finding(line: line, "no comma behind the value of \(name)"))
                    }
                } else {
                    let end = rest.firstIndex(of: ",") ?? rest.endIndex
                    value = .plain(String(rest[..<end]))
                    if rest[..<end].isEmpty || rest[..<end].contains(where: { $0 == " " || $0 == "\"" }) {
                        findings.append(Finding(line: line, "the value of \(name) is empty or has a blank or a quote"))
                    }
                    rest = rest[end...]
                }
                if values[name] != nil { findings.append(Finding(line: line, "\(name) stands twice")) }
                values[name] = value
                rest = rest.dropFirst()
            }
        }
    }

    public struct ByteRange: Sendable, Hashable {
        public let start: Int
        public let count: Int
    }

    public struct Segment: Sendable {
        /// Of the address.
        public let line: Int
        public let address: String
        /// In microseconds.
        public let duration: Int64
        public let range: ByteRange?
        public let map: Map?
        public let isProtected: Bool
        public let keyIDs: [String]
    }

    public struct Map: Sendable, Hashable {
        public let line: Int
        public let address: String
        public let range: ByteRange?
    }

    public struct Variant: Sendable {
        public let line: Int
        public let address: String
        public let attributes: Attributes
        public let isPictures: Bool
    }

    public struct Rendition: Sendable {
        public let line: Int
        public let attributes: Attributes
    }

    public internal(set) var findings: [Finding] = []
    public internal(set) var version = 1
    public internal(set) var isMultivariant = false
    public internal(set) var hasPicturesOnly = false
    public internal(set) var isEnded = false
    public internal(set) var hasIndependentSegments = false
    /// In whole seconds.
    public internal(set) var targetDuration: Int?
    public internal(set) var playlistType: String?
    public internal(set) var segments: [Segment] = []
    public internal(set) var variants: [Variant] = []
    public internal(set) var renditions: [Rendition] = []
    var versionLine: Int?
    var targetLine: Int?

    /// Decimal digits of at most 63 bits (4.2, decimal-integer).
    static func integer(_ text: some StringProtocol) -> Int? {
        guard (1...19).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    /// Seconds, in microseconds; more than six decimals are cut off, and seven weeks are no length of a segment.
    static func microseconds(_ text: some StringProtocol) -> Int64? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = integer(parts[0]), whole < 1 << 22 else { return nil }
        var fraction = 0
        if parts.count == 2 {
            let digits = parts[1].prefix(6)
            guard !digits.isEmpty, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let value = integer(digits + String(repeating: "0", count: 6 - digits.utf8.count))
            else { return nil }
            fraction = value
        }
        return Int64(whole) * 1_000_000 + Int64(fraction)
    }
}
