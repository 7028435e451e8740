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

    var json: JSON {
        .members(
            ("machine", .string(machine)), ("name", .string(name)), ("input", input),
            ("trigger", trigger.map(JSON.string)))
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
    }
}

extension UploadRecord {
    /// What the upload starts: what the triggers say that match it. Without one, or where it names a workflow, that
    /// workflow, under the name `upload-ID`.
    ///
    /// - Parameters:
    ///   - url: of the stored object.
    ///   - now: seconds since 1970.
    func starts(by triggers: [Trigger], url: String, now: Int64) throws(UploadError) -> [UploadStart] {
        let given = try UploadMetadata.document(header: header)
        let event = TriggerEvents.upload(
            id: id, key: key, url: url, bytes: Int(length), metadata: given,
            time: Timestamp.text(microseconds: now * 1_000_000),
            from: TriggerEvents.Origin(account: ARN.account, region: ARN.region))
        var starts: [UploadStart] = []
        for trigger in triggers where given["workflow"] == nil && trigger.matches(event) {
            do throws(EvaluationError) {
                let start = try trigger.start(for: event, digest: Engine.digest)
                starts.append(
                    UploadStart(
                        machine: trigger.target, name: start.executionName, input: start.input, trigger: trigger.name))
            } catch {
                throw UploadError(
                    .invalid, "The upload is stored, and the trigger '\(trigger.name)' can't use it.",
                    problems: ["\(error.location.map { "\($0): " } ?? "")\(error.cause)"])
            }
        }
        return starts.isEmpty
            ? [UploadStart(machine: machine, name: executionName, input: input, trigger: nil)] : starts
    }
}
