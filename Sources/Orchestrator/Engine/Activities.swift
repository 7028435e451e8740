public import JSON
import Interpreter
import Journal
import OrderedCollections
import Postgres

/// An activity: tasks that name its ARN as their Resource wait for whoever asks for them with GetActivityTask.
struct Activity: Sendable {
    let name: String
    /// The wire's `encryptionConfiguration`.
    let encryption: JSON
    var tags: OrderedDictionary<String, String>
    let createdAt: Int64

    var arn: String { ResourceName.activity(name).arn }

    init(name: String, encryption: JSON, tags: OrderedDictionary<String, String>, createdAt: Int64) {
        self.name = name
        self.encryption = encryption
        self.tags = tags
        self.createdAt = createdAt
    }

    init(_ stored: StoredActivity) throws {
        self.init(
            name: stored.name, encryption: try JSON(parsing: stored.encryption), tags: try readTags(stored.tags),
            createdAt: stored.createdAt)
    }

    var stored: StoredActivity {
        StoredActivity(name: name, encryption: encryption.text, tags: writeTags(tags), createdAt: createdAt)
    }
}

public struct ActivityView: Sendable {
    public let name: String
    public let arn: String
    /// The wire's `encryptionConfiguration`.
    public let encryption: JSON
    /// Microseconds since 1970.
    public let createdAt: Int64
}

extension Engine {
    /// Makes an activity. One that exists with the same encryption is answered as it is.
    ///
    /// Throws `.invalidName`, `.activityLimit`, `.tooManyTags`.
    public func createActivity(
        name: String, tags: [(key: String, value: String)] = [],
        encryption: JSON = MachineConfiguration.defaultEncryption
    ) async throws(EngineError) -> ActivityView {
        try requireReady()
        try NameRule.check(name)
        let tags = try merged([:], tags)
        return try await changingRegistry { () async throws(EngineError) in
            if let existing = activities[name] {
                guard existing.encryption == encryption else {
                    throw EngineError(
                        code: .conflict, message: "Activity already exists with different encryption configuration.")
                }
                return view(of: existing)
            }
            guard activities.count < limits.activities else {
                throw EngineError(
                    code: .activityLimit, message: "Activity Limit Exceeded: there are \(limits.activities).")
            }
            let activity = Activity(name: name, encryption: encryption, tags: tags, createdAt: now)
            try await save(activity)
            return view(of: activity)
        }
    }

    func save(_ activity: Activity) async throws(EngineError) {
        try await written { try await journal.saveActivity(activity.stored) }
        activities[activity.name] = activity
    }

    /// Throws `.activityNotFound`.
    public func describeActivity(_ arn: String) throws(EngineError) -> ActivityView {
        try requireReady()
        return view(of: try activity(arn))
    }

    /// Removes an activity; one that does not exist is no error. Tasks that wait in it run into their time limits, and
    /// those taken can still be answered.
    public func deleteActivity(_ arn: String) async throws(EngineError) {
        try requireReady()
        let name = try activityName(arn)
        try await changingRegistry { () async throws(EngineError) in
            guard let activity = activities[name] else { return }
            try await written { try await journal.deleteActivity(name) }
            activities[name] = nil
            for poller in Array(pollers.values) where poller.queues.contains(activity.arn) { endPoll(poller.id) }
        }
    }

    /// All activities, by name.
    public func listActivities(limit: Int, after mark: String?) throws(EngineError) -> Page<ActivityView> {
        try requireReady()
        let names = activities.keys.filter { mark == nil || $0 > mark! }.sorted()
        let page = names.prefix(limit).compactMap { activities[$0] }
        return Page(items: page.map(view), next: names.count > limit ? page.last?.name : nil)
    }

    private func activity(_ arn: String) throws(EngineError) -> Activity {
        guard let activity = activities[try activityName(arn)], activity.arn == arn else {
            throw EngineError.noActivity(arn)
        }
        return activity
    }

