@testable import Engine
import JSON
import Journal
import Postgres
import PostgresTestSupport
import StepContracts
import Testing
import WorkerProtocol

/// A step of the engine's own that writes a title in the statement that records its success.
private struct Publish: EngineStep {
    static let contract = StepContract(
        name: "announce", version: 1, summary: "Writes a title.", runner: .engine, heartbeatSeconds: 3600, input: [],
        output: [])

    var contract: StepContract { Publish.contract }

    func prepare(execution: String, input: JSON) throws(StepFailure) -> PreparedStep {
        guard let title = input["title"]?.stringValue else {
            throw StepFailure.parametersInvalid("there is no title")
        }
        return PreparedStep(
            output: ["published": .string(title)],
            statement: AttachedStatement { first in
                (
                    """
                    announced AS (INSERT INTO public.title (name, execution_id) SELECT $\(first), execution_id FROM appended)
                    """, [.text(title)]
                )
            })
    }
}

@Suite("Steps of the engine's own", .timeLimit(.minutes(3)))
struct EngineStepTests {
    private static let machine = #"""
        {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::showrunner:announce","Next":"Done",
            "Catch":[{"ErrorEquals":["Showrunner.PublishRefused"],"Next":"Refused"}]},
          "Refused":{"Type":"Pass","End":true},"Done":{"Type":"Pass","End":true}}}
        """#

    private func stage() async throws -> Stage {
        let stage = try await Stage()
        _ = try await stage.query("CREATE TABLE public.title (name text PRIMARY KEY, execution_id uuid NOT NULL)")
        return stage
    }

    private func run(_ engine: Engine, _ input: String) async throws -> RunDetail {
        let updates = await engine.updates(of: nil)
        let started = try await engine.start(machine: "m", name: nil, input: input)
        _ = try await EngineTests.first(in: updates) {
            $0.run.executionARN == started.execution.executionARN && $0.run.status != .running
        }
        return try await engine.run(started.execution.executionARN)
    }

    @Test("the journal's row and the title go in together, once")
    func together() async throws {
        let stage = try await stage()
        let first = try await stage.engine(
            "e1", machines: ["m": EngineStepTests.machine], engineSteps: [Publish()], contracts: [Publish.contract])
        let detail = try await run(first.engine, #"{"title":"one"}"#)
        #expect(detail.run.status == .succeeded && detail.output == ["published": "one"])
        let rows = try await stage.query(
            """
            SELECT journal.seq FROM public.title JOIN showrunner.journal
                ON journal.execution_id = title.execution_id AND journal.xmin = title.xmin
            """)
        #expect(rows.count == 1, "one transaction wrote both")
        try await stage.checkInvariants(["e1"], memory: first.engine)
        await end(first)
    }

    @Test("a refused statement fails the task, which can be caught; nothing of it stays")
    func refused() async throws {
        let stage = try await stage()
        let first = try await stage.engine(
            "e1", machines: ["m": EngineStepTests.machine], engineSteps: [Publish()], contracts: [Publish.contract])
        let one = try await run(first.engine, #"{"title":"same"}"#)
        let other = try await run(first.engine, #"{"title":"same"}"#)
        #expect(other.run.status == .succeeded && other.states.map(\.name) == ["A", "Refused"])
        #expect(other.output?["Error"] == "Showrunner.PublishRefused")
        let titles = try await stage.query("SELECT execution_id::text AS id FROM public.title")
        #expect(titles.map { $0.text("id") } == [one.run.id])
        let wrong = try await run(first.engine, #"{}"#)
        #expect(wrong.run.status == .failed && wrong.run.error == "Showrunner.ParametersInvalid")
        try await stage.checkInvariants(["e1"], memory: first.engine)
        await end(first)
    }

    @Test("an engine that died between the hand-out and the statement: the next one publishes, once")
    func crash() async throws {
        let stage = try await stage()
        // The first engine hands the step out as it does to itself, and does no more.
        let first = try await stage.engine(
            "e1", machines: ["m": EngineStepTests.machine], contracts: [Publish.contract])
        let started = try await first.engine.start(machine: "m", name: nil, input: #"{"title":"late"}"#)
        let offer = try #require(
            try await first.engine.poll(poll(worker: "engine", incarnation: "engine", steps: ["announce"])))
        #expect(offer.state == "A")
        await end(first)
        #expect(try await stage.query("SELECT 1 FROM public.title").isEmpty)

        let arn = started.execution.executionARN
        for incarnation in ["e2", "e3"] {
            let next = try await stage.engine(
                incarnation, engineSteps: [Publish()], contracts: [Publish.contract])
            for await _ in await next.engine.updates(of: arn) {}
            #expect(try await next.engine.run(arn).output == ["published": "late"])
            #expect(try await stage.query("SELECT 1 FROM public.title").count == 1)
            try await stage.checkInvariants(["e1", "e2"], memory: next.engine)
            await end(next)
        }
    }
}
