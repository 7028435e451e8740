import DefinitionSchema
import JSON
import StatesLanguage
import StepContracts
import Testing
import YAML

/// The schema alone: it is whole and describes what it offers.
@Suite struct DefinitionSchemaTests {
    let schema = DefinitionSchema.document(steps: StepContract.all)

    @Test func everyReferenceLeadsSomewhere() throws {
        let definitions = try #require(schema["$defs"]?.objectValue)
        var references: Set<String> = []
        visit(schema) { if let text = $0["$ref"]?.stringValue { references.insert(text) } }
        for reference in references {
            #expect(reference.hasPrefix("#/$defs/"))
            #expect(definitions[String(reference.dropFirst(8))] != nil, "\(reference) is not there")
        }
        // What nothing leads to is dead weight.
        for name in definitions.keys { #expect(references.contains("#/$defs/\(name)"), "\(name) is not used") }
    }

    @Test func everyFieldIsDescribed() throws {
        visit(schema) { node in
            guard let properties = node["properties"]?.objectValue, node["additionalProperties"] == false else {
                return
            }
            for (name, field) in properties where field["description"] == nil {
                // A reference may bring its description along.
                let target = field["$ref"]?.stringValue.flatMap { schema["$defs"]?[String($0.dropFirst(8))] }
                #expect(target?["description"] != nil, "\(name) has no description")
            }
        }
    }

    @Test func offersEveryStepAndItsArguments() throws {
        let task = try #require(schema["$defs"]?["Task.jsonPath"])
        let text = task.text
        for step in StepContract.all {
            #expect(text.contains("\"\(step.resource)\""))
            for field in step.input { #expect(text.contains("\"\(field.name).$\""), "\(step.name) \(field.name)") }
        }
    }

    /// Editors fetch it whenever they start.
    @Test func isOfModestSize() { #expect(schema.utf8.count < 200_000) }

    private func visit(_ node: JSON, _ body: (JSON) -> Void) {
        body(node)
        for child in node.arrayValue ?? [] { visit(child, body) }
        for child in (node.objectValue ?? [:]).values { visit(child, body) }
    }
}

/// The schema as a validator of others reads it.
@Suite(.enabled(if: Validator.isInstalled, "needs python3 with PyPI's jsonschema"))
struct SchemaValidationTests {
    @Test func everyWorkflowOfTheRepositoryIsValid() throws {
        let workflows = try RepositoryWorkflows.all()
        #expect(workflows.contains { $0.name == "ingest.asl.yaml" })
        #expect(workflows.contains { $0.name.hasPrefix("README.md") })
        let problems = try Validator.problems(of: workflows.map(\.document))
        for (workflow, problems) in zip(workflows, problems) { #expect(problems == [], "\(workflow.name)") }
    }

    /// Valid documents with what no workflow of the repository uses.
    static let sound: [String] = [
        """
        QueryLanguage: JSONata
        StartAt: A
        States:
          A: {Type: Map, Items: "{% $states.input %}", MaxConcurrency: "{% 2 %}", ItemProcessor:
            {StartAt: B, States: {B: {Type: Pass, Output: {x: "{% 1 %}"}, End: true}}}, Next: C}
          C: {Type: Choice, Choices: [{Condition: "{% $a = 1 %}", Next: D}], Default: D, Assign: {a: 1}}
          D: {Type: Wait, Seconds: "{% 1 %}", Next: E}
          E: {Type: Fail, Error: X, Cause: "{% 'y' %}"}
        """,
        """
        StartAt: A
        States:
          A: {Type: Map, ItemReader: {Resource: "arn:aws:states:::s3:getObject", ReaderConfig: {InputType: CSV,
            CSVHeaderLocation: FIRST_ROW}, Parameters: {Bucket: b, Key.$: $.key}}, ItemBatcher: {MaxItemsPerBatch: 10},
            ItemProcessor: {ProcessorConfig: {Mode: DISTRIBUTED, ExecutionType: STANDARD}, StartAt: B, States:
            {B: {Type: Succeed}}}, ResultWriter: {Resource: "arn:aws:states:::s3:putObject", Parameters: {Bucket: b}},
            ToleratedFailurePercentage: 5.5, Label: items, End: true}
        """,
        """
        StartAt: A
        States:
          A: {Type: Task, QueryLanguage: JSONata, Resource: "arn:aws:states:::showrunner:validate",
            Arguments: "{% $states.input %}", Next: B}
          B: {Type: Choice, Choices: [{Or: [{Variable: $.a, NumericLessThanPath: $.b}, {Not: {Variable: $$.x,
            IsPresent: true}}], Next: C, Assign: {v.$: $.a}}]}
          C: {Type: Wait, TimestampPath: $.at, End: true}
        """,
        """
        StartAt: A
        States:
          A: {Type: Parallel, QueryLanguage: JSONata, Arguments: "{% $states.input %}", End: true, Branches: [
            {StartAt: B, States: {B: {Type: Pass, ResultPath: null, End: true}}},
            {StartAt: C, QueryLanguage: JSONata, States: {C: {Type: Pass, Output: 1, End: true}}}]}
        """,
    ]

    @Test func soundDefinitionsAreValid() throws {
        let documents = try Self.sound.map { try YAMLDocument.parse(Array($0.utf8)).json }
        for (text, problems) in zip(Self.sound, try Validator.problems(of: documents)) {
            #expect(problems == [], "\(text)")
        }
    }

    /// A state `A`, and where the schema sees its fault.
    static let broken: [(state: String, place: String)] = [
        ("{Type: Pas, End: true}", "/States/A/Type"),
        ("{End: true}", "/States/A"),
        ("{Type: Pass, Nxt: B}", "/States/A"),
        ("{Type: Pass}", "/States/A"),
        ("{Type: Pass, Next: A, End: true}", "/States/A"),
        ("{Type: Pass, End: false}", "/States/A/End"),
        ("{Type: Pass, Output: 1, End: true}", "/States/A"),
        ("{Type: Pass, QueryLanguage: JSONata, Parameters: {}, End: true}", "/States/A"),
        ("{Type: Pass, QueryLanguage: Jsonata, End: true}", "/States/A/QueryLanguage"),
        ("{Type: Pass, InputPath: a, End: true}", "/States/A/InputPath"),
        ("{Type: Pass, Parameters: {x.$: 1}, End: true}", "/States/A/Parameters/x.$"),
        ("{Type: Task, End: true}", "/States/A"),
        (
            "{Type: Task, Resource: 'arn:aws:states:::showrunner:transode', Parameters: {}, End: true}",
            "/States/A/Resource"
        ),
        (
            "{Type: Task, Resource: 'arn:aws:states:::showrunner:transcode', Parameters: {preset: veryfast}, End: true}",
            "/States/A/Parameters"
        ),
        (
            "{Type: Task, Resource: 'arn:aws:states:::showrunner:validate', Parameters: {source: 5}, End: true}",
            "/States/A/Parameters/source"
        ),
        (
            "{Type: Task, QueryLanguage: JSONata, Resource: 'arn:aws:states:::showrunner:validate', Arguments: {}, End: true}",
            "/States/A/Arguments"
        ),
        ("{Type: Task, Resource: 'a:b', TimeoutSeconds: 0, End: true}", "/States/A/TimeoutSeconds"),
        ("{Type: Task, Resource: 'a:b', TimeoutSeconds: 5, TimeoutSecondsPath: $.t, End: true}", "/States/A"),
        ("{Type: Task, Resource: 'a:b', Retry: [{ErrorEquals: []}], End: true}", "/States/A/Retry/0/ErrorEquals"),
        (
            "{Type: Task, Resource: 'a:b', Retry: [{ErrorEquals: [X], JitterStrategy: HALF}], End: true}",
            "/States/A/Retry/0/JitterStrategy"
        ),
        ("{Type: Task, Resource: 'a:b', Catch: [{ErrorEquals: [X]}], End: true}", "/States/A/Catch/0"),
        ("{Type: Wait, Seconds: 1, Timestamp: '2026-03-14T01:59:00Z', End: true}", "/States/A"),
        ("{Type: Wait, Timestamp: tomorrow, End: true}", "/States/A/Timestamp"),
        ("{Type: Wait, QueryLanguage: JSONata, Seconds: '{% 1', End: true}", "/States/A/Seconds"),
        ("{Type: Choice, Choices: []}", "/States/A/Choices"),
        ("{Type: Choice, Choices: [{Variable: $.a, Next: A}]}", "/States/A/Choices/0"),
        ("{Type: Choice, Choices: [{Variable: $.a, StringEquals: 1, Next: A}]}", "/States/A/Choices/0/StringEquals"),
        (
            "{Type: Choice, Choices: [{And: [{Variable: $.a, IsNull: true, Next: A}], Next: A}]}",
            "/States/A/Choices/0/And/0"
        ),
        (
            "{Type: Choice, QueryLanguage: JSONata, Choices: [{Condition: 'x', Next: A}]}",
            "/States/A/Choices/0/Condition"
        ),
        ("{Type: Succeed, Next: A}", "/States/A"),
        ("{Type: Fail, Error: E, ErrorPath: $.e}", "/States/A"),
        ("{Type: Parallel, Branches: [], End: true}", "/States/A/Branches"),
        ("{Type: Parallel, Branches: [{States: {}}], End: true}", "/States/A/Branches/0"),
        ("{Type: Map, End: true}", "/States/A"),
        (
            "{Type: Parallel, QueryLanguage: JSONata, Branches: [{StartAt: B, States: {B: {Type: Pass, Output: 1, End: true}}}], End: true}",
            "/States/A/Branches/0/States/B"
        ),
        (
            "{Type: Map, ItemReader: {Resource: 'arn:aws:states:::s3:getObject', ReaderConfig: {InputType: CSV}}, ItemProcessor: {StartAt: B, States: {B: {Type: Succeed}}}, End: true}",
            "/States/A/ItemReader/ReaderConfig"
        ),
        (
            "{Type: Map, ItemBatcher: {}, ItemProcessor: {StartAt: B, States: {B: {Type: Succeed}}}, End: true}",
            "/States/A/ItemBatcher"
        ),
        (
            "{Type: Map, ItemProcessor: {StartAt: B, States: {B: {Type: Pass, Foo: 1, End: true}}}, End: true}",
            "/States/A/ItemProcessor/States/B"
        ),
    ]

    @Test func brokenDefinitionsAreNotValid() throws {
        let documents = try Self.broken.map { broken in
            try YAMLDocument.parse(Array("StartAt: A\nStates:\n  A: \(broken.state)\n".utf8)).json
        }
        for (broken, problems) in zip(Self.broken, try Validator.problems(of: documents)) {
            #expect(
                problems.contains { $0.hasPrefix(broken.place + ": ") }, "\(broken.state) brings \(problems)")
        }
    }

    @Test func jsonPathHasNoPlaceInJSONataMachines() throws {
        let text =
            "QueryLanguage: JSONata\nStartAt: A\nStates:\n  A: {Type: Pass, QueryLanguage: JSONPath, End: true}\n"
        let document = try YAMLDocument.parse(Array(text.utf8)).json
        #expect(try Validator.problems(of: [document])[0].contains { $0.hasPrefix("/States/A/QueryLanguage: ") })
    }
}
