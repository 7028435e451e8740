import JSON

/// Why a step's result was taken from an earlier run, or was made.
enum StepReuse: Sendable, Hashable {
    /// An equal step had made it.
    case reused
    /// Another run was just making it.
    case waited
    case notAsked(who: String)
    /// Nothing was ever kept for these files.
    case first
    /// The last result for these files was of another identity.
    case changed([Change])
    /// What was kept names objects that are gone.
    case gone(key: String)

    /// A field of what makes a result.
    struct Change: Sendable, Hashable {
        let field: String
        let before: JSON?
        let now: JSON?
    }

    /// Fields told at most.
    private static let fieldsAtMost = 8
    /// Of a value so many characters are told.
    private static let valueCharacters = 80

    /// The name of the member of an output, or the wish in an input, that has no part in any result.
    static let member = "reuse"

    var isReused: Bool { self == .reused || self == .waited }

    /// As it stands in the step's output.
    func document(result key: String) -> JSON {
        var document: JSON = [
            "reused": .bool(isReused), "result": .string(key), "because": .string(sentence),
        ]
        if case .changed(let changes) = self {
            document["changed"] = .array(
                changes.prefix(StepReuse.fieldsAtMost).map { change in
                    .members(
                        ("field", .string(change.field)), ("before", change.before.map(StepReuse.short)),
                        ("now", change.now.map(StepReuse.short)))
                })
        }
        return document
    }

    private var sentence: String {
        switch self {
        case .reused: "An equal step had made it: same step, version, parameters and content."
        case .waited: "Another run was just making it, and this one waited."
        case .notAsked(let who): "\(who) asked for no kept results."
        case .first: "No result of this step is kept for this content."
        case .gone(let key): "The kept result names \(key), which is gone."
        case .changed(let changes):
            "The last result for this content differs in "
                + changes.prefix(StepReuse.fieldsAtMost).map(\.field).joined(separator: ", ")
                + (changes.count > StepReuse.fieldsAtMost
                    ? " and \(changes.count - StepReuse.fieldsAtMost) more." : ".")
        }
    }

    private static func short(_ value: JSON) -> JSON {
        let text = value.text
        return text.count <= valueCharacters ? value : .string(text.prefix(valueCharacters) + "...")
    }

    /// The fields in which two identities differ, in order of their names.
    static func changes(from before: JSON, to now: JSON) -> [Change] {
        var changes: [Change] = []
        func walk(_ before: JSON?, _ now: JSON?, _ field: String) {
            if before == now { return }
            func inside(_ name: String) -> String { field.isEmpty ? name : "\(field).\(name)" }
            switch (before, now) {
            case (.object(let old)?, .object(let new)?):
                for name in Set(old.keys).union(new.keys).sorted() { walk(old[name], new[name], inside(name)) }
            case (.array(let old)?, .array(let new)?) where old.count == new.count:
                for (index, pair) in zip(old, new).enumerated() { walk(pair.0, pair.1, "\(field)[\(index)]") }
            default: changes.append(Change(field: field, before: before, now: now))
            }
        }
        walk(before, now, "")
        return changes
    }
}
