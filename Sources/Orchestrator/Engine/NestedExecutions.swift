import CivilDates
import Interpreter
import JSON
import StatesLanguage

/// Tasks that start executions of this engine: `states:startExecution`, alone, waiting for the end (`.sync`, `.sync:2`)
/// or for whoever answers the token that the input brings (`.waitForTaskToken`).
///
/// The execution's name follows from the attempt where the definition gives none, and starting by name is idempotent: so
/// an engine that takes over does the same once more and finds what its predecessor made.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
enum NestedStart: String, CaseIterable {
    case fireAndForget = "arn:aws:states:::states:startExecution"
    case sync = "arn:aws:states:::states:startExecution.sync"
    case syncJSON = "arn:aws:states:::states:startExecution.sync:2"
    case callback = "arn:aws:states:::states:startExecution.waitForTaskToken"
    case sdk = "arn:aws:states:::aws-sdk:sfn:startExecution"
    case sdkCallback = "arn:aws:states:::aws-sdk:sfn:startExecution.waitForTaskToken"

    var isSDK: Bool { self == .sdk || self == .sdkCallback }
    var waits: Bool { self == .sync || self == .syncJSON }
}

/// A task that waits for the end of the execution it started.
struct NestedWait {
    /// The waiting execution.
    let execution: String
    let entry: EntryID
    let nonce: String
    let kind: NestedStart
}

extension Engine {
    /// The Resources of tasks that start executions here.
    public static let nestedStarts = Set(NestedStart.allCases.map(\.rawValue))

    /// Hands the task out to the engine itself and starts the execution.
    func perform(_ kind: NestedStart, entry: EntryID, of run: Run) async {
        let nonce = makeNonce()
        let handOut = Event.handOut(entry: entry, worker: "engine", incarnation: "engine", nonce: nonce)
        guard case .committed = await submit(handOut, to: run) else { return }
        run.ready.remove(entry)
        await finish(kind, entry: entry, nonce: nonce, of: run, isRepeated: false)
    }

    /// The second half of ``perform(_:entry:of:)-(NestedStart,_,_)``, and what recovery repeats: then an execution that
    /// exists is the one started before.
    func finish(_ kind: NestedStart, entry: EntryID, nonce: String, of run: Run, isRepeated: Bool) async {
        guard case .task(let attempt) = run.execution.entry(entry)?.phase else { return }
        let parameters = attempt.parameters
        let started: (execution: StartedExecution, isNew: Bool, isOpen: Bool)
        do throws(EngineError) {
            guard let machine = parameters["StateMachineArn"]?.stringValue else {
                throw EngineError(code: .invalidARN, message: "Invalid Arn: 'Invalid ARN prefix: null'")
            }
            _ = try ResourceName(arn: machine)
            started = try await start(
                machine: machine, name: parameters["Name"]?.stringValue ?? nonce,
                input: parameters["Input"].map { $0.isNull ? "{}" : Self.inputText($0) } ?? "{}",
                for: kind.waits ? WaitingTask(execution: run.execution.id, entry: entry, nonce: nonce) : nil,
                origin: run.execution.start.origin?.inherited, trace: run.execution.traceID)
            guard started.isNew || started.isOpen || isRepeated else {
                throw EngineError(
                    code: .nameTaken, message: "Execution Already Exists: '\(started.execution.executionARN)'")
            }
        } catch {
            guard !error.isPassing else {
                return await repeatLater(kind, entry: entry, nonce: nonce, of: run)
            }
            let (name, cause) = words(for: error, kind)
            post(.taskFailed(entry: entry, nonce: nonce, error: name, cause: cause), to: run)
            return
        }
        let answer = answer(started.execution, kind, at: now)
        guard kind.waits else {
            post(ended(entry, nonce, answer, of: run.execution.id), to: run)
            return
        }
        if !attempt.isSubmitted { post(.taskSubmitted(entry: entry, nonce: nonce, output: answer), to: run) }
        let wait = NestedWait(execution: run.execution.id, entry: entry, nonce: nonce, kind: kind)
        do {
            let nested = try await find(started.execution.executionARN)
            guard nested.execution.isOpen else {
                tell(wait, endOf: nested)
                return
            }
            // While it is loaded again, nothing is known of its end.
            guard let running = runs[nested.execution.id] else {
                await repeatLater(kind, entry: entry, nonce: nonce, of: run)
                return
            }
            // The same for the one that waits: it asks anew once it is loaded.
            guard !reloading.contains(run.execution.id) else { return }
            guard runs[run.execution.id] === run, run.execution.isOpen,
                case .task(let standing) = run.execution.entry(entry)?.phase, standing.started?.nonce == nonce
            else {
                // Stopped or timed out while the start was under way: nobody else would end what it has started.
                if running.nestedWaits.isEmpty { post(.stop(error: nil, cause: nil), to: running) }
                return
            }
            running.nestedWaits.append(wait)
            run.nested[entry] = (nonce, running.execution.id)
        } catch {
            await repeatLater(kind, entry: entry, nonce: nonce, of: run)
        }
    }

