import Interpreter
import JSON
import StatesLanguage

/// What must come of an execution: the pure rules driven in one go, one event after the other, without engine, database,
/// crashes or anything at the same time.
final class Reference {
    private let machines: [String: (machine: StateMachine, hash: String)]
    private var known: [String: Outcome] = [:]

    /// - Parameter machines: all that are deployed, by name.
    init(_ machines: [String: (machine: StateMachine, hash: String)]) { self.machines = machines }

    func outcome(of start: ExecutionStart) -> Outcome {
        let key = "\(start.definitionHash) \(start.parent?.processor ?? []) \(start.input.text)"
        if let found = known[key] { return found }
        let outcome = play(start)
        known[key] = outcome
        return outcome
    }

    func machine(_ hash: String) -> StateMachine? { machines.values.first { $0.hash == hash }?.machine }

    private func play(_ start: ExecutionStart) -> Outcome {
        guard let machine = machine(start.definitionHash) else {
            preconditionFailure("the definition \(start.definitionHash) is one of the simulation's")
        }
        let id = "00000000-0000-7000-8000-000000000000"
        var now = ModelDatabase.epoch
        var execution = Execution(id: id, start: start, definition: MachinePlan(machine), at: now)
        var yields = tell(.start, &execution, now)
        while execution.isOpen {
            if yields {
                yields = tell(.proceed, &execution, now)
            } else if let event = next(execution) {
                yields = tell(event, &execution, now)
            } else if let timer = execution.timers.min(by: { $0.at < $1.at }) {
                now = max(now, timer.at)
                yields = tell(.timer(entry: timer.entry), &execution, now)
            } else {
                preconditionFailure("the reference waits for nothing")
            }
        }
        guard let outcome = execution.outcome else { preconditionFailure("the execution has ended") }
        return outcome
    }

    private func tell(_ event: Event, _ execution: inout Execution, _ now: Instant) -> Bool {
        let decision = decide(execution, event, now: now, limits: execution.start.deployment.limits)
        precondition(!decision.isStale, "\(event) fits the reference")
        execution = decision.execution
        return decision.yields
    }

    /// The next answer to what the execution asks for; nil when it asks for nothing but time.
    private func next(_ execution: Execution) -> Event? {
        if let child = execution.pendingChildren.first {
            let start = ExecutionStart(
                machineARN: child.machineARN, name: child.name, definitionHash: execution.start.definitionHash,
                input: child.input, seed: 1, parent: child.membership, deployment: execution.start.deployment)
            return .childExecutionEnded(
                entry: child.entry, index: child.index, outcome: outcome(of: start), redrives: child.redrives)
        }
        for entry in execution.openEntries {
            guard case .task(let attempt) = entry.phase else { continue }
            guard let started = attempt.started else {
                return .handOut(
                    entry: entry.id, worker: "w", incarnation: "i", nonce: "n\(entry.id)-\(entry.retryCount)")
            }
            return answer(attempt, entry, started.nonce)
        }
        return nil
    }

    private func answer(_ attempt: TaskAttempt, _ entry: Entry, _ nonce: String) -> Event {
        func succeeded(_ output: JSON) -> Event { .taskSucceeded(entry: entry.id, nonce: nonce, output: output) }
        let parameters = attempt.parameters
        switch attempt.resource {
        // Whoever holds the token says what the worker would have said.
        case "arn:aws:states:::showrunner:work", "arn:aws:states:::showrunner:work.waitForTaskToken":
            switch Work.outcome(of: parameters, attempt: entry.retryCount + 1) {
            case .succeeds(let output): return succeeded(output)
            case .fails:
                return .taskFailed(
                    entry: entry.id, nonce: nonce, error: MachineWriter.error, cause: MachineWriter.cause)
            }
        case "arn:aws:states:::showrunner:announce": return succeeded(["v": parameters["v"] ?? 0])
        case "arn:aws:states:::states:startExecution": return succeeded([:])
        case "arn:aws:states:::states:startExecution.sync:2":
            let arn = parameters["StateMachineArn"]?.stringValue ?? ""
            guard let leaf = machines[arn.split(separator: ":").last.map(String.init) ?? ""] else {
                preconditionFailure("\(arn) is deployed")
            }
            let start = ExecutionStart(
                machineARN: arn, name: "leaf", definitionHash: leaf.hash, input: parameters["Input"] ?? [:], seed: 1)
            guard case .succeeded(let output) = outcome(of: start) else {
                return .taskFailed(entry: entry.id, nonce: nonce, error: "States.TaskFailed", cause: "nested")
            }
            return succeeded(["Output": output])
        default: preconditionFailure("the reference knows no \(attempt.resource)")
        }
    }
}

extension Outcome {
    /// Whether two outcomes are the same to whoever started the execution. Which of several branches fails first is a
    /// matter of time, so the errors that branches may fail with are one.
    func agrees(with other: Outcome) -> Bool {
        switch (self, other) {
        case (.failed(let left, _), .failed(let right, _)): left == right || left.isOfBranches && right.isOfBranches
        default: self == other
        }
    }
}

extension String? {
    fileprivate var isOfBranches: Bool {
        [MachineWriter.error, "States.ExceedToleratedFailureThreshold", "States.TaskFailed"].contains(self)
    }
}
