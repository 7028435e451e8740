import Engine
import Interpreter
import JSON
import Journal
import OrderedCollections
import StatesLanguage

/// What must hold of the journal, and of what the world was told, whatever has happened.
struct Invariants {
    private let scenario: Scenario
    private let database: ModelDatabase

    init(_ scenario: Scenario) {
        self.scenario = scenario
        database = scenario.server.database
    }

    func check() -> [String] {
        var faults: [String] = []
        var folds: OrderedDictionary<String, Fold> = [:]
        for (id, rows) in database.journal {
            do {
                folds[id] = try Fold(id, rows, scenario.machine, repeats: true)
            } catch {
                faults.append("\(id): \(error)")
            }
        }
        for (id, fold) in folds {
            faults += fold.faults
            for (effect, count) in fold.effects { scenario.trace.count("effect \(effect)", times: count) }
            faults += writers(id)
            faults += line(id, fold)
            if let fault = outcome(id, fold, folds) { faults.append(fault) }
        }
        if database.journal.isEmpty { faults.append("nothing happened, so nothing was tested") }
        faults += scenario.server.deadlocks.map { "statements waited for each other: \($0)" }
        faults += database.doubles.map { "one engine wrote two rows for one place: \($0)" }
        return faults + names(folds) + answers(folds) + publications(folds) + children(folds) + snapshots()
    }

    /// Each row's writer held the lease when the row went in.
    private func writers(_ id: String) -> [String] {
        (database.journal[id] ?? [:]).compactMap { seq, row in
            row.writer.split(separator: "/").first.map(String.init) == row.leaseHolder
                ? nil : "row \(seq) of \(id) is \(row.writer)'s while \(row.leaseHolder) held the lease"
        }
    }

    /// The list says what the journal says.
    private func line(_ id: String, _ fold: Fold) -> [String] {
        guard let line = database.list[id] else { return ["\(id) is in no list"] }
        let status = fold.execution.outcome?.status ?? "RUNNING"
        return line.status == status && line.stoppedAt == fold.execution.stoppedAt
            && line.redriveCount == Int64(fold.execution.redriveCount)
            ? [] : ["\(id) is \(status), and \(line.status) in the list"]
    }

    /// It ended as the pure rules, driven in one go, say it must; or it was stopped, and somebody wanted that.
    private func outcome(_ id: String, _ fold: Fold, _ folds: OrderedDictionary<String, Fold>) -> String? {
        guard let outcome = fold.execution.outcome else { return "\(id) has not ended" }
        let start = fold.execution.start
        if case .aborted = outcome {
            if start.parent == nil, start.starter == nil, !scenario.book.stopped.contains(start.name) {
                return "\(start.name) \(id) was stopped, and nobody wanted that"
            }
            return nil
        }
        let expected = scenario.reference.outcome(of: start)
        return expected.agrees(with: outcome)
            ? nil : "\(start.machineARN) \(start.name) \(id) with \(start.input.text): \(outcome), not \(expected)"
    }

    /// A name belongs to one execution, and an execution has one; what was acknowledged is there.
    private func names(_ folds: OrderedDictionary<String, Fold>) -> [String] {
        var faults: [String] = []
        for (name, taken) in database.names where folds[taken.execution] == nil {
            faults.append("\(name) is taken by \(taken.execution), which has no journal")
        }
        let named = Set(database.names.values.map(\.execution))
        for id in folds.keys where !named.contains(id) { faults.append("\(id) has no name") }
        for (name, instant) in scenario.book.started {
            let found = folds.values.filter { $0.execution.start.name == name }
            if found.count != 1 || "\(found[0].execution.startedAt)" != instant {
                faults.append("\(name) was acknowledged as started at \(instant); the journal has \(found.count)")
            }
        }
        for (name, count) in scenario.book.redriven {
            let redrives = folds.values.first { $0.execution.start.name == name }?.execution.redriveCount ?? 0
            if redrives < count {
                faults.append("\(count) redrives of \(name) acknowledged, \(redrives) in the journal")
            }
        }
        return faults
    }

    /// An answer that was taken is in the journal, once; one that every engine refused changed nothing.
    private func answers(_ folds: OrderedDictionary<String, Fold>) -> [String] {
        var faults: [String] = []
        for (token, answers) in scenario.book.answers {
            let parts = token.split(separator: ".").map(String.init)
            let ends = folds[parts[0]]?.ends[parts[2]] ?? 0
            if ends > 1 { faults.append("\(token) ended \(ends) times") }
            if answers.taken > 0, ends == 0 { faults.append("the answer to \(token) was taken, and is not there") }
            if answers.takenSuccesses > 0, folds[parts[0]]?.successes.contains(parts[2]) != true {
                faults.append("the success of \(token) was taken, and the journal has none")
            }
            if answers.taken == 0, answers.open == 0, folds[parts[0]]?.successes.contains(parts[2]) == true {
                faults.append("the answer to \(token) was refused, and changed something")
            }
        }
        return faults
    }

