import JSON
import StatesLanguage

extension Execution {
    /// The context object, `$$`, as a state of a scope sees it.
    /// Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    func contextObject(in scope: ScopeID, item: (index: Int, value: JSON)? = nil) -> JSON {
        var context: JSON = [
            "Execution": [
                "Id": .string(arn), "Input": start.input, "Name": .string(start.name),
                "StartTime": .string(Timestamp.text(microseconds: startedAt)),
            ],
            "StateMachine": ["Id": .string(start.machineARN), "Name": .string(machineName)],
        ]
        if let entry = scopes[scope]?.entry {
            context["State"] = [
                "Name": .string(entry.state), "EnteredTime": .string(Timestamp.text(microseconds: entry.enteredAt)),
                "RetryCount": .integer(entry.retryCount),
            ]
        }
        if let item = item ?? enclosingItem(of: scope) {
            context["Map"] = ["Item": ["Index": .integer(item.index), "Value": item.value]]
        }
        return context
    }

    /// The item of the innermost Map iteration that a scope lies in.
    private func enclosingItem(of scope: ScopeID) -> (index: Int, value: JSON)? {
        var current = scopes[scope]
        while let here = current {
            if let item = here.item { return (here.index, item) }
            current = here.parent.flatMap { scopes[$0] }
        }
        return nil
    }

    /// The seed for whatever is random in one evaluation: the same for the same place of the same execution.
    func seed(for entry: EntryID, draw: Int) -> UInt64 {
        // SplitMix64 (Steele, Lea, Flood 2014) over execution, entry and draw.
        var state = start.seed &+ UInt64(entry) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(draw) &* 0xD1B5_4A32_D192_ED03
        state = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        state = (state ^ (state >> 27)) &* 0x94D0_49BB_1331_11EB
        return state ^ (state >> 31)
    }
}
