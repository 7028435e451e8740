import Cryptography
import Encodings
import Interpreter
public import Journal
import StatesLanguage

/// Starts what triggers say.
public protocol TriggeredStarts: Sendable {
    /// Starts an execution under a name that follows from the event; one that has the name is the one meant, whatever its
    /// input.
    func startTriggered(
        machine: String, name: String, input: String, trigger: String
    ) async throws(EngineError) -> TriggeredStart
    /// Names of the triggers that somebody holds: they start nothing until they are resumed.
    func pausedTriggers() async throws(EngineError) -> Set<String>
}

/// What an event has started.
public enum TriggeredStart: Sendable {
    case started(StartedExecution)
    /// The event was told before.
    case known(StartedExecution)
    /// Nothing, since the trigger is paused: whoever brings the event keeps it, or says so to whom he has it from.
    case paused
}

/// What the engine does for triggers: it starts their executions and keeps what has to be kept of them.
public protocol TriggerService: TriggeredStarts {
    /// Starts an execution as ``TriggeredStarts/startTriggered(machine:name:input:trigger:)`` does.
    ///
    /// - Parameter ended: the ARN of the execution whose end is the event; nil for other events.
    func startTriggered(
        machine: String, name: String, input: String, trigger: String, endOf ended: String?
    ) async throws(EngineError) -> TriggeredStart
    /// Engine time, in microseconds since 1970; nil while the engine does not serve.
    func triggerTime() async -> Int64?
    /// Which of these names belong to executions of a machine already.
    func takenNames(machine: String, among names: [String]) async throws(EngineError) -> Set<String>
    /// What is kept of a trigger; made at the first call.
    func triggerRecord(_ name: String) async throws(EngineError) -> TriggerRecord
    /// What senders sign with, as it was told: `whsec_` and Base64. Nil while there is none; throws `.conflict` where it
    /// can't be opened.
    func triggerSecret(_ name: String) async throws(EngineError) -> String?
    /// Makes a new secret that senders sign with; the old one is worth nothing from then on. It is told once.
    func renewTriggerSecret(_ name: String) async throws(EngineError) -> String
    /// A listing has told everything up to an instant, in microseconds since 1970.
    func noteTriggerListed(_ name: String, through instant: Int64) async throws(EngineError)
    /// Holds a trigger until it is resumed, by whichever engine: it starts nothing. A further pause replaces the reason.
    ///
    /// - Parameter reason: for people, from 1 to ``Engine/reasonBytes`` bytes. Throws `.invalid` for others.
    func pauseTrigger(_ name: String, reason: String) async throws(EngineError)
    /// Lets a trigger start executions again. Throws `.notFound` for one of which nothing is kept.
    func resumeTrigger(_ name: String) async throws(EngineError)
}

/// What is kept of a trigger.
public struct TriggerRecord: Sendable {
    /// When it was first deployed, in microseconds since 1970.
    public let since: Int64
    public let hasSecret: Bool
    public let listedThrough: Int64?
    /// Nil while it is not paused.
    public let pause: TriggerPause?
    /// Up to when it has been told of executions that ended; nil where it is not. Engine time, in microseconds since 1970.
    public let toldThrough: Int64?
}

extension Engine: TriggerService {
    public func triggerTime() -> Int64? { isReady ? now + scheduling.clock.offset : nil }

    public func startTriggered(
        machine target: String, name: String, input: String, trigger: String
    ) async throws(EngineError) -> TriggeredStart {
        try await startTriggered(machine: target, name: name, input: input, trigger: trigger, endOf: nil)
    }

    public func startTriggered(
        machine target: String, name: String, input: String, trigger: String, endOf ended: String?
    ) async throws(EngineError) -> TriggeredStart {
        try requireReady()
        if try await storedTrigger(trigger).pause != nil { return .paused }
        let (execution, isNew) = try await startOnce(
            machine: target, name: name, input: input,
            origin: ExecutionOrigin(kind: .trigger, name: trigger, execution: ended))
        return isNew ? .started(execution) : .known(execution)
    }

    public func pausedTriggers() async throws(EngineError) -> Set<String> {
        try requireReady()
        try await changingRegistry { () async throws(EngineError) in try await loadTriggers() }
        return Set(scheduling.triggers.values.lazy.filter { $0.pause != nil }.map(\.name))
    }

