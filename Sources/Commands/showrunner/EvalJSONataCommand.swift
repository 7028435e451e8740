import ArgumentParser
import Cryptography
import Glibc
import JSON
import JSONata

struct EvalJSONataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jsonata", abstract: "Evaluate JSONata expressions.",
        discussion: """
            Example:
              echo '[{"id": 1, "expr": "$sum(a)", "data": {"a": [1, 2]}}]' \\
                | showrunner eval jsonata

            Standard input: [{"id", "expr", "data"?, "bindings"?, "timelimit"? (ms), "depth"?}, ...]
            Standard output: [{"id", "result"} | {"id", "undefined": true} | {"id", "error": {"code", "token"?, ...}}, ...]
            """)

    @Flag(help: "As in state machines: with the functions that Step Functions adds, without $eval.")
    var states = false

    /// What a millisecond of a case's time limit stands for: evaluations count steps and read no clock.
    private static let stepsPerMillisecond = 20_000

    func run() throws {
        let dialect: JSONataEnvironment.Dialect = states ? .statesLanguage : .reference
        let now = EvalJSONataCommand.now()
        try EvalCases.run { (each) throws(ValidationError) in
            var limits = JSONataLimits(steps: 100_000_000, bytes: 1 << 30, stackBytes: EvalCases.stackBytes / 4 * 3)
            if let time = each["timelimit"]?.integerValue, time >= 0, time < 1 << 30 {
                limits.steps = time * EvalJSONataCommand.stepsPerMillisecond
            }
            if let depth = each["depth"]?.integerValue { limits.depth = depth }
            let environment = JSONataEnvironment(
                dialect: dialect, nowMilliseconds: now, seed: UInt64(bitPattern: now), limits: limits,
                digest: { algorithm, bytes in EvalJSONataCommand.digest(algorithm, bytes) })
            return EvalJSONataCommand.answer(
                try EvalCases.text("expr", of: each), input: each["data"], bindings: each["bindings"], environment)
        }
    }

    private static func answer(
        _ text: String, input: JSON?, bindings: JSON?, _ environment: JSONataEnvironment
    ) -> JSON {
        var variables: [String: JSON] = [:]
        for (name, value) in bindings?.objectValue ?? [:] { variables[name] = value }
        do throws(JSONataError) {
            let expression = try JSONataExpression(text)
            guard let result = try expression.evaluate(input: input, bindings: variables, in: environment) else {
                return ["undefined": true]
            }
            return ["result": result]
        } catch {
            return [
                "error": .members(
                    ("code", .string(error.code)), ("token", error.token.map { .string($0) }),
                    ("position", error.position.map { .integer($0) }), ("value", error.value),
                    ("message", .string(error.message)))
            ]
        }
    }

    private static func digest(_ algorithm: JSONataDigest, _ bytes: [UInt8]) -> String {
        let digest: MessageDigest =
            switch algorithm {
            case .md5: .md5
            case .sha1: .sha1
            case .sha256: .sha256
            case .sha384: .sha384
            case .sha512: .sha512
            }
        return digest.hex(of: bytes)
    }

    private static func now() -> Int64 {
        var time = timespec()
        guard clock_gettime(CLOCK_REALTIME, &time) == 0 else {
            preconditionFailure("the system clock can be read")
        }
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