    /// A title is visible exactly where the journal has the success that published it.
    private func publications(_ folds: OrderedDictionary<String, Fold>) -> [String] {
        var visible: [String: Int] = [:]
        for title in database.titles { visible[title.execution, default: 0] += 1 }
        return folds.compactMap { id, fold in
            visible[id] ?? 0 == fold.publications
                ? nil : "\(id) has published \(fold.publications) titles, \(visible[id] ?? 0) are visible"
        }
    }

    /// What a parent's journal says of its child executions' ends is what theirs say; and where a child did not succeed, of the
    /// try that the parent had asked for last, not of one before a redrive.
    private func children(_ folds: OrderedDictionary<String, Fold>) -> [String] {
        var tries: [ChildName: [(redrives: Int, outcome: Outcome)]] = [:]
        for fold in folds.values {
            if let membership = fold.execution.start.parent { tries[ChildName(membership)] = fold.outcomes }
        }
        return folds.flatMap { id, fold in
            fold.childEnds.compactMap { end in
                let isTrue = (tries[end.child] ?? []).contains { one in
                    one.outcome == end.outcome && (one.outcome.isSuccess || one.redrives == end.redrives)
                }
                return isTrue ? nil : "\(id) has taken \(end.outcome), redriven \(end.redrives), from \(end.child)"
            }
        }
    }

    /// A snapshot is the fold of the rows before it, whether or not anybody has read it.
    private func snapshots() -> [String] {
        database.snapshots.flatMap { id, kept in
            kept.values.compactMap { snapshot in
                do {
                    let restored = try Engine.execution(
                        inSnapshot: snapshot.body, of: id, definition: { scenario.machine($0).map(MachinePlan.init) })
                    let fold = try fold(id, rows: snapshot.nextSeq)
                    return fold?.execution == restored
                        ? nil : "the snapshot of \(id) is not the fold of its \(snapshot.nextSeq) rows"
                } catch { return "the snapshot of \(id) after \(snapshot.nextSeq) rows: \(error)" }
            }
        }
    }

    /// An answer that is refused comes too late: its attempt is over. To be asked when the refusal arrives.
    func refusalFault(_ token: String) -> String? {
        let parts = token.split(separator: ".").map(String.init)
        do {
            guard let entry = Int(parts[1]),
                let execution = try fold(parts[0], rows: Int64(database.journal[parts[0]]?.count ?? 0))?.execution
            else { return "\(token) is no token of an execution in the journal" }
            let answer = Event.taskFailed(entry: entry, nonce: parts[2], error: "", cause: "")
            let isLive = !decide(execution, answer, now: execution.at, limits: execution.start.deployment.limits)
                .isStale
            return isLive ? "\(token) was refused, and its attempt is not over" : nil
        } catch { return "\(token): \(error)" }
    }

    /// Memory is the fold of the journal: of as many rows as the engine says it has.
    func memoryFault(_ execution: Execution, rows: Int64) -> String? {
        do {
            guard let fold = try fold(execution.id, rows: rows) else {
                return "\(execution.id) has \(rows) rows in memory, and fewer in the journal"
            }
            return fold.execution == execution ? nil : "\(execution.id) is not the fold of its \(rows) rows"
        } catch { return "\(execution.id): \(error)" }
    }

    /// Of an execution's first rows; nil where it has fewer, or none.
    private func fold(_ id: String, rows: Int64) throws -> Fold? {
        guard rows > 0, let journal = database.journal[id] else { return nil }
        let taken = journal.filter { $0.key < rows }
        guard taken.count == rows else { return nil }
        return try Fold(id, taken, scenario.machine)
    }
}

/// A child execution of a Map Run, as its parent's journal counts it.
struct ChildName: Hashable {
    let parent: String
    let entry: EntryID
    let mapRun: String
    let index: Int
    /// How often one of an EXPRESS child was made: each redrive makes another.
    let generation: Int

    init(parent: String, entry: EntryID, mapRun: String, index: Int, generation: Int) {
        self.parent = parent
        self.entry = entry
        self.mapRun = mapRun
        self.index = index
        self.generation = generation
    }

    init(_ membership: MapRunMembership) {
        self.init(
            parent: membership.execution, entry: membership.entry, mapRun: membership.mapRunARN,
            index: membership.index, generation: membership.generation)
    }
}

extension Outcome {
    fileprivate var isSuccess: Bool { if case .succeeded = self { true } else { false } }
}

