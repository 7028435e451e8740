import JSON

extension DefinitionReader {
    mutating func retriers(_ object: ObjectFields) -> [Retrier] {
        guard let nodes = object.array("Retry", &self) else { return [] }
        var retriers: [Retrier] = []
        for (index, node) in nodes.enumerated() {
            let fields = FieldSet([
                "ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy",
                "Comment",
            ])
            guard let entry = self.object(node, fields: fields, required: ["ErrorEquals"]) else { continue }
            let names = errorNames(entry, isLast: index == nodes.count - 1, list: "Retry")
            _ = entry.text("Comment", &self)
            let interval = entry.integer("IntervalSeconds", in: 1...99_999_999, &self) ?? 1
            let attempts = entry.integer("MaxAttempts", in: 0...99_999_999, &self) ?? 3
            let rate = entry.number("BackoffRate", in: 1...(.infinity), &self) ?? 2
            let maxDelay = entry.integer("MaxDelaySeconds", in: 1...31_622_399, &self)
            if let maxDelay, maxDelay <= interval, entry.has("IntervalSeconds") {
                report(
                    "MaxDelaySeconds is \(maxDelay) and IntervalSeconds \(interval)",
                    advice: "make MaxDelaySeconds greater than IntervalSeconds", at: entry.place("MaxDelaySeconds"),
                    entry.location("MaxDelaySeconds"))
            }
            let jitter = oneOf("JitterStrategy", ["FULL", "NONE"], in: entry)
            retriers.append(
                Retrier(
                    errorEquals: names, intervalSeconds: interval, maxAttempts: attempts, backoffRate: rate,
                    maxDelaySeconds: maxDelay, hasFullJitter: jitter == "FULL"))
        }
        return retriers
    }

    mutating func catchers(_ object: ObjectFields) -> [Catcher] {
        guard let nodes = object.array("Catch", &self) else { return [] }
        var catchers: [Catcher] = []
        for (index, node) in nodes.enumerated() {
            let fields = FieldSet(
                ["ErrorEquals", "Next", "Assign", "Comment"], jsonPath: ["ResultPath"], jsonata: ["Output"])
            guard let entry = self.object(node, fields: fields, required: ["ErrorEquals", "Next"]) else { continue }
            let names = errorNames(entry, isLast: index == nodes.count - 1, list: "Catch")
            _ = entry.text("Comment", &self)
            let placement = language == .jsonPath ? placement("ResultPath", in: entry) : .replace
            let output = language == .jsonata ? template("Output", in: entry) : nil
            let assign = assignment(entry)
            guard let next = entry.text("Next", &self) else { continue }
            catchers.append(
                Catcher(errorEquals: names, next: next, resultPath: placement, output: output, assign: assign))
        }
        return catchers
    }

    private mutating func errorNames(_ entry: ObjectFields, isLast: Bool, list: String) -> [String] {
        guard let nodes = entry.array("ErrorEquals", &self) else { return [] }
        let location = entry.location("ErrorEquals")
        if nodes.isEmpty {
            report(
                "Value cannot be empty", advice: "name at least one error, or States.ALL",
                at: entry.place("ErrorEquals"), location)
        }
        var names: [String] = []
        for node in nodes {
            guard case .scalar(.string(let name)) = node.tree.content else {
                expected("String", node)
                continue
            }
            names.append(name)
            if name.hasPrefix(StepContractView.errorPrefix) {
                errorUses.append(ErrorUse(name: name, place: node.tree.place, location: node.location))
            }
            if name.hasPrefix("States."), !ErrorName.reserved.contains(name),
                !name.hasPrefix(Integrations.statusErrorPrefix)
            {
                let nearest = nearestName(to: name, among: ErrorName.reserved.sorted())
                report(
                    .warning, .schemaValidationFailed, "'\(name)' is not one of the language's reserved error names",
                    advice: nearest.map { "did you mean '\($0)'?" } ?? "only they begin with 'States.'",
                    at: node.tree.place, node.location)
            }
        }
        if let index = names.firstIndex(of: ErrorName.all), names.count > 1 || !isLast, index < nodes.count {
            report(
                "States.ALL must appear alone and at end of list",
                advice: names.count > 1
                    ? "it covers the other names already" : "the entries of \(list) after it would never be used",
                at: nodes[index].tree.place, nodes[index].location)
        }
        return names
    }

    /// Warns of names that look like a step's and with which neither a step nor a Fail state of the definition ends.
    mutating func checkErrorNames() {
        guard let contracts else { return }
        let known = contracts.values.reduce(into: raisedErrors.union(Integrations.ownErrors)) {
            $0.formUnion($1.errors)
        }
        for use in errorUses where !known.contains(use.name) {
            report(
                .warning, .schemaValidationFailed, "No step here fails with '\(use.name)'",
                advice: nearestName(to: use.name, among: known.sorted()).map { "did you mean '\($0)'?" }
                    ?? "the names are \(known.sorted().joined(separator: ", "))",
                at: use.place, use.location)
        }
    }
}

/// A name of an error of a step, where a retrier or catcher names it.
struct ErrorUse {
    let name: String
    let place: SourcePlace
    let location: String
}
