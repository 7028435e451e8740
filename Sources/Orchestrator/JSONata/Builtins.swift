/// The functions of the language, by name and dialect.
enum BuiltinTable {
    static func function(named name: String, in dialect: JSONataEnvironment.Dialect) -> Function? {
        (dialect == .reference ? reference : statesLanguage).functions[name]
    }

    /// Whether a dialect has a function of that name.
    static func isFunction(_ name: String) -> Bool {
        reference.functions[name] != nil || statesLanguage.functions[name] != nil
    }

    static func names(in dialect: JSONataEnvironment.Dialect) -> [String] {
        (dialect == .reference ? reference : statesLanguage).functions.keys.sorted()
    }

    /// Built once, never changed.
    private final class Table: @unchecked Sendable {
        let functions: [String: Function]

        init(_ definitions: [Definition]) {
            var functions: [String: Function] = [:]
            for definition in definitions { functions[definition.name] = definition.function }
            self.functions = functions
        }
    }

    private static let shared =
        StringFunctions.all + NumberFunctions.all + ArrayFunctions.all + ObjectFunctions.all + IterationFunctions.all
        + EncodingFunctions.all + TimeFunctions.all + EvaluationFunctions.all

    private static let reference = Table(shared + [EvaluationFunctions.eval])
    private static let statesLanguage = Table(shared + StatesFunctions.all)

    /// Built once, never changed.
    struct Definition: @unchecked Sendable {
        let name: String
        let function: Function

        /// `arity` is how many arguments `$map` and its like pass to it.
        init(
            _ name: String, _ signature: String, arity: Int,
            _ run: @escaping @Sendable (Call) throws(Failure) -> Value
        ) {
            self.name = name
            do throws(Failure) {
                function = Function(
                    .builtin(Builtin(name: name, run: run)), arity: arity, signature: try Signature(parsing: signature))
            } catch {
                preconditionFailure("the signature of $\(name) is well formed")
            }
        }
    }
}
