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
    private func effectiveInput(_ scope: ScopeID, _ entry: Entry, _ state: State) throws(EvaluationError) -> Payload {
        if state.dataFlow.passesInput { return .input }
        return .value(
            try state.dataFlow.effectiveInput(of: evaluationScope(scope, input: entry.input, draw: entry.retryCount * 4)))
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
        // The ...Path forms read the state's effective input before Parameters, that is after InputPath.
        let selected = try state.dataFlow.selectedInput(of: evaluationScope(scope, input: entry.input, draw: 0))
        let paths = evaluationScope(scope, input: selected, draw: 0)
        let timeout = try task.timeoutSeconds?.value(in: paths)
        let heartbeat = try task.heartbeatSeconds?.value(in: paths)
        emit(
            .taskScheduled(
                scope: scope, resource: task.resource, parameters: input, timeoutSeconds: timeout,
                heartbeatSeconds: heartbeat))
    }

    private mutating func choose(_ scope: ScopeID, _ entry: Entry, _ state: State, _ choice: ChoiceState)
        throws(EvaluationError)
    {
        let input = try effectiveInput(scope, entry, state)
        let seen = evaluationScope(scope, input: execution.resolve(input, in: scope), draw: 0)
        var target = choice.defaultNext
        for rule in choice.rules where try rule.condition.matches(in: seen) {
            target = rule.next
            break
        }
        guard let target else {
            throw EvaluationError(error: ErrorName.noChoiceMatched, cause: "No Choice rule matched and there is no Default.")
        }
        let output = try selectOutput(scope, state, of: input)
        emit(.stateExited(scope: scope, output: output))
        enter(scope: scope, state: target)
    }

    private mutating func wait(_ scope: ScopeID, _ entry: Entry, _ state: State, _ wait: WaitState)
        throws(EvaluationError)
    {
        let input = try effectiveInput(scope, entry, state)
        let seen = evaluationScope(scope, input: execution.resolve(input, in: scope), draw: 0)
        let until: Instant
        switch wait {
        case .seconds(let source): until = now + Instant(max(try source.value(in: seen), 0)) * 1_000_000
        case .timestamp(let source):
            let text = try source.value(in: seen)
            guard let instant = Timestamp.microseconds(rfc3339: text) else {
                throw EvaluationError(
                    error: ErrorName.runtime, cause: "The TimestampPath parameter '\(text)' is not a valid RFC 3339 timestamp.")
            }
            until = instant
        }
        emit(.waitStarted(scope: scope, until: until))
    }

    private mutating func fail(_ scope: ScopeID, _ entry: Entry, _ fail: FailState) throws(EvaluationError) {
        let seen = evaluationScope(scope, input: entry.input, draw: 0)
        let error = try fail.error?.value(in: seen)
        let cause = try fail.cause?.value(in: seen)
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
                    of: evaluationScope(scope, input: entry.input, draw: entry.retryCount * 4 + 1),
                    result: execution.resolve(result, in: scope)))
        }
        emit(.stateExited(scope: scope, output: output))
        proceed(scope: scope, state: state)
    }

    private func selectOutput(_ scope: ScopeID, _ state: State, of input: Payload) throws(EvaluationError) -> Payload {
        if state.dataFlow.passesOutput { return input }
        let value = execution.resolve(input, in: scope)
        return .value(try state.dataFlow.selectedOutput(of: evaluationScope(scope, input: value, draw: 1)))
    }

    /// Goes on after a state has been left.
    private mutating func proceed(scope: ScopeID, state: State) {
        switch state.transition {
        case .next(let next): enter(scope: scope, state: next)
        case .end, nil: endSucceeded(scope: scope)
        }
    }
}
