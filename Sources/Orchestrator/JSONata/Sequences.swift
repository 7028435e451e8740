import JSON
import OrderedCollections

// Arrays and objects come in two representations, from outside and made here; this is the one way to look into either.
extension Value {
    var isArray: Bool {
        switch self {
        case .jsonArray, .array: true
        case .undefined, .null, .bool, .number, .string, .jsonObject, .object, .function, .tuples, .tailCall: false
        }
    }

    var isObject: Bool {
        switch self {
        case .jsonObject, .object: true
        case .undefined, .null, .bool, .number, .string, .jsonArray, .array, .function, .tuples, .tailCall: false
        }
    }

    var isSequence: Bool { if case .array(let box) = self { box.isSequence } else { false } }

    /// The number of elements of an array; of anything else, 1.
    var itemCount: Int {
        switch self {
        case .jsonArray(let elements): elements.count
        case .array(let box): box.count
        default: 1
        }
    }

    /// The element of an array; anything else is its own only element.
    func item(_ index: Int) -> Value {
        switch self {
        case .jsonArray(let elements): Value(elements[index])
        case .array(let box): box[index]
        default: self
        }
    }

    /// Calls for each element of an array, or for the value itself if it is none.
    @inline(__always)
    func forEachItem(_ body: (Value) throws(Failure) -> Void) throws(Failure) {
        switch self {
        case .jsonArray(let elements): for element in elements { try body(Value(element)) }
        case .array(let box): for index in 0..<box.count { try body(box[index]) }
        default: try body(self)
        }
    }

    /// The elements as an array of values.
    var items: [Value] {
        switch self {
        case .jsonArray(let elements): elements.map { Value($0) }
        case .array(let box): box.isRange ? (0..<box.count).map { box[$0] } : box.elements
        default: [self]
        }
    }

    /// The member of an object; nil when this is none or has none of that name.
    func member(_ key: String) -> Value? {
        switch self {
        case .jsonObject(let members): members[key].map { Value($0) }
        case .object(let box): box[key]
        default: nil
        }
    }

    var memberCount: Int {
        switch self {
        case .jsonObject(let members): members.count
        case .object(let box): box.members.count
        default: 0
        }
    }

    /// The members in the order in which ECMAScript enumerates them: names that are array indices first, ascending, then
    /// the others as they were written (ECMA-262, OrdinaryOwnPropertyKeys). The language's reference shows that order.
    var members: [(key: String, value: Value)] {
        var result: [(key: String, value: Value)] = []
        switch self {
        case .jsonObject(let members): for (key, value) in members { result.append((key, Value(value))) }
        case .object(let box): for (key, value) in box.members { result.append((key, value)) }
        default: break
        }
        guard result.contains(where: { Value.arrayIndex($0.key) != nil }) else { return result }
        var indexed: [(index: UInt32, member: (key: String, value: Value))] = []
        var named: [(key: String, value: Value)] = []
        for member in result {
            if let index = Value.arrayIndex(member.key) {
                indexed.append((index, member))
            } else {
                named.append(member)
            }
        }
        return indexed.sorted { $0.index < $1.index }.map(\.member) + named
    }

    private static func arrayIndex(_ key: String) -> UInt32? {
        guard let first = key.utf8.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first), key.utf8.count <= 10,
            first != UInt8(ascii: "0") || key.utf8.count == 1, let index = UInt32(key), index != .max
        else { return nil }
        return index
    }

    /// The value behind a name: of an array, the values behind the name in its elements, flattened.
    func lookup(_ key: String, _ runtime: Runtime) throws(Failure) -> Value {
        switch self {
        case .jsonObject(let members):
            guard let value = members[key] else { return .undefined }
            return Value(value)
        case .object(let box): return box[key] ?? .undefined
        case .jsonArray, .array:
            let result = ArrayBox([], isSequence: true)
            try runtime.descend()
            try forEachItem { (element) throws(Failure) in
                try runtime.step()
                let found = try element.lookup(key, runtime)
                if found.isUndefined { return }
                try found.forEachItem { (value) throws(Failure) in try runtime.append(value, to: result) }
            }
            runtime.ascend()
            return .array(result)
        case .undefined, .null, .bool, .number, .string, .function, .tuples, .tailCall: return .undefined
        }
    }

    /// A result sequence as the language shows it: nothing for none, the item itself for one unless it is to stay an array.
    @inline(__always)
    var unwrapped: Value {
        guard case .array(let box) = self, box.isSequence else { return self }
        return switch box.count {
        case 0: .undefined
        case 1: box.keepSingleton ? self : box[0]
        default: self
        }
    }

    /// Concatenation as `$append` does it.
    static func concatenate(_ left: Value, _ right: Value, _ runtime: Runtime) throws(Failure) -> Value {
        if left.isUndefined { return right }
        if right.isUndefined { return left }
        let result = ArrayBox([])
        try left.forEachItem { (value) throws(Failure) in try runtime.append(value, to: result) }
        try right.forEachItem { (value) throws(Failure) in try runtime.append(value, to: result) }
        return .array(result)
    }

    /// Structural equality; numbers by value, object members in any order. Functions equal themselves only.
    func equals(_ other: Value, _ runtime: Runtime) throws(Failure) -> Bool {
        switch (self, other) {
        case (.undefined, .undefined), (.null, .null): return true
        case (.bool(let a), .bool(let b)): return a == b
        case (.number(let a), .number(let b)): return a == b
        case (.string(let a), .string(let b)): return a.sameCodeUnits(as: b)
        case (.function(let a), .function(let b)): return a === b
        default: break
        }
        if isArray, other.isArray {
            let count = itemCount
            if count != other.itemCount { return false }
            try runtime.descend()
            defer { runtime.ascend() }
            for index in 0..<count {
                try runtime.step()
                if try !item(index).equals(other.item(index), runtime) { return false }
            }
            return true
        }
        if isObject, other.isObject {
            if memberCount != other.memberCount { return false }
            try runtime.descend()
            defer { runtime.ascend() }
            for (key, value) in members {
                try runtime.step()
                guard let match = other.member(key), try value.equals(match, runtime) else { return false }
            }
            return true
        }
        return false
    }

    /// The value as a truth value; nothing is false.
    func truth(_ runtime: Runtime) throws(Failure) -> Bool {
        switch self {
        case .undefined, .null, .function, .tuples, .tailCall: return false
        case .bool(let value): return value
        case .number(let value): return value != 0 && !value.isNaN
        case .string(let value): return !value.isEmpty
        case .jsonObject(let members): return !members.isEmpty
        case .object(let box): return !box.members.isEmpty
        case .jsonArray, .array:
            try runtime.descend()
            defer { runtime.ascend() }
            for index in 0..<itemCount {
                try runtime.step()
                if try item(index).truth(runtime) { return true }
            }
            return false
        }
    }
}

extension String {
    /// Strings are sequences of code points here; Swift's equality takes canonical equivalents for the same.
    func sameCodeUnits(as other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }

    /// Order by UTF-16 code units, as ECMAScript compares strings.
    func precedes(_ other: String) -> Bool { utf16.lexicographicallyPrecedes(other.utf16) }
}
