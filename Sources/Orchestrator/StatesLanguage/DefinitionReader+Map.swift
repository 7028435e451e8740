import Encodings
import JSON

extension DefinitionReader {
    mutating func map(_ object: ObjectFields, inherited: QueryLanguage) -> MapState? {
        exclude(["ItemProcessor", "Iterator"], in: object)
        exclude(["ItemSelector", "Parameters"], in: object)
        let selectorName = object.has("ItemSelector") ? "ItemSelector" : "Parameters"
        let selector = template(selectorName, in: object)
        let items = items(object)
        let concurrency = object.numberSource("MaxConcurrency", in: 0...99_999_999, &self) ?? .literal(0)
        let percentage = object.percentageSource("ToleratedFailurePercentage", &self)
        let count = object.numberSource("ToleratedFailureCount", in: 0...99_999_999, &self)
        let label = label(object)
        let reader = itemReader(object)
        let batcher = itemBatcher(object)
        let writer = resultWriter(object)
        let processorName = object.has("ItemProcessor") ? "ItemProcessor" : "Iterator"
        guard let node = object.child(processorName) else {
            report("These fields are required: [ItemProcessor]", at: object.node.tree.place, object.node.location)
            return nil
        }
        let mode = processorMode(node)
        if mode == .inline { refuseDistributedFields(object) }
        let wasInExpress = isInExpressProcessor
        if mode == .distributed(isExpress: true) { isInExpressProcessor = true }
        let processor = innerMachine(node.tree, at: node.location, isProcessor: true, inherited: inherited)
        isInExpressProcessor = wasInExpress
        guard let processor, let items else { return nil }
        return MapState(
            processor: processor, mode: mode, items: items, reader: reader, itemSelector: selector, batcher: batcher,
            writer: writer, maxConcurrency: concurrency, toleratedFailurePercentage: percentage,
            toleratedFailureCount: count, label: label)
    }

    private mutating func items(_ object: ObjectFields) -> MapState.Items? {
        switch language {
        case .jsonPath:
            return (object.has("ItemsPath") ? object.path("ItemsPath", &self) : .whole).map(MapState.Items.path)
        case .jsonata:
            guard let node = object.child("Items") else { return .input }
            switch node.tree.content {
            case .sequence, .mapping: return template("Items", in: object).map(MapState.Items.template)
            case .scalar(.string):
                return object.expression("Items", &self) == nil
                    ? nil : template("Items", in: object).map(MapState.Items.template)
            case .scalar:
                expected("Array", node)
                return nil
            }
        }
    }

