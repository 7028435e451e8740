public import JSON
import OrderedCollections
import StatesLanguage

/// What a simulation has brought.
public struct SimulationReport: Sendable {
    /// How the execution ended; nil when the simulation could not go on.
    public let outcome: Outcome?
    /// Why it could not.
    public let halt: Halt?
    /// On the virtual clock, from start to end.
    public let seconds: Double
    /// Where the virtual clock started.
    public let start: Instant
    /// Of the execution itself.
    public let history: [History.Event]
    /// The child executions of distributed Map states, in the order of their start.
    public let children: [Child]
    /// Calls of each task.
    public let calls: [String: Int]
    /// Entries of each state.
    public let visited: [String: Int]
    /// What a worker would have refused: arguments and results that do not fit.
    public let problems: [String]
    /// States whose mocks nothing asked for.
    public let unusedMocks: [String]
    let expectation: Mocks.Expectation

    /// A simulation that cannot go on.
    public struct Halt: Error, Sendable, Hashable {
        /// Such as `Simulation.NotMocked`.
        public let name: String
        /// What is missing, and how to give it.
        public let reason: String

        static func notMocked(
            _ state: String, _ resource: String, call: Int, items: [Int], hasAnswers: Bool
        ) -> Halt {
            let item = items.last.map { " for item \($0)" } ?? ""
            guard hasAnswers else {
                return Halt(
                    name: "Simulation.NotMocked",
                    reason: "the state '\(state)' calls \(resource), and the mocks have no answer\(item); write under"
                        + " states:\n  \(state):\n    result: {}")
            }
            return Halt(
                name: "Simulation.NotMocked",
                reason: "the state '\(state)' makes call number \(call + 1)\(item), and the mocks answer"
                    + " \(call) times; add an answer, or drop 'times' from the last one")
        }
    }

    /// A child execution of a distributed Map state.
    public struct Child: Sendable {
        public let arn: String
        public let mapRunARN: String
        public let status: String
        public let history: [History.Event]
    }

    /// Whether everything came as it was expected.
    public var isAsExpected: Bool { halt == nil && problems.isEmpty && disappointments.isEmpty }

    /// What came otherwise than expected, a sentence each.
    public var disappointments: [String] {
        guard let outcome else { return [] }
        var sentences: [String] = []
        func expect(_ holds: Bool, _ sentence: @autoclosure () -> String) { if !holds { sentences.append(sentence()) } }
        expect(
            outcome.status == expectation.status, "the execution ended \(outcome.status), not \(expectation.status)")
        switch outcome {
        case .succeeded(let output):
            if let wanted = expectation.output {
                expect(output == wanted, "the output is \(output.text), not \(wanted.text)")
            }
            if let wanted = expectation.outputContains {
                expect(output.contains(wanted), "the output \(output.text) does not contain \(wanted.text)")
            }
        case .failed(let error, let cause), .timedOut(let error, let cause), .aborted(let error, let cause):
            if let wanted = expectation.error {
                expect(error == wanted, "the error is \(error.map { "'\($0)'" } ?? "not named"), not '\(wanted)'")
            }
            if let wanted = expectation.cause {
                expect(cause == wanted, "the cause is \(cause.map { "'\($0)'" } ?? "not given"), not '\(wanted)'")
            }
            if let wanted = expectation.causeContains {
                expect(
                    cause?.contains(wanted) == true,
                    "the cause \(cause.map { "'\($0)'" } ?? "that is not given") does not contain '\(wanted)'")
            }
        }
        for state in expectation.visited { expect(visited[state] != nil, "'\(state)' was not visited") }
        for state in expectation.notVisited { expect(visited[state] == nil, "'\(state)' was visited") }
        for (state, count) in expectation.calls.sorted(by: { $0.key < $1.key }) {
            expect(
                calls[state, default: 0] == count,
                "'\(state)' was called \(calls[state, default: 0]) times, not \(count)")
        }
        if let wanted = expectation.seconds {
            expect(abs(seconds - wanted) < 0.001, "it took \(seconds) s, not \(wanted) s")
        }
        return sentences
    }

    /// The whole report for programs; members as AWS names them where it has them.
    public var json: JSON {
        var members: JSON = [:]
        switch outcome {
        case nil: members["status"] = "HALTED"
        case .succeeded(let output):
            members["status"] = "SUCCEEDED"
            members["output"] = output
        case .failed(let error, let cause), .timedOut(let error, let cause), .aborted(let error, let cause):
            members["status"] = outcome.map { .string($0.status) }
            members["error"] = error.map { .string($0) }
            members["cause"] = cause.map { .string($0) }
        }
        if let halt {
            members["error"] = .string(halt.name)
            members["cause"] = .string(halt.reason)
        }
        members["seconds"] = .double(seconds)
        members["asExpected"] = .bool(isAsExpected)
        members["disappointments"] = .array(disappointments.map(JSON.string))
        members["problems"] = .array(problems.map(JSON.string))
        members["unusedMocks"] = .array(unusedMocks.map(JSON.string))
        members["calls"] = .object(
            OrderedDictionary(
                uniqueKeysWithValues: calls.sorted { $0.key < $1.key }.map { ($0.key, JSON.integer($0.value)) }))
        members["events"] = .array(history.map(\.json))
        if !children.isEmpty {
            members["childExecutions"] = .array(
                children.map { child in
                    [
                        "executionArn": .string(child.arn), "mapRunArn": .string(child.mapRunARN),
                        "status": .string(child.status), "events": .array(child.history.map(\.json)),
                    ]
                })
        }
        return members
    }
}

extension History.Event {
    /// As GetExecutionHistory has it, the timestamp as text.
    fileprivate var json: JSON {
        var event: JSON = [
            "timestamp": .string(Timestamp.text(microseconds: at)), "type": .string(type), "id": .integer(id),
            "previousEventId": .integer(previousID),
        ]
        if let details { event[details.name] = details.value }
        return event
    }
}

extension JSON {
    /// Whether the other value is part of this one: of objects some members, of arrays all elements in order.
    fileprivate func contains(_ part: JSON) -> Bool {
        switch (self, part) {
        case (.object(let members), .object(let wanted)):
            return wanted.allSatisfy { name, value in members[name]?.contains(value) == true }
        case (.array(let elements), .array(let wanted)):
            return elements.count == wanted.count && zip(elements, wanted).allSatisfy { $0.contains($1) }
        default: return self == part || numericallyEquals(part)
        }
    }
}
