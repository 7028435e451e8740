public import OrderedCollections

/// A JSON value (RFC 8259) as Amazon States Language payloads need it: object members keep their order, and a number
/// that was written without fraction and exponent and fits 64 bits stays an integer.
///
/// Equality is structural and ignores the order of object members; `1` and `1.0` are different values here, because
/// they print differently. Use ``numericallyEquals(_:)`` where the language compares numbers.
public enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)
    case array([JSON])
    case object(OrderedDictionary<String, JSON>)

    public static func == (left: JSON, right: JSON) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.double(let a), .double(let b)): a == b
        // Code units, not canonical equivalence: JSON strings are sequences of code points.
        case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a.count == b.count && a.allSatisfy { b[$0.key] == $0.value }
        case (.null, _), (.bool, _), (.integer, _), (.double, _), (.string, _), (.array, _), (.object, _): false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .integer(let value): hasher.combine(value)
        case .double(let value): hasher.combine(value)
        case .string(let value):
            for byte in value.utf8 { hasher.combine(byte) }
        case .array(let values): hasher.combine(values)
        case .object(let members):
            // Order-free, as equality is.
            var sum = members.count
            for (key, value) in members {
                var inner = Hasher()
                inner.combine(key)
                inner.combine(value)
                sum = sum &+ inner.finalize()
            }
            hasher.combine(sum)
        }
    }
}

extension JSON {
    /// The member of an object, or nil when this is no object or has no such member. Assigning to a member of
    /// anything but an object turns it into an object.
    public subscript(key: String) -> JSON? {
        get {
            if case .object(let members) = self { members[key] } else { nil }
        }
        set {
            if case .object(var members) = self {
                self = .null
                members[key] = newValue
                self = .object(members)
            } else {
                var members: OrderedDictionary<String, JSON> = [:]
                members[key] = newValue
                self = .object(members)
            }
        }
    }

    /// The element of an array, or nil when this is no array or the index is outside it.
    public subscript(index: Int) -> JSON? {
        if case .array(let elements) = self, elements.indices.contains(index) { elements[index] } else { nil }
    }

    public var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    public var boolValue: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The value as an integer: integers, and doubles without fraction that fit exactly.
    public var integerValue: Int? {
        switch self {
        case .integer(let value): Int(value)
        case .double(let value): Int(exactly: value)
        case .null, .bool, .string, .array, .object: nil
        }
    }

    public var doubleValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .double(let value): value
        case .null, .bool, .string, .array, .object: nil
        }
    }

    public var arrayValue: [JSON]? {
        if case .array(let value) = self { value } else { nil }
    }

    public var objectValue: OrderedDictionary<String, JSON>? {
        if case .object(let value) = self { value } else { nil }
    }

    public var isNull: Bool { self == .null }

    /// Whether both are numbers of the same magnitude, however they are written.
    public func numericallyEquals(_ other: JSON) -> Bool {
        switch (self, other) {
        case (.integer(let a), .integer(let b)): a == b
        default:
            if let a = doubleValue, let b = other.doubleValue { a == b } else { false }
        }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }

    /// The last of several members with the same key wins, as it does in the parser.
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(OrderedDictionary(elements, uniquingKeysWith: { _, last in last }))
    }

    /// An object of the members that are not nil, in the order given.
    public static func members(_ members: (String, JSON?)...) -> JSON {
        var object: OrderedDictionary<String, JSON> = [:]
        for (key, value) in members { if let value { object[key] = value } }
        return .object(object)
    }

    public static func integer(_ value: Int) -> JSON { .integer(Int64(value)) }
}
