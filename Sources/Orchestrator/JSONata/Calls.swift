/// `f(a, b)`
final class CallNode: Node, @unchecked Sendable {
    let procedure: Node
    let arguments: [Node]
    /// In a function's tail position: the call is handed back to the one that called the function.
    var isTail = false

    init(_ procedure: Node, _ arguments: [Node], _ position: Int) {
        self.procedure = procedure
        self.arguments = arguments
        super.init(position)
    }

    override var typeName: String { "function" }

    /// What the function is called in the expression.
    var token: String? {
        switch procedure {
        case let path as PathNode: (path.steps.first as? NameNode)?.text
        case let variable as VariableNode: variable.text
        case let text as StringNode: text.text
        case let number as NumberNode: NumberText.text(number.value)
        default: nil
        }
    }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        try call(applyingTo: nil, input, frame, runtime)
    }

    /// Calls the function; `first`, if there is one, comes before the written arguments.
    func call(
        applyingTo first: Value?, _ input: Value, _ frame: Frame, _ runtime: Runtime
    ) throws(Failure) -> Value {
        let (function, values) = try prepare(first, input, frame, runtime)
        if isTail, first == nil {
            return .tailCall(TailCall(function: function, arguments: values, position: position, token: token))
        }
        do throws(Failure) {
            return try runtime.apply(function, values, context: input, frame: frame)
        } catch {
            error.locate(position: position, token: token)
            throw error
        }
    }

    /// Evaluates the function and its arguments.
    @inline(never)
    private func prepare(
        _ first: Value?, _ input: Value, _ frame: Frame, _ runtime: Runtime
    ) throws(Failure) -> (Value, [Value]) {
        let function = try procedure.evaluate(input, frame, runtime)
        if function.isUndefined {
            try CallNode.suggest("T1005", procedure, position, frame, runtime)
        }
        var values: [Value] = []
        values.reserveCapacity(arguments.count + 1)
        if let first { values.append(first) }
        for argument in arguments { values.append(try argument.evaluate(input, frame, runtime)) }
        return (function, values)
    }

    /// An error that helps where the `$` of a function was forgotten.
    static func suggest(
        _ code: String, _ procedure: Node, _ position: Int, _ frame: Frame, _ runtime: Runtime
    ) throws(Failure) {
        guard let path = procedure as? PathNode, let name = path.steps.first as? NameNode else { return }
        let number = runtime.names.number(name.text)
        let value = frame.lookup(number) ?? runtime.global(number)
        if try value.truth(runtime) { throw Failure(code, position: position, token: name.text) }
        if case .function = value { throw Failure(code, position: position, token: name.text) }
    }
}

/// `f(a, ?)`
final class PartialNode: Node, @unchecked Sendable {
    let procedure: Node
    /// nil stands for `?`.
    let arguments: [Node?]

    init(_ procedure: Node, _ arguments: [Node?], _ position: Int) {
        self.procedure = procedure
        self.arguments = arguments
        super.init(position)
    }

    override var typeName: String { "partial" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        var fixed: [Value?] = []
        for argument in arguments { fixed.append(try argument?.evaluate(input, frame, runtime)) }
        let function = try procedure.evaluate(input, frame, runtime)
        guard case .function(let base) = function else {
            if function.isUndefined { try CallNode.suggest("T1007", procedure, position, frame, runtime) }
            throw Failure("T1008", position: position, token: CallNode(procedure, [], position).token)
        }
        try runtime.charge(64 + fixed.count * MemoryLayout<Value>.stride)
        // Parameters that the call does not mention are given nothing.
        while fixed.count < base.arity { fixed.append(.some(.undefined)) }
        let partial = Function(.partial(function, fixed), arity: fixed.count { $0 == nil })
        if partial.height > JSONataLimits.maximumHeight { throw Runtime.tooNested }
        return .function(partial)
    }
}

/// `function($a) { ... }`
final class LambdaNode: Node, @unchecked Sendable {
    let parameters: [Int]
    let signature: Signature?
    let body: Node

    init(_ parameters: [Int], _ signature: Signature?, _ body: Node, _ position: Int) {
        self.parameters = parameters
        self.signature = signature
        self.body = body
        super.init(position)
    }

    override var typeName: String { "lambda" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        try runtime.charge(96)
        let function = Function(
            .lambda(Lambda(parameters: parameters, body: body, frame: frame, input: input)), arity: parameters.count,
            signature: signature)
        if function.height > JSONataLimits.maximumHeight { throw Runtime.tooNested }
        return .function(function)
    }
}

/// `a ~> f`
final class ApplyNode: Node, @unchecked Sendable {
    let left: Node
    let right: Node

    init(_ left: Node, _ right: Node, _ position: Int) {
        self.left = left
        self.right = right
        super.init(position)
    }

    override var typeName: String { "apply" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        let value = try left.evaluate(input, frame, runtime)
        if let call = right as? CallNode {
            // The call's own predicates and grouping do not take part, as in the language's reference.
            return try call.call(applyingTo: value, input, frame, runtime)
        }
        let function = try right.evaluate(input, frame, runtime)
        guard case .function = function else { throw Failure("T2006", position: position, value: function) }
        if case .function = value {
            try runtime.charge(64)
            let chain = Function(.chain(value, function), arity: 1)
            if chain.height > JSONataLimits.maximumHeight { throw Runtime.tooNested }
            return .function(chain)
        }
        do throws(Failure) {
            return try runtime.apply(function, [value], context: .undefined, frame: frame)
        } catch {
            error.locate(position: position, token: nil)
            throw error
        }
    }
}
