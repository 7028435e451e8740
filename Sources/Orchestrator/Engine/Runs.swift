import Cryptography
import Interpreter
import JSON
import Journal
import StatesLanguage
import StepContracts

/// A stream of updates, of one execution or of all.
struct Observer {
    let execution: String?
    let continuation: AsyncStream<RunUpdate>.Continuation
}

extension Engine: RunService {
    public func listRuns(_ query: RunQuery) async throws(EngineError) -> RunPage {
        try requireReady()
        var machine: String?
        if let given = query.machine {
            guard let name = ARN.machineName(given) else {
                throw EngineError(code: .invalid, message: "'\(given)' is no state machine's name or ARN.")
            }
            machine = name
        }
        var cursor: ListCursor?
        if let mark = query.before {
            let parts = mark.split(separator: "_", maxSplits: 1)
            guard parts.count == 2, let startedAt = Int64(parts[0]), isExecutionID(String(parts[1])) else {
                throw EngineError(code: .invalid, message: "'\(mark)' is no mark of a page.")
            }
            cursor = ListCursor(startedAt: startedAt, executionID: String(parts[1]))
        }
        let entries: [ListEntry]
        do {
            entries = try await journal.listExecutions(
                machine: machine, status: query.status?.rawValue, before: cursor, limit: query.limit + 1)
        } catch { throw unavailable(error.message) }
        let items = entries.prefix(query.limit)
        let next = entries.count > query.limit ? items.last.map { "\($0.startedAt)_\($0.executionID)" } : nil
        return RunPage(items: items.map(view), next: next)
    }

    public func run(_ id: String) async throws(EngineError) -> RunDetail {
        let run = try await find(id)
        return detail(of: run)
    }

    /// An execution in memory, or made anew from the journal. Throws `.notFound`.
    func find(_ id: String) async throws(EngineError) -> Run {
        try requireReady()
        let executionID = try await executionID(id)
        if let run = runs[executionID] { return run }
        let restored: Run?
        do { restored = try await restore(executionID) } catch { throw unavailable("\(error)") }
        guard let restored else { throw notFound(id) }
        return restored
    }

    /// The UUID behind a UUID or an ARN.
    private func executionID(_ id: String) async throws(EngineError) -> String {
        guard let (machine, name) = ARN.execution(id) else {
            guard isExecutionID(id) else { throw notFound(id) }
            return id.lowercased()
        }
        do {
            guard let found = try await journal.execution(byMachine: machine, name: name) else { throw notFound(id) }
            return found.executionID
        } catch let error as EngineError { throw error } catch { throw unavailable("\(error)") }
    }

    public func updates(of id: String?) async -> AsyncStream<RunUpdate> {
        let (stream, continuation) = AsyncStream.makeStream(of: RunUpdate.self, bufferingPolicy: .bufferingNewest(256))
        guard !isStopping, observers.count < limits.observers else {
            continuation.finish()
            return stream
        }
        var execution: String?
        if let id {
            do { execution = try await executionID(id) } catch {
                continuation.finish()
                return stream
            }
            guard let execution, runs[execution] != nil else {
                continuation.finish()
                return stream
            }
        }
        observerCount += 1
        let number = observerCount
        observers[number] = Observer(execution: execution, continuation: continuation)
        continuation.onTermination = { [weak self] _ in
            Task { await self?.removeObserver(number) }
        }
        return stream
    }

    private func removeObserver(_ number: UInt64) { observers[number] = nil }

    public func startExecution(machine: String, name: String?, input: String) async throws(EngineError)
        -> StartedExecution
    {
        try await start(machine: machine, name: name, input: input).execution
    }

