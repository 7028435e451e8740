import HeapModule
public import JSON
import OrderedCollections
public import StatesLanguage

/// A machine run from start to end without workers: tasks are answered by mocks, and time is a number that jumps from
/// one thing that happens to the next. The rules are those of ``decide(_:_:now:limits:digest:)``; what the simulation
/// does beside them is what the engine does: hand out, answer, wake, start child executions.
public struct Simulation {
    /// What a simulation cannot know by itself.
    public struct Surroundings: Sendable {
        public var digest: EvaluationScope.Digest?
        public var limits: DataLimits
        /// Events of all histories after which a machine is taken to go on for ever.
        public var maximumEvents: Int
        /// What is wrong with the arguments of a task, a sentence a problem; nothing is known of most resources.
        public var argumentProblems: @Sendable (_ resource: String, _ arguments: JSON) -> [String]
        /// What is known of a resource's results.
        public var resultShape: @Sendable (_ resource: String) -> ResultShape?

        public init(
            digest: EvaluationScope.Digest? = nil, limits: DataLimits = .standard, maximumEvents: Int = 100_000,
            argumentProblems: @escaping @Sendable (_ resource: String, _ arguments: JSON) -> [String] = { _, _ in [] },
            resultShape: @escaping @Sendable (_ resource: String) -> ResultShape? = { _ in nil }
        ) {
            self.digest = digest
            self.limits = limits
            self.maximumEvents = maximumEvents
            self.argumentProblems = argumentProblems
            self.resultShape = resultShape
        }
    }

    /// Runs a machine.
    ///
    /// - Parameters:
    ///   - name: the machine's name.
    ///   - input: instead of the input that the mocks have.
    public static func run(
        _ machine: StateMachine, name: String, input: JSON? = nil, mocks: Mocks,
        in surroundings: Surroundings = Surroundings()
    ) -> SimulationReport {
        var simulation = Simulation(machine, mocks, surroundings)
        simulation.begin(name: name, input: input ?? mocks.input ?? [:])
        return simulation.report()
    }

    // MARK: - State

    /// An execution with what it has told.
    struct Run {
        var execution: Execution
        var history = History()
        /// Who waits for its end, and as which of his children.
        let parent: (id: String, entry: EntryID, index: Int)?
        /// Numbers of the items around it, from the outside in.
        let items: [Int]
    }

    /// Something that will happen.
    private struct Appointment: Comparable {
        let at: Instant
        /// What was agreed on first comes first.
        let order: Int
        let execution: String
        let event: Event

        static func < (left: Appointment, right: Appointment) -> Bool {
            (left.at, left.order) < (right.at, right.order)
        }

        static func == (left: Appointment, right: Appointment) -> Bool { left.order == right.order }
    }

    /// A state, and within Map states the numbers of the items.
    private struct CallKey: Hashable {
        let state: String
        let items: [Int]
    }

    private let machine: StateMachine
    let mocks: Mocks
    private let surroundings: Surroundings
    private var now: Instant
    private var runs: OrderedDictionary<String, Run> = [:]
    private var agenda = Heap<Appointment>()
    private var agreed = 0
    private var called: [CallKey: Int] = [:]
    private(set) var calls: [String: Int] = [:]
    private(set) var visited: [String: Int] = [:]
    private(set) var usedMocks: Set<String> = []
    private(set) var problems: [String] = []
    private(set) var halt: SimulationReport.Halt?
    private var eventCount = 0

    private init(_ machine: StateMachine, _ mocks: Mocks, _ surroundings: Surroundings) {
        self.machine = machine
        self.mocks = mocks
        self.surroundings = surroundings
        now = mocks.start
    }

    static let mainID = "simulation"

    // MARK: - Time

    private mutating func begin(name: String, input: JSON) {
        let start = ExecutionStart(
            machineARN: "arn:aws:states:us-east-1:000000000000:stateMachine:\(name)", name: Self.mainID,
            definitionHash: "", input: input, seed: mocks.seed)
        open(Self.mainID, start, parent: nil, items: [])
        while halt == nil, let next = agenda.popMin() {
            now = max(now, next.at)
            tell(next.execution, next.event)
        }
        if halt == nil, let main = runs[Self.mainID], main.execution.isOpen {
            halt = SimulationReport.Halt(
                name: "Simulation.WaitsForEver",
                reason:
                    "nothing will happen any more: \(waiting(in: main.execution)) waits for an answer that the mocks"
                    + " never give, and has neither TimeoutSeconds nor HeartbeatSeconds")
        }
    }

    private func waiting(in execution: Execution) -> String {
        let names = execution.openEntries.filter { if case .task = $0.phase { true } else { false } }.map(\.state)
        return names.isEmpty ? "the execution" : names.map { "'\($0)'" }.joined(separator: ", ")
    }