    /// What loaded executions had started is found again, and what they had called is called again, once the machines are
    /// known and calls are answered.
    func repeatStarts() {
        guard isServing else { return }
        for (service, entry, nonce, run) in repeatedCalls {
            Task { await self.finish(service, entry: entry, nonce: nonce, of: run) }
        }
        repeatedCalls = []
        let repeats = repeatedStarts.map { (kind, entry, nonce, run) in
            Task { await self.finish(kind, entry: entry, nonce: nonce, of: run, isRepeated: true) }
        }
        repeatedStarts = []
        Task {
            for repeated in repeats { await repeated.value }
            self.stopOrphans()
        }
    }

    /// Stops executions whose starter had ended, or given its task up, before it could tell them: an engine died in
    /// between. Only once everything that waits for an execution has found it again.
    private func stopOrphans() {
        // One that was redriven since goes on for whoever redrove it.
        for run in runs.values
        where run.execution.isOpen && run.nestedWaits.isEmpty && run.execution.redriveCount == 0 {
            guard let starter = run.execution.start.starter, !isComingBack(starter.execution) else { continue }
            if case .task(let attempt) = runs[starter.execution]?.execution.entry(starter.entry)?.phase,
                attempt.started?.nonce == starter.nonce
            {
                continue
            }
            post(.stop(error: nil, cause: nil), to: run)
        }
    }

    /// The database was away, or the engine stops: tried again as long as the attempt stands.
    private func repeatLater(_ kind: NestedStart, entry: EntryID, nonce: String, of run: Run) async {
        do { try await bootClock.sleep(for: .seconds(2)) } catch { return }
        guard !isStopping, runs[run.execution.id] === run else { return }
        await finish(kind, entry: entry, nonce: nonce, of: run, isRepeated: true)
    }

    /// Tells those who wait for an execution how it has ended.
    func tellNestedWaits(of run: Run) {
        for wait in run.nestedWaits { tell(wait, endOf: run) }
        run.nestedWaits = []
    }

    private func tell(_ wait: NestedWait, endOf nested: Run) {
        // One that is being loaded again asks anew.
        guard let run = runs[wait.execution] else { return }
        run.nested[wait.entry] = nil
        let description = Self.description(of: detail(of: nested), wait.kind)
        if case .succeeded = nested.execution.outcome {
            post(.taskSucceeded(entry: wait.entry, nonce: wait.nonce, output: description), to: run)
        } else {
            post(
                .taskFailed(
                    entry: wait.entry, nonce: wait.nonce, error: "States.TaskFailed", cause: description.canonicalText),
                to: run)
        }
    }

    /// Stops executions whose starter does not wait for them any more: it was stopped, or the task timed out.
    func stopAbandonedNested(of run: Run) {
        for (entry, nested) in run.nested {
            if case .task(let attempt) = run.execution.entry(entry)?.phase, run.execution.isOpen,
                attempt.started?.nonce == nested.nonce
            {
                continue
            }
            run.nested[entry] = nil
            guard let running = runs[nested.execution] else { continue }
            running.nestedWaits.removeAll {
                $0.execution == run.execution.id && $0.entry == entry && $0.nonce == nested.nonce
            }
            // Another task may wait for the same execution, started by the same name.
            if running.nestedWaits.isEmpty { post(.stop(error: nil, cause: nil), to: running) }
        }
    }

