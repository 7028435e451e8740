public import JSON
public import StatesLanguage

/// One trigger of `workflows/triggers.yaml`: events of one source start a state machine, each event once.
public struct Trigger: Sendable, Hashable {
    /// Letters, digits, `-`, `_` and `.`, up to ``maximumNameLength`` characters; a webhook's path is `/hooks/NAME`.
    public let name: String
    public let description: String?
    public let source: Source
    /// Which of the source's events are meant; nil for all, which of a bucket's are those of objects created.
    public let pattern: EventPattern?
    /// A trigger that is not starts nothing.
    public let isEnabled: Bool
    /// The ARN or the name of a state machine.
    public let target: String
    /// What the execution is given; nil for the event itself.
    public let input: PayloadTemplate?
    /// What makes two events the same; nil for the source's own rule.
    let idempotencyKey: PayloadTemplate?

    public enum Source: Sendable, Hashable {
        /// Uploads that are complete.
        case upload
        /// Objects of a bucket, told by its notifications.
        case s3(bucket: String)
        /// What is posted to `/hooks/NAME`.
        case webhook
        /// Files that arrive in a directory.
        case directory(path: String)
        /// Ends of executions.
        case execution
    }

    /// The name of an execution has 80 characters: this, `-` and ``keyDigits``.
    public static let maximumNameLength = 60
    static let keyDigits = 16
    /// The longest key, in bytes of UTF-8.
    public static let maximumKeyBytes = 4096

    /// Whether an event is one that the trigger waits for.
    public func matches(_ event: JSON) -> Bool {
        guard isEnabled, source.isMeant(event, hasPattern: pattern != nil) else { return false }
        return pattern?.matches(event) ?? true
    }

    /// Whether an execution's end may be one that the trigger waits for, by what is known of it without its data.
    public func mayMatch(_ ended: EndedExecution, from origin: TriggerEvents.Origin) -> Bool {
        guard isEnabled, source == .execution else { return false }
        return pattern?.ignoring(EndedExecution.dataPaths).matches(TriggerEvents.execution(ended, from: origin)) ?? true
    }

    /// What the execution is called that an execution's end starts, by what is known of it without its data; nil where the
    /// file has a rule of its own, which may ask for that.
    public func executionName(
        of ended: EndedExecution, from origin: TriggerEvents.Origin, digest: EvaluationScope.Digest
    ) -> String? {
        guard idempotencyKey == nil else { return nil }
        return executionName(key: source.key(of: TriggerEvents.execution(ended, from: origin)).canonicalText, digest)
    }

    private func executionName(key: String, _ digest: EvaluationScope.Digest) -> String {
        "\(name)-\(hash(key: key, digest).prefix(Trigger.keyDigits))"
    }

    private func hash(key: String, _ digest: EvaluationScope.Digest) -> String {
        digest(.sha256, Array("\(name)\0\(key)".utf8))
    }

    /// What an event starts.
    public struct Start: Sendable, Hashable {
        /// It follows from trigger and key alone: the same event starts the same execution, which is to say none.
        public let executionName: String
        public let key: String
        public let input: JSON
    }

    /// What an event starts. In expressions `$states.input` is the event, and `$states.context.Trigger` has Name.
    ///
    /// `$now()` is the event's `time`, and what is drawn follows from the key, so that a repeated event gives the same.
    ///
    /// - Parameter digest: must know SHA-256, from which names are made.
    public func start(
        for event: JSON, digest: @escaping EvaluationScope.Digest
    ) throws(EvaluationError) -> Start {
        let time = event["time"]?.stringValue.flatMap { Timestamp.microseconds(rfc3339: $0) } ?? 0
        var scope = EvaluationScope(
            input: event, context: ["Trigger": ["Name": .string(name)]], now: time, digest: digest)
        let key = try key(in: scope)
        scope.seed = UInt64(hash(key: key, digest).prefix(16), radix: 16) ?? 0
        return Start(
            executionName: executionName(key: key, digest), key: key,
            input: try input?.evaluate(in: scope, field: "Input") ?? event)
    }

    private func key(in scope: EvaluationScope) throws(EvaluationError) -> String {
        let value =
            if let idempotencyKey {
                try idempotencyKey.evaluate(in: scope, field: "IdempotencyKey")
            } else {
                source.key(of: scope.input)
            }
        let key: String
        switch value {
        case .string(let text): key = text
        case .integer, .double, .bool, .array, .object: key = value.canonicalText
        case .null: key = ""
        }
        guard !key.isEmpty, key.utf8.count <= Trigger.maximumKeyBytes else {
            throw EvaluationError(
                error: ErrorName.queryEvaluationError,
                cause: "The IdempotencyKey of the event is "
                    + (key.isEmpty ? "empty" : "longer than \(Trigger.maximumKeyBytes) bytes"),
                location: "IdempotencyKey")
        }
        return key
    }
}

extension Trigger.Source {
    /// The word in `triggers.yaml`.
    public var kind: String {
        switch self {
        case .upload: "upload"
        case .s3: "s3"
        case .webhook: "webhook"
        case .directory: "directory"
        case .execution: "execution"
        }
    }

    private static let objectCreated: JSON = "Object Created"

    /// Whether an event may be of this source.
    func isMeant(_ event: JSON, hasPattern: Bool) -> Bool {
        guard case .s3(let bucket) = self else { return true }
        return event["detail"]?["bucket"]?["name"]?.stringValue == bucket
            && (hasPattern || event["detail-type"] == Trigger.Source.objectCreated)
    }

    /// What makes two events of the source the same; null where the event has none of it.
    func key(of event: JSON) -> JSON {
        let detail = event["detail"]
        switch self {
        case .upload: return detail?["upload-id"] ?? .null
        // A version names its bytes; without versions the digest of the bytes does.
        case .s3(let bucket):
            let object = detail?["object"]
            // Where versions are suspended there is one of that name.
            let versions = [object?["version-id"], object?["etag"], object?["sequencer"]].compactMap { $0 }
            guard let key = object?["key"], let version = versions.first(where: { $0 != "null" }) else { return .null }
            let isCreated = event["detail-type"] == Trigger.Source.objectCreated
            return .array([.string(bucket), key, version] + (isCreated ? [] : [event["detail-type"] ?? .null]))
        case .webhook: return event["id"] ?? .null
        case .directory:
            guard let path = detail?["path"], let size = detail?["size"], let modified = detail?["modified"] else {
                return .null
            }
            return [path, size, modified]
        // A redrive makes another end.
        case .execution:
            guard let execution = detail?["executionArn"], let redrives = detail?["redriveCount"] else { return .null }
            return [execution, redrives]
        }
    }
}
