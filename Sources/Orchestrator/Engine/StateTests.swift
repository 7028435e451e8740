import Cryptography
import Interpreter
public import JSON

extension Engine {
    /// Tries one state, as the wire's TestState asks for it: the request's members in, the response's out. Nothing is
    /// called and nothing is kept.
    ///
    /// Throws `TestStateError`, and `EngineError` with `.unavailable`.
    public func testState(_ request: JSON) async throws -> JSON {
        try requireReady()
        let surroundings = TestSurroundings(
            now: now, seed: randomBytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) },
            location: "aws:states:\(ARN.region):\(Self.account(ofRole: request["roleArn"]?.stringValue))", limits: .aws,
            digest: Engine.digest)
        return try await Self.testState(request, in: surroundings)
    }

    /// The account that the ARNs of the execution in the context object name: that of the role, which on AWS is always the
    /// caller's own, since a role can't be passed to another account's execution.
    private static func account(ofRole arn: String?) -> String {
        let parts = (arn ?? "").split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count > 5, parts[2] == "iam", parts[4].utf8.count == 12,
            parts[4].utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return ARN.account }
        return String(parts[4])
    }

    /// Off the actor: an expression may take its whole budget.
    @concurrent
    private static func testState(_ request: JSON, in surroundings: TestSurroundings) async throws -> JSON {
        try Interpreter.testState(json: request, in: surroundings)
    }
}