    public func pauseTrigger(_ name: String, reason: String) async throws(EngineError) {
        try requireReady()
        guard !reason.isEmpty, reason.utf8.count <= Self.reasonBytes, !reason.utf8.contains(0) else {
            throw EngineError(
                code: .invalid, message: "A pause has a reason of at most \(Self.reasonBytes) bytes, without NUL.")
        }
        let pause = TriggerPause(reason: reason, since: now + scheduling.clock.offset)
        try await changeTrigger(name) { $0.pause = pause }
    }

    public func resumeTrigger(_ name: String) async throws(EngineError) {
        try requireReady()
        try await changingRegistry { () async throws(EngineError) in try await loadTriggers() }
        guard scheduling.triggers[name] != nil else {
            throw EngineError(code: .notFound, message: "There is no trigger '\(name.prefix(100))'.")
        }
        try await changeTrigger(name) { $0.pause = nil }
    }

    public func takenNames(machine target: String, among names: [String]) async throws(EngineError) -> Set<String> {
        try requireReady()
        let machine = try machineName(of: target)
        do { return try await journal.takenNames(machine: machine, among: names) } catch {
            throw EngineError.unavailable("\(error)")
        }
    }

    public func triggerRecord(_ name: String) async throws(EngineError) -> TriggerRecord {
        try requireReady()
        let stored = try await storedTrigger(name)
        return TriggerRecord(
            since: stored.since, hasSecret: stored.secret != nil, listedThrough: stored.listedThrough,
            pause: stored.pause, toldThrough: stored.told?.through)
    }

    public func triggerSecret(_ name: String) async throws(EngineError) -> String? {
        try requireReady()
        guard let sealed = try await storedTrigger(name).secret else { return nil }
        return try opened(sealed, of: name)
    }

    public func renewTriggerSecret(_ name: String) async throws(EngineError) -> String {
        try requireReady()
        guard let keyRing else {
            throw EngineError(
                code: .conflict,
                message: "The engine has no master key to seal secrets with; set SHOWRUNNER_MASTER_KEY_FILE.")
        }
        let secret = "whsec_" + Base64.encode(randomBytes(32))
        let sealed: [UInt8]
        do throws(CryptoError) {
            sealed = try keyRing.seal(Array(secret.utf8), context: Self.context(ofTrigger: name))
        } catch {
            throw EngineError(code: .invalid, message: error.message)
        }
        try await changeTrigger(name) { $0.secret = sealed }
        return secret
    }

    public func noteTriggerListed(_ name: String, through instant: Int64) async throws(EngineError) {
        try requireReady()
        try await changeTrigger(name) { $0.listedThrough = max($0.listedThrough ?? instant, instant) }
    }

    /// From memory, the database, or made now.
    func storedTrigger(_ name: String) async throws(EngineError) -> StoredTrigger {
        if let stored = scheduling.triggers[name] { return stored }
        try await changeTrigger(name) { _ in }
        guard let stored = scheduling.triggers[name] else { preconditionFailure("a trigger that was kept is known") }
        return stored
    }

    func changeTrigger(_ name: String, _ change: (inout StoredTrigger) -> Void) async throws(EngineError) {
        try await changingRegistry { () async throws(EngineError) in
            try await loadTriggers()
            let known = scheduling.triggers[name]
            var changed = known ?? StoredTrigger(name: name, since: now + scheduling.clock.offset)
            change(&changed)
            guard changed != known else { return }
            let trigger = changed
            try await written { try await journal.saveTrigger(trigger) }
            scheduling.triggers[name] = trigger
        }
    }

    /// Asks the database once what is kept of triggers; after that nobody but this engine changes it.
    func loadTriggers() async throws(EngineError) {
        guard !scheduling.areTriggersLoaded else { return }
        let all: [StoredTrigger]
        do { all = try await journal.triggers() } catch { throw EngineError.unavailable("\(error)") }
        for stored in all { scheduling.triggers[stored.name] = stored }
        scheduling.areTriggersLoaded = true
    }

    private func opened(_ sealed: [UInt8], of name: String) throws(EngineError) -> String {
        guard let keyRing else {
            throw EngineError(
                code: .conflict, message: "The engine has no master key to open the secret of '\(name)' with.")
        }
        do throws(CryptoError) {
            return String(
                decoding: try keyRing.open(sealed, context: Self.context(ofTrigger: name)), as: UTF8.self)
        } catch {
            throw EngineError(
                code: .conflict, message: "The secret of '\(name)' can't be opened, make a new one: \(error.message)")
        }
    }

    private static func context(ofTrigger name: String) -> String { "trigger \(name)" }
}
