public import JSON
import OrderedCollections

extension TestStateAnswer {
    /// What the fields made of the data.
    public struct Inspection: Sendable, Hashable {
        /// By the names of the service's InspectionData, in the order in which they came to be.
        public internal(set) var values: OrderedDictionary<String, JSON> = [:]
        public internal(set) var errorDetails = ErrorDetails()

        public internal(set) subscript(name: String) -> JSON? {
            get { values[name] }
            set { values[name] = newValue }
        }
    }

    /// Which retrier and which catcher had to do with an error.
    public struct ErrorDetails: Sendable, Hashable {
        public internal(set) var catchIndex: Int?
        public internal(set) var retryIndex: Int?
        public internal(set) var retryBackoffIntervalSeconds: Double?
    }
}

// The form on the wire.

/// TestState as the wire has it: the request's members in, the response's out.
///
/// Numbers and texts of another type than the service's model has are refused as `ValidationException`.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html
public func testState(
    json request: JSON, in surroundings: TestSurroundings
) throws(TestStateError) -> JSON {
    try testState(try TestStateRequest(json: request), in: surroundings).json
}

extension TestStateRequest {
    /// Reads the members of a request.
    public init(json: JSON) throws(TestStateError) {
        guard let definition = try json.text("definition") else {
            throw .validation(
                "1 validation error detected: Value at 'definition' failed to satisfy constraint: Member must not be null"
            )
        }
        self.init(
            definition: definition, stateName: try json.text("stateName"), input: try json.text("input") ?? "{}",
            roleARN: try json.text("roleArn"), inspectionLevel: try json.word("inspectionLevel") ?? .info,
            revealSecrets: try json.flag("revealSecrets") ?? false,
            mock: try json["mock"].map { mock throws(TestStateError) in try Mock(json: mock) },
            context: try json.text("context"), variables: try json.text("variables"),
            configuration: try json["stateConfiguration"].map { configuration throws(TestStateError) in
                try Configuration(json: configuration)
            } ?? Configuration())
    }
}

extension TestStateRequest.Mock {
    fileprivate init(json: JSON) throws(TestStateError) {
        let result = try json.text("result")
        let error = json["errorOutput"]
        switch (result, error) {
        case (.some, .some), (nil, nil):
            throw .validation("A test mock should have only one of the following fields: [result, errorOutput].")
        case (let result?, nil): outcome = .result(result)
        case (nil, let error?): outcome = .error(try error.text("error"), cause: try error.text("cause"))
        }
        fieldValidation = try json.word("fieldValidationMode") ?? .strict
    }
}

extension TestStateRequest.Configuration {
    fileprivate init(json: JSON) throws(TestStateError) {
        self.init(
            retrierRetryCount: try json.count("retrierRetryCount"),
            mapIterationFailureCount: try json.count("mapIterationFailureCount"),
            errorCausedByState: try json.text("errorCausedByState"),
            mapItemReaderData: try json.text("mapItemReaderData"))
    }
}

extension JSON {
    fileprivate func text(_ name: String) throws(TestStateError) -> String? {
        guard let value = self[name], value != .null else { return nil }
        guard let text = value.stringValue else { throw .invalid(name, "Member must be a string") }
        return text
    }

    fileprivate func flag(_ name: String) throws(TestStateError) -> Bool? {
        guard let value = self[name], value != .null else { return nil }
        guard let flag = value.boolValue else { throw .invalid(name, "Member must be a boolean") }
        return flag
    }

    fileprivate func count(_ name: String) throws(TestStateError) -> Int? {
        guard let value = self[name], value != .null else { return nil }
        guard let count = value.integerValue, count >= 0 else {
            throw .invalid(name, "Member must have value greater than or equal to 0")
        }
        return count
    }

    fileprivate func word<Word: RawRepresentable & CaseIterable>(
        _ name: String
    ) throws(TestStateError) -> Word? where Word.RawValue == String {
        guard let text = try text(name) else { return nil }
        guard let word = Word(rawValue: text) else {
            let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalid(name, "Member must satisfy enum value set: [\(words)]", value: text)
        }
        return word
    }
}

extension TestStateError {
    /// In the words of the service's own checks of its model.
    fileprivate static func invalid(_ name: String, _ constraint: String, value: String? = nil) -> TestStateError {
        let shown = value.map { "Value '\($0)'" } ?? "Value"
        return .validation(
            "1 validation error detected: \(shown) at '\(name)' failed to satisfy constraint: \(constraint)")
    }
}

extension TestStateAnswer {
    /// The members of the response. Payloads are JSON text, as the service has them.
    public var json: JSON {
        .members(
            ("output", output.map { .string($0.text) }), ("error", error.map { .string($0) }),
            ("cause", cause.map { .string($0) }), ("inspectionData", inspection?.json),
            ("nextState", nextState.map { .string($0) }), ("status", .string(status.rawValue)))
    }
}

extension TestStateAnswer.Inspection {
    /// Members that are numbers on the wire; the others are JSON text.
    private static let numbers: Set<String> = [
        "maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage",
    ]

    var json: JSON {
        var members: JSON = [:]
        for (name, value) in values {
            members[name] = Self.numbers.contains(name) ? value : .string(value.text)
        }
        if errorDetails != TestStateAnswer.ErrorDetails() {
            members["errorDetails"] = .members(
                ("catchIndex", errorDetails.catchIndex.map { .integer($0) }),
                ("retryIndex", errorDetails.retryIndex.map { .integer($0) }),
                (
                    "retryBackoffIntervalSeconds",
                    errorDetails.retryBackoffIntervalSeconds.map { .integer(Int($0.rounded())) }
                ))
        }
        return members
    }
}