    private mutating func open(
        _ id: String, _ start: ExecutionStart, parent: (id: String, entry: EntryID, index: Int)?, items: [Int]
    ) {
        let execution = Execution(id: id, start: start, definition: MachinePlan(machine), at: now)
        runs[id] = Run(execution: execution, parent: parent, items: items)
        agree(id, .start, at: now)
        if let deadline = execution.executionDeadline { agree(id, .timer(entry: nil), at: deadline) }
    }

    private mutating func agree(_ id: String, _ event: Event, at instant: Instant) {
        agreed += 1
        agenda.insert(Appointment(at: instant, order: agreed, execution: id, event: event))
    }

    private mutating func tell(_ id: String, _ event: Event) {
        guard let before = runs[id]?.execution else { preconditionFailure("no execution \(id) was opened") }
        let decision = decide(before, event, now: now, limits: surroundings.limits, digest: surroundings.digest)
        if decision.isStale { return }
        if decision.yields { agree(id, .proceed, at: now) }
        var after = before
        for effect in decision.effects {
            let count = after.eventCount
            runs[id]?.history.advance(&after, by: effect, at: now)
            eventCount += after.eventCount - count
            if case .stateEntered(_, _, let state, _) = effect { visited[state, default: 0] += 1 }
        }
        runs[id]?.execution = after
        if eventCount > surroundings.maximumEvents {
            halt = SimulationReport.Halt(
                name: "Simulation.TooLong",
                reason:
                    "the histories have more than \(surroundings.maximumEvents) events: does the machine go round in"
                    + " circles?")
            return
        }
        for effect in decision.effects { follow(effect, in: id, after) }
        // After the answers, so that one that comes at the last moment is in time.
        for effect in decision.effects { wake(effect, in: id, after) }
        settleChildren(of: id, after, decision.effects)
        if let parent = runs[id]?.parent, let outcome = after.outcome {
            agree(parent.id, .childExecutionEnded(entry: parent.entry, index: parent.index, outcome: outcome), at: now)
        }
    }

    // MARK: - What the engine does

    private mutating func follow(_ effect: Effect, in id: String, _ execution: Execution) {
        guard halt == nil, let scope = effect.scope, let entry = execution.scopes[scope]?.entry else { return }
        switch effect {
        case .taskScheduled:
            if case .task(let attempt) = entry.phase { answer(attempt, entry, scope, id, execution) }
        case .itemReadRequested: read(entry, id)
        case .resultWriteRequested:
            if case .writingResults(let request) = entry.phase { write(request, entry, id) }
        case .childExecutionStarted(_, let index, _, _): start(index, entry, scope, id, execution)
        default: break
        }
    }

    private mutating func wake(_ effect: Effect, in id: String, _ execution: Execution) {
        guard let scope = effect.scope, let entry = execution.scopes[scope]?.entry, let wake = entry.wake else {
            return
        }
        switch effect {
        case .waitStarted, .taskScheduled, .retryScheduled: agree(id, .timer(entry: entry.id), at: wake)
        default: break
        }
    }

    private mutating func answer(
        _ attempt: TaskAttempt, _ entry: Entry, _ scope: ScopeID, _ id: String, _ execution: Execution
    ) {
        calls[entry.state, default: 0] += 1
        problems += surroundings.argumentProblems(attempt.resource, attempt.parameters).map {
            "the arguments of '\(entry.state)' do not fit its step: \($0)"
        }
        let items = items(of: scope, id, execution)
        let mock = mocks.states[entry.state]
        let answers = items.last.flatMap { mock?.items[$0] } ?? mock?.answers ?? []
        let key = CallKey(state: entry.state, items: items)
        let call = called[key, default: 0]
        called[key] = call + 1
        guard let answer = Mocks.answer(call, of: answers) else {
            halt = .notMocked(entry.state, attempt.resource, call: call, items: items, hasAnswers: !answers.isEmpty)
            return
        }
        usedMocks.insert(entry.state)
        let nonce = "\(agreed)"
        agree(id, .handOut(entry: entry.id, worker: "simulation", incarnation: "1", nonce: nonce), at: now)
        if attempt.resource.isAnsweredLater {
            agree(id, .taskSubmitted(entry: entry.id, nonce: nonce, output: [:]), at: now)
        }
        // Once it is submitted, whoever has the token answers.
        let answering = attempt.callbackNonce ?? nonce
        let end = now + Instant((answer.after * 1_000_000).rounded())
        switch answer.kind {
        case .result(let template):
            let seen = EvaluationScope(
                input: attempt.parameters, context: execution.contextObject(in: scope),
                variables: execution.scopes[scope]?.variables ?? [:],
                seed: execution.seed(for: entry.id, draw: 5_000_000 + call), now: end, digest: surroundings.digest)
            do throws(EvaluationError) {
                let output = try template.evaluate(in: seen, field: "result")
                if let problem = surroundings.resultShape(attempt.resource)?.problem(with: output, requiresAll: true) {
                    problems.append(
                        "the mocked result of '\(entry.state)' (line \(answer.place.line)) is not what its step gives:"
                            + " \(problem)")
                }
                agree(id, .taskSucceeded(entry: entry.id, nonce: answering, output: output), at: end)
            } catch {
                halt = SimulationReport.Halt(
                    name: "Simulation.ResultFailed",
                    reason: "the mocked result of '\(entry.state)' (line \(answer.place.line)) has no value:"
                        + " \(error.cause)")
            }
        case .error(let error, let cause):
            agree(id, .taskFailed(entry: entry.id, nonce: answering, error: error, cause: cause), at: end)
        case .never:
            if let period = attempt.heartbeatSeconds {
                agree(
                    id, .heartbeatMissed(entry: entry.id, nonce: answering),
                    at: now + Instant(period) * 1_000_000)
            }
        }
    }

