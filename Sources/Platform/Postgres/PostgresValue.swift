/// One parameter of a statement. Parameters never become part of the SQL text.
///
/// `text` is sent without a type, so that the server takes the one the place asks for (`uuid`, `timestamptz`, ...); all
/// others are sent with theirs. Where nothing in the statement says what a text or null is, write a cast: `$1::text`.
public enum PostgresValue: Sendable, Equatable {
    case null
    /// Text. U+0000 is refused: PostgreSQL's text cannot hold it.
    case text(String)
    /// `bigint`
    case int(Int64)
    /// `double precision`
    case double(Double)
    case bool(Bool)
    /// `bytea`
    case bytes([UInt8])
    /// `uuid` in its 36-character form.
    case uuid(String)
    /// `text[]`
    case textArray([String?])
    /// `bigint[]`
    case intArray([Int64?])
    /// `boolean[]`
    case boolArray([Bool?])
    /// `bytea[]`
    case bytesArray([[UInt8]?])
    /// `uuid[]`, each in its 36-character form.
    case uuidArray([String?])

    /// Text, or null where there is none.
    public static func optional(_ text: String?) -> PostgresValue { text.map { .text($0) } ?? .null }

    /// An integer, or null where there is none.
    public static func optional(_ integer: Int64?) -> PostgresValue { integer.map { .int($0) } ?? .null }
}
