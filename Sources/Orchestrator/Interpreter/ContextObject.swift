import Encodings
import JSON
import SeededNumbers
import StatesLanguage

extension Execution {
    /// The context object, `$$`, as a state of a scope sees it.
    /// Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    func contextObject(in scope: ScopeID, item: (index: Int, value: JSON)? = nil) -> JSON {
        var context = constantContext
        if let entry = scopes.shared(scope)?.value.entry {
            context["State"] = .members(
                ("Name", .string(entry.state)),
                ("EnteredTime", .string(Timestamp.text(microseconds: entry.enteredAt))),
                // Only states that can be retried count their retries.
                ("RetryCount", entry.plan.countsRetries ? .integer(entry.retryCount) : nil))
            if let nonce = entry.callbackNonce {
                context["Task"] = ["Token": .string(taskToken(of: entry.id, nonce: nonce))]
            }
        }
        if let item = item ?? enclosingItem(of: scope) {
            context["Map"] = ["Item": ["Index": .integer(item.index), "Value": item.value]]
        }
        return context
    }

    /// What the outside gets to answer for an attempt of a task.
    public func taskToken(of entry: EntryID, nonce: String) -> String { "\(id).\(entry).\(nonce)" }

    /// The item of the innermost Map iteration that a scope lies in.
    private func enclosingItem(of scope: ScopeID) -> (index: Int, value: JSON)? {
        var current = scopes.shared(scope)
        while let here = current {
            if let item = here.value.item { return (here.value.index, item) }
            current = here.value.parent.flatMap { scopes.shared($0) }
        }
        return start.parent.map { (index: $0.index, value: $0.item ?? start.input) }
    }

    /// The seed for whatever is random in one evaluation: the same for the same place of the same execution, and another
    /// one after a redrive.
    func seed(for entry: EntryID, draw: Int) -> UInt64 {
        seed(for: entry, draw: draw, redrives: redriveCount)
    }

    private func seed(for entry: EntryID, draw: Int, redrives: Int) -> UInt64 {
        SplitMix64.mixed(
            start.seed &+ UInt64(entry) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(truncatingIfNeeded: draw)
                &* 0xD1B5_4A32_D192_ED03 &+ UInt64(redrives) &* 0xA076_1D64_78BD_642F)
    }

    /// A name in the form of a UUID (RFC 9562, version 4), the same for the same place of the same execution.
    ///
    /// - Parameter redrives: tells apart what is named anew after a redrive.
    func identifier(for entry: EntryID, draw: Int, redrives: Int = 0) -> String {
        let high = seed(for: entry, draw: draw, redrives: redrives)
        return uuidText(high, SplitMix64.mixed(high &+ 0x9E37_79B9_7F4A_7C15), version: 4)
    }
}

extension StatePlan {
    /// Whether the state has a retry count: a Task, Parallel or Map state.
    var countsRetries: Bool {
        switch state.kind {
        case .task, .parallel, .map: true
        case .pass, .choice, .wait, .succeed, .fail: false
        }
    }
}
