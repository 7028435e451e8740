/// A function as a value.
final class Function {
    enum Kind {
        case lambda(Lambda)
        case builtin(Builtin)
        /// A function with some arguments given; nil stands for those to come.
        case partial(Value, [Value?])
        /// `f ~> g`
        case chain(Value, Value)
        case regex(Regex)
        /// The `next` of a match object.
        case nextMatch(Regex, subject: RegexSubject, offset: Int)
        case transform(TransformNode, input: Value, Frame)
    }

    let kind: Kind
    /// How many arguments it declares; `$map` and its like pass no more.
    let arity: Int
    let signature: Signature?

    init(_ kind: Kind, arity: Int, signature: Signature? = nil) {
        self.kind = kind
        self.arity = arity
        self.signature = signature
    }

    /// The scope it captures.
    var captured: Frame? {
        switch kind {
        case .lambda(let lambda): lambda.frame
        case .transform(_, _, let frame): frame
        case .builtin, .partial, .chain, .regex, .nextMatch: nil
        }
    }

    var height: Int {
        switch kind {
        case .lambda(let lambda): max(lambda.frame.height, lambda.input.height) + 1
        case .transform(_, let input, let frame): max(frame.height, input.height) + 1
        case .partial(let base, let fixed): fixed.reduce(base.height) { max($0, $1?.height ?? 0) } + 1
        case .chain(let first, let second): max(first.height, second.height) + 1
        case .builtin, .regex, .nextMatch: 0
        }
    }
}

/// A function written in the expression, with the scope and the context it was made in.
final class Lambda {
    let parameters: [Int]
    let body: Node
    let frame: Frame
    let input: Value

    init(parameters: [Int], body: Node, frame: Frame, input: Value) {
        self.parameters = parameters
        self.body = body
        self.frame = frame
        self.input = input
    }

    /// The scope of one call.
    func frame(for arguments: [Value]) -> Frame {
        var values = arguments
        if values.count > parameters.count {
            values.removeLast(values.count - parameters.count)
        } else {
            while values.count < parameters.count { values.append(.undefined) }
        }
        return Frame(parent: frame, names: parameters, values: values)
    }
}

/// A function of the language itself.
final class Builtin: Sendable {
    let name: String
    let run: @Sendable (Call) throws(Failure) -> Value

    init(name: String, run: @escaping @Sendable (Call) throws(Failure) -> Value) {
        self.name = name
        self.run = run
    }
}

/// What a built-in function is called with.
struct Call {
    let arguments: [Value]
    let context: Value
    let frame: Frame
    let runtime: Runtime

    /// The argument at an index, undefined where there is none.
    subscript(index: Int) -> Value { index < arguments.count ? arguments[index] : .undefined }
}
