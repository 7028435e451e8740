import JSON
import StatesLanguage

/// One state being tried: the rules are the ones that executions follow, in an execution that is never journaled.
struct Rehearsal {
    private let test: StateTest
    private var decider: Decider
    private var inspection = TestStateAnswer.Inspection()

    init(_ test: StateTest, _ surroundings: TestSurroundings) {
        self.test = test
        let start = ExecutionStart(
            machineARN: "arn:\(surroundings.location):stateMachine:test", name: "test", definitionHash: "",
            input: test.input, seed: surroundings.seed, roleARN: test.roleARN)
        let execution = Execution(id: "test", start: start, definition: MachinePlan(test.machine), at: surroundings.now)
        decider = Decider(
            execution: execution, now: surroundings.now, limits: surroundings.limits, digest: surroundings.digest)
        decider.rehearsed = RehearsedContext(
            context: test.context ?? Rehearsal.context(test, execution, location: surroundings.location))
        let variables = test.variables
        decider.execution.scopes.change(0) { $0.variables = variables }
        decider.enter(scope: 0, state: test.state.name)
    }

    /// The context object of an execution that has just come to the state. The service names the state so whatever its
    /// name is.
    private static func context(_ test: StateTest, _ execution: Execution, location: String) -> JSON {
        let name = execution.identifier(for: 0, draw: 1)
        let machine = execution.identifier(for: 0, draw: 2)
        let now: JSON = .string(Timestamp.text(microseconds: execution.at))
        let countsRetries = StatePlan(test.state).countsRetries
        return [
            "Execution": [
                "Id": .string("arn:\(location):express:\(machine):\(name)"), "Input": test.input,
                "Name": .string(name), "RoleArn": test.roleARN.map { .string($0) } ?? .null, "StartTime": now,
            ],
            "StateMachine": [
                "Id": .string("arn:\(location):stateMachine:\(machine)"), "Name": .string(machine),
            ],
            "State": .members(
                ("Name", .string(StateTest.loneName)), ("EnteredTime", now),
                ("RetryCount", countsRetries ? .integer(test.configuration.retrierRetryCount ?? 0) : nil)),
        ]
    }

    // MARK: - The state's work

    mutating func answer(level: TestStateRequest.InspectionLevel) -> TestStateAnswer {
        guard let entry = decider.execution.scopes[0]?.entry else { preconditionFailure("the state is entered") }
        inspection["input"] = entry.input
        setRetries()
        inspectInput(entry)
        switch entry.plan.state.kind {
        case .pass(let result):
            inspection["result"] = result
            if let worked = result ?? inspection["afterParameters"] { inspectPlacing(worked, entry) }
            decider.evaluate(scope: 0)
        case .choice, .succeed, .fail: decider.evaluate(scope: 0)
        case .wait:
            decider.evaluate(scope: 0)
            if case .waitStarted = decider.effects.last { decider.leave(scope: 0) }
        case .task:
            decider.evaluate(scope: 0)
            if case .taskScheduled = decider.effects.last { takeMock(entry) }
        case .parallel:
            attempt { rehearsal throws(EvaluationError) in
                _ = try rehearsal.decider.effectiveInput(0, entry)
                rehearsal.takeMock(entry)
            }
        case .map(let map):
            attempt { rehearsal throws(EvaluationError) in
                try rehearsal.work(map, entry)
            }
        }
        return answer(of: entry, isInspected: level != .info)
    }

    private mutating func attempt(_ body: (inout Rehearsal) throws(EvaluationError) -> Void) {
        do throws(EvaluationError) {
            try body(&self)
        } catch {
            decider.handle(error, scope: 0)
        }
    }

    /// Each retrier as often used as the request says: whichever covers the error.
    private mutating func setRetries() {
        guard let count = test.configuration.retrierRetryCount else { return }
        let retriers = test.state.retry.indices
        decider.execution.scopes.change(0) { scope in
            for index in retriers { scope.entry?.retries[index] = count }
        }
    }

    private mutating func takeMock(_ entry: Entry) {
        switch test.mock {
        case nil: preconditionFailure("a state that works has been given a mock")
        case .result(let result):
            inspectResult(result, entry)
            decider.finish(scope: 0, result: .value(result))
        case .error(let error, let cause):
            decider.handle(error: error, cause: cause, scope: 0, fromChildren: entry.plan.isBranching)
        }
    }

