import Engine
import JSON

/// An execution as the run page loads it.
enum RunDocument {
    /// Inputs and outputs of state entries may have this many bytes together. Beyond it they are left out and the
    /// entry is marked `"payloadsOmitted": true`; each can be had alone under `/states/{entry}`. Otherwise a Map over
    /// thousands of items would make every opening of the page a download of hundreds of megabytes.
    static let payloadBudget = 1 << 20

    static func json(_ detail: RunDetail, payloadBudget: Int = payloadBudget) -> JSON {
        var document = detail.json
        document["states"] = states(detail.states, payloadBudget: payloadBudget)
        return document
    }

    /// The entries, with payloads for as many of the latest as the budget holds: they are what is looked at.
    static func states(_ states: [StateEntryView], payloadBudget: Int = payloadBudget) -> JSON {
        var left = payloadBudget
        var documents: [JSON] = []
        documents.reserveCapacity(states.count)
        for state in states.reversed() {
            let size = (state.input?.utf8.count ?? 0) + (state.output?.utf8.count ?? 0)
            if size <= left {
                left -= size
                documents.append(state.json)
            } else {
                var bare = state
                bare.input = nil
                bare.output = nil
                var document = bare.json
                document["payloadsOmitted"] = true
                documents.append(document)
            }
        }
        return .array(documents.reversed())
    }
}
