import JSON

/// The members of a request, demanded by name, type and constraint as the service model has them. What breaks a
/// constraint is gathered, so that the caller is told all of it at once; ``check()`` comes before any use.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_Operations.html
final class Arguments {
    private let json: JSON
    /// Where these members stand in the request: `tags.1.member.`.
    private let prefix: String
    private let problems: Problems

    private final class Problems {
        var sentences: [String] = []
    }

    convenience init(_ json: JSON) { self.init(json, prefix: "", problems: Problems()) }

    private init(_ json: JSON, prefix: String, problems: Problems) {
        self.json = json
        self.prefix = prefix
        self.problems = problems
    }

    /// Throws ValidationException with every constraint that was broken.
    func check() throws {
        let count = problems.sentences.count
        guard count > 0 else { return }
        throw ServiceError.validation(
            "\(count) validation error\(count == 1 ? "" : "s") detected: " + problems.sentences.joined(separator: "; "))
    }

    private func value(_ name: String) -> JSON? {
        guard let value = json[name], !value.isNull else { return nil }
        return value
    }

    private func report(_ name: String, _ value: String, _ constraint: String) {
        problems.sentences.append(
            "Value \(value) at '\(prefix)\(name)' failed to satisfy constraint: Member must \(constraint)")
    }

    private func mismatch(_ name: String, _ type: String) -> ServiceError {
        ServiceError(name: "SerializationException", message: "'\(prefix)\(name)' must be a \(type)")
    }

    /// A text that has to be there; empty, and reported, when it is not.
    func text(_ name: String, length: ClosedRange<Int>, pattern: Pattern? = nil) throws -> String {
        guard let text = try optionalText(name, length: length, pattern: pattern) else {
            report(name, "null", "not be null")
            return ""
        }
        return text
    }

    func optionalText(_ name: String, length: ClosedRange<Int>, pattern: Pattern? = nil) throws -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.stringValue else { throw mismatch(name, "string") }
        let count = text.unicodeScalars.count
        if count > length.upperBound {
            report(name, "'\(text)'", "have length less than or equal to \(length.upperBound)")
        } else if count < length.lowerBound {
            report(name, "'\(text)'", "have length greater than or equal to \(length.lowerBound)")
        }
        if let pattern, !pattern.matches(text) {
            report(name, "'\(text)'", "satisfy regular expression pattern: \(pattern.text)")
        }
        return text
    }

    /// A shape's pattern: how the service model writes it, and what it means.
    struct Pattern: Sendable {
        let text: String
        let matches: @Sendable (String) -> Bool
    }

    func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let value = value(name) else { return nil }
        guard let number = value.integerValue else { throw mismatch(name, "number") }
        if number < range.lowerBound {
            report(name, "'\(number)'", "have value greater than or equal to \(range.lowerBound)")
        } else if number > range.upperBound {
            report(name, "'\(number)'", "have value less than or equal to \(range.upperBound)")
        }
        return number
    }

    func number(_ name: String, in range: ClosedRange<Double>) throws -> Double? {
        guard let value = value(name) else { return nil }
        guard let number = value.doubleValue else { throw mismatch(name, "number") }
        if number < range.lowerBound {
            report(name, "'\(number)'", "have value greater than or equal to \(range.lowerBound)")
        } else if number > range.upperBound {
            report(name, "'\(number)'", "have value less than or equal to \(range.upperBound)")
        }
        return number
    }

    func flag(_ name: String) throws -> Bool? {
        guard let value = value(name) else { return nil }
        guard let flag = value.boolValue else { throw mismatch(name, "boolean") }
        return flag
    }

    /// One of a set of words.
    func word<Word: RawRepresentable & CaseIterable>(_ name: String, _ type: Word.Type) throws -> Word?
    where Word.RawValue == String {
        guard let value = value(name) else { return nil }
        guard let text = value.stringValue else { throw mismatch(name, "string") }
        guard let word = Word(rawValue: text) else {
            report(
                name, "'\(text)'", "satisfy enum value set: [\(Word.allCases.map(\.rawValue).joined(separator: ", "))]")
            return nil
        }
        return word
    }

    /// A structure.
    func object(_ name: String) throws -> Arguments? {
        guard let value = value(name) else { return nil }
        guard value.objectValue != nil else { throw mismatch(name, "structure") }
        return Arguments(value, prefix: "\(prefix)\(name).", problems: problems)
    }

    /// A list of structures. `describe` writes one as the service names it in its complaints.
    func objects(_ name: String, count: ClosedRange<Int>, describe: (JSON) -> String) throws -> [Arguments]? {
        guard let value = value(name) else { return nil }
        guard let elements = value.arrayValue else { throw mismatch(name, "list") }
        report(name, elements.count, of: count, "[\(elements.map(describe).joined(separator: ", "))]")
        return try elements.enumerated().map { index, element in
            let place = "\(prefix)\(name).\(index + 1).member"
            guard element.objectValue != nil else {
                throw ServiceError(name: "SerializationException", message: "'\(place)' must be a structure")
            }
            return Arguments(element, prefix: place + ".", problems: problems)
        }
    }

    /// A list of texts.
    func texts(_ name: String, count: ClosedRange<Int>) throws -> [String]? {
        guard let value = value(name) else { return nil }
        guard let elements = value.arrayValue else { throw mismatch(name, "list") }
        let texts = try elements.map { element in
            guard let text = element.stringValue else { throw mismatch(name, "list of strings") }
            return text
        }
        report(name, texts.count, of: count, "[\(texts.joined(separator: ", "))]")
        return texts
    }

    private func report(_ name: String, _ count: Int, of range: ClosedRange<Int>, _ text: String) {
        if count > range.upperBound {
            report(name, "'\(text)'", "have length less than or equal to \(range.upperBound)")
        } else if count < range.lowerBound {
            report(name, "'\(text)'", "have length greater than or equal to \(range.lowerBound)")
        }
    }

    /// All members, unexamined.
    var whole: JSON { json }

    /// What a member holds, unexamined; nil when it is not there.
    func raw(_ name: String) -> JSON? { value(name) }

    /// Demands that a member is there.
    func demand(_ name: String) {
        if value(name) == nil { report(name, "null", "not be null") }
    }
}

/// What many operations ask for in the same way.
extension Arguments {
    static let arnLength = 1...256
    /// Of a Map Run.
    static let longARNLength = 1...2000

    func arn(_ name: String) throws -> String { try text(name, length: Self.arnLength) }

    /// `maxResults`: 0, like nothing, means 100.
    func maxResults() throws -> Int {
        let given = try integer("maxResults", in: 0...1000) ?? 0
        return given == 0 ? 100 : given
    }

    func nextToken() throws -> String? { try optionalText("nextToken", length: 1...3096) }

    func tags() throws -> [(key: String, value: String)]? {
        try objects("tags", count: 0...200) { tag in
            "Tag(key=\(tag["key"]?.stringValue ?? "null"), value=\(tag["value"]?.stringValue ?? "null"))"
        }?.map { tag in
            (try tag.text("key", length: 1...128), try tag.optionalText("value", length: 0...256) ?? "")
        }
    }
}
