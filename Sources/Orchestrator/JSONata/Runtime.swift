import JSON
import SeededNumbers

/// One evaluation: its budgets, its variables, and how functions are called.
final class Runtime {
    let environment: JSONataEnvironment
    let bindings: [String: JSON]
    /// The whole input, `$$`.
    let input: Value
    var names: NameTable
    var pictures: PictureCache
    /// Values of names that no scope binds, by number: looked up once.
    private var globals: [Value?] = []
    /// Set once `$eval` has run: it may bind names that the expression around it does not.
    var bindsDynamically = false
    var random: SplitMix64
    private(set) var stepsLeft: Int
    private var depth = 0
    private var bytesLeft: Int
    private let stackFloor: UInt
    /// Scopes that hold functions which hold the scope.
    private var knots: [Frame] = []

    init(
        input: Value, bindings: [String: JSON], environment: JSONataEnvironment, names: NameTable,
        pictures: PictureCache
    ) {
        self.input = input
        self.bindings = bindings
        self.environment = environment
        self.names = names
        self.pictures = pictures
        random = SplitMix64(seed: environment.seed)
        stepsLeft = environment.limits.steps
        bytesLeft = environment.limits.bytes
        let address = stackAddress()
        stackFloor = address > UInt(environment.limits.stackBytes) ? address - UInt(environment.limits.stackBytes) : 0
    }

    // MARK: Budgets

    @inline(__always)
    func step(_ count: Int = 1) throws(Failure) {
        stepsLeft &-= count
        if stepsLeft < 0 { throw tooManySteps }
    }

    /// What whoever counts steps on his own has left of those he found.
    @inline(__always)
    func account(stepsLeft: Int) { self.stepsLeft = stepsLeft }

    var tooManySteps: Failure {
        .limit(
            "U1001",
            "Expression evaluation timeout: more than \(environment.limits.steps) steps. Check for infinite loop")
    }

    @inline(__always)
    func descend() throws(Failure) {
        depth &+= 1
        if depth > environment.limits.depth || stackAddress() < stackFloor { throw Runtime.tooDeep }
    }

    /// How much of the stack may still be used.
    var stackLeft: Int { max(Int(stackAddress()) - Int(stackFloor), 0) }

    @inline(__always)
    func ascend() { depth &-= 1 }

    static var tooDeep: Failure {
        .limit(
            "U1001",
            "Stack overflow error: Check for non-terminating recursive function.  Consider rewriting as tail-recursive."
        )
    }

    /// Accounts for memory about to be taken.
    @inline(__always)
    func charge(_ bytes: Int) throws(Failure) {
        bytesLeft &-= bytes
        if bytesLeft < 0 {
            throw .limit("U1002", "The values of the expression take more than \(environment.limits.bytes) bytes")
        }
    }

    func string(_ text: String) throws(Failure) -> Value {
        try charge(text.utf8.count)
        return .string(text)
    }

    /// Adds to an array made here.
    @inline(__always)
    func append(_ value: Value, to box: ArrayBox) throws(Failure) {
        try charge(MemoryLayout<Value>.stride)
        box.append(value)
        if box.height > JSONataLimits.maximumHeight { throw Runtime.tooNested }
    }

    func array(_ elements: [Value], isSequence: Bool = false) throws(Failure) -> Value {
        try charge(elements.count * MemoryLayout<Value>.stride)
        let box = ArrayBox(elements, isSequence: isSequence)
        if box.height > JSONataLimits.maximumHeight { throw Runtime.tooNested }
        return .array(box)
    }

    func set(_ key: String, of box: ObjectBox, to value: Value) throws(Failure) {
        try charge(MemoryLayout<Value>.stride + MemoryLayout<String>.stride + key.utf8.count)
        box[key] = value
        if box.height > JSONataLimits.maximumHeight { throw Runtime.tooNested }
    }

    static var tooNested: Failure {
        .limit("U1001", "Values nested deeper than \(JSONataLimits.maximumHeight) levels")
    }

    // MARK: Variables

    func bind(_ name: Int, _ value: Value, in frame: Frame) throws(Failure) {
        try charge(MemoryLayout<Value>.stride)
        frame.bind(name, value)
        if frame.height > JSONataLimits.maximumHeight { throw Runtime.tooNested }
        if case .function = value { knots.append(frame) }
        if case .array = value, value.height > 0 { knots.append(frame) }
        if case .object = value, value.height > 0 { knots.append(frame) }
    }

    /// Unties the scopes that would keep themselves alive.
    func release() {
        for frame in knots { frame.clear() }
        knots = []
    }

