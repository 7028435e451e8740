import SeededNumbers

/// `$eval`, and what the environment provides: time and random numbers.
enum EvaluationFunctions {
    /// `$eval`, which the States Language has not: what an expression does is to be known before it runs.
    static let eval = BuiltinTable.Definition("eval", "<sx?:x>", arity: 2) { (call) throws(Failure) in
        guard case .string(let text) = call[0] else { return .undefined }
        let runtime = call.runtime
        try runtime.step(text.utf8.count)
        try runtime.charge(text.utf8.count * 16)
        try runtime.descend()
        let program: Program
        do throws(Failure) {
            program = try Program(text, names: runtime.names, stackBytes: runtime.stackLeft)
        } catch {
            if error.code.hasPrefix("U") { throw error }
            throw Failure("D3120", value: .string(error.error.message))
        }
        runtime.names = program.names
        runtime.bindsDynamically = true
        let input = call.arguments.count > 1 && !call[1].isUndefined ? Program.wrapped(call[1]) : call.context
        do throws(Failure) {
            let result = try program.root.evaluate(input, call.frame, runtime)
            runtime.ascend()
            return result
        } catch {
            // A sentence within a sentence within a sentence would double its escapes each time.
            if error.code.hasPrefix("U") || error.code == "D3120" || error.code == "D3121" { throw error }
            throw Failure("D3121", value: .string(error.error.message))
        }
    }

    static let all: [BuiltinTable.Definition] = [
        .init("random", "<:n>", arity: 0) { (call) throws(Failure) in .number(call.runtime.random.unit()) },
        .init("millis", "<:n>", arity: 0) { (call) throws(Failure) in
            .number(Double(call.runtime.environment.nowMilliseconds))
        },
    ]
}
