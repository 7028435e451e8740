import JSON
import Journal
import OrderedCollections

extension Engine {
    /// Tags of one resource, as AWS allows them.
    static let tagsLimit = 50

    /// A machine's or an activity's tags, in the order of their making. Throws `.resourceNotFound`.
    public func tags(of arn: String) throws(EngineError) -> [(key: String, value: String)] {
        try requireReady()
        return try tagged(arn).tags.map { (key: $0.key, value: $0.value) }
    }

    /// Adds tags, or changes their values. Throws `.resourceNotFound` and `.tooManyTags`.
    public func tag(_ arn: String, _ tags: [(key: String, value: String)]) async throws(EngineError) {
        try await changeTags(of: arn) { (former) throws(EngineError) in try merged(former, tags) }
    }

    /// Removes tags; those that are not there are no error. Throws `.resourceNotFound`.
    public func untag(_ arn: String, keys: [String]) async throws(EngineError) {
        try await changeTags(of: arn) { (former) throws(EngineError) in former.filter { !keys.contains($0.key) } }
    }

    func merged(
        _ former: OrderedDictionary<String, String>, _ tags: [(key: String, value: String)]
    ) throws(EngineError) -> OrderedDictionary<String, String> {
        var merged = former
        for tag in tags { merged[tag.key] = tag.value }
        guard merged.count <= Self.tagsLimit else {
            throw EngineError(
                code: .tooManyTags,
                message: "A resource has at most \(Self.tagsLimit) tags; with these it has "
                    + "\(merged.count).")
        }
        return merged
    }

    private enum Tagged {
        case machine(Machine)
        case activity(Activity)

        var tags: OrderedDictionary<String, String> {
            switch self {
            case .machine(let machine): machine.tags
            case .activity(let activity): activity.tags
            }
        }
    }

    /// Machines and activities have tags; versions, aliases and executions have none.
    private func tagged(_ arn: String) throws(EngineError) -> Tagged {
        switch try ResourceName(arn: arn) {
        case .stateMachine(let name): if let machine = machines[name] { return .machine(machine) }
        case .activity(let name): if let activity = activities[name] { return .activity(activity) }
        case .version, .alias, .mapState, .execution, .express, .mapRun: break
        }
        throw EngineError(code: .resourceNotFound, message: "Resource not found: '\(arn)'")
    }

    private func changeTags(
        of arn: String,
        _ change: (OrderedDictionary<String, String>) throws(EngineError) -> OrderedDictionary<String, String>
    ) async throws(EngineError) {
        try requireReady()
        try await changingRegistry { () async throws(EngineError) in
            switch try tagged(arn) {
            case .machine(var machine):
                machine.tags = try change(machine.tags)
                try await save(machine)
            case .activity(var activity):
                activity.tags = try change(activity.tags)
                try await save(activity)
            }
        }
    }
}