    /// Input may be a text that holds JSON, or the value itself.
    private static func inputText(_ input: JSON) -> String { input.stringValue ?? input.text }

    private func answer(_ started: StartedExecution, _ kind: NestedStart, at instant: Int64) -> JSON {
        guard !kind.isSDK else {
            return [
                "ExecutionArn": .string(started.executionARN),
                "StartDate": .string(Timestamp.text(microseconds: started.startDateMicroseconds)),
            ]
        }
        let request = makeUUID()
        // The service writes its timestamps as 1.764302220123E9.
        let content = (["executionArn": .string(started.executionARN), "startDate": ""] as JSON).utf8.count - 2
        let digits = "\(started.startDateMicroseconds / 1000)".trimmingZeros.count
        let headers: [(name: String, value: String)] = [
            ("connection", "keep-alive"), ("Content-Length", "\(content + digits + 3)"),
            ("Content-Type", "application/x-amz-json-1.0"), ("Date", HTTPDate.text(seconds: instant / 1_000_000)),
            ("x-amzn-RequestId", request),
        ]
        var all: JSON = [:]
        var single: JSON = [:]
        for header in headers {
            all[header.name] = [.string(header.value)]
            single[header.name] = .string(header.value)
        }
        return [
            "ExecutionArn": .string(started.executionARN),
            "SdkHttpMetadata": ["AllHttpHeaders": all, "HttpHeaders": single, "HttpStatusCode": 200],
            "SdkResponseMetadata": ["RequestId": .string(request)],
            "StartDate": .integer(started.startDateMicroseconds / 1000),
        ]
    }

    /// DescribeExecution's answer as the integration gives it: data as text for `.sync`, as JSON for `.sync:2`.
    private static func description(of detail: RunDetail, _ kind: NestedStart) -> JSON {
        let run = detail.run
        func data(_ value: JSON?) -> JSON? { kind == .syncJSON ? value : value.map { .string($0.text) } }
        let isEnded = run.status == .succeeded
        return .members(
            ("Cause", run.cause.map(JSON.string)), ("Error", run.error.map(JSON.string)),
            ("ExecutionArn", .string(run.executionARN)), ("Input", data(detail.input)),
            ("InputDetails", ["Included": true]), ("Name", .string(run.name)), ("Output", data(detail.output)),
            ("OutputDetails", detail.output.map { _ in ["Included": true] }),
            ("RedriveCount", isEnded ? 0 : .none), ("RedriveStatus", isEnded ? "NOT_REDRIVABLE" : .none),
            ("RedriveStatusReason", isEnded ? "Execution is SUCCEEDED and cannot be redriven" : .none),
            ("StartDate", .integer(run.startDateMicroseconds / 1000)),
            ("StateMachineArn", .string(ARN.stateMachine(run.machine))), ("Status", .string(run.status.rawValue)),
            ("StopDate", run.stopDateMicroseconds.map { .integer($0 / 1000) }))
    }

    /// A refusal in the words of the service's clients.
    private func words(for error: EngineError, _ kind: NestedStart) -> (error: String, cause: String) {
        let name =
            switch error.code {
            case .machineNotFound: "StateMachineDoesNotExist"
            case .machineDeleting: "StateMachineDeleting"
            case .nameTaken: "ExecutionAlreadyExists"
            case .invalidARN: "InvalidArn"
            case .invalidName: "InvalidName"
            case .invalidInput: "InvalidExecutionInput"
            default: "Validation"
            }
        if kind.isSDK {
            return (
                "Sfn.\(name)Exception",
                "\(error.message) (Service: Sfn, Status Code: 400, Request ID: \(makeUUID())) (SDK Attempt Count: 1)"
            )
        }
        return (
            "StepFunctions.\(name)Exception",
            "\(error.message) (Service: AWSStepFunctions; Status Code: 400; Error Code: \(name); "
                + "Request ID: \(makeUUID()); Proxy: null)"
        )
    }
}

extension String {
    /// Without the zeros at its end.
    fileprivate var trimmingZeros: Substring {
        var text = self[...]
        while text.last == "0" { text.removeLast() }
        return text
    }
}