    /// Numbers of the items that a scope works on, from the outside in.
    private func items(of scope: ScopeID, _ id: String, _ execution: Execution) -> [Int] {
        var items: [Int] = []
        var current = execution.scopes[scope]
        while let here = current {
            if here.item != nil { items.insert(here.index, at: 0) }
            current = here.parent.flatMap { execution.scopes[$0] }
        }
        return (runs[id]?.items ?? []) + items
    }

    private mutating func read(_ entry: Entry, _ id: String) {
        guard let mock = mocks.states[entry.state] else {
            halt = SimulationReport.Halt(
                name: "Simulation.NotMocked",
                reason: "the Map state '\(entry.state)' reads its items from a store, and the mocks do not say which;"
                    + " write under states:\n  \(entry.state):\n    reads: [...]")
            return
        }
        usedMocks.insert(entry.state)
        if case .error(let error, let cause) = mock.answers.first?.kind {
            agree(id, .itemReadFailed(entry: entry.id, error: error, cause: cause), at: now)
        } else {
            agree(id, .itemsRead(entry: entry.id, items: mock.reads ?? []), at: now)
        }
    }

    private mutating func write(_ request: ResultWriteRequest, _ entry: Entry, _ id: String) {
        let parts = [request.prefix, request.mapRunARN.split(separator: ":").last.map(String.init), "manifest.json"]
        let written: JSON = [
            "MapRunArn": .string(request.mapRunARN),
            "ResultWriterDetails": .members(
                ("Bucket", request.bucket.map { .string($0) }),
                ("Key", .string(parts.compactMap(\.self).joined(separator: "/")))),
        ]
        let output = mocks.states[entry.state]?.writes ?? written
        if mocks.states[entry.state] != nil { usedMocks.insert(entry.state) }
        agree(id, .resultsWritten(entry: entry.id, output: output), at: now)
    }

    private mutating func start(
        _ index: Int, _ entry: Entry, _ scope: ScopeID, _ id: String, _ execution: Execution
    ) {
        guard let child = execution.childExecution(entry: entry.id, index: index) else { return }
        let start = ExecutionStart(
            machineARN: child.machineARN, name: child.name, definitionHash: "", input: child.input,
            seed: execution.seed(for: entry.id, draw: 4_000_000 + index), parent: child.membership)
        let items = items(of: scope, id, execution)
        open(child.name, start, parent: (id, entry.id, index), items: items + [index])
    }

    /// Child executions that nobody waits for any more are stopped.
    private mutating func settleChildren(of id: String, _ execution: Execution, _ effects: [Effect]) {
        let givesUp = effects.contains { effect in
            switch effect {
            case .childrenAborted, .executionFailed, .executionTimedOut, .executionAborted: true
            default: false
            }
        }
        guard givesUp else { return }
        for (child, run) in runs where run.execution.isOpen {
            guard let parent = run.parent, parent.id == id,
                execution.childExecution(entry: parent.entry, index: parent.index) == nil
            else { continue }
            agree(child, .stop(error: nil, cause: nil), at: now)
        }
    }

    // MARK: - Result

    private func report() -> SimulationReport {
        guard let main = runs[Self.mainID] else { preconditionFailure("the execution was opened") }
        return SimulationReport(
            outcome: halt == nil ? main.execution.outcome : nil, halt: halt,
            seconds: Double((main.execution.stoppedAt ?? now) - mocks.start) / 1_000_000, start: mocks.start,
            history: main.history.events,
            children: runs.values.dropFirst().map { run in
                SimulationReport.Child(
                    arn: run.execution.arn, mapRunARN: run.execution.start.parent?.mapRunARN ?? "",
                    status: run.execution.outcome?.status ?? "RUNNING", history: run.history.events)
            },
            calls: calls, visited: visited, problems: problems,
            unusedMocks: mocks.states.keys.filter { !usedMocks.contains($0) }.sorted(), expectation: mocks.expectation)
    }
}

extension String {
    /// Whether a task of this resource is taken first and answered later.
    fileprivate var isAnsweredLater: Bool {
        hasSuffix(".waitForTaskToken") || hasSuffix(".sync") || hasSuffix(".sync:2")
    }
}