/// An execution's journal, applied.
struct Fold {
    private(set) var execution: Execution
    private(set) var faults: [String] = []
    /// How often the attempt with a nonce ended.
    private(set) var ends: [String: Int] = [:]
    /// Nonces of attempts that succeeded.
    private(set) var successes: Set<String> = []
    /// How many there are of each kind.
    private(set) var effects: [String: Int] = [:]
    /// Successes of the step that publishes.
    private(set) var publications = 0
    /// How it ended, each time, and how often it had been redriven by then.
    private(set) var outcomes: [(redrives: Int, outcome: Outcome)] = []
    /// The ends of child executions that it has taken, with how often it had had each redriven. An EXPRESS child is never
    /// redriven but made anew.
    private(set) var childEnds: [(child: ChildName, redrives: Int, outcome: Outcome)] = []
    private var echoes: Echoes?

    struct Broken: Error, CustomStringConvertible {
        let description: String
    }

    /// - Parameter repeats: whether all that it was told is told again after each row.
    init(
        _ id: String, _ rows: OrderedDictionary<Int64, ModelDatabase.Row>,
        _ machine: (String) -> StateMachine?, repeats: Bool = false
    ) throws {
        let ordered = rows.sorted { $0.key < $1.key }
        guard ordered.map(\.key) == Array(0..<Int64(ordered.count)) else {
            throw Broken(description: "rows \(ordered.map(\.key)): not each once, without gaps")
        }
        guard let first = ordered.first,
            case .executionStarted(let start)? = try Effect.decode(first.value.effects).first,
            let definition = machine(start.definitionHash)
        else { throw Broken(description: "the first row starts nothing") }
        execution = Execution(id: id, start: start, definition: MachinePlan(definition), at: first.value.at)
        if repeats { echoes = Echoes() }
        var at = first.value.at
        for (seq, row) in ordered {
            if row.at < at { faults.append("time runs backwards in row \(seq) of \(id)") }
            at = row.at
            for effect in try Effect.decode(row.effects) { take(effect, row, seq) }
            if let echoes {
                faults += echoes.taken(by: execution, at: at).map {
                    "row \(seq) of \(id) is followed by a repetition: \($0)"
                }
            }
        }
    }

    /// The instant before which an effect can't be: nothing but time ends a wait, a backoff or a task's patience.
    private func timer(_ effect: Effect) -> Int64? {
        guard let entry = effect.scope.flatMap({ execution.scopes[$0]?.entry }) else { return nil }
        switch (entry.phase, effect) {
        case (.waiting, .stateExited), (.backingOff, .retryStarted), (.task, .taskTimedOut(_, "States.Timeout", _)):
            return entry.wake
        default: return nil
        }
    }

    private mutating func take(_ effect: Effect, _ row: ModelDatabase.Row, _ seq: Int64) {
        effects[String("\(effect)".prefix { $0 != "(" }), default: 0] += 1
        let isRedrive = if case .executionRedriven = effect { true } else { false }
        if execution.isOpen == isRedrive { faults.append("row \(seq) of \(execution.id) follows its end: \(effect)") }
        if let wake = timer(effect), row.at < wake {
            faults.append("row \(seq) of \(execution.id) is \(wake - row.at) us early: \(effect)")
        }
        if let scope = effect.scope, case .task(let attempt) = execution.scopes[scope]?.entry?.phase {
            switch effect {
            case .taskStarted:
                if attempt.started != nil { faults.append("two live attempts in \(execution.id), row \(seq)") }
            case .taskSubmitted:
                guard let nonce = attempt.started?.nonce else { break }
                ends[nonce, default: 0] += 1
                successes.insert(nonce)
            case .taskSucceeded, .taskFailed, .taskTimedOut:
                // What was handed over to somebody else is ended by its token.
                guard let nonce = attempt.callbackNonce ?? attempt.started?.nonce else { break }
                ends[nonce, default: 0] += 1
                if case .taskSucceeded = effect {
                    successes.insert(nonce)
                    if attempt.resource.hasSuffix(":announce") { publications += 1 }
                }
            default: break
            }
        }
        if case .childExecutionEnded(let scope, let index, let outcome) = effect,
            let entry = execution.scopes[scope]?.entry, let mapRun = entry.branches?.mapRun,
            let child = mapRun.running[index]
        {
            let isExpress = entry.runsExpressChildren
            let name = ChildName(
                parent: execution.id, entry: entry.id, mapRun: mapRun.arn, index: index,
                generation: isExpress ? child.redrives : 0)
            childEnds.append((name, isExpress ? 0 : child.redrives, outcome))
        }
        echoes?.note(effect, in: execution)
        let wasOpen = execution.isOpen
        execution.apply(effect, at: row.at)
        if wasOpen, let outcome = execution.outcome { outcomes.append((execution.redriveCount, outcome)) }
    }
}