    /// A Map state up to its result: what it would map over, and how many failures it puts up with.
    private mutating func work(_ map: MapState, _ entry: Entry) throws(EvaluationError) {
        let seen = try decider.selectedScope(0, entry)
        let items = try self.items(map, entry, seen)
        if let items, map.itemSelector != nil {
            var inputs: [JSON] = []
            for (index, item) in items.enumerated() {
                let scope = decider.evaluationScope(
                    0, input: seen.input, draw: 10_000 + index, item: (index: index, value: item))
                if let input = try map.itemSelector?.evaluate(in: scope, field: "ItemSelector") { inputs.append(input) }
            }
            inspection["afterItemSelector"] = .array(inputs)
        }
        if let batcher = map.batcher {
            try inspect(batcher, items: inspection["afterItemSelector"]?.arrayValue ?? items, seen)
        }
        let concurrency = try map.maxConcurrency.value(in: seen, field: "MaxConcurrency")
        inspection["maxConcurrency"] = .integer(concurrency)
        let count = try map.toleratedFailureCount?.value(in: seen, field: "ToleratedFailureCount")
        inspection["toleratedFailureCount"] = count.map { .integer($0) }
        let percentage = try map.toleratedFailurePercentage?.value(in: seen)
        inspection["toleratedFailurePercentage"] = percentage.map { .double($0) }
        if case .result = test.mock, let failures = test.configuration.mapIterationFailureCount {
            let share = Double(failures) * 100 / Double(max(items?.count ?? failures, 1))
            if count.map({ failures > $0 }) == true || percentage.map({ share > $0 }) == true {
                decider.handle(
                    error: ErrorName.exceedToleratedFailureThreshold, cause: Decider.thresholdExceeded, scope: 0,
                    fromChildren: true)
                return
            }
        }
        takeMock(entry)
    }

    /// The items, where they are known: those of an ItemReader are what the request says that it reads.
    private mutating func items(
        _ map: MapState, _ entry: Entry, _ seen: EvaluationScope
    ) throws(EvaluationError) -> [JSON]? {
        guard let reader = map.reader else {
            let items = try map.inputItems(in: seen)
            if !entry.plan.isJSONata { inspection["afterItemsPath"] = .array(items) }
            return items
        }
        _ = try reader.parameters?.evaluate(
            in: seen, field: entry.plan.isJSONata ? "ItemReader/Arguments" : "ItemReader/Parameters")
        guard let data = test.configuration.mapItemReaderData else { return nil }
        return try read(data, by: reader)
    }

    /// The items in what an ItemReader has read, "as found in its original source". Of formats that are not JSON nothing is
    /// told, and the mocked result stands for all.
    private mutating func read(_ data: String, by reader: ItemReader) throws(EvaluationError) -> [JSON]? {
        func failure(_ cause: String) -> EvaluationError {
            EvaluationError(error: ErrorName.itemReaderFailed, cause: cause)
        }
        switch reader.inputType {
        case .csv, .manifest, .parquet: return nil
        case .jsonLines:
            var items: [JSON] = []
            for line in data.split(whereSeparator: \.isNewline) {
                do { items.append(try JSON(parsing: String(line))) } catch {
                    throw failure("Attempting to parse a line that is no JSON: \(error.description)")
                }
            }
            return items
        case .json, nil:
            var document: JSON
            do { document = try JSON(parsing: data) } catch {
                throw failure("Attempting to parse data that is no JSON: \(error.description)")
            }
            if let pointer = reader.itemsPointer {
                guard let found = document.value(at: pointer) else {
                    throw failure("The data has nothing at the ItemsPointer '\(pointer)'.")
                }
                document = found
                inspection["afterItemsPointer"] = found
            }
            switch document {
            case .array(let items): return items
            case .object(let members):
                return members.map { .members(("Key", .string($0.key)), ("Value", $0.value)) }
            case .null, .bool, .integer, .double, .string:
                throw failure("Attempting to map over non-iterable node.")
            }
        }
    }

    private mutating func inspect(
        _ batcher: ItemBatcher, items: [JSON]?, _ seen: EvaluationScope
    ) throws(EvaluationError) {
        let size = try batcher.maxItemsPerBatch?.value(in: seen, field: "MaxItemsPerBatch")
        let common = try batcher.batchInput?.evaluate(in: seen, field: "ItemBatcher/BatchInput")
        guard let items else { return }
        let step = max(1, size ?? items.count)
        let batches = stride(from: 0, to: items.count, by: step).map { first in
            JSON.members(
                ("BatchInput", common), ("Items", .array(Array(items[first..<min(items.count, first + step)]))))
        }
        inspection["afterItemBatcher"] = .array(batches)
    }

    // MARK: - Inspection

