import JSON
import OrderedCollections
import StatesLanguage

/// A request that makes sense, read.
struct StateTest {
    /// The machine in which the state stands; its own name there.
    let machine: StateMachine
    let state: State
    let input: JSON
    let mock: MockedOutcome?
    /// The context object that was given.
    let context: JSON?
    let variables: EvaluationScope.Variables
    let hasVariables: Bool
    let roleARN: String?
    let configuration: TestStateRequest.Configuration

    enum MockedOutcome {
        case result(JSON)
        case error(String?, cause: String?)
    }

    /// The name that a state without a machine gets.
    static let loneName = "StateName"

    init(_ request: TestStateRequest, _ surroundings: TestSurroundings) throws(TestStateError) {
        if let name = request.stateName {
            let machine = try StateTest.read(request.definition)
            guard let (inner, state) = machine.find(name) else {
                throw .validation("State not found in definition")
            }
            self.machine = inner
            self.state = state
        } else {
            machine = try StateTest.read(StateTest.machine(around: request.definition))
            guard let state = machine.states[StateTest.loneName] else {
                preconditionFailure("the machine was made around the state")
            }
            self.state = state
        }
        configuration = request.configuration
        roleARN = request.roleARN
        try StateTest.checkMock(request, state)
        input = try StateTest.json(request.input) { reason in
            TestStateError(
                name: "InvalidExecutionInput", message: "Invalid State Machine Execution Input: '\(reason)'")
        }
        mock = try StateTest.mock(request, state, surroundings)
        context = try request.context.map { text throws(TestStateError) in try StateTest.context(text) }
        hasVariables = request.variables != nil
        if let text = request.variables {
            guard
                case .object(let members) = try StateTest.json(
                    text, or: { .validation("Invalid variables provided: \($0)") })
            else { throw .validation("Variables must be a JSON object.") }
            variables = members
        } else {
            variables = [:]
        }
    }

    private static func json(
        _ text: String, or error: (_ reason: String) -> TestStateError
    ) throws(TestStateError) -> JSON {
        do { return try JSON(parsing: text) } catch let failure { throw error(failure.description) }
    }

    // MARK: - Definition

    private static func read(_ definition: String) throws(TestStateError) -> StateMachine {
        let reading = Definition.read(json: definition)
        if let machine = reading.machine { return machine }
        let errors = reading.diagnostics.filter { $0.severity == .error }
        throw .invalidDefinition(
            "Invalid State Machine Definition: '\(errors.map(\.wireText).joined(separator: ", "))'")
    }

    /// A machine whose start is the state, and in which every state that it leads to exists.
    private static func machine(around definition: String) -> String {
        let state: JSON
        do { state = try JSON(parsing: definition) } catch { return definition }
        var states: JSON = [loneName: state]
        func add(_ name: JSON?) {
            guard let name = name?.stringValue, states[name] == nil else { return }
            states[name] = ["Type": "Succeed"]
        }
        add(state["Next"])
        add(state["Default"])
        for list in ["Choices", "Catch"] { for entry in state[list]?.arrayValue ?? [] { add(entry["Next"]) } }
        return JSON.members(("StartAt", .string(loneName)), ("States", states)).text
    }

    // MARK: - Mock

    private static func checkMock(_ request: TestStateRequest, _ state: State) throws(TestStateError) {
        let isMocked = request.mock != nil
        if !isMocked, request.configuration.mapIterationFailureCount != nil {
            throw .validation("TestState does not support MapIterationFailureCount when a mock is not specified.")
        }
        if !isMocked, request.configuration.retrierRetryCount != nil {
            throw .validation("TestState does not support RetrierRetryCount when a mock is not specified.")
        }
        if !isMocked, request.context != nil {
            throw .validation("TestState does not support Context when a mock is not specified.")
        }
        switch state.kind {
        case .map, .parallel:
            if !isMocked {
                throw .invalidDefinition(
                    "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait,"
                        + " Pass, Succeed, Fail, Choice]")
            }
        case .task(let task):
            if isMocked { break }
            if request.roleARN == nil { throw .validation("RoleArn must be specified when testing a Task state") }
            throw .validation(
                "TestState calls no resource here: specify a mock of what '\(task.resource)' answers")
        case .pass, .choice, .wait, .succeed, .fail:
            if isMocked {
                throw .validation("State type '\(state.type)' is not supported when a mock is specified")
            }
        }
    }

    private static func mock(
        _ request: TestStateRequest, _ state: State, _ surroundings: TestSurroundings
    ) throws(TestStateError) -> MockedOutcome? {
        guard let mock = request.mock else { return nil }
        switch mock.outcome {
        case .error(let error, let cause):
            if let name = request.configuration.errorCausedByState, !state.holds(name) {
                throw .validation("State '\(name)' of ErrorCausedByState not found in definition")
            }
            return .error(error, cause: cause)
        case .result(let text):
            let result = try json(text) { _ in .validation("Mocked result must be valid JSON") }
            switch state.kind {
            case .parallel(let branches):
                guard let elements = result.arrayValue else { throw .validation("Mocked result must be an array.") }
                if elements.count != branches.count {
                    throw .validation(
                        "Mocked result must contain the same number of items as number of Parallel branches.")
                }
            case .map(let map):
                // A ResultWriter that writes leaves an object that says where.
                if map.writer?.resource == nil, result.arrayValue == nil {
                    throw .validation("Mocked result must be an array.")
                }
            case .task(let task):
                if mock.fieldValidation != .none, let shape = surroundings.resultShape(task.resource),
                    let problem = shape.problem(with: result, requiresAll: mock.fieldValidation == .strict)
                {
                    throw .validation("Mock result schema validation error: \(problem)")
                }
            case .pass, .choice, .wait, .succeed, .fail: break
            }
            return .result(result)
        }
    }

    // MARK: - Context

    private static func context(_ text: String) throws(TestStateError) -> JSON {
        func refuse(_ reason: String) -> TestStateError { .validation("Invalid Context object provided: \(reason)") }
        let context = try json(text, or: refuse)
        guard case .object(let members) = context else { throw refuse("it must be a JSON object") }
        for (name, value) in members {
            if name == "Map" { throw refuse("'Map' field is not supported when mocking a Context object") }
            guard let known = ContextObject.members[name] else { throw refuse("Field '\(name)' is not allowed") }
            guard case .object(let fields) = value else { throw refuse("Field '\(name)' must be an object") }
            for field in fields.keys where !known.contains(field) { throw refuse("Field '\(field)' is not allowed") }
        }
        return context
    }
}

extension StateMachine {
    /// A state of that name, here or in a machine within, and the machine it stands in.
    func find(_ name: String) -> (machine: StateMachine, state: State)? {
        if let state = states[name] { return (self, state) }
        for state in states.values {
            for inner in state.machines { if let found = inner.find(name) { return found } }
        }
        return nil
    }
}

extension State {
    /// The machines inside a Parallel or Map state.
    fileprivate var machines: [StateMachine] {
        switch kind {
        case .parallel(let branches): branches
        case .map(let map): [map.processor]
        case .pass, .task, .choice, .wait, .succeed, .fail: []
        }
    }

    /// Whether a state of that name is inside.
    fileprivate func holds(_ name: String) -> Bool { machines.contains { $0.find(name) != nil } }
}
