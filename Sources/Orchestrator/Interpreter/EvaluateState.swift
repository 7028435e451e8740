import Encodings
import JSON
import StatesLanguage

extension Decider {
    /// Evaluates the state that a scope has entered: by its type it is left at once, or begins to wait.
    mutating func evaluate(scope: ScopeID) {
        guard let entry = execution.scopes.shared(scope)?.value.entry else {
            preconditionFailure("a runnable scope has an entry")
        }
        let plan = entry.plan
        do throws(EvaluationError) {
            if entry.branches?.mapRun != nil {
                try goOn(scope)
                return
            }
            switch plan.state.kind {
            case .pass(let result):
                let input = try effectiveInput(scope, entry)
                if let result {
                    try exit(scope, entry, result: .value(result))
                } else {
                    // Without Result a Pass state of JSONata has none, and Output works with the input.
                    try exit(scope, entry, result: plan.isJSONata ? nil : input)
                }
            case .task(let task): try schedule(scope, entry, task)
            case .choice(let choice): try choose(scope, entry, choice)
            case .wait(let wait): try self.wait(scope, entry, wait)
            case .succeed: try exit(scope, entry, result: nil)
            case .fail(let fail): try self.fail(scope, entry, fail)
            case .parallel(let branches): try startParallel(scope, entry, branches: branches)
            case .map(let map): try startMap(scope, entry, map)
            }
        } catch {
            handle(error, scope: scope)
        }
    }

    /// What the state works on: InputPath and Parameters applied, or Arguments.
    func effectiveInput(_ scope: ScopeID, _ entry: Entry) throws(EvaluationError) -> Payload {
        if entry.plan.passesInput { return .input }
        let seen = evaluationScope(scope, input: entry.input, draw: entry.retryCount * 4)
        switch entry.plan.state.dataFlow {
        case .jsonPath(let flow): return .value(try flow.effectiveInput(in: seen))
        case .jsonata(let flow): return .value(try flow.effectiveInput(in: seen))
        }
    }

    /// What the other fields of a state read: InputPath applied in JSONPath, the input in JSONata.
    func selectedScope(_ scope: ScopeID, _ entry: Entry) throws(EvaluationError) -> EvaluationScope {
        let seen = evaluationScope(scope, input: entry.input, draw: entry.retryCount * 4 + 2)
        switch entry.plan.state.dataFlow {
        case .jsonPath(let flow): return seen.reading(try flow.selectedInput(in: seen))
        case .jsonata: return seen
        }
    }

    private mutating func schedule(_ scope: ScopeID, _ entry: Entry, _ task: TaskState) throws(EvaluationError) {
        if task.resource.hasSuffix(".waitForTaskToken") {
            emit(.taskTokenIssued(scope: scope, nonce: callbackNonce(for: entry)))
        }
        let input = try effectiveInput(scope, entry)
        let fields =
            task.timeoutSeconds != nil || task.heartbeatSeconds != nil || task.credentials != nil
            ? try selectedScope(scope, entry) : nil
        let timeout = try seconds(task.timeoutSeconds, in: fields, field: "TimeoutSeconds", atLeast: 1)
        let heartbeat = try seconds(task.heartbeatSeconds, in: fields, field: "HeartbeatSeconds", atLeast: 1)
        if let credentials = task.credentials, let fields {
            let value = try credentials.evaluate(in: fields, field: "Credentials")
            try charge(.value(value), in: scope)
            emit(.credentialsTaken(scope: scope, credentials: value))
        }
        try charge(input, in: scope)
        emit(
            .taskScheduled(
                scope: scope, resource: task.resource, parameters: input, timeoutSeconds: timeout,
                heartbeatSeconds: heartbeat))
    }

    /// Nobody can tell it from what he has seen: where there are digests it is one over the execution's token key.
    private func callbackNonce(for entry: Entry) -> String {
        let draw = 3_000_000 + entry.retryCount + execution.redriveCount << 32
        guard let digest else {
            return Hex.digits(execution.seed(for: entry.id, draw: draw))
                + Hex.digits(execution.seed(for: entry.id, draw: draw + 1_000_000))
        }
        let text = "\(execution.start.tokenKey ?? "") \(execution.start.seed) \(execution.id) \(entry.id) \(draw)"
        return String(digest(.sha256, Array(text.utf8)).prefix(32))
    }

