import Engine
import EventPatterns
import JSON
import StatesLanguage

/// An execution that a complete upload starts.
struct UploadStart: Sendable, Equatable {
    let machine: String
    let name: String
    let input: JSON
    /// The trigger that says so; nil for the machine that the upload itself names.
    let trigger: String?
    /// Set when it is started.
    var executionARN: String?

    var json: JSON {
        .members(
            ("machine", .string(machine)), ("name", .string(name)), ("input", input),
            ("trigger", trigger.map(JSON.string)), ("executionArn", executionARN.map(JSON.string)))
    }

    init(machine: String, name: String, input: JSON, trigger: String?) {
        self.machine = machine
        self.name = name
        self.input = input
        self.trigger = trigger
    }

    /// Nil for what ``json`` never writes.
    init?(json: JSON) {
        guard let machine = json["machine"]?.stringValue, let name = json["name"]?.stringValue,
            let input = json["input"]
        else { return nil }
        self.init(machine: machine, name: name, input: input, trigger: json["trigger"]?.stringValue)
        executionARN = json["executionArn"]?.stringValue
    }
}

extension UploadRecord {
    /// The trigger that all that the upload still starts waits for, if these are paused; nil where something else has to be
    /// done first.
    func heldBy(_ paused: Set<String>) -> String? {
        guard executionARN == nil, isStored, let starts else { return nil }
        let waiting = starts.filter { $0.executionARN == nil }
        guard waiting.allSatisfy({ $0.trigger.map(paused.contains) ?? false }) else { return nil }
        return waiting.first?.trigger
    }

    /// What the upload starts: what the triggers say that match it. Without one, or where it names a workflow, that
    /// workflow, under the name `upload-ID`. A trigger that can't use it keeps it from no other: the failure says why.
    ///
    /// - Parameters:
    ///   - url: of the stored object.
    ///   - now: seconds since 1970.
    ///   - told: hears of triggers that mean other uploads, and of those that can't use this one.
    func starts(
        by triggers: [Trigger], url: String, now: Int64, told: @Sendable (TriggerNews) async -> Void
    ) async throws(UploadError) -> (starts: [UploadStart], failure: UploadError?) {
        let given = try UploadMetadata.document(header: header)
        let event = TriggerEvents.upload(
            id: id, key: key, url: url, bytes: Int(length), metadata: given,
            time: Timestamp.text(microseconds: now * 1_000_000),
            from: TriggerEvents.Origin(account: ARN.account, region: ARN.region))
        var starts: [UploadStart] = []
        var failure: UploadError?
        for trigger in triggers where given["workflow"] == nil {
            guard trigger.matches(event) else {
                await told(TriggerNews(.unmatched, of: trigger.name))
                continue
            }
            do throws(EvaluationError) {
                let start = try trigger.start(for: event, digest: Engine.digest)
                starts.append(
                    UploadStart(
                        machine: trigger.target, name: start.executionName, input: start.input, trigger: trigger.name))
            } catch {
                let reason = "\(error.location.map { "\($0): " } ?? "")\(error.cause)"
                await told(TriggerNews(.refused, of: trigger.name, reason: reason))
                failure =
                    failure
                    ?? UploadError(
                        .invalid, "The upload is stored, and the trigger '\(trigger.name)' can't use it.",
                        problems: [reason])
            }
        }
        if starts.isEmpty, failure == nil {
            starts = [UploadStart(machine: machine, name: executionName, input: input, trigger: nil)]
        }
        return (starts, failure)
    }
}
