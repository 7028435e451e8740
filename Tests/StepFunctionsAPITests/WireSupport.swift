import Engine
import JSON
import Journal
import Logging
import PostgresTestSupport
import Testing

@testable import StepFunctionsAPI

let silent = Logger(label: "wire-tests") { _ in SwiftLogNoOpLogHandler() }

/// An engine on a database of its own, spoken to by the wire's operations.
struct Wire {
    let engine: Engine
    let journal: Journal
    let operations: Operations

    static let role: JSON = "arn:aws:iam::000000000000:role/films"
    static let prefix = "arn:aws:states:us-east-1:000000000000:"

    init() async throws {
        let url = try await TestDatabase.copy(of: "wire") { url in
            let journal = Journal(url: url, incarnation: "template", log: silent)
            try await journal.migrate()
            await journal.close(deadline: .seconds(10))
        }
        journal = Journal(url: url, incarnation: "e1", log: silent)
        engine = Engine(journal: journal, log: silent, contracts: [])
        operations = Operations(engine: engine)
        try await engine.activate(holder: "e1", isDead: { _ in true })
        try await engine.loadMachines()
        await engine.beginServing()
    }

    func close() async {
        await engine.stop()
        await journal.close(deadline: .seconds(10))
    }

    @discardableResult
    func call(_ operation: String, _ members: JSON) async throws -> JSON {
        try await operations.perform(operation, Arguments(members))
    }

    /// The refusal of a call, as the wire names it.
    func refusal(_ operation: String, _ members: JSON) async -> String? {
        do {
            let answer = try await call(operation, members)
            Issue.record("\(operation) answered \(answer)")
            return nil
        } catch let error as ServiceError {
            return "\(error.name): \(error.message)"
        } catch let error as EngineError {
            return "\(error.code.wireName): \(error.message)"
        } catch {
            Issue.record(error)
            return nil
        }
    }

    /// Makes a machine of one Pass state.
    @discardableResult
    func make(_ name: String, comment: String = "", more: JSON = [:]) async throws -> JSON {
        var members: JSON = ["name": .string(name), "roleArn": Self.role, "definition": .string(Self.pass(comment))]
        for (key, value) in more.objectValue ?? [:] { members[key] = value }
        return try await call("CreateStateMachine", members)
    }

    static func pass(_ comment: String) -> String {
        #"{"Comment":"\#(comment)","StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#
    }
}
