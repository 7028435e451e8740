import Schedules
import StatesLanguage
import Testing

/// An engine on a virtual clock around one schedule: what it keeps can be text, as in a database.
struct VirtualEngine {
    var schedule: Schedule
    var now: EpochSeconds
    private(set) var state: ScheduleState
    /// The executions that exist, with when they were started and whether they run.
    private(set) var executions: [(name: String, time: EpochSeconds, at: EpochSeconds, isRunning: Bool)] = []
    /// Executions that are to be stopped and still run.
    private(set) var stopping: Set<String> = []
    /// What people are told.
    private(set) var log: [String] = []
    private(set) var refusals: [String] = []
    private(set) var decisions = 0

    init(_ schedule: Schedule, at now: EpochSeconds) {
        self.schedule = schedule
        self.now = now
        state = ScheduleState(of: schedule, at: now)
    }

    /// The scheduled times of executions, in the order in which they were started: `02:00`.
    var starts: [String] { executions.map { String(utcText($0.time).dropFirst(11).prefix(5)) } }

    /// The same with when that was, where it was another time: `02:00@03:30`.
    var startsAndWhen: [String] {
        executions.map {
            let named = String(utcText($0.time).dropFirst(11).prefix(5))
            let real = String(utcText($0.at).dropFirst(11).prefix(5))
            return named == real ? named : "\(named)@\(real)"
        }
    }

    /// Decides and keeps; what is to be done is done unless the engine dies before.
    mutating func send(_ event: ScheduleEvent, diesBeforeKeeping: Bool = false, diesAfterKeeping: Bool = false) throws {
        var event = event
        while true {
            decisions += 1
            let decision = decide(schedule, state, event, now: now)
            // What is kept is text; long ones take their time.
            let state = decision.state
            if state.waiting.count + state.buffered.count + state.running.count < 20 || decisions % 100 == 0 {
                #expect(try ScheduleState(text: state.text) == state)
            }
            if diesBeforeKeeping { return }
            self.state = state
            if let refusal = decision.refusal { refusals.append(refusal) }
            if diesAfterKeeping { return }
            for action in decision.actions { try perform(action) }
            guard decision.yields else { return }
            event = .tick
        }
    }

    private mutating func perform(_ action: ScheduleAction) throws {
        switch action {
        case .start(let start):
            // A name that is taken starts nothing.
            if let index = executions.firstIndex(where: { $0.name == start.executionName }) {
                if !executions[index].isRunning { try send(.ended(executionName: start.executionName)) }
            } else {
                executions.append((start.executionName, start.time, now, true))
                log.append("\(start.cause.rawValue) \(start.executionName)")
                try send(.started(executionName: start.executionName))
            }
        case .cancel(let name): stopping.insert(name)
        case .skipped(let reason, let first, let last, let count):
            log.append("\(reason.rawValue) \(count) \(utcText(first)) \(utcText(last))")
        }
    }

    /// Starts again after it died: reads the definition, does what was left undone, asks after what ran.
    mutating func recover() throws {
        try send(.definitionRead)
        for action in state.unconfirmed { try perform(action) }
        for run in state.running {
            let name = run.fire.executionName
            if executions.contains(where: { $0.name == name && !$0.isRunning }) {
                try send(.ended(executionName: name))
            }
        }
        try send(.tick)
    }

    mutating func end(_ name: String) throws {
        guard let index = executions.firstIndex(where: { $0.name == name && $0.isRunning }) else { return }
        executions[index].isRunning = false
        stopping.remove(name)
        try send(.ended(executionName: name))
    }

    /// An execution ends and nobody is there to hear it.
    mutating func endUnheard(_ name: String) {
        guard let index = executions.firstIndex(where: { $0.name == name && $0.isRunning }) else { return }
        executions[index].isRunning = false
        stopping.remove(name)
    }

    /// Ends what runs, oldest first.
    mutating func endFirst() throws {
        if let first = executions.first(where: \.isRunning) { try end(first.name) }
    }

    /// Time passes, and the schedule is woken when it asks to be.
    mutating func pass(to time: EpochSeconds, endingAfter seconds: Int? = nil) throws {
        while true {
            var next = min(state.wakeTime(of: schedule) ?? .max, time)
            if let seconds, let end = executions.filter(\.isRunning).map({ $0.at + seconds }).min() {
                next = min(next, end)
            }
            now = max(now, next)
            if let seconds, let over = executions.first(where: { $0.isRunning && $0.at + seconds <= now }) {
                try end(over.name)
                continue
            }
            try send(.tick)
            if now >= time { return }
        }
    }
}
