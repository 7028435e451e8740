import Dispatching
import Testing

/// A talk with a dispatcher: what happens, and who gets what.
final class Conversation {
    var dispatcher: Dispatcher
    var now: Int64 = 0
    private var polls: UInt64 = 0

    init(_ settings: Dispatcher.Settings = Dispatcher.Settings()) { dispatcher = Dispatcher(settings: settings) }

    init(copying other: Conversation) {
        (dispatcher, now, polls) = (other.dispatcher, other.now, other.polls)
    }

    /// A worker that does `work`.
    func worker(
        _ name: String, cores: Int? = nil, memory: Int = 0, labels: [String: String] = [:],
        queues: Set<String> = ["work"]
    ) {
        dispatcher.see(
            name, labels: labels,
            capacity: cores.map { Resources(millicores: $0 * 1000, memoryBytes: memory, scratchBytes: 0) },
            queues: queues, at: now)
    }

    /// A task `share/number`.
    static func task(
        _ share: String, _ number: Int, queue: String = "work", priority: Int = 5, deadline: Int64? = nil,
        cores: Int = 0, memory: Int = 0, isDemand: Bool = false, labels: [String: String] = [:], keys: [String] = [],
        avoided: Set<String> = []
    ) -> ReadyTask {
        ReadyTask(
            name: TaskName(execution: share, entry: number), queue: queue, priority: priority, share: share,
            deadline: deadline, labels: labels,
            reservation: Reservation(
                Resources(millicores: cores * 1000, memoryBytes: memory), isDemand: isDemand),
            limitKeys: keys, avoided: avoided)
    }

    /// Adds a task; gives the worker that gets it at once.
    @discardableResult
    func add(_ task: ReadyTask) -> String? { dispatcher.add(task, at: now)?.worker }

    /// A worker asks; gives the task as `share/number`, or waits.
    @discardableResult
    func ask(_ worker: String, queues: Set<String> = ["work"]) -> String? {
        polls += 1
        let poll = Poll(id: polls, worker: worker, queues: queues)
        if let task = dispatcher.ask(poll, at: now) { return Self.text(task.name) }
        dispatcher.wait(poll)
        return nil
    }

    /// How many polls of a worker wait.
    func polls(of worker: String) -> Int { dispatcher.waitingPolls.count { $0.worker == worker } }

    /// Who gets what now, as `worker share/number`.
    func match() -> [String] {
        dispatcher.match(at: now).map { "\($0.poll.worker ?? "") \(Self.text($0.task.name))" }
    }

    func unpark(_ text: String) -> Bool { dispatcher.unpark(Self.name(text)) }

    func finish(_ text: String) { dispatcher.finish(Self.name(text)) }

    func why(_ text: String) -> WaitReason? { dispatcher.reason(for: Self.name(text), at: now) }

    static func text(_ name: TaskName) -> String { "\(name.execution)/\(name.entry)" }

    static func name(_ text: String) -> TaskName {
        let parts = text.split(separator: "/")
        return TaskName(execution: String(parts[0]), entry: Int(parts[1]) ?? 0)
    }
}
