import StepContracts
import Synchronization
import WorkerProtocol

/// The tasks this worker holds: what each last told, and how to end it.
final class LiveTasks: Sendable {
    /// Why a task is ended before it is done.
    enum Ending: Sendable, Hashable {
        /// The engine no longer wants the attempt; it needs no answer.
        case gone
        /// The worker stops.
        case draining
    }

    private struct Entry {
        let step: String
        var progress: StepProgress?
        /// See ``HeartbeatRequest/LiveTask/content``.
        var content: String?
        var ending: Ending?
        var end: (@Sendable () -> Void)?
        /// How often the engine has heard of the task since it did not take the outcome; nil where it was not asked to.
        var heard: Int?
        /// Whether its slot does something else.
        var isBeside = false
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var draining = false
    }

    private let state = Mutex(State())

    func add(_ offer: TaskOffer) {
        state.withLock { $0.entries[offer.token] = Entry(step: offer.step) }
    }

    /// From now on, ending the task calls `end`; at once if it was to be ended already.
    func setEnd(_ token: String, _ end: @escaping @Sendable () -> Void) {
        let isEnding = state.withLock { state -> Bool in
            state.entries[token]?.end = end
            if state.draining, state.entries[token]?.ending == nil { state.entries[token]?.ending = .draining }
            return state.entries[token]?.ending != nil
        }
        if isEnding { end() }
    }

    func remove(_ token: String) {
        state.withLock { _ = $0.entries.removeValue(forKey: token) }
    }

    func report(_ token: String, _ progress: StepProgress) {
        state.withLock { $0.entries[token]?.progress = progress }
    }

    func setContent(_ token: String, _ digest: String) {
        state.withLock { $0.entries[token]?.content = digest }
    }

    func ending(_ token: String) -> Ending? { state.withLock { $0.entries[token]?.ending } }

    /// Ends one task; the first reason counts.
    func end(_ token: String, _ ending: Ending) {
        let end = state.withLock { state -> (@Sendable () -> Void)? in
            guard state.entries[token] != nil, state.entries[token]?.ending == nil else { return nil }
            state.entries[token]?.ending = ending
            return state.entries[token]?.end
        }
        end?()
    }

    /// Ends all tasks, and those that may still come.
    func endAll() {
        let ends = state.withLock { state -> [@Sendable () -> Void] in
            state.draining = true
            var ends: [@Sendable () -> Void] = []
            for (token, entry) in state.entries where entry.ending == nil {
                state.entries[token]?.ending = .draining
                if let end = entry.end { ends.append(end) }
            }
            return ends
        }
        for end in ends { end() }
    }

    /// Tasks that have a slot.
    var count: Int { state.withLock { $0.entries.values.count { !$0.isBeside } } }

    /// The engine has answered a heartbeat of the task, and wants it.
    func noteHeard(_ token: String) { state.withLock { $0.entries[token]?.heard? += 1 } }

    /// The engine has not taken an outcome. True where that is a matter of this task, and from then on it has no slot: the
    /// engine has answered two heartbeats meanwhile, of which the first may have been older.
    ///
    /// - Parameter most: so many tasks are without a slot at most.
    func isUntaken(_ token: String, most: Int) -> Bool {
        state.withLock { state in
            guard let heard = state.entries[token]?.heard else {
                state.entries[token]?.heard = 0
                return false
            }
            guard heard >= 2, state.entries.values.count(where: \.isBeside) < most else { return false }
            state.entries[token]?.isBeside = true
            return true
        }
    }

    /// Every task, for the heartbeat.
    var snapshot: [HeartbeatRequest.LiveTask] {
        state.withLock { state in
            state.entries.map { .init(token: $0.key, progress: $0.value.progress, content: $0.value.content) }
                .sorted { $0.token < $1.token }
        }
    }
}
