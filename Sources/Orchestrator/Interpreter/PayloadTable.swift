public import JSON

/// Payloads written once each, and named by their place ever after: what flows through an execution stands in many places
/// of it. Small ones stand where they are.
public struct PayloadTable: Sendable {
    public private(set) var values: [JSON] = []
    /// By text, which keeps the order of members that equality ignores.
    private var places: [String: Int] = [:]

    public init() {}

    /// The form of a payload: an array of one, or the place of one in the table.
    public mutating func note(_ value: JSON) -> JSON {
        switch value {
        case .null, .bool, .integer, .double: return [value]
        case .string(let text) where text.utf8.count < 32: return [value]
        case .array(let elements) where elements.isEmpty: return [value]
        case .object(let members) where members.isEmpty: return [value]
        case .string, .array, .object: break
        }
        let text = value.text
        if let place = places[text] { return .integer(place) }
        places[text] = values.count
        values.append(value)
        return .integer(values.count - 1)
    }

    /// The payload behind a form, out of a table's values.
    public static func value(_ form: JSON, in values: [JSON]) throws(SnapshotError) -> JSON {
        switch form {
        case .array(let elements) where elements.count == 1: return elements[0]
        case .integer(let place) where values.indices.contains(Int(place)): return values[Int(place)]
        case .null, .bool, .integer, .double, .string, .array, .object:
            throw SnapshotError(reason: "a payload is neither a value nor a place in the table")
        }
    }
}

/// Why a snapshot can't be read. It is no loss: the journal has everything.
public struct SnapshotError: Error, Sendable, Hashable, CustomStringConvertible {
    public let reason: String

    public init(reason: String) { self.reason = reason }

    public var description: String { "the snapshot can't be read: \(reason)" }
}
