@testable import Engine
import JSON
import Testing

@Suite("Traces", .timeLimit(.minutes(2)))
struct TraceTests {
    private static let digits = "0af7651916cd43dd8448eb211c80319c"

    @Test("what names a trace is read, and nothing else is")
    func reading() {
        let own = Self.digits
        #expect(TraceID(traceparent: "00-\(own)-b7ad6b7169203331-01")?.text == own)
        #expect(TraceID(traceparent: "cc-\(own)-b7ad6b7169203331-01-more")?.text == own)
        for wrong in [
            "", own, "ff-\(own)-b7ad6b7169203331-01", "00-\(own.uppercased())-b7ad6b7169203331-01",
            "00-\(String(repeating: "0", count: 32))-b7ad6b7169203331-01", "00-\(own.dropLast())-b7ad6b7169203331-01",
            "00-\(own)-b7ad-01", "00-\(own)",
        ] { #expect(TraceID(traceparent: wrong) == nil, "\(wrong)") }
        #expect(
            TraceID(xRay: "Parent=1;Root=1-0af76519-16cd43dd8448eb211c80319c;Sampled=1")?.text == own)
        #expect(TraceID(xRay: "Root=2-0af76519-16cd43dd8448eb211c80319c") == nil)
        #expect(TraceID(xRay: "Root=1-0af76519") == nil)
    }

    @Test("the trace of a start reaches the tasks of all that it starts; without one an execution is its own")
    func inheritance() async throws {
        let map = #"""
            {"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemsPath":"$.items","Label":"L",
              "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"N",
              "States":{"N":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync:2","End":true,
              "Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:leaf"}}}}}}}
            """#
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["map": map, "leaf": oneTask()])
        let trace = try #require(TraceID(digits: Self.digits))
        _ = try await TraceID.$current.withValue(trace) {
            try await first.engine.start(machine: "map", name: nil, input: #"{"items":[1]}"#)
        }
        // Another engine knows it, too.
        let far = try await first.engine.take()
        #expect(far.traceID == Self.digits && far.traceparent?.hasPrefix("00-\(Self.digits)-") == true)
        await end(first)
        let second = try await stage.engine("e2")
        #expect(try await second.engine.run(far.executionArn).traceID == Self.digits)
        let own = try await second.engine.start(machine: "leaf", name: "own", input: "{}").execution
        let near = try await second.engine.take()
        #expect(near.executionArn == own.executionARN)
        #expect(near.traceID == near.execution.replacing("-", with: ""))
        await end(second)
    }
}
