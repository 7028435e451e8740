import AccessControl
import HTTPServerTestSupport
import Testing

@testable import Access

@Suite("Rows of calls that a role does not allow")
struct DeniedCallTests {
    private static let minute: Int64 = 60_000_000

    @Test("a key has a hundred at once and one a minute, and the next row says how many were left out")
    func bound() {
        let denied = DeniedCalls()
        let start = systemMicroseconds()
        for _ in 0..<DeniedCalls.atOnce { #expect(denied.admit("a", at: start) == 0) }
        for _ in 0..<7 { #expect(denied.admit("a", at: start + Self.minute - 1000) == nil) }
        #expect(denied.admit("b", at: start) == 0, "another key has its own")
        #expect(denied.admit("a", at: start + Self.minute + 1000) == 7)
        #expect(denied.admit("a", at: start + Self.minute + 1000) == nil)
        #expect(denied.admit("a", at: start + 3 * Self.minute) == 1)
    }

    @Test("the log does not grow with a flood of them, and no call of the flood is allowed")
    func flood() async throws {
        try await Gate.with { gate, client in
            let viewer = try #require(try await gate.keys()[.viewer])
            for _ in 0..<(DeniedCalls.atOnce + 20) {
                #expect(try await client.call(viewer, "StopExecution").errorType == "AccessDeniedException")
            }
            // A minute may pass on a slow machine, not twenty.
            let count = try await gate.journal.audit(limit: 1000).count
            #expect((DeniedCalls.atOnce..<DeniedCalls.atOnce + 20).contains(count))
            gate.dials.shift.withLock { $0 = 60 }
            #expect(try await client.call(viewer, "StopExecution").errorType == "AccessDeniedException")
            let last = try #require(try await gate.journal.audit(limit: 1).first?.outcome)
            #expect(last.hasPrefix("AccessDeniedException, like "), "\(last)")
        }
    }
}
