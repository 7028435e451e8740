import Cryptography
import Dispatching
import Encodings
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
        if let mapRun = query.mapRun, query.status == .pendingRedrive {
            return try await listPendingRedrives(of: mapRun, query)
        }
        var filter = ListFilter(
            mapRun: query.mapRun, status: query.status?.rawValue, isRedriven: query.isRedriven)
        if let given = query.machine {
            switch given.hasPrefix("arn:") ? try ResourceName(arn: given) : .stateMachine(given) {
            case .stateMachine(let name): filter.machine = name
            case .version(let name, let number):
                filter.machine = name
                filter.version = Int64(number)
            case .alias(let name, let alias):
                filter.machine = name
                filter.alias = alias
            case .mapState(let machine, let label): filter.machine = "\(machine)/\(label)"
            case let other: throw other.isOutOfPlace
            }
        }
        return try await page(query, filter)
    }

    /// A page of the list, those alone that the filter lets through.
    func page(_ query: RunQuery, _ filter: ListFilter) async throws(EngineError) -> RunPage {
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
            entries = try await journal.listExecutions(filter, before: cursor, limit: query.limit + 1)
        } catch { throw unavailable(error.message) }
        let items = entries.prefix(query.limit)
        var views = items.map(view)
        let next = entries.count > query.limit ? views.last?.listMark : nil
        if query.tellsStates { try await tellStates(in: &views) }
        return RunPage(items: views, next: next)
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
        if let suspect = suspects[executionID], suspect.event == "load" {
            throw EngineError(code: .conflict, message: "\(suspect.sentence) It is not looked at.")
        }
        guard let run = try await load(executionID) else { throw notFound(id) }
        return run
    }

    /// The UUID behind a UUID or an ARN.
    func executionID(_ id: String) async throws(EngineError) -> String {
        guard id.hasPrefix("arn:") else {
            guard isExecutionID(id) else { throw notFound(id) }
            return id.lowercased()
        }
        let resource = try ResourceName(arn: id)
        let (machine, name): (String, String)
        switch resource {
        case .execution(let given, let givenName): (machine, name) = (given, givenName)
        // Names of EXPRESS executions are not unique; the id in their ARN is.
        case .express(_, _, let uuid):
            guard isExecutionID(uuid) else { throw notFound(id) }
            return uuid
        case .stateMachine, .version, .alias, .mapState, .activity, .mapRun: throw resource.isOutOfPlace
        }
        do {
            guard resource.arn == id, let found = try await journal.execution(byMachine: machine, name: name) else {
                throw notFound(id)
            }
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
            guard let execution, await awake(execution) != nil else {
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
    ///
    /// - Parameter machine: a name, or the ARN of a machine, a version or an alias.
    ///
    /// Throws `.machineNotFound`, `.machineDeleting`, `.invalidARN`, `.invalidName`, `.invalidInput`, `.nameTaken`,
    /// `.executionLimit`.
    public func start(machine given: String, name: String?, input text: String) async throws(EngineError)
        -> (execution: StartedExecution, isNew: Bool, isOpen: Bool)
    {
        try await start(machine: given, name: name, input: text, for: nil)
    }

    /// The same for a task that waits for the end, or for what starts executions by itself.
    func start(
        machine given: String, name: String?, input text: String, for task: WaitingTask?,
        origin: ExecutionOrigin? = nil, trace: String? = TraceID.current?.text
    ) async throws(EngineError) -> (execution: StartedExecution, isNew: Bool, isOpen: Bool) {
        try requireReady()
        return try await start(
            try target(given), name: name, input: text, for: task, origin: origin, trace: trace
        ).started
    }

    /// Whether an ARN leads to an EXPRESS machine.
    public func isExpress(_ arn: String) -> Bool {
        let name: ResourceName
        do throws(EngineError) { name = try ResourceName(arn: arn) } catch { return false }
        switch name {
        case .stateMachine(let machine), .version(let machine, _), .alias(let machine, _):
            return machines[machine]?.type == .express
        case .mapState, .execution, .express, .activity, .mapRun: return false
        }
    }

    /// Starts an execution of an EXPRESS machine and waits for its end, at most as long as AWS lets one run.
    ///
    /// Throws `.typeNotSupported` for STANDARD machines, `.unavailable` when the engine stops before, `.busy` when too many
    /// are waited for, and otherwise as
    /// ``start(machine:name:input:)`` does.
    public func startSync(machine given: String, name: String?, input text: String) async throws(EngineError)
        -> RunDetail
    {
        try requireReady()
        let target = try target(given)
        guard target.machine.type == .express else {
            throw EngineError(
                code: .typeNotSupported, message: "This operation is not supported by this type of state machine")
        }
        guard synchronousCount < limits.synchronousExecutions else {
            throw EngineError(
                code: .busy,
                message: "Rate exceeded: \(limits.synchronousExecutions) synchronous executions are waited for.")
        }
        synchronousCount += 1
        defer { synchronousCount -= 1 }
        let (_, run) = try await start(
            target, name: name ?? makeUUID(), input: text, trace: TraceID.current?.text)
        guard let run else { preconditionFailure("executions of EXPRESS machines are always new") }
        let limit = Task {
            do { try await bootClock.sleep(for: Self.expressLimit) } catch { return }
            self.post(.stop(error: "States.Timeout", cause: nil), to: run)
        }
        defer { limit.cancel() }
        if run.execution.isOpen { await withCheckedContinuation { run.endWaiters.append($0) } }
        guard !run.execution.isOpen else { throw unavailable("The engine stops; the execution goes on.") }
        return detail(of: run)
    }

    /// Source: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    private static let expressLimit = Duration.seconds(300)

    private func start(
        _ target: Target, name: String?, input text: String, for task: WaitingTask? = nil,
        origin: ExecutionOrigin? = nil, trace: String?
    ) async throws(EngineError) -> (started: (execution: StartedExecution, isNew: Bool, isOpen: Bool), run: Run?) {
        if let name { try NameRule.check(name) }
        let input = try executionInput(text)
        guard runs.count < limits.openExecutions, cold.total < limits.coldExecutions else {
            throw tooManyExecutions
        }
        // What is open waits for the database; more would only wait with it.
        if let trouble = await journal.trouble { throw unavailable("The database takes no writes: \(trouble)") }
        let definition: ParsedDefinition
        do { definition = try await self.definition(target.revision.definitionHash) } catch {
            throw unavailable("\(error)")
        }
        // Others had their turn meanwhile; from here to the insertion nobody has.
        guard let machine = machines[target.machine.name], !machine.isDeleting else { throw isDeleting(target.machine) }
        guard runs.count < limits.openExecutions else {
            throw tooManyExecutions
        }
        let instant = now
        let id = timeOrderedUUID(at: instant, random: randomBytes(16))
        let executionName = name ?? id
        let start = ExecutionStart(
            machineARN: target.machine.arn, name: executionName, definitionHash: definition.hash, input: input,
            seed: randomBytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }, tokenKey: Hex.encode(randomBytes(16)),
            roleARN: target.revision.configuration.roleARN,
            deployment: Deployment(
                revision: target.revision.id, version: target.version, alias: target.alias,
                stateBytes: target.revision.configuration.stateBytes, isExpress: target.machine.type == .express),
            starter: task, origin: origin, trace: trace)
        let run = Run(
            FoldedExecution(
                Execution(id: id, start: start, definition: definition.plan, at: instant), definition: definition.text))
        let inputHash = SHA256.hash(input.canonicalText).hex
        let startSubject = StartAside.subject(definition: definition.hash, input: inputHash)
        if let suspect = suspects[startSubject], let aside = StartAside(startSubject, suspect) {
            throw EngineError(
                code: .invalidInput,
                message: "Invalid State Machine Execution Input: '\(suspect.sentence) It is set aside as \(aside.id).'")
        }
        run.startSubject = startSubject
        insert(run)
        let verdict = await submit(
            .start, to: run,
            name: ExecutionName(
                machine: target.machine.name,
                name: start.deployment.isExpress ? "\(executionName):\(id)" : executionName, inputHash: inputHash))
        switch verdict {
        case .committed:
            let started = StartedExecution(executionARN: run.execution.arn, startDateMicroseconds: instant)
            return ((started, true, true), run)
        case .nameTaken(let executionID, let takenHash):
            guard takenHash == inputHash else {
                throw EngineError(
                    code: .nameTaken,
                    message: "Execution Already Exists: '\(run.execution.arn)'")
            }
            let taker = try await taker(executionID, arn: run.execution.arn)
            return ((taker.execution, false, taker.isOpen), nil)
        case .stale: preconditionFailure("a new execution takes its first event")
        case .refused(let reason):
            forget(run)
            throw unavailable(reason)
        }
    }

    /// What a new execution runs by.
    private struct Target {
        let machine: Machine
        let revision: Revision
        var version: Int?
        var alias: String?
    }

    private func target(_ given: String) throws(EngineError) -> Target {
        let resource = given.hasPrefix("arn:") ? try ResourceName(arn: given) : .stateMachine(given)
        let target: Target
        switch resource {
        case .stateMachine(let name):
            let machine = try machine(named: name, asked: given)
            target = Target(machine: machine, revision: machine.current)
        case .version(let name, let number):
            let machine = try machine(named: name, asked: given)
            guard let version = machine.versions[number] else { throw EngineError.noMachine(given) }
            target = Target(machine: machine, revision: version.revision, version: number)
        case .alias(let name, let aliasName):
            let machine = try machine(named: name, asked: given)
            guard let alias = machine.aliases[aliasName] else { throw EngineError.noMachine(given) }
            let number = draw(alias, of: machine)
            guard let version = machine.versions[number] else {
                preconditionFailure("a version that an alias leads to is not deleted")
            }
            target = Target(machine: machine, revision: version.revision, version: number, alias: aliasName)
        case .mapState: throw EngineError.noMachine(given)
        case .execution, .express, .activity, .mapRun: throw resource.isOutOfPlace
        }
        guard !target.machine.isDeleting else { throw isDeleting(target.machine) }
        guard resource.arn == given || !given.hasPrefix("arn:") else { throw EngineError.noMachine(given) }
        return target
    }

    private func executionInput(_ text: String) throws(EngineError) -> JSON {
        func refusal(_ reason: String) -> EngineError {
            EngineError(code: .invalidInput, message: "Invalid State Machine Execution Input: '\(reason)'")
        }
        guard text.utf8.count <= limits.payloadBytes else {
            throw refusal("it has \(text.utf8.count) bytes; the limit is \(limits.payloadBytes)")
        }
        guard !text.isEmpty else { throw refusal("Invalid execution input.") }
        let input: JSON
        do { input = try JSON(parsing: text) } catch { throw refusal(complaint(about: text)) }
        do throws(DispatchWishes.Fault) { _ = try DispatchWishes(input: input) } catch { throw refusal("\(error)") }
        return input
    }

    public func stopExecution(_ id: String, error: String?, cause: String?) async throws(EngineError) {
        _ = try await stop(id, error: error, cause: cause)
    }

    /// Ends a running execution as ABORTED and gives the instant at which it stopped; one that has ended already stays
    /// as it is.
    public func stop(_ id: String, error: String?, cause: String?) async throws(EngineError) -> Int64 {
        var run = try await find(id)
        // Read from the journal while somebody had redriven it, and ended since then.
        for _ in 0..<10 where run.execution.isOpen && runs[run.execution.id] !== run {
            guard !reloading.contains(run.execution.id), suspects[run.execution.id] == nil else { break }
            run = try await find(run.execution.id)
        }
        if run.execution.isOpen, suspects[run.execution.id] != nil, runs[run.execution.id] == nil {
            try await stopSetAside(run, error: error, cause: cause)
            return run.execution.stoppedAt ?? now
        }
        guard !run.execution.isOpen || runs[run.execution.id] === run else {
            throw unavailable("The execution is being loaded again.")
        }
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
                lastSeenMicroseconds: record.lastSeen, standing: dispatcher.standing(of: name),
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

    func view(_ entry: ListEntry) -> RunView {
        if let run = runs[entry.executionID], run.seq > 0 { return view(of: run) }
        return listed(entry)
    }

    /// An execution as its line in the lists has it, whatever memory knows.
    func listed(_ entry: ListEntry) -> RunView {
        let isExpress = machines[entry.machine]?.type == .express
        let arn =
            isExpress
            ? ResourceName.express(machine: entry.machine, name: entry.name, id: entry.executionID)
            : .execution(machine: entry.machine, name: entry.name)
        var view = RunView(
            executionARN: arn.arn, id: entry.executionID,
            machine: entry.machine, name: entry.name, title: entry.title,
            status: RunStatus(rawValue: entry.status) ?? .running, startDateMicroseconds: entry.startedAt,
            stopDateMicroseconds: entry.stoppedAt, error: entry.error, cause: entry.cause,
            version: entry.version.map { Int($0) }, alias: entry.alias, mapRunARN: entry.mapRun)
        view.redriveCount = Int(entry.redriveCount)
        view.redriveDateMicroseconds = entry.redrivenAt
        view.itemCount = entry.itemCount.map { Int($0) }
        view.quarantine = suspects[entry.executionID]?.sentence
        noteRedrive(in: &view, isExpress: isExpress)
        return view
    }

    func view(of run: Run) -> RunView {
        let execution = run.execution
        var view = RunView(
            executionARN: execution.arn, id: execution.id, machine: execution.machineName, name: execution.start.name,
            title: Engine.title(of: execution.start.input),
            status: execution.outcome.flatMap { RunStatus(rawValue: $0.status) } ?? .running,
            startDateMicroseconds: execution.startedAt, stopDateMicroseconds: execution.stoppedAt,
            current: execution.openEntries.map(\.state), progress: progress(of: run),
            version: execution.start.deployment.version, alias: execution.start.deployment.alias,
            mapRunARN: execution.start.parent?.mapRunARN)
        switch execution.outcome {
        case .failed(let error, let cause), .timedOut(let error, let cause), .aborted(let error, let cause):
            view.error = error
            view.cause = cause
        case .succeeded, nil: break
        }
        view.redriveCount = execution.redriveCount
        view.redriveDateMicroseconds = execution.redrivenAt
        view.itemCount = execution.start.parent?.itemCount
        view.quarantine = suspects[execution.id]?.sentence
        view.stuck = execution.isOpen && !run.progress.isEmpty ? stuck(run).first?.sentence : nil
        noteRedrive(in: &view, isExpress: execution.start.deployment.isExpress)
        return view
    }

    func detail(of run: Run) -> RunDetail {
        var output: JSON?
        if case .succeeded(let value) = run.execution.outcome { output = value }
        var detail = RunDetail(
            run: view(of: run), input: run.execution.start.input, output: output, definition: run.definition,
            states: Array(run.projection.entries.values), progress: progressEntries(of: run),
            origin: run.execution.start.origin)
        detail.statesOmitted = run.projection.omitted
        detail.traceID = run.execution.traceID
        detail.usage = run.projection.usage
        return detail
    }

    private func progressEntries(of run: Run) -> [EntryProgress] {
        run.progress.sorted { $0.key < $1.key }.compactMap { id, progress in
            run.execution.entry(id).map { EntryProgress(entry: id, state: $0.state, progress: progress) }
        }
    }

    // MARK: Updates

    func publishUpdate(of run: Run) {
        guard !observers.isEmpty else { return run.projection.forgetChanges() }
        send(RunUpdate(run: view(of: run), states: run.projection.takeChanges()), of: run)
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
        // Children of Map Runs are shown with their parent, not in the list of all.
        let isListed = run.execution.start.parent == nil
        for observer in observers.values
        where observer.execution == nil && isListed || observer.execution == run.execution.id {
            observer.continuation.yield(update)
        }
    }

    var tooManyExecutions: EngineError {
        EngineError(
            code: .executionLimit,
            message: "Execution Limit Exceeded: \(limits.openExecutions) executions are open; no more are taken.")
    }

    private func unavailable(_ reason: String) -> EngineError { .unavailable(reason) }

    private func notFound(_ id: String) -> EngineError { .noExecution(id) }

    private func isExecutionID(_ text: String) -> Bool {
        text.utf8.count == 36
            && text.utf8.enumerated().allSatisfy { index, byte in
                [8, 13, 18, 23].contains(index)
                    ? byte == UInt8(ascii: "-") : Character(Unicode.Scalar(byte)).isHexDigit
            }
    }
}
