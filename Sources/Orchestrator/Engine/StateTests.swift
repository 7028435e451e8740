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
            location: "aws:states:\(ARN.region):\(ARN.account)", limits: .aws, digest: Engine.digest)
        return try await Self.testState(request, in: surroundings)
    }

    /// Off the actor: an expression may take its whole budget.
    @concurrent
    private static func testState(_ request: JSON, in surroundings: TestSurroundings) async throws -> JSON {
        try Interpreter.testState(json: request, in: surroundings)
    }
}