    private func activityName(_ arn: String) throws(EngineError) -> String {
        let name = try ResourceName(arn: arn)
        guard case .activity(let activity) = name else { throw name.isOutOfPlace }
        return activity
    }

    private func view(of activity: Activity) -> ActivityView {
        ActivityView(
            name: activity.name, arn: activity.arn, encryption: activity.encryption, createdAt: activity.createdAt)
    }

    // MARK: Tasks

    /// How long GetActivityTask waits for a task, as AWS has it.
    public static let activityPollSeconds = 60

    /// The oldest task that waits in an activity, or the next one to come; nil when none came within the wait.
    ///
    /// Handing it out is an append. Throws `.activityNotFound`, and `.pollLimit` when too many polls wait.
    public func activityTask(
        of arn: String, worker: String?, waitSeconds: Int = activityPollSeconds
    ) async throws(EngineError) -> (token: String, input: JSON)? {
        try requireReady()
        let activity = try activity(arn)
        let assignment = try await nextTask(
            in: [activity.arn], worker: worker ?? "", incarnation: Self.activityIncarnation, waitSeconds: waitSeconds)
        return assignment.map { ($0.token.text, $0.input) }
    }

    /// What stands for the incarnation of a worker that has none.
    static let activityIncarnation = "activity"

    /// Ends the task that has this token with its result.
    ///
    /// Throws `.invalidToken`, `.taskNotFound`, `.taskTimedOut`, `.invalidOutput`.
    public func taskSucceeded(token text: String, output: String) async throws(EngineError) {
        let token = try taskToken(text)
        let value: JSON
        do { value = try JSON(parsing: output) } catch {
            throw EngineError(code: .invalidOutput, message: "Invalid Output: '\(complaint(about: output))'")
        }
        try await end(
            token, with: .taskSucceeded(entry: token.entry, nonce: token.nonce, output: value))
    }

    /// Ends the task that has this token with an error. Throws as ``taskSucceeded(token:output:)`` does.
    public func taskFailed(token text: String, error: String?, cause: String?) async throws(EngineError) {
        let token = try taskToken(text)
        try await end(
            token, with: .taskFailed(entry: token.entry, nonce: token.nonce, error: error ?? "", cause: cause ?? ""))
    }

    /// Says that the task that has this token is being worked on: its heartbeat period begins anew.
    public func taskHeartbeat(token text: String) async throws(EngineError) {
        let token = try taskToken(text)
        guard let run = try await inMemory(token.execution),
            case .task(let attempt) = run.execution.entry(token.entry)?.phase,
            attempt.started?.nonce == token.nonce || attempt.callbackNonce == token.nonce
        else { throw await isOver(token) }
        renew(LeaseKey(execution: token.execution, entry: token.entry))
    }

    private func taskToken(_ text: String) throws(EngineError) -> TaskToken {
        try requireReady()
        guard let token = TaskToken(text) else {
            throw EngineError(code: .invalidToken, message: "Invalid Token: 'Invalid token'")
        }
        try requireWithinReach(token.execution)
        return token
    }

    private func end(_ token: TaskToken, with event: Event) async throws(EngineError) {
        guard let run = try await inMemory(token.execution) else { throw await isOver(token) }
        switch await submit(event, to: run) {
        case .committed: return
        case .stale, .nameTaken: throw await isOver(token)
        case .refused(let reason): throw EngineError.unavailable(reason)
        }
    }

    private func isOver(_ token: TaskToken) async -> EngineError {
        do { try requireCertainLease() } catch { return error }
        staleAnswers += 1
        var isKnown = false
        if UUIDText.bytes(token.execution) != nil {
            do { isKnown = try await journal.listEntry(token.execution) != nil } catch {
                return .unavailable(error.message)
            }
        }
        return isKnown
            ? EngineError(code: .taskTimedOut, message: "Task Timed Out: 'Provided task does not exist anymore'")
            : EngineError(code: .taskNotFound, message: "Task Does Not Exist: 'Provided task does not exist'")
    }
}