    /// The value of a name that no scope binds: the caller's variables, then the built-in functions.
    func global(_ name: Int) -> Value {
        if name < globals.count {
            if let value = globals[name] { return value }
        } else {
            globals.append(contentsOf: repeatElement(nil, count: names.count - globals.count))
        }
        let text = names.text(name)
        let value: Value =
            if text == "$" {
                input
            } else if let bound = bindings[text] {
                Value(bound)
            } else if let builtin = BuiltinTable.function(named: text, in: environment.dialect) {
                .function(builtin)
            } else {
                .undefined
            }
        globals[name] = value
        return value
    }

    // MARK: Calls

    /// Calls a function value. `context` takes the place of a first argument that the signature allows to be left out;
    /// `frame` is the caller's scope.
    func apply(_ callee: Value, _ arguments: [Value], context: Value, frame: Frame) throws(Failure) -> Value {
        var result = try applyOnce(callee, arguments, context: context, frame: frame)
        // Calls in tail position come back as data, so that a loop written as recursion needs no stack.
        while case .tailCall(let next) = result {
            try step()
            do throws(Failure) {
                result = try applyOnce(next.function, next.arguments, context: context, frame: frame)
            } catch {
                error.locate(position: next.position, token: next.token)
                throw error
            }
        }
        return result
    }

    private func applyOnce(
        _ callee: Value, _ arguments: [Value], context: Value, frame: Frame, isChecked: Bool = true
    ) throws(Failure) -> Value {
        guard case .function(let function) = callee else { throw Failure("T1006") }
        if case .lambda(let lambda) = function.kind {
            return try lambda.body.evaluate(
                lambda.input, scope(of: lambda, function, arguments, context, isChecked), self)
        }
        return try applyNative(function, arguments, context: context, frame: frame, isChecked: isChecked)
    }

    /// The scope of a call. Its own function, to keep the frame of a recursion small; so is the next.
    @inline(never)
    private func scope(
        of lambda: Lambda, _ function: Function, _ arguments: [Value], _ context: Value, _ isChecked: Bool
    ) throws(Failure) -> Frame {
        try charge(128)
        guard isChecked, let signature = function.signature else { return lambda.frame(for: arguments) }
        return lambda.frame(for: try signature.validate(arguments, context: context, runtime: self))
    }

    @inline(never)
    private func applyNative(
        _ function: Function, _ arguments: [Value], context: Value, frame: Frame, isChecked: Bool
    ) throws(Failure) -> Value {
        var arguments = arguments
        if isChecked, let signature = function.signature {
            arguments = try signature.validate(arguments, context: context, runtime: self)
        }
        switch function.kind {
        case .lambda: preconditionFailure("functions of the expression are called elsewhere")
        case .builtin(let builtin):
            return try builtin.run(Call(arguments: arguments, context: context, frame: frame, runtime: self))
        case .partial(let base, let fixed):
            var rest = arguments.makeIterator()
            let filled = fixed.map { $0 ?? rest.next() ?? .undefined }
            try descend()
            // A partially applied function no longer checks its signature, as in the language's reference.
            let result = try applyOnce(base, filled, context: context, frame: frame, isChecked: false)
            ascend()
            return result
        case .chain(let first, let second):
            try descend()
            let value = try apply(first, Array(arguments.prefix(1)), context: context, frame: frame)
            let result = try apply(second, [value], context: context, frame: frame)
            ascend()
            return result
        case .regex(let regex):
            return try regex.match(arguments, self)
        case .nextMatch(let regex, let subject, let offset):
            return try regex.next(subject, from: offset, self)
        case .transform(let transform, let input, let frame):
            return try transform.apply(to: arguments.first ?? .undefined, input: input, frame: frame, self)
        }
    }

    /// Calls a function given to a built-in one, with as many of the arguments as it declares (at least one).
    func applyIteratee(_ function: Value, _ arguments: [Value], _ call: Call) throws(Failure) -> Value {
        try descend()
        let result = try apply(function, arguments, context: call.context, frame: call.frame)
        ascend()
        return result
    }
}

/// Names of variables as numbers, so that looking one up compares numbers.
struct NameTable {
    private var numbers: [String: Int] = [:]
    private var texts: [String] = []

    var count: Int { texts.count }

    func text(_ number: Int) -> String { texts[number] }

    func number(ifKnown text: String) -> Int? { numbers[text] }

    mutating func number(_ text: String) -> Int {
        if let number = numbers[text] { return number }
        numbers[text] = texts.count
        texts.append(text)
        return texts.count - 1
    }
}
