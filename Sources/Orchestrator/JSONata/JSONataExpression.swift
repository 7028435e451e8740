public import JSON

/// A parsed JSONata expression (docs.jsonata.org, version 2): parse once, evaluate many times, from any thread.
///
/// Two expressions are equal when their texts are.
public struct JSONataExpression: Sendable, Hashable {
    public let text: String
    let program: Program

    /// Parses an expression, without the `{%` and `%}` that Amazon States Language puts around it.
    public init(_ text: String) throws(JSONataError) {
        self.text = text
        do throws(Failure) {
            program = try Program(text, names: NameTable(), stackBytes: JSONataLimits().stackBytes)
        } catch {
            throw error.error
        }
    }

    public static func == (left: JSONataExpression, right: JSONataExpression) -> Bool {
        left.text.sameCodeUnits(as: right.text)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(text) }

    /// A use of a variable that the expression does not bind.
    public struct Reference: Sendable, Hashable {
        /// The name without `$`; `$` itself (the whole input) for `$$`.
        public let variable: String
        /// The fields that follow with nothing between: `$states.input.a` -> `input`, `a`.
        public let path: [String]
        /// Where it begins, in UTF-16 code units from the start of the expression.
        public let offset: Int

        public init(variable: String, path: [String], offset: Int) {
            self.variable = variable
            self.path = path
            self.offset = offset
        }
    }

    /// The variables used and not bound by the expression, in the order in which they stand there; built-in functions of
    /// either dialect are left out, and so is `$` (the context).
    public var references: [Reference] { program.references }

    /// The names, without `$`, of functions that are called or partially applied by name.
    public var calledFunctions: Set<String> { program.calledFunctions }

    /// The names, without `$`, of the functions of the States Language's dialect, sorted.
    public static var functionNames: [String] { BuiltinTable.names(in: .statesLanguage) }

    /// Evaluates the expression.
    ///
    /// - Parameters:
    ///   - input: What `$` is at the top; nil for no value.
    ///   - bindings: Variables by their name without `$`. Large values cost nothing until they are used.
    /// - Returns: The value, or nil for no value. Of what JSON has no way to write, the reference dialect makes what the
    ///   language's reference does: functions become empty strings, infinite numbers and those that are none become null.
    ///   That of the States Language, where data go on to other states, ends with the errors `T1006` and `D1001`.
    public func evaluate(
        input: JSON?, bindings: [String: JSON] = [:], in environment: JSONataEnvironment
    ) throws(JSONataError) -> JSON? {
        do throws(Failure) {
            return try program.evaluate(input: input, bindings: bindings, in: environment)
        } catch {
            throw error.error
        }
    }
}

/// A digest that `$hash` can be asked for.
public enum JSONataDigest: String, Sendable, Hashable, CaseIterable {
    case md5 = "MD5"
    case sha1 = "SHA-1"
    case sha256 = "SHA-256"
    case sha384 = "SHA-384"
    case sha512 = "SHA-512"
}

/// Everything an evaluation depends on besides its expression and its data: the language has no clock and no dice of its own.
public struct JSONataEnvironment: Sendable {
    public enum Dialect: Sendable, Hashable {
        /// The language as docs.jsonata.org describes it.
        case reference
        /// With the functions that Step Functions adds (AWS, "Transforming data with JSONata in Step Functions"): `$partition`,
        /// `$range`, `$hash`, `$random(seed)`, `$uuid`, `$parse`; and without `$eval`.
        case statesLanguage
    }

    public var dialect: Dialect
    /// What `$now` and `$millis` say, in milliseconds since 1970-01-01T00:00:00Z.
    public var nowMilliseconds: Int64
    /// From which `$random`, `$shuffle` and `$uuid` draw.
    public var seed: UInt64
    public var limits: JSONataLimits
    /// Computes the digests of `$hash`, in lower-case hexadecimal; without it `$hash` is an error.
    public var digest: (@Sendable (_ algorithm: JSONataDigest, _ bytes: [UInt8]) -> String)?

    public init(
        dialect: Dialect = .statesLanguage, nowMilliseconds: Int64, seed: UInt64,
        limits: JSONataLimits = JSONataLimits(),
        digest: (@Sendable (_ algorithm: JSONataDigest, _ bytes: [UInt8]) -> String)? = nil
    ) {
        self.dialect = dialect
        self.nowMilliseconds = nowMilliseconds
        self.seed = seed
        self.limits = limits
        self.digest = digest
    }
}
