import Foundation
import JSON
import StatesLanguage
import Testing
import YAML

/// Broken definitions and what is said about them, word for word. `SHOWRUNNER_UPDATE_GOLDEN=1` writes the files anew;
/// read the difference before committing it.
@Suite struct DefinitionDiagnosticsTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden")

    static let names: [String] = {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder.path)
                .filter { $0.hasSuffix(".asl.yaml") || $0.hasSuffix(".asl.json") }.sorted()
        } catch {
            preconditionFailure("the golden files cannot be listed: \(error)")
        }
    }()

    static let contracts = [
        "transcode": StepContractView(
            name: "transcode",
            input: [
                StepContractView.Member(name: "source", kind: "object", isRequired: true),
                StepContractView.Member(name: "media", kind: "object", isRequired: true),
                StepContractView.Member(name: "preset", kind: "string", isRequired: false),
            ]),
        "thumbnail": StepContractView(
            name: "thumbnail", input: [], errors: ["Showrunner.SourceInvalid", "Showrunner.StorageUnavailable"]),
        "validate": StepContractView(
            name: "validate", input: [StepContractView.Member(name: "source", kind: "object", isRequired: true)],
            output: [
                StepContractView.Member(name: "container", kind: "string", isRequired: true),
                StepContractView.Member(name: "durationSeconds", kind: "number", isRequired: true),
                StepContractView.Member(name: "source", kind: "object", isRequired: true),
            ]),
        "package": StepContractView(
            name: "package",
            input: [
                StepContractView.Member(name: "renditions", kind: "array", isRequired: true),
                StepContractView.Member(name: "thumbnails", kind: "object", isRequired: true),
                StepContractView.Member(name: "protection", kind: "string", isRequired: false),
            ]),
    ]

    @Test func hasGoldenFiles() { #expect(DefinitionDiagnosticsTests.names.count >= 14) }

    @Test(arguments: names) func saysWhatIsWrong(name: String) throws {
        let file = DefinitionDiagnosticsTests.folder.appendingPathComponent(name)
        let bytes = Array(try Data(contentsOf: file))
        let reading: Definition.Reading
        if name.hasSuffix(".json") {
            reading = Definition.read(
                json: String(decoding: bytes, as: UTF8.self), contracts: DefinitionDiagnosticsTests.contracts)
        } else {
            reading = Definition.read(
                try YAMLDocument.parse(bytes), contracts: DefinitionDiagnosticsTests.contracts)
        }
        let text = reading.diagnostics.map { "\($0.text(file: name)) [\($0.code)]\n" }.joined()
        let golden = file.deletingPathExtension().deletingPathExtension().appendingPathExtension("diagnostics")
        if ProcessInfo.processInfo.environment["SHOWRUNNER_UPDATE_GOLDEN"] == "1" {
            try text.write(to: golden, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: golden, encoding: .utf8) == text)
        #expect((reading.machine == nil) == reading.diagnostics.contains { $0.severity == .error })
        let places = reading.diagnostics.map(\.place)
        #expect(places == places.sorted())
    }

    /// Each rule alone: a small definition and the message that it must bring.
    @Test(
        arguments: [
            (#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#, nil),
            ("{}", "These fields are required: [States, StartAt]"),
            (#"{"StartAt":"A"}"#, "These fields are required: [States]"),
            ("[]", "Expected value of type [OBJECT]"), ("\"x\"", "Expected value of type [OBJECT]"),
            (#"{"StartAt":"A","States":{}}"#, "Value cannot be empty"),
            (#"{"StartAt":"A","States":[]}"#, "Expected value of type [OBJECT]"),
            (#"{"StartAt":5,"States":{"A":{"Type":"Pass","End":true}}}"#, "Expected value of type [STRING]"),
            (#"{"StartAt":"B","States":{"A":{"Type":"Succeed"}}}"#, "Missing 'Next' target: B"),
            (
                #"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"C":{"Type":"Succeed"}}}"#,
                "Missing 'Next' target: B"
            ),
            (#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"A"}}}"#, "Workflow has no terminal state"),
            (#"{"StartAt":"A","Version":"2.0","States":{"A":{"Type":"Succeed"}}}"#, "Version '2.0' is not supported"),
            (#"{"StartAt":"A","TimeoutSeconds":0,"States":{"A":{"Type":"Succeed"}}}"#, "Minimum value is 1"),
            (#"{"StartAt":"A","QueryLanguage":"JSONata","States":{"A":{"Type":"Succeed"}}}"#, nil),
            (
                #"{"StartAt":"A","QueryLanguage":"XPath","States":{"A":{"Type":"Succeed"}}}"#,
                "Value should be one of the following: [JSONPath, JSONata]"
            ),
            (#"{"StartAt":"A","States":{"A":{"Type":"Succeed"},"A":{"Type":"Succeed"}}}"#, "Duplicate state name: A"),
            (#"{"StartAt":"A","States":{"A":{"Type":"Succeed","Type":"Fail"}}}"#, "The field 'Type' is defined twice"),
            (#"{"StartAt":"A","States":{"A":{"Type":"Wait","End":true}}}"#, "These fields are required: [Seconds]"),
            (#"{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":-1,"End":true}}}"#, "Minimum value is 0"),
            (
                #"{"StartAt":"A","States":{"A":{"Type":"Wait","Timestamp":"soon","End":true}}}"#,
                "String does not match RFC3339 timestamp"
            ),
            (#"{"StartAt":"A","States":{"A":{"Type":"Task","End":true}}}"#, "These fields are required: [Resource]"),
            (#"{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"x","End":true}}}"#, "not a valid resource ARN"),
            (#"{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[]}}}"#, "Value cannot be empty"),
            (#"{"StartAt":"A","States":{"A":{"Type":"Parallel","Branches":[],"End":true}}}"#, "Value cannot be empty"),
            (
                #"{"StartAt":"A","States":{"A":{"Type":"Map","End":true}}}"#,
                "These fields are required: [ItemProcessor]"
            ),
            (#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":false}}}"#, "End is false"),
            (
                #"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true,"Output":{"x":1}}}}"#,
                "but field 'Output' is only supported for the 'JSONata' QueryLanguage"
            ),
            (#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true,"ResultPath":"$$.x"}}}"#, "not a Reference Path"),
            (#"{"StartAt":"","States":{"":{"Type":"Succeed"}}}"#, "has 0 characters"),
            ("{", "expected a member name"), ("{\"StartAt\":\"\\x\"}", "unknown escape"),
            ("{} x", "text after the value"),
        ] as [(String, String?)])
    func appliesEachRule(definition: String, message: String?) {
        let reading = Definition.read(json: definition)
        guard let message else {
            #expect(reading.machine != nil && reading.diagnostics.isEmpty)
            return
        }
        #expect(reading.machine == nil)
        #expect(reading.diagnostics.contains { $0.message.contains(message) }, "\(reading.diagnostics)")
    }

    @Test func writesAsTheServiceDoes() {
        let reading = Definition.read(
            json: #"{"StartAt":"a","States":{"a":{"Type":"Pass","Next":"c"},"b":{"Type":"Pass","End":true}}}"#)
        #expect(
            reading.diagnostics.map(\.wireText) == [
                "MISSING_TRANSITION_TARGET: Missing 'Next' target: c at /States/a/Next",
                "MISSING_TRANSITION_TARGET: State \"b\" is not reachable. at /States/b",
            ])
    }

    @Test func boundsNamesOfStates() {
        for (length, isAllowed) in [(80, true), (81, false)] {
            let name = String(repeating: "n", count: length)
            let reading = Definition.read(json: #"{"StartAt":"\#(name)","States":{"\#(name)":{"Type":"Succeed"}}}"#)
            #expect((reading.machine != nil) == isAllowed)
        }
    }

    @Test func namesPlaceAndCodeOfBrokenJSON() throws {
        let reading = Definition.read(json: "{\n  \"StartAt\": tru\n}")
        let diagnostic = try #require(reading.diagnostics.first)
        #expect(diagnostic.code == "INVALID_JSON_DESCRIPTION")
        #expect(diagnostic.place == SourcePlace(line: 2, column: 14))
        #expect(reading.diagnostics.count == 1)
    }
}
