public import JSON

/// Why a text is no YAML document of the JSON data model.
public struct YAMLError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where reading stopped.
    public let place: SourcePlace
    /// What is wrong there, without full stop.
    public let reason: String

    public init(place: SourcePlace, reason: String) {
        self.place = place
        self.reason = reason
    }

    public var description: String { "\(place.line):\(place.column): \(reason)" }
}

/// Reads one YAML 1.2 document into the JSON data model, every value with its place. JSON is YAML: its files are read
/// the same way.
///
/// Scalars follow the core schema (https://yaml.org/spec/1.2.2/#103-core-schema): plain words such as `true`, `null`,
/// `12` and `1e3` have their type, quoted ones are texts. Repeated members are kept, so that a linter can point at
/// them. Anchors and aliases are resolved within limits; merge keys (`<<`), tags of one's own, keys that are no
/// scalars, infinities and several documents in one file are refused.
public enum YAMLDocument {
    /// Longer texts are refused.
    public static let maximumBytes = 4 << 20
    /// Sequences and mappings may nest this deep, aliases resolved.
    public static let maximumDepth = 200
    /// A document may hold this many values, aliases resolved.
    public static let maximumNodes = 500_000

    /// Reads UTF-8 text; a byte order mark is allowed.
    public static func parse(_ bytes: [UInt8]) throws(YAMLError) -> SourceTree {
        if bytes.count > maximumBytes {
            throw YAMLError(
                place: SourcePlace(line: 1, column: 1),
                reason: "the text has \(bytes.count) bytes; \(maximumBytes) are allowed")
        }
        if let place = firstInvalidPlace(in: bytes) {
            throw YAMLError(place: place, reason: "the text is not UTF-8")
        }
        do throws(YAMLError) {
            return try TreeBuilder(EventParser(bytes)).document()
        } catch {
            // JSON writes characters beyond U+FFFF as two escapes, which libyaml does not know.
            guard let rewriting = SurrogateRewriting(json: bytes) else { throw error }
            return try TreeBuilder(EventParser(rewriting.bytes), columns: rewriting).document()
        }
    }

    /// Where the text stops being UTF-8; nil when it is well-formed.
    private static func firstInvalidPlace(in bytes: [UInt8]) -> SourcePlace? {
        if String(validating: bytes, as: UTF8.self) != nil { return nil }
        var line = 1
        var column = 1
        var iterator = bytes.makeIterator()
        var decoder = UTF8()
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue("\n"):
                line += 1
                column = 1
            case .scalarValue: column += 1
            case .error, .emptyInput: return SourcePlace(line: line, column: column)
            }
        }
    }
}
