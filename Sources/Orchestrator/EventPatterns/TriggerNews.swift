/// What came of an event that a trigger was told: whoever brings events tells it, for people who ask why nothing has
/// started.
public struct TriggerNews: Sendable, Hashable {
    public enum Outcome: String, Sendable, CaseIterable {
        /// An execution was started.
        case started = "Started"
        /// Its execution was there already.
        case known = "Known"
        /// The pattern means other events, or the trigger is disabled.
        case unmatched = "Unmatched"
        /// The trigger is paused.
        case held = "Held"
        /// It was not proven, can't be used, or the engine refused the start.
        case refused = "Refused"
        /// The bucket or the directory could not be looked at.
        case trouble = "Trouble"
    }

    /// The trigger's name.
    public let trigger: String
    public let outcome: Outcome
    /// The execution's ARN.
    public let execution: String?
    /// A sentence for people.
    public let reason: String?

    public init(_ outcome: Outcome, of trigger: String, execution: String? = nil, reason: String? = nil) {
        self.outcome = outcome
        self.trigger = trigger
        self.execution = execution
        self.reason = reason
    }
}
