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

    /// Starts what the triggers say for an event; returns when all of it is durable.
    ///
    /// - Parameter candidates: the triggers whose source the event comes from.
    func take(_ event: JSON, for candidates: [Trigger]) async throws(TriggerError) -> [Started] {
        var started: [Started] = []
        let time = await service.triggerTime()
        for trigger in candidates {
            guard trigger.matches(event) else {
                notes.note(.unmatched, of: trigger.name, at: time)
                continue
            }
            do throws(TriggerError) {
                let one = try await start(trigger, for: event)
                notes.note(one.isNew ? .started : .known, of: trigger.name, execution: one.executionARN, at: time)
                started.append(one)
            } catch {
                notes.note(.refused, of: trigger.name, reason: error.message, at: time)
                throw error
            }
        }
        return started
    }

    private func start(_ trigger: Trigger, for event: JSON) async throws(TriggerError) -> Started {
        let start = try Self.start(of: trigger, for: event)
        do throws(EngineError) {
            let (execution, isNew) = try await service.startTriggered(
                machine: trigger.target, name: start.executionName, input: start.input.text, trigger: trigger.name)
            return Started(trigger: trigger.name, executionARN: execution.executionARN, isNew: isNew)
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
    }

    public let code: Code
    /// A sentence for people, with the values in it.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}

extension TriggerError {
    init(engine error: EngineError) {
        self.init(error.isPassing ? .unavailable : .refused, error.message)
    }
}