    private func seconds(
        _ source: NumberSource?, in seen: EvaluationScope?, field: String, atLeast least: Int
    ) throws(EvaluationError) -> Int? {
        guard let source, let seen else { return nil }
        return try checked(try source.value(in: seen, field: field), field: field, atLeast: least)
    }

    /// A number of seconds within the bounds that the language sets to literals: what a path finds may be any number,
    /// and instants are to be computed from it.
    private func checked(_ seconds: Int, field: String, atLeast least: Int) throws(EvaluationError) -> Int {
        guard (least...99_999_999).contains(seconds) else {
            throw EvaluationError(
                error: ErrorName.runtime, cause: "\(field) must be between \(least) and 99999999, not \(seconds).")
        }
        return seconds
    }

    private mutating func choose(_ scope: ScopeID, _ entry: Entry, _ choice: ChoiceState) throws(EvaluationError) {
        let input = try effectiveInput(scope, entry)
        let seen = evaluationScope(scope, input: execution.resolve(input, in: scope), draw: 0)
        let decision = try choice.decision(in: seen)
        let state = entry.plan.state
        let made: Exit
        if let rule = decision.rule {
            made = try Exit(
                output: output(scope, entry, result: nil, instead: rule.output),
                assigned: assigned(rule.assign, scope, entry, reading: seen))
        } else {
            made = try Exit(
                output: output(scope, entry, result: nil), assigned: assigned(state.assign, scope, entry, reading: seen)
            )
        }
        leave(scope, with: made)
        enter(scope: scope, state: decision.next)
    }

    /// Seconds are eight digits at most; for an instant the service waits as many as 31 bits can count.
    private static let longestSeconds = 99_999_999
    private static let longestWait: Instant = 2_147_483_647

    private mutating func wait(_ scope: ScopeID, _ entry: Entry, _ wait: WaitState) throws(EvaluationError) {
        let seen = try selectedScope(scope, entry)
        let until: Instant
        switch try wait.end(in: seen) {
        case .afterSeconds(let seconds):
            guard seconds <= Decider.longestSeconds else { throw tooLongWait }
            until = now + Instant(seconds) * 1_000_000
        case .at(let microseconds):
            guard microseconds - now <= Decider.longestWait * 1_000_000 else { throw tooLongWait }
            until = microseconds
        }
        emit(.waitStarted(scope: scope, until: until))
    }

    private var tooLongWait: EvaluationError {
        EvaluationError(error: ErrorName.runtime, cause: "Wait state delay is too long.")
    }

    private mutating func fail(_ scope: ScopeID, _ entry: Entry, _ fail: FailState) throws(EvaluationError) {
        let seen = evaluationScope(scope, input: entry.input, draw: 0)
        let error = try fail.error?.value(in: seen, field: "Error")
        let cause = try fail.cause?.value(in: seen, field: "Cause")
        endFailed(scope: scope, error: error, cause: cause)
    }

    /// Leaves a state whose work has given a result; an error on the way is the state's own, so its retriers and catchers
    /// see it.
    mutating func finish(scope: ScopeID, result: Payload) {
        guard let entry = execution.scopes.shared(scope)?.value.entry else {
            preconditionFailure("the state is not entered")
        }
        do throws(EvaluationError) {
            try exit(scope, entry, result: result)
        } catch {
            handle(error, scope: scope)
        }
    }

    /// Leaves a state that has no result of its own.
    mutating func leave(scope: ScopeID) {
        guard let entry = execution.scopes.shared(scope)?.value.entry else {
            preconditionFailure("the state is not entered")
        }
        do throws(EvaluationError) {
            try exit(scope, entry, result: nil)
        } catch {
            handle(error, scope: scope)
        }
    }

    private mutating func exit(_ scope: ScopeID, _ entry: Entry, result: Payload?) throws(EvaluationError) {
        let made = try Exit(
            output: output(scope, entry, result: result),
            assigned: assigned(entry.plan.state.assign, scope, entry, result: result))
        leave(scope, with: made)
        switch entry.plan.state.transition {
        case .next(let next): enter(scope: scope, state: next)
        case .end, nil: endSucceeded(scope: scope)
        }
    }
}
