import JSON
import OrderedCollections

/// What an expression works with. JSON that comes from outside stays as it is: a large input is neither copied nor
/// converted, and only what is touched becomes a `Value`.
enum Value {
    /// No value at all: what a path that leads nowhere gives.
    case undefined
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    /// An array from outside: never a sequence.
    case jsonArray([JSON])
    /// An object from outside.
    case jsonObject(OrderedDictionary<String, JSON>)
    /// An array made by the expression.
    case array(ArrayBox)
    /// An object made by the expression.
    case object(ObjectBox)
    case function(Function)
    /// Items with the variables bound along the path, between the steps of a path that needs them.
    case tuples(TupleStream)
    /// What a function's tail position returns instead of calling deeper; only `Runtime.apply` sees it.
    case tailCall(TailCall)

    init(_ json: JSON) {
        switch json {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .number(Double(value))
        case .double(let value): self = .number(value)
        case .string(let value): self = .string(value)
        case .array(let value): self = .jsonArray(value)
        case .object(let value): self = .jsonObject(value)
        }
    }

    static func integer(_ value: Int) -> Value { .number(Double(value)) }

    var isUndefined: Bool { if case .undefined = self { true } else { false } }

    /// How many boxes made by the expression lie in each other here. JSON from outside counts nothing: its reader
    /// bounds it.
    var height: Int {
        switch self {
        case .array(let box): box.height
        case .object(let box): box.height
        case .function(let function): function.height
        case .tuples(let stream): stream.height
        case .undefined, .null, .bool, .number, .string, .jsonArray, .jsonObject, .tailCall: 0
        }
    }
}

/// An array made by the expression, with what JSONata remembers of it.
final class ArrayBox {
    private(set) var elements: [Value]
    /// Of an array of consecutive integers, which is not stored: how many, and the first; -1 for any other.
    private let rangeCount: Int
    private let first: Double
    private(set) var height = 1
    /// A result sequence: of one item it becomes that item, of none it becomes nothing.
    var isSequence = false
    /// A sequence that stays an array, even of one item (`path[]`).
    var keepSingleton = false
    /// Written as an array constructor in a path: is not flattened into the sequence of the step.
    var isConstructed = false
    /// The items of one group while groups are formed.
    var isGroup = false
    /// The singleton that wraps an input that is itself an array.
    var isOuterWrapper = false

    init(_ elements: [Value], isSequence: Bool = false) {
        self.elements = elements
        self.isSequence = isSequence
        rangeCount = -1
        first = 0
        for element in elements { height = max(height, element.height + 1) }
    }

    /// The integers from `first`, `count` of them.
    init(first: Double, count: Int, isSequence: Bool) {
        elements = []
        rangeCount = count
        self.first = first
        self.isSequence = isSequence
    }

    var isRange: Bool { rangeCount >= 0 }

    var count: Int { rangeCount >= 0 ? rangeCount : elements.count }

    subscript(index: Int) -> Value {
        rangeCount >= 0 ? .number(first + Double(index)) : elements[index]
    }

    func append(_ value: Value) {
        height = max(height, value.height + 1)
        elements.append(value)
    }

    /// The same integers under other flags.
    func copyOfRange(isSequence: Bool) -> ArrayBox { ArrayBox(first: first, count: rangeCount, isSequence: isSequence) }
}

/// An object made by the expression. A reference, since a transformation changes the objects it finds in its copy.
final class ObjectBox {
    private(set) var members: OrderedDictionary<String, Value>
    private(set) var height = 1

    init(_ members: OrderedDictionary<String, Value> = [:]) {
        self.members = members
        for value in members.values { height = max(height, value.height + 1) }
    }

    subscript(key: String) -> Value? {
        get { members[key] }
        set {
            if let newValue { height = max(height, newValue.height + 1) }
            members[key] = newValue
        }
    }
}

/// An item of a path, with the variables bound on the way to it.
struct Tuple {
    var item: Value
    var names: [Int] = []
    var values: [Value] = []

    mutating func bind(_ name: Int, _ value: Value) {
        if let index = names.firstIndex(of: name) {
            values[index] = value
        } else {
            names.append(name)
            values.append(value)
        }
    }

    mutating func bindAll(of other: Tuple) {
        item = other.item
        for (name, value) in zip(other.names, other.values) { bind(name, value) }
    }

    func frame(in parent: Frame) -> Frame { Frame(parent: parent, names: names, values: values) }
}

final class TupleStream {
    var tuples: [Tuple]

    init(_ tuples: [Tuple]) { self.tuples = tuples }

    var height: Int {
        var result = 0
        for tuple in tuples {
            result = max(result, tuple.item.height)
            for value in tuple.values { result = max(result, value.height) }
        }
        return result + 1
    }
}

final class TailCall {
    let function: Value
    let arguments: [Value]
    let position: Int
    let token: String?

    init(function: Value, arguments: [Value], position: Int, token: String?) {
        self.function = function
        self.arguments = arguments
        self.position = position
        self.token = token
    }
}

/// The variables of one scope. A scope has few, so a search by number beats a dictionary.
final class Frame {
    let parent: Frame?
    private var names: [Int]
    private var values: [Value]
    private(set) var height: Int

    init(parent: Frame?, names: [Int] = [], values: [Value] = []) {
        self.parent = parent
        self.names = names
        self.values = values
        height = (parent?.height ?? 0)
        for value in values { height = max(height, value.height + 1) }
    }

    func bind(_ name: Int, _ value: Value) {
        // A function bound in the scope it captures adds nothing to hold: the evaluation clears such scopes at its end.
        if case .function(let function) = value, function.captured === self {
        } else {
            height = max(height, value.height + 1)
        }
        if let index = names.firstIndex(of: name) {
            values[index] = value
        } else {
            names.append(name)
            values.append(value)
        }
    }

    /// The value in this scope or the nearest around it that has the name.
    func lookup(_ name: Int) -> Value? {
        var frame = self
        while true {
            for index in frame.names.indices where frame.names[index] == name { return frame.values[index] }
            guard let parent = frame.parent else { return nil }
            frame = parent
        }
    }

    func clear() {
        names = []
        values = []
    }
}
