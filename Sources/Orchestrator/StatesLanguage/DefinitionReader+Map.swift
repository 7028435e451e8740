import JSON

extension DefinitionReader {
    mutating func map(_ object: ObjectFields, language: QueryLanguage) -> MapState? {
        exclude(["ItemProcessor", "Iterator"], in: object)
        exclude(["ItemSelector", "Parameters"], in: object)
        let selectorName = object.has("ItemSelector") ? "ItemSelector" : "Parameters"
        let selector = template(selectorName, in: object)
        let itemsPath = object.has("ItemsPath") ? object.path("ItemsPath", &self) : JSONPath.whole
        let concurrency = object.numberSource("MaxConcurrency", in: 0...99_999_999, &self) ?? .literal(0)
        let percentage = percentage(object)
        let count = object.numberSource("ToleratedFailureCount", in: 0...99_999_999, &self)
        checkLabel(object)
        let processorName = object.has("ItemProcessor") ? "ItemProcessor" : "Iterator"
        guard let node = object.child(processorName) else {
            report("These fields are required: [ItemProcessor]", at: object.node.tree.place, object.node.location)
            return nil
        }
        checkProcessorConfig(node)
        let processor = innerMachine(
            node.tree, at: node.location, isProcessor: true, language: language)
        guard let processor, let itemsPath else { return nil }
        return MapState(
            processor: processor, itemsPath: itemsPath, itemSelector: selector, maxConcurrency: concurrency,
            toleratedFailurePercentage: percentage, toleratedFailureCount: count)
    }

    private mutating func percentage(_ object: ObjectFields) -> PercentageSource? {
        let name = "ToleratedFailurePercentage"
        exclude([name, name + "Path"], in: object)
        if object.has(name + "Path") { return object.path(name + "Path", &self).map(PercentageSource.path) }
        return object.number(name, in: 0...100, &self).map(PercentageSource.literal)
    }

    /// The name of a distributed Map in ARNs.
    private mutating func checkLabel(_ object: ObjectFields) {
        guard let label = object.text("Label", &self) else { return }
        let location = object.location("Label")
        let place = object.place("Label")
        if label.isEmpty { report("Label cannot be empty", at: place, location) }
        if label.unicodeScalars.count > 40 { report("Label cannot exceed 40 characters", at: place, location) }
        for scalar in label.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            if isControl || " ?*<>{}[]:;,\\|^~$#%&`\"".unicodeScalars.contains(scalar) {
                report(
                    "Label contains invalid character: '\(scalar.escaped(asASCII: true))'",
                    advice: "use letters, digits, '-', '_' and '.'", at: place, location)
                return
            }
        }
    }

    private mutating func checkProcessorConfig(_ processor: Node) {
        guard case .mapping(let members) = processor.tree.content,
            let node = ObjectFields(node: processor, members: members).child("ProcessorConfig"),
            let config = object(node, fields: ["Mode", "ExecutionType"])
        else { return }
        let mode = config.text("Mode", &self)
        if let mode, mode != "INLINE", mode != "DISTRIBUTED" {
            report(
                "Mode '\(mode)' is not known", advice: "write INLINE", at: config.place("Mode"),
                config.location("Mode"))
        }
        if mode == "DISTRIBUTED" {
            report(
                .warning, .schemaValidationFailed, "Mode DISTRIBUTED runs the items inside this execution",
                advice: "child executions of their own come with a later version; write INLINE",
                at: config.place("Mode"), config.location("Mode"))
        }
        if let type = config.text("ExecutionType", &self), type != "STANDARD", type != "EXPRESS" {
            report(
                "ExecutionType '\(type)' is not known", advice: "write STANDARD or EXPRESS",
                at: config.place("ExecutionType"), config.location("ExecutionType"))
        }
    }
}

extension JSONPath {
    /// `$`.
    static let whole = JSONPath(text: "$", root: .input, segments: [])
}