    /// The name of a distributed Map in ARNs.
    private mutating func label(_ object: ObjectFields) -> String? {
        guard let label = object.text("Label", &self) else { return nil }
        let location = object.location("Label")
        let place = object.place("Label")
        if label.isEmpty { report(.error, .invalidLabelName, "Label cannot be empty", at: place, location) }
        if label.unicodeScalars.count > 40 {
            report(.error, .invalidLabelName, "Label cannot exceed 40 characters", at: place, location)
        }
        if let first = labels[label] {
            report(
                .error, .duplicateLabelName, "Duplicate label name: \(label)",
                advice: "line \(first.line) has it already", at: place, location)
        }
        labels[label] = place
        for scalar in label.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            if isControl || " ?*<>{}[]:;,\\|^~$#%&`\"".unicodeScalars.contains(scalar) {
                report(
                    .error, .invalidLabelName, "Label contains invalid character: '\(visible(scalar))'",
                    advice: "use letters, digits, '-', '_' and '.'", at: place, location)
                break
            }
        }
        return label
    }

    /// A character as it can be shown: what is not printable as `\t`, `\x8f`.
    private func visible(_ scalar: Unicode.Scalar) -> String {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D, 0x5C: return scalar.escaped(asASCII: true)
        case 0..<0x20, 0x7F...0x9F: return "\\x" + Hex.digits(scalar.value, atLeast: 2)
        default: return String(scalar)
        }
    }

    /// ProcessorConfig: how the processor runs.
    private mutating func processorMode(_ processor: Node) -> MapState.Mode {
        guard case .mapping(let members) = processor.tree.content,
            let node = ObjectFields(node: processor, members: members).child("ProcessorConfig"),
            let config = object(node, fields: FieldSet(["Mode", "ExecutionType"]))
        else { return .inline }
        let mode = oneOf("Mode", ["INLINE", "DISTRIBUTED"], in: config)
        let type = oneOf("ExecutionType", ["STANDARD", "EXPRESS"], in: config)
        if mode != "DISTRIBUTED" {
            if config.has("ExecutionType") {
                report(
                    .warning, .schemaValidationFailed, "ExecutionType has no effect in Mode INLINE",
                    advice: "drop it, or write \"Mode\": \"DISTRIBUTED\"", at: config.keyPlace("ExecutionType"),
                    config.location("ExecutionType"))
            }
            return .inline
        }
        refuseInExpress(
            "Distributed Map", advice: "use a Standard workflow, or \"Mode\": \"INLINE\"", at: config.place("Mode"),
            config.location("Mode"))
        return .distributed(isExpress: type == "EXPRESS")
    }

    private mutating func refuseDistributedFields(_ object: ObjectFields) {
        for name in ["ItemReader", "ItemBatcher", "ResultWriter", "Label"] where object.has(name) {
            report(
                .warning, .schemaValidationFailed, "\(name) has no effect in Mode INLINE",
                advice: "write \"ProcessorConfig\": {\"Mode\": \"DISTRIBUTED\"} in the ItemProcessor",
                at: object.keyPlace(name), object.location(name))
        }
    }

    // MARK: - Reading items

    private static let readerFields = FieldSet(
        ["Resource", "ReaderConfig", "Comment"], jsonPath: ["Parameters"], jsonata: ["Arguments"])
    private static let readerConfigFields = FieldSet(
        [
            "InputType", "CSVHeaderLocation", "CSVHeaders", "CSVDelimiter", "MaxItems", "ManifestType",
            "Transformation", "ItemsPointer",
        ], jsonPath: ["MaxItemsPath"])

    private mutating func itemReader(_ object: ObjectFields) -> ItemReader? {
        guard let node = object.child("ItemReader"),
            let fields = self.object(node, fields: DefinitionReader.readerFields, required: ["Resource"])
        else { return nil }
        let parameters = template(language == .jsonPath ? "Parameters" : "Arguments", in: fields)
        var inputType: ItemReader.InputType?
        var csv: ItemReader.CSVFormat?
        var manifestType: String?
        var flattens = false
        var pointer: String?
        var maxItems: NumberSource?
        if let configNode = fields.child("ReaderConfig"),
            let config = self.object(configNode, fields: DefinitionReader.readerConfigFields)
        {
            inputType = oneOf("InputType", ItemReader.InputType.allCases.map(\.rawValue), in: config)
                .flatMap(ItemReader.InputType.init)
            csv = csvFormat(config, isNeeded: inputType == .csv)
            manifestType = oneOf("ManifestType", ["S3_INVENTORY", "ATHENA_DATA"], in: config)
            flattens = oneOf("Transformation", ["NONE", "LOAD_AND_FLATTEN"], in: config) == "LOAD_AND_FLATTEN"
            pointer = itemsPointer(config)
            maxItems = config.numberSource("MaxItems", in: 0...100_000_000, &self)
        }
        guard let resource = fields.text("Resource", &self) else { return nil }
        checkStoreResource(
            resource, among: ["arn:aws:states:::s3:getObject", "arn:aws:states:::s3:listObjectsV2"], in: fields)
        return ItemReader(
            resource: resource, parameters: parameters, inputType: inputType, csv: csv, manifestType: manifestType,
            loadsAndFlattens: flattens, itemsPointer: pointer, maxItems: maxItems)
    }

    private mutating func checkStoreResource(_ resource: String, among known: [String], in fields: ObjectFields) {
        // Other partitions differ in the second part of the ARN.
        let parts = resource.split(separator: ":", omittingEmptySubsequences: false)
        let isKnown = known.contains { name in
            let wanted = name.split(separator: ":", omittingEmptySubsequences: false)
            return parts.count == wanted.count && zip(parts, wanted).enumerated().allSatisfy { $0 == 1 || $1.0 == $1.1 }
        }
        if isKnown { return }
        let nearest = nearestName(to: resource, among: known)
        report(
            "The resource provided \(resource) is not recognized. The value is not a valid resource ARN, or the resource"
                + " is not available in this region.",
            advice: nearest.map { "did you mean '\($0)'?" } ?? "write \(known.joined(separator: " or "))",
            at: fields.place("Resource"), fields.location("Resource"))
    }

    private mutating func csvFormat(_ config: ObjectFields, isNeeded: Bool) -> ItemReader.CSVFormat? {
        let names = [",": "COMMA", "|": "PIPE", ";": "SEMICOLON", " ": "SPACE", "\t": "TAB"]
        let delimiter = oneOf("CSVDelimiter", names.values.sorted(), in: config)
            .flatMap { word in names.first { $0.value == word }?.key }
        let location = oneOf("CSVHeaderLocation", ["FIRST_ROW", "GIVEN"], in: config)
        var headers: [String]?
        if let nodes = config.array("CSVHeaders", &self) {
            headers = []
            for node in nodes {
                guard case .scalar(.string(let name)) = node.tree.content else {
                    expected("String", node)
                    continue
                }
                headers?.append(name)
            }
        }
        if isNeeded, !config.has("CSVHeaderLocation") {
            report(
                "These fields are required: [CSVHeaderLocation]", advice: "write FIRST_ROW, or GIVEN with CSVHeaders",
                at: config.node.tree.place, config.node.location)
        }
        if location == "GIVEN", !config.has("CSVHeaders") {
            report(
                "These fields are required: [CSVHeaders]", advice: "CSVHeaderLocation GIVEN says that they stand here",
                at: config.node.tree.place, config.node.location)
        }
        guard isNeeded || location != nil else { return nil }
        return ItemReader.CSVFormat(headers: location == "GIVEN" ? headers : nil, delimiter: delimiter ?? ",")
    }

    /// An RFC 6901 pointer.
    private mutating func itemsPointer(_ config: ObjectFields) -> String? {
        guard let pointer = config.text("ItemsPointer", &self) else { return nil }
        if !pointer.isEmpty, !pointer.hasPrefix("/") {
            report(
                "ItemsPointer is not a valid JSONPointer: '\(pointer)'", advice: "write it like /orders/items",
                at: config.place("ItemsPointer"), config.location("ItemsPointer"))
        }
        return pointer
    }

    // MARK: - Batches and results

    private mutating func itemBatcher(_ object: ObjectFields) -> ItemBatcher? {
        let fields = FieldSet(
            ["BatchInput", "MaxItemsPerBatch", "MaxInputBytesPerBatch", "Comment"],
            jsonPath: ["MaxItemsPerBatchPath", "MaxInputBytesPerBatchPath"])
        guard let node = object.child("ItemBatcher"), let batcher = self.object(node, fields: fields) else {
            return nil
        }
        let count = batcher.numberSource("MaxItemsPerBatch", in: 0...100_000_000, &self)
        let bytes = batcher.numberSource("MaxInputBytesPerBatch", in: 0...262_144, &self)
        let limits = ["MaxItemsPerBatch", "MaxItemsPerBatchPath", "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"]
        if !limits.contains(where: { batcher.has($0) }) {
            report(
                "ItemBatcher needs MaxItemsPerBatch or MaxInputBytesPerBatch", advice: "say how large a batch may be",
                at: node.tree.place, node.location)
        }
        return ItemBatcher(
            batchInput: template("BatchInput", in: batcher), maxItemsPerBatch: count, maxInputBytesPerBatch: bytes)
    }

    private mutating func resultWriter(_ object: ObjectFields) -> ResultWriter? {
        let fields = FieldSet(
            ["Resource", "WriterConfig", "Comment"], jsonPath: ["Parameters"], jsonata: ["Arguments"])
        guard let node = object.child("ResultWriter"), let writer = self.object(node, fields: fields) else {
            return nil
        }
        let resource = writer.text("Resource", &self)
        if let resource { checkStoreResource(resource, among: ["arn:aws:states:::s3:putObject"], in: writer) }
        if resource == nil, !writer.has("WriterConfig") {
            report(
                "ResultWriter needs Resource or WriterConfig", advice: "name where results go, or their form",
                at: node.tree.place, node.location)
        }
        var transformation: ResultWriter.Transformation?
        var outputType: ResultWriter.OutputType?
        if let configNode = writer.child("WriterConfig"),
            let config = self.object(configNode, fields: FieldSet(["Transformation", "OutputType"]))
        {
            transformation = oneOf(
                "Transformation", ResultWriter.Transformation.allCases.map(\.rawValue), in: config
            ).flatMap(ResultWriter.Transformation.init)
            outputType = oneOf("OutputType", ResultWriter.OutputType.allCases.map(\.rawValue), in: config)
                .flatMap(ResultWriter.OutputType.init)
        }
        return ResultWriter(
            resource: resource, parameters: template(language == .jsonPath ? "Parameters" : "Arguments", in: writer),
            transformation: transformation ?? .none, outputType: outputType ?? .json)
    }
}

extension JSONPath {
    /// `$`.
    static let whole = JSONPath(text: "$", root: .input, segments: [])
}