    /// Starts an execution, or finds the one that has the name and was started with the same input; `isOpen` tells
    /// whether that one still runs, since AWS answers differently then.
    public func start(machine given: String, name: String?, input text: String) async throws(EngineError)
        -> (execution: StartedExecution, isNew: Bool, isOpen: Bool)
    {
        try requireReady()
        guard let machineName = ARN.machineName(given), let machine = machines[machineName] else {
            throw EngineError(code: .machineNotFound, message: "State Machine Does Not Exist: '\(given)'")
        }
        guard text.utf8.count <= limits.payloadBytes else {
            throw EngineError(
                code: .invalid, message: "The input has \(text.utf8.count) bytes; the limit is \(limits.payloadBytes).")
        }
        let input: JSON
        do { input = try JSON(parsing: text) } catch {
            throw EngineError(code: .invalid, message: "The input is \(error.description).")
        }
        if let problem = name.flatMap(Engine.nameProblem) { throw EngineError(code: .invalid, message: problem) }
        guard runs.count < limits.openExecutions else {
            throw unavailable("\(limits.openExecutions) executions are open; no more are taken.")
        }
        // What is open waits for the database; more would only wait with it.
        if let trouble = await journal.trouble { throw unavailable("The database takes no writes: \(trouble)") }
        let instant = now
        let id = makeExecutionID(at: instant)
        let executionName = name ?? id
        let seed = randomBytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let start = ExecutionStart(
            machineARN: ARN.stateMachine(machineName), name: executionName, definitionHash: machine.definitionHash,
            input: input, seed: seed)
        let run = Run(
            execution: Execution(id: id, start: start, machine: machine.stateMachine, at: instant),
            definition: machine.definition, seq: 0)
        let inputHash = SHA256.hash(input.canonicalText).hex
        runs[id] = run
        let verdict = await submit(
            .start, to: run, name: ExecutionName(machine: machineName, name: executionName, inputHash: inputHash))
        switch verdict {
        case .committed:
            return (StartedExecution(executionARN: run.execution.arn, startDateMicroseconds: instant), true, true)
        case .nameTaken(let executionID, let takenHash):
            guard takenHash == inputHash else {
                throw EngineError(
                    code: .nameTaken,
                    message: "Execution Already Exists: '\(ARN.execution(machine: machineName, name: executionName))'")
            }
            let existing = try await find(executionID)
            return (
                StartedExecution(
                    executionARN: existing.execution.arn, startDateMicroseconds: existing.execution.startedAt), false,
                existing.execution.isOpen
            )
        case .stale: preconditionFailure("a new execution takes its first event")
        case .refused(let reason):
            runs[id] = nil
            throw unavailable(reason)
        }
    }

    public func stopExecution(_ id: String, error: String?, cause: String?) async throws(EngineError) {
        _ = try await stop(id, error: error, cause: cause)
    }

    /// Ends a running execution as ABORTED and gives the instant at which it stopped; one that has ended already stays
    /// as it is.
    public func stop(_ id: String, error: String?, cause: String?) async throws(EngineError) -> Int64 {
        let run = try await find(id)
        if run.execution.isOpen, case .refused(let reason) = await submit(.stop(error: error, cause: cause), to: run) {
            throw unavailable(reason)
        }
        return try await find(run.execution.id).execution.stoppedAt ?? now
    }

    public func workers() async -> [WorkerView] {
        workerRecords.keys.sorted().compactMap { name in
            guard let record = workerRecords[name] else { return nil }
            let tasks = leases.values.filter { $0.worker == name }.sorted { $0.token.text < $1.token.text }
            return WorkerView(
                name: name, incarnation: record.request.incarnation, version: record.request.version,
                steps: record.request.steps, slots: record.request.slots, address: record.request.address,
                lastSeenMicroseconds: record.lastSeen,
                tasks: tasks.map { lease in
                    let run = runs[lease.token.execution]
                    return WorkerTaskView(
                        execution: lease.token.execution,
                        state: run?.execution.entry(lease.token.entry)?.state ?? "", entry: lease.token.entry,
                        progress: run?.progress[lease.token.entry])
                })
        }
    }

    // MARK: Views

    private func view(_ entry: ListEntry) -> RunView {
        if let run = runs[entry.executionID], run.seq > 0 { return view(of: run) }
        return RunView(
            executionARN: ARN.execution(machine: entry.machine, name: entry.name), id: entry.executionID,
            machine: entry.machine, name: entry.name, title: entry.title,
            status: RunStatus(rawValue: entry.status) ?? .running, startDateMicroseconds: entry.startedAt,
            stopDateMicroseconds: entry.stoppedAt, error: entry.error, cause: entry.cause)
    }

