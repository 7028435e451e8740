import Engine

/// What the world outside was told: by this the journal is measured.
/// Unchecked: all happens on the scheduler's thread.
final class Book: @unchecked Sendable {
    struct Answers {
        var taken = 0
        /// Of these, such as tell a success.
        var takenSuccesses = 0
        var refused = 0
        /// Nobody said what became of it.
        var open = 0
    }

    /// Starts that were acknowledged: the execution's id by the name it was asked for with.
    private(set) var started: [String: String] = [:]
    /// Executions that somebody wanted to stop, by name.
    private(set) var stopped: Set<String> = []
    /// Redrives that were acknowledged, by the execution's name.
    private(set) var redriven: [String: Int] = [:]
    /// What workers' answers came to, by token.
    private(set) var answers: [String: Answers] = [:]
    private(set) var offers: [String: Int] = [:]
    private(set) var faults: [String] = []

    func start(of name: String, was id: String) {
        if let before = started[name], before != id { faults.append("\(name) was started as \(before) and as \(id)") }
        started[name] = id
    }

    func stop(_ name: String) { stopped.insert(name) }
    func redrive(_ name: String) { redriven[name, default: 0] += 1 }

    func offered(_ token: String) {
        offers[token, default: 0] += 1
        if offers[token] == 2 { faults.append("\(token) was handed out twice") }
    }

    func answering(_ token: String) { answers[token, default: Answers()].open += 1 }
    func unanswered(_ token: String) {}

    func answered(_ token: String, isTaken: Bool, isSuccess: Bool) {
        answers[token]?.open -= 1
        if isTaken, isSuccess { answers[token]?.takenSuccesses += 1 }
        if isTaken { answers[token]?.taken += 1 } else { answers[token]?.refused += 1 }
        if answers[token]?.taken == 2 { faults.append("two answers to \(token) were taken") }
    }

    func fault(_ text: String) { faults.append(text) }
}
