import JSON
import StatesLanguage

/// Map states.
extension DefinitionSchema {
    static func map(_ language: QueryLanguage, within machine: QueryLanguage) -> [Field] {
        let selector = "Each iteration's input, evaluated once an item; the item is $$.Map.Item.Value."
        var fields: [Field] = []
        switch language {
        case .jsonPath:
            fields += [
                Field("ItemsPath", path("Path to the array of items; $ unless given."), required: false),
                Field("ItemSelector", reference("template", selector), required: false),
                Field("Parameters", reference("template", "ItemSelector's older name."), required: false),
                Field(
                    "Iterator", reference("processor.\(machine)", "ItemProcessor's older name."), required: false),
            ]
        case .jsonata:
            fields += [
                Field(
                    "Items",
                    described(["type": ["array", "object", "string"]], "The items: an array, or an {% expression %}."),
                    required: false),
                Field(
                    "ItemSelector",
                    ["description": "Each iteration's input; the item is $states.context.Map.Item.Value."],
                    required: false),
            ]
        }
        fields.append(
            Field(
                "ItemProcessor", reference("processor.\(machine)", "The machine that runs once an item."),
                required: false))
        fields += [
            Field("ItemReader", itemReader(language), required: false),
            Field("ItemBatcher", itemBatcher(language), required: false),
            Field("ResultWriter", resultWriter(language), required: false),
        ]
        fields += sourced(
            "MaxConcurrency", whole(0...99_999_999, "Iterations at the same time; 0, the default, for no limit."),
            language)
        fields += sourced(
            "ToleratedFailurePercentage",
            .members(
                ("description", "Failed items in percent that the state puts up with."), ("type", "number"),
                ("minimum", 0), ("maximum", 100)), language)
        fields += sourced(
            "ToleratedFailureCount", whole(0...99_999_999, "Failed items that the state puts up with."), language)
        fields.append(
            Field(
                "Label",
                .members(
                    ("description", "Names the Map Run of a distributed Map in ARNs."), ("type", "string"),
                    ("minLength", 1), ("maxLength", 40)), required: false))
        return fields
    }

    static func mapRules(_ language: QueryLanguage) -> [JSON] {
        let forms = notBothForms(["MaxConcurrency", "ToleratedFailurePercentage", "ToleratedFailureCount"], language)
        switch language {
        case .jsonPath: return [oneOf(["ItemProcessor", "Iterator"]), notBoth("ItemSelector", "Parameters")] + forms
        case .jsonata: return [["required": ["ItemProcessor"]]] + forms
        }
    }

    private static func itemReader(_ language: QueryLanguage) -> JSON {
        let config: [Field] =
            [
                Field(
                    "InputType", choice(ItemReader.InputType.allCases.map(\.rawValue), "Format of the object."),
                    required: false),
                Field(
                    "CSVHeaderLocation", choice(["FIRST_ROW", "GIVEN"], "Where a CSV file's field names are."),
                    required: false),
                Field(
                    "CSVHeaders", list(["type": "string"], "The field names, where CSVHeaderLocation is GIVEN."),
                    required: false),
                Field(
                    "CSVDelimiter", choice(["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"], "What divides the fields."),
                    required: false),
                Field(
                    "ManifestType",
                    choice(["S3_INVENTORY", "ATHENA_DATA"], "Which manifest, where InputType is MANIFEST."),
                    required: false),
                Field(
                    "Transformation",
                    choice(["NONE", "LOAD_AND_FLATTEN"], "LOAD_AND_FLATTEN reads the listed objects too."),
                    required: false),
                Field(
                    "ItemsPointer", text("JSON Pointer to the array of items in the object."), required: false),
            ]
            + sourced("MaxItems", whole(0...100_000_000, "At most so many items are read."), language)
        let rules: [JSON] = [
            [
                "if": ["properties": ["InputType": ["const": "CSV"]], "required": ["InputType"]],
                "then": ["required": ["CSVHeaderLocation"]],
            ],
            [
                "if": ["properties": ["CSVHeaderLocation": ["const": "GIVEN"]], "required": ["CSVHeaderLocation"]],
                "then": ["required": ["CSVHeaders"]],
            ],
        ]
        return shape(
            [
                comment, store(["getObject", "listObjectsV2"], "Reads an object, or lists objects.", required: true),
                storeArguments(["Bucket", "Key", "Prefix"], language),
                Field("ReaderConfig", shape(config, "How it is read.", rules: rules), required: false),
            ], "Takes the items of a distributed Map from the object store.")
    }

    private static func itemBatcher(_ language: QueryLanguage) -> JSON {
        let input: JSON =
            language == .jsonPath
            ? templateObject("Handed to every batch beside its Items.")
            : ["description": "Handed to every batch beside its Items."]
        let forms = ["MaxItemsPerBatch", "MaxInputBytesPerBatch"]
        let names = language == .jsonPath ? forms + forms.map { "\($0)Path" } : forms
        return shape(
            [comment, Field("BatchInput", input, required: false)]
                + sourced("MaxItemsPerBatch", whole(0...100_000_000, "Items of one batch."), language)
                + sourced("MaxInputBytesPerBatch", whole(0...262_144, "Bytes of one child's input."), language),
            "Hands items to the child executions in batches.",
            rules: [["anyOf": .array(names.map { ["required": [.string($0)]] })]] + notBothForms(forms, language))
    }

    private static func resultWriter(_ language: QueryLanguage) -> JSON {
        let config: [Field] = [
            Field(
                "Transformation",
                choice(ResultWriter.Transformation.allCases.map(\.rawValue), "What of each child's result is written."),
                required: false),
            Field(
                "OutputType", choice(ResultWriter.OutputType.allCases.map(\.rawValue), "Format of what is written."),
                required: false),
        ]
        return shape(
            [
                comment, store(["putObject"], "Writes to the object store.", required: false),
                storeArguments(["Bucket", "Prefix"], language),
                Field("WriterConfig", shape(config, "How it is written."), required: false),
            ], "Writes the results of a distributed Map to the object store.",
            rules: [["anyOf": [["required": ["Resource"]], ["required": ["WriterConfig"]]]]])
    }

    /// The resource of an object store's integration; other partitions differ in the second part of the ARN.
    private static func store(_ actions: [String], _ description: String, required: Bool) -> Field {
        let names = actions.map { JSON.string("arn:aws:states:::s3:\($0)") }
        let others = "^arn:[^:]+:states:::s3:(\(actions.joined(separator: "|")))$"
        return Field(
            "Resource",
            described(
                ["anyOf": [["enum": .array(names)], ["type": "string", "pattern": .string(others)]]], description),
            required: required)
    }

    /// Parameters or Arguments of the object store's integrations.
    private static func storeArguments(_ names: [String], _ language: QueryLanguage) -> Field {
        let summaries = ["Bucket": "The bucket.", "Key": "The object's key.", "Prefix": "What the keys begin with."]
        func summary(_ name: String) -> String { summaries[name] ?? "" }
        switch language {
        case .jsonPath:
            let properties = names.flatMap { [($0, text(summary($0))), ("\($0).$", text(summary($0)))] }
            return Field(
                "Parameters",
                .members(
                    ("description", "Where in the store."), ("type", "object"), ("properties", object(properties))),
                required: false)
        case .jsonata:
            return Field(
                "Arguments",
                .members(
                    ("description", "Where in the store."), ("type", ["object", "string"]),
                    ("properties", object(names.map { ($0, text(summary($0))) }))), required: false)
        }
    }
}
