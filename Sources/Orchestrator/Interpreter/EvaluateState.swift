import JSON
import StatesLanguage

extension Decider {
    /// Evaluates the state that a scope has entered: by its type it is left at once, or begins to wait.
    mutating func evaluate(scope: ScopeID) {
        guard let entry = execution.scopes[scope]?.entry else { preconditionFailure("a runnable scope has an entry") }
        let state = execution.state(of: entry)
        do throws(EvaluationError) {
            switch state.kind {
            case .pass(let result): try pass(scope, entry, state, result: result)
            case .task(let task): try schedule(scope, entry, state, task)
            case .choice(let choice): try choose(scope, entry, state, choice)
            case .wait(let wait): try self.wait(scope, entry, state, wait)
            case .succeed: leave(scope: scope, result: .input)
            case .fail(let fail): try self.fail(scope, entry, fail)
            case .parallel(let branches): try start(scope, entry, state, branches: branches)
            case .map(let map): try start(scope, entry, state, map)
            }
        } catch {
            handle(error, scope: scope)
        }
    }

    /// The effective input: InputPath and Parameters applied.
    func effectiveInput(_ scope: ScopeID, _ entry: Entry, _ state: State) throws(EvaluationError) -> Payload {
        if state.dataFlow.passesInput { return .input }
        return .value(
            try state.dataFlow.effectiveInput(
                of: entry.input, context: execution.contextObject(in: scope),
                seed: execution.seed(for: entry.id, draw: entry.retryCount * 4), digest: digest))
    }

    /// What the fields that end in Path read: InputPath applied.
    func selectedScope(_ scope: ScopeID, _ entry: Entry, _ state: State) throws(EvaluationError) -> EvaluationScope {
        evaluationScope(
            scope,
            input: try state.dataFlow.selectedInput(of: entry.input, context: execution.contextObject(in: scope)),
            draw: 0)
    }

    private mutating func pass(_ scope: ScopeID, _ entry: Entry, _ state: State, result: JSON?)
        throws(EvaluationError)
    {
        let input = try effectiveInput(scope, entry, state)
        if let result {
            try exit(scope, entry, state, result: .value(result))
        } else {
            try exit(scope, entry, state, result: input)
        }
    }

    private mutating func schedule(_ scope: ScopeID, _ entry: Entry, _ state: State, _ task: TaskState)
        throws(EvaluationError)
    {
        let input = try effectiveInput(scope, entry, state)
        let seen = try selectedScope(scope, entry, state)
        let timeout = try seconds(task.timeoutSeconds, in: seen, field: "TimeoutSeconds", atLeast: 1)
        let heartbeat = try seconds(task.heartbeatSeconds, in: seen, field: "HeartbeatSeconds", atLeast: 1)
        try charge(input, in: scope)
        emit(
            .taskScheduled(
                scope: scope, resource: task.resource, parameters: input, timeoutSeconds: timeout,
                heartbeatSeconds: heartbeat))
    }

    private func seconds(
        _ source: NumberSource?, in seen: EvaluationScope, field: String, atLeast least: Int
    ) throws(EvaluationError) -> Int? {
        guard let source else { return nil }
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

    private mutating func choose(_ scope: ScopeID, _ entry: Entry, _ state: State, _ choice: ChoiceState)
        throws(EvaluationError)
    {
        let input = try effectiveInput(scope, entry, state)
        let seen = evaluationScope(scope, input: execution.resolve(input, in: scope), draw: 0)
        let target = try choice.chosen(in: seen)
        let output = try selectOutput(scope, state, of: input)
        try charge(output, in: scope)
        emit(.stateExited(scope: scope, output: output))
        enter(scope: scope, state: target)
    }

    private mutating func wait(_ scope: ScopeID, _ entry: Entry, _ state: State, _ wait: WaitState)
        throws(EvaluationError)
    {
        let input = try effectiveInput(scope, entry, state)
        let seen = evaluationScope(scope, input: execution.resolve(input, in: scope), draw: 0)
        let until: Instant =
            switch try wait.end(in: seen) {
            case .afterSeconds(let seconds):
                now + Instant(try checked(seconds, field: "Seconds", atLeast: 0)) * 1_000_000
            case .at(let microseconds): microseconds
            }
        emit(.waitStarted(scope: scope, until: until))
    }

    private mutating func fail(_ scope: ScopeID, _ entry: Entry, _ fail: FailState) throws(EvaluationError) {
        let seen = evaluationScope(scope, input: entry.input, draw: 0)
        let error = try fail.error?.value(in: seen, field: "Error")
        let cause = try fail.cause?.value(in: seen, field: "Cause")
        endFailed(scope: scope, error: error, cause: cause)
    }

    /// Ends the work of a state with what its work gave: ResultSelector, ResultPath, OutputPath, then Next. A failure
    /// on the way is the state's own, so its retriers and catchers see it.
    mutating func finish(scope: ScopeID, result: Payload) {
        guard let entry = execution.scopes[scope]?.entry else { preconditionFailure("the state is not entered") }
        do throws(EvaluationError) {
            try exit(scope, entry, execution.state(of: entry), result: result)
        } catch {
            handle(error, scope: scope)
        }
    }

    /// Leaves a state that has no result of its own: only OutputPath applies.
    mutating func leave(scope: ScopeID, result: Payload) {
        guard let entry = execution.scopes[scope]?.entry else { preconditionFailure("the state is not entered") }
        let state = execution.state(of: entry)
        do throws(EvaluationError) {
            let input = try effectiveInput(scope, entry, state)
            let output = try selectOutput(scope, state, of: input)
            try charge(output, in: scope)
            emit(.stateExited(scope: scope, output: output))
            proceed(scope: scope, state: state)
        } catch {
            handle(error, scope: scope)
        }
    }

    private mutating func exit(_ scope: ScopeID, _ entry: Entry, _ state: State, result: Payload)
        throws(EvaluationError)
    {
        let output: Payload
        if state.dataFlow.passesResult {
            output = result
        } else {
            output = .value(
                try state.dataFlow.output(
                    raw: entry.input, result: execution.resolve(result, in: scope),
                    context: execution.contextObject(in: scope),
                    seed: execution.seed(for: entry.id, draw: entry.retryCount * 4 + 1), digest: digest))
        }
        try charge(output, in: scope)
        emit(.stateExited(scope: scope, output: output))
        proceed(scope: scope, state: state)
    }

    private func selectOutput(_ scope: ScopeID, _ state: State, of input: Payload) throws(EvaluationError) -> Payload {
        if state.dataFlow.passesOutput { return input }
        let value = execution.resolve(input, in: scope)
        return .value(
            try state.dataFlow.selectedOutput(of: value, context: execution.contextObject(in: scope)))
    }

    /// Goes on after a state has been left.
    private mutating func proceed(scope: ScopeID, state: State) {
        switch state.transition {
        case .next(let next): enter(scope: scope, state: next)
        case .end, nil: endSucceeded(scope: scope)
        }
    }
}
