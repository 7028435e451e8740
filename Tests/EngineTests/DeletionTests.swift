@testable import Engine
import Journal
import Testing

@Suite("Machines that are deleted", .timeLimit(.minutes(2)))
struct DeletionTests {
    private static let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:m"

    @Test("nothing starts on one while the lists are asked what is open of it, and it goes")
    func startMeanwhile() async throws {
        let stage = try await Stage()
        let answer = HeldAnswer(to: "FROM showrunner.execution_list")
        let journal = answer.journal(url: stage.url, incarnation: "e1")
        let engine = Engine(journal: journal, log: silent, contracts: [work])
        try await engine.activate(holder: "e1", isDead: { _ in true })
        try await stage.serve(engine, ["m": oneTask()])
        await answer.hold(1)
        let deletion = Task { try await engine.deleteMachine(Self.machine) }
        await answer.waitUntilHeld()
        let refusal = await #expect(throws: EngineError.self) {
            try await engine.startExecution(machine: "m", name: nil, input: "{}")
        }
        #expect(refusal?.code == .machineDeleting)
        await answer.release()
        try await deletion.value
        #expect(try await stage.machineStatus() == nil)
        await end((engine, journal))
    }

    @Test("one that is deleted while the lists can't be read goes once they can")
    func listsAway() async throws {
        let stage = try await Stage()
        let one = try await stage.engine("e1", machines: ["m": oneTask()])
        _ = try await stage.query("ALTER TABLE showrunner.execution_list RENAME TO elsewhere")
        try await one.engine.deleteMachine(Self.machine)
        #expect(try await stage.machineStatus() == "DELETING")
        _ = try await stage.query("ALTER TABLE showrunner.elsewhere RENAME TO execution_list")
        while try await stage.machineStatus() != nil {}
        await end(one)
    }
}