    func view(of run: Run) -> RunView {
        let execution = run.execution
        var view = RunView(
            executionARN: execution.arn, id: execution.id, machine: execution.machineName, name: execution.start.name,
            title: Engine.title(of: execution.start.input),
            status: execution.outcome.flatMap { RunStatus(rawValue: $0.status) } ?? .running,
            startDateMicroseconds: execution.startedAt, stopDateMicroseconds: execution.stoppedAt,
            current: execution.openEntries.map(\.state), progress: slowestProgress(of: run))
        switch execution.outcome {
        case .failed(let error, let cause), .timedOut(let error, let cause), .aborted(let error, let cause):
            view.error = error
            view.cause = cause
        case .succeeded, nil: break
        }
        return view
    }

    /// The report of the task that has the most before it.
    private func slowestProgress(of run: Run) -> RunProgress? {
        run.progress.values.map(RunProgress.init).min { ($0.share ?? 0) < ($1.share ?? 0) }
    }

    private func detail(of run: Run) -> RunDetail {
        var output: JSON?
        if case .succeeded(let value) = run.execution.outcome { output = value }
        return RunDetail(
            run: view(of: run), input: run.execution.start.input, output: output, definition: run.definition,
            states: Array(run.projection.entries.values), progress: progressEntries(of: run))
    }

    private func progressEntries(of run: Run) -> [EntryProgress] {
        run.progress.sorted { $0.key < $1.key }.compactMap { id, progress in
            run.execution.entry(id).map { EntryProgress(entry: id, state: $0.state, progress: progress) }
        }
    }

    // MARK: Updates

    func publishUpdate(of run: Run) {
        let changes = run.projection.takeChanges()
        guard !observers.isEmpty else { return }
        send(RunUpdate(run: view(of: run), states: changes), of: run)
        guard !run.execution.isOpen else { return }
        for observer in observers.values where observer.execution == run.execution.id {
            observer.continuation.finish()
        }
    }

    func publishProgress(of run: Run, entry: EntryID, _ progress: StepProgress) {
        guard !observers.isEmpty, let state = run.execution.entry(entry)?.state else { return }
        send(
            RunUpdate(run: view(of: run), progress: [EntryProgress(entry: entry, state: state, progress: progress)]),
            of: run)
    }

    private func send(_ update: RunUpdate, of run: Run) {
        for observer in observers.values where observer.execution == nil || observer.execution == run.execution.id {
            observer.continuation.yield(update)
        }
    }

    private func unavailable(_ reason: String) -> EngineError { EngineError(code: .unavailable, message: reason) }

    private func notFound(_ id: String) -> EngineError {
        EngineError(code: .notFound, message: "Execution Does Not Exist: '\(id)'")
    }

    private func isExecutionID(_ text: String) -> Bool {
        text.utf8.count == 36
            && text.utf8.enumerated().allSatisfy { index, byte in
                [8, 13, 18, 23].contains(index)
                    ? byte == UInt8(ascii: "-") : Character(Unicode.Scalar(byte)).isHexDigit
            }
    }

    /// What is wrong with an execution's name, by AWS's rule; nil when nothing is.
    static func nameProblem(_ name: String) -> String? {
        guard (1...80).contains(name.count) else {
            return "Invalid Name: '\(name)': a name has 1 to 80 characters."
        }
        let forbidden = Set("<>{}[]?*\"#%\\^|~`$&,;:/")
        let isAllowed = name.unicodeScalars.allSatisfy { scalar in
            !forbidden.contains(Character(scalar)) && !scalar.properties.isWhitespace && scalar.value > 0x1F
                && !(0x7F...0x9F).contains(scalar.value)
        }
        return isAllowed ? nil : "Invalid Name: '\(name)': it holds white space, a control or a special character."
    }
}