    /// What the fields before the state's work make of its input. A failure is the state's own, and is met again there.
    private mutating func inspectInput(_ entry: Entry) {
        let seen = decider.evaluationScope(0, input: entry.input, draw: entry.retryCount * 4)
        do throws(EvaluationError) {
            switch entry.plan.state.dataFlow {
            case .jsonPath(let flow):
                // Where Result says what the state gives, the service tells no input; nor that of branches.
                if case .pass(.some) = entry.plan.state.kind { return }
                if case .parallel = entry.plan.state.kind { return }
                inspection["afterInputPath"] = try flow.selectedInput(in: seen)
                if entry.plan.takesParameters { inspection["afterParameters"] = try flow.effectiveInput(in: seen) }
            case .jsonata(let flow):
                guard case .task = entry.plan.state.kind else { return }
                inspection["afterArguments"] = try flow.effectiveInput(in: seen)
            }
        } catch {
            return
        }
    }

    private mutating func inspectResult(_ result: JSON, _ entry: Entry) {
        if case .task = entry.plan.state.kind { inspection["result"] = result }
        inspectPlacing(result, entry)
    }

    private mutating func inspectPlacing(_ result: JSON, _ entry: Entry) {
        guard case .jsonPath(let flow) = entry.plan.state.dataFlow else { return }
        let seen = decider.evaluationScope(0, input: entry.input, draw: entry.retryCount * 4 + 1)
        do throws(EvaluationError) {
            let shaped = try flow.shapedResult(result, in: seen)
            inspection["afterResultSelector"] = shaped
            inspection["afterResultPath"] = try flow.resultPath.placing(shaped, into: entry.input)
        } catch {
            return
        }
    }

    // MARK: - Answer

    private mutating func answer(of entry: Entry, isInspected: Bool) -> TestStateAnswer {
        var answer = TestStateAnswer(status: .failed)
        var variables = test.variables
        let failure = decider.rehearsed?.failure
        // The first effect is the entry.
        for effect in decider.effects.dropFirst() {
            switch effect {
            case .variablesAssigned(_, let assigned):
                for (name, value) in assigned { variables[name] = decider.execution.constant(value) }
            case .stateExited(let scope, let output):
                answer.status = .succeeded
                answer.output = resolve(output, entry, in: scope)
            case .errorCaught(let scope, let error, let cause, let output):
                answer.status = .caughtError
                answer.output = resolve(output, entry, in: scope)
                answer.error = error
                answer.cause = cause
            case .retryScheduled(_, _, let until):
                answer.status = .retriable
                answer.error = failure?.error
                answer.cause = failure?.cause
                inspection.errorDetails.retryBackoffIntervalSeconds = Double(until - decider.now) / 1_000_000
            case .stateEntered(_, _, let name, _): answer.nextState = name
            case .executionFailed(let error, let cause):
                answer.status = .failed
                answer.output = nil
                answer.error = error
                answer.cause = cause
            default: break
            }
        }
        if let failure {
            let name = failure.error ?? ErrorName.branchFailed
            inspection.errorDetails.retryIndex = test.state.retry.firstIndex { $0.matches(error: name) }
            if answer.status == .caughtError {
                inspection.errorDetails.catchIndex = test.state.catches.firstIndex { $0.matches(error: name) }
            }
        }
        if test.hasVariables || !variables.isEmpty { inspection["variables"] = .object(variables) }
        if isInspected { answer.inspection = inspection }
        return answer
    }

    private func resolve(_ payload: Payload, _ entry: Entry, in scope: ScopeID) -> JSON {
        switch payload {
        case .value(let value): value
        case .input: entry.input
        case .data, .item, .result, .children, .element, .batch:
            preconditionFailure("a tried state hands on its input or a value")
        }
    }
}

/// What a ``Decider`` does otherwise while a state is tried.
struct RehearsedContext {
    /// What expressions see as the context object.
    let context: JSON
    /// What the state failed with, before retriers and catchers.
    var failure: (error: String?, cause: String?)?
}

extension JSON {
    /// What a JSON Pointer names (RFC 6901).
    fileprivate func value(at pointer: String) -> JSON? {
        var value = self
        for token in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            let name = String(token.replacing("~1", with: "/").replacing("~0", with: "~"))
            switch value {
            case .object(let members):
                guard let member = members[name] else { return nil }
                value = member
            case .array(let elements):
                guard let index = Int(name), elements.indices.contains(index) else { return nil }
                value = elements[index]
            case .null, .bool, .integer, .double, .string: return nil
            }
        }
        return value
    }
}

extension Execution {
    fileprivate func constant(_ payload: Payload) -> JSON {
        guard case .value(let value) = payload else { preconditionFailure("variables are written out") }
        return value
    }
}

extension StatePlan {
    /// Whether Parameters are among the state's fields.
    fileprivate var takesParameters: Bool {
        switch state.kind {
        case .task, .pass, .parallel: true
        case .map, .choice, .wait, .succeed, .fail: false
        }
    }
}
