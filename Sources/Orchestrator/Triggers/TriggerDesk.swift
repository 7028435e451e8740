public import Engine
public import EventPatterns
import JSON
import StatesLanguage

/// Where events become executions, each event once: the names of executions follow from trigger and event, so that
/// telling an event again starts nothing. Whoever receives events brings them here.
public struct TriggerDesk: Sendable {
    /// In the order of the file.
    public let triggers: [Trigger]
    let service: any TriggerService
    let notes = TriggerNotes()

    public init(triggers: [Trigger], service: any TriggerService) {
        self.triggers = triggers
        self.service = service
    }

    static let origin = TriggerEvents.Origin(account: ARN.account, region: ARN.region)

    /// An execution that an event stands for.
    public struct Started: Sendable, Hashable {
        public let trigger: String
        public let executionARN: String
        /// Whether this event started it, or another telling of it had.
        public let isNew: Bool

        var json: JSON {
            ["trigger": .string(trigger), "executionArn": .string(executionARN), "isNew": .bool(isNew)]
        }
    }

    /// What came of an event.
    struct Taken: Sendable, Hashable {
        var started: [Started] = []
        /// Triggers that mean the event and are paused: it has to come again.
        var held: [String] = []
    }

    /// Starts what the triggers say for an event; returns when all of it is durable. A trigger that can't use the event keeps
    /// it from no other.
    ///
    /// - Parameter candidates: the triggers whose source the event comes from.
    /// - Throws: once all have been tried, what kept one of them from starting; of several, one that may pass.
    func take(_ event: JSON, for candidates: [Trigger]) async throws(TriggerError) -> Taken {
        var taken = Taken()
        var failure: TriggerError?
        let time = await service.triggerTime()
        for trigger in candidates {
            guard trigger.matches(event) else {
                notes.note(TriggerNews(.unmatched, of: trigger.name), at: time)
                continue
            }
            do throws(TriggerError) {
                switch try await start(trigger, for: event) {
                case .started(let execution):
                    taken.started.append(told(.started, trigger, execution, at: time))
                case .known(let execution):
                    taken.started.append(told(.known, trigger, execution, at: time))
                case .paused:
                    notes.note(TriggerNews(.held, of: trigger.name), at: time)
                    taken.held.append(trigger.name)
                }
            } catch {
                notes.note(TriggerNews(.refused, of: trigger.name, reason: error.message), at: time)
                failure = failure.map { $0.worse(than: error) } ?? error
            }
        }
        if let failure { throw failure }
        return taken
    }

    private func told(
        _ outcome: TriggerNews.Outcome, _ trigger: Trigger, _ execution: StartedExecution, at time: Int64?
    ) -> Started {
        notes.note(TriggerNews(outcome, of: trigger.name, execution: execution.executionARN), at: time)
        return Started(
            trigger: trigger.name, executionARN: execution.executionARN, isNew: outcome == .started)
    }

    func isPaused(_ trigger: Trigger) async throws(TriggerError) -> Bool {
        do throws(EngineError) { return try await service.triggerRecord(trigger.name).pause != nil } catch {
            throw TriggerError(engine: error)
        }
    }

    /// Notes what came of an event that somebody else started executions for: uploads have a spool of their own.
    public func note(_ news: TriggerNews) async {
        // An upload may remember a trigger that no file has any more.
        guard triggers.contains(where: { $0.name == news.trigger }) else { return }
        notes.note(news, at: await service.triggerTime())
    }

    private func start(_ trigger: Trigger, for event: JSON) async throws(TriggerError) -> TriggeredStart {
        let start = try Self.start(of: trigger, for: event)
        do throws(EngineError) {
            return try await service.startTriggered(
                machine: trigger.target, name: start.executionName, input: start.input.text, trigger: trigger.name,
                endOf: trigger.source == .execution ? event["detail"]?["executionArn"]?.stringValue : nil)
        } catch {
            throw TriggerError(
                error.isPassing ? .unavailable : .refused,
                "The trigger '\(trigger.name)' can't start its execution: \(error.message)")
        }
    }

    static func start(of trigger: Trigger, for event: JSON) throws(TriggerError) -> Trigger.Start {
        do throws(EvaluationError) { return try trigger.start(for: event, digest: Engine.digest) } catch {
            throw TriggerError(
                .event,
                "The trigger '\(trigger.name)' can't use the event: \(error.location.map { "\($0): " } ?? "")\(error.cause)"
            )
        }
    }
}

/// Why an event started nothing.
public struct TriggerError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// The event itself can't be used: an expression fails on it, or what came is no event.
        case event
        /// The engine refuses the start, and will.
        case refused
        /// The same may succeed later.
        case unavailable
        /// A bucket or a directory can't be listed.
        case source
        /// The trigger is paused, and nobody here keeps the event: it may be told again when somebody has resumed it.
        case paused
    }

    public let code: Code
    /// A sentence for people, with the values in it.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }

    /// Whether the same event may start something later.
    private var mayPass: Bool {
        switch code {
        case .unavailable, .source, .paused: true
        case .event, .refused: false
        }
    }

    /// Of two failures the one that whoever tells of events is to be told: one that may pass makes him come again.
    func worse(than other: TriggerError) -> TriggerError { mayPass || !other.mayPass ? self : other }
}

extension TriggerError {
    init(engine error: EngineError) {
        self.init(error.isPassing ? .unavailable : .refused, error.message)
    }
}
