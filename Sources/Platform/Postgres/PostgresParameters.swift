import Encodings

/// The parameters of one statement in the wire's form: one arena of bytes and, for each parameter, where it lies in it.
///
/// Scalars that PostgreSQL parses leniently travel as text; `bytea` and arrays travel in binary form, which needs no
/// escaping and is what makes `unnest` batches cheap (PostgreSQL source, `array_recv`).
struct PostgresParameters {
    /// Type oids (pg_type.dat). 0 lets the server infer.
    private enum Oid {
        static let inferred: UInt32 = 0
        static let bool: UInt32 = 16
        static let bytea: UInt32 = 17
        static let int8: UInt32 = 20
        static let text: UInt32 = 25
        static let float8: UInt32 = 701
        static let boolArray: UInt32 = 1000
        static let byteaArray: UInt32 = 1001
        static let textArray: UInt32 = 1009
        static let int8Array: UInt32 = 1016
        static let uuid: UInt32 = 2950
        static let uuidArray: UInt32 = 2951
    }

    /// The protocol counts parameters in 16 bits.
    static let countLimit = 65_535

    private(set) var arena: [UInt8] = []
    /// Start of each parameter in the arena; nil is SQL null.
    private(set) var offsets: [Int?] = []
    private(set) var lengths: [Int32] = []
    /// 0 text, 1 binary.
    private(set) var formats: [Int32] = []
    private(set) var types: [UInt32] = []

    init(_ values: [PostgresValue]) throws(PostgresError) {
        guard values.count <= Self.countLimit else {
            throw Self.refusal("a statement has \(values.count) parameters, the protocol allows \(Self.countLimit)")
        }
        for (index, value) in values.enumerated() {
            try append(value, number: index + 1)
        }
    }

    private mutating func append(_ value: PostgresValue, number: Int) throws(PostgresError) {
        let start = arena.count
        switch value {
        case .null:
            offsets.append(nil)
            lengths.append(0)
            formats.append(0)
            types.append(Oid.inferred)
            return
        case .text(let text):
            try appendText(text, number: number)
            finish(start, format: 0, type: Oid.inferred)
        case .int(let integer):
            try appendText(String(integer), number: number)
            finish(start, format: 0, type: Oid.int8)
        case .double(let double):
            appendInteger(double.bitPattern)
            finish(start, format: 1, type: Oid.float8)
        case .bool(let bool):
            arena.append(bool ? 1 : 0)
            finish(start, format: 1, type: Oid.bool)
        case .bytes(let bytes):
            arena += bytes
            finish(start, format: 1, type: Oid.bytea)
        case .uuid(let uuid):
            try appendUUID(uuid, number: number)
            finish(start, format: 1, type: Oid.uuid)
        case .textArray(let elements):
            try appendArray(elements, of: Oid.text) { (self: inout Self, text) throws(PostgresError) in
                try self.appendText(text, number: number, terminated: false)
            }
            finish(start, format: 1, type: Oid.textArray)
        case .intArray(let elements):
            try appendArray(elements, of: Oid.int8) { (self: inout Self, integer) throws(PostgresError) in
                self.appendInteger(integer)
            }
            finish(start, format: 1, type: Oid.int8Array)
        case .boolArray(let elements):
            try appendArray(elements, of: Oid.bool) { (self: inout Self, bool) throws(PostgresError) in
                self.arena.append(bool ? 1 : 0)
            }
            finish(start, format: 1, type: Oid.boolArray)
        case .bytesArray(let elements):
            try appendArray(elements, of: Oid.bytea) { (self: inout Self, bytes) throws(PostgresError) in
                self.arena += bytes
            }
            finish(start, format: 1, type: Oid.byteaArray)
        case .uuidArray(let elements):
            try appendArray(elements, of: Oid.uuid) { (self: inout Self, uuid) throws(PostgresError) in
                try self.appendUUID(uuid, number: number)
            }
            finish(start, format: 1, type: Oid.uuidArray)
        }
    }

    private mutating func finish(_ start: Int, format: Int32, type: UInt32) {
        offsets.append(start)
        // A text parameter's length is ignored by libpq, its end is the NUL.
        lengths.append(Int32(clamping: arena.count - start))
        formats.append(format)
        types.append(type)
    }

    private mutating func appendText(_ text: String, number: Int, terminated: Bool = true) throws(PostgresError) {
        let start = arena.count
        arena.append(contentsOf: text.utf8)
        if arena[start...].contains(0) {
            throw Self.refusal("parameter $\(number) contains U+0000, which PostgreSQL's text cannot hold")
        }
        if terminated { arena.append(0) }
    }

    private mutating func appendInteger<Integer: FixedWidthInteger>(_ integer: Integer) {
        withUnsafeBytes(of: integer.bigEndian) { arena.append(contentsOf: $0) }
    }

    private mutating func appendUUID(_ uuid: String, number: Int) throws(PostgresError) {
        guard let bytes = UUIDText.bytes(uuid) else {
            throw Self.refusal("parameter $\(number) is not a UUID: \(uuid)")
        }
        arena += bytes
    }

    private mutating func appendArray<Element>(
        _ elements: [Element?], of type: UInt32, element: (inout Self, Element) throws(PostgresError) -> Void
    ) throws(PostgresError) {
        // An empty array has no dimensions.
        appendInteger(Int32(elements.isEmpty ? 0 : 1))
        appendInteger(Int32(elements.contains { $0 == nil } ? 1 : 0))
        appendInteger(type)
        if elements.isEmpty { return }
        appendInteger(Int32(clamping: elements.count))
        appendInteger(Int32(1))
        for value in elements {
            guard let value else {
                appendInteger(Int32(-1))
                continue
            }
            let lengthAt = arena.count
            appendInteger(Int32(0))
            try element(&self, value)
            let length = UInt32(clamping: arena.count - lengthAt - 4)
            for byte in 0..<4 { arena[lengthAt + byte] = UInt8(truncatingIfNeeded: length >> (24 - 8 * UInt32(byte))) }
        }
    }

    private static func refusal(_ message: String) -> PostgresError {
        PostgresError(outcome: .notSent, message: message)
    }
}

/// UUIDs between their text and byte forms (RFC 9562, section 4).
public enum UUIDText {
    /// The sixteen bytes of a UUID in its 36-character form, or nil if it is none. Upper case is accepted.
    public static func bytes(_ text: String) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count == 36 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16)
        var index = 0
        while index < 36 {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard characters[index] == UInt8(ascii: "-") else { return nil }
                index += 1
                continue
            }
            guard let high = Hex.value(ofDigit: characters[index]),
                let low = Hex.value(ofDigit: characters[index + 1])
            else { return nil }
            bytes.append(high << 4 | low)
            index += 2
        }
        return bytes
    }
}
