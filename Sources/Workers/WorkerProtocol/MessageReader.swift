import JSON
import OrderedCollections
import StepContracts

/// Reads the members of one JSON object and gathers what is wrong with them; ``finish()`` throws it all at once. Until
/// then a member that could not be read stands as a neutral value, which never leaves a failed initialiser.
struct MessageReader {
    private let message: String
    private let place: String
    private let members: OrderedDictionary<String, JSON>
    private(set) var problems: [WorkerProtocolError.Problem] = []

    init(_ json: JSON, as message: String, at place: String = "") {
        self.message = message
        self.place = place
        if case .object(let members) = json {
            self.members = members
        } else {
            members = [:]
            problems.append(.init(member: place, reason: "must be a JSON object"))
        }
    }

    func finish() throws(WorkerProtocolError) {
        if !problems.isEmpty { throw WorkerProtocolError(message: message, problems: problems) }
    }

    private func path(_ name: String) -> String { place.isEmpty ? name : "\(place).\(name)" }

    private mutating func note(_ name: String, _ reason: String) {
        // One sentence about a body that is no object says enough.
        if members.isEmpty, let first = problems.first, first.member == place { return }
        problems.append(.init(member: path(name), reason: reason))
    }

    mutating func string(_ name: String, maximumBytes: Int, mayBeEmpty: Bool = false) -> String {
        guard let value = members[name] else {
            note(name, "is missing")
            return ""
        }
        return text(value, name, maximumBytes: maximumBytes, mayBeEmpty: mayBeEmpty) ?? ""
    }

    /// A member that may be absent or null.
    mutating func optionalString(_ name: String, maximumBytes: Int) -> String? {
        guard let value = members[name], value != .null else { return nil }
        return text(value, name, maximumBytes: maximumBytes, mayBeEmpty: true)
    }

    private mutating func text(_ value: JSON, _ name: String, maximumBytes: Int, mayBeEmpty: Bool) -> String? {
        guard let text = value.stringValue else {
            note(name, "must be a string")
            return nil
        }
        let count = text.utf8.count
        if count > maximumBytes { note(name, "has \(count) bytes, more than the \(maximumBytes) allowed") }
        if count == 0, !mayBeEmpty { note(name, "must not be empty") }
        return text
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int>) -> Int {
        guard members[name] != nil else {
            note(name, "is missing")
            return range.lowerBound
        }
        return optionalInteger(name, in: range) ?? range.lowerBound
    }

    mutating func optionalInteger(_ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let value = members[name] else { return nil }
        guard let number = value.integerValue else {
            note(name, "must be an integer")
            return nil
        }
        if !range.contains(number) {
            note(name, "is \(number); it must be from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Any JSON value; null counts as present.
    mutating func value(_ name: String) -> JSON {
        guard let value = members[name] else {
            note(name, "is missing")
            return .null
        }
        return value
    }

    /// A value whose compact text has at most so many bytes.
    mutating func value(_ name: String, maximumBytes: Int) -> JSON {
        let value = value(name)
        let count = value.utf8.count
        if count > maximumBytes {
            note(name, "has \(count) bytes as JSON, more than the \(maximumBytes) allowed")
        }
        return value
    }

    mutating func array(_ name: String, maximumCount: Int) -> [JSON] {
        guard let value = members[name] else {
            note(name, "is missing")
            return []
        }
        guard let elements = value.arrayValue else {
            note(name, "must be an array")
            return []
        }
        if elements.count > maximumCount {
            note(name, "has \(elements.count) elements, more than the \(maximumCount) allowed")
            return []
        }
        return elements
    }

    mutating func strings(_ name: String, maximumCount: Int, maximumBytes: Int) -> [String] {
        array(name, maximumCount: maximumCount).enumerated().compactMap { index, element in
            text(element, "\(name)[\(index)]", maximumBytes: maximumBytes, mayBeEmpty: false)
        }
    }

    /// A member that is one of the given words.
    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, otherwise: Choice
    ) -> Choice where Choice.RawValue == String {
        let word = string(name, maximumBytes: WorkerProtocolLimits.nameBytes)
        if let choice = Choice(rawValue: word) { return choice }
        if !word.isEmpty {
            let words = Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            note(name, "is '\(word)'; it must be one of \(words)")
        }
        return otherwise
    }

    /// The elements of an array member, each an object read by `read`, its problems placed at `name[index]`.
    mutating func objects<Element>(
        _ name: String, maximumCount: Int, read: (inout MessageReader) -> Element
    ) -> [Element] {
        array(name, maximumCount: maximumCount).enumerated().map { index, element in
            var reader = MessageReader(element, as: message, at: path("\(name)[\(index)]"))
            let value = read(&reader)
            problems.append(contentsOf: reader.problems)
            return value
        }
    }

    /// An object member that may be absent or null, read by `read`.
    mutating func optionalObject<Element>(
        _ name: String, read: (inout MessageReader) -> Element
    ) -> Element? {
        guard let value = members[name], value != .null else { return nil }
        var reader = MessageReader(value, as: message, at: path(name))
        let element = read(&reader)
        problems.append(contentsOf: reader.problems)
        return element
    }

    /// Texts by name, which may be absent or null.
    mutating func labels(_ name: String) -> [String: String] {
        guard let value = members[name], value != .null else { return [:] }
        guard let object = value.objectValue else {
            note(name, "must be an object")
            return [:]
        }
        if object.count > WorkerProtocolLimits.labels {
            note(name, "has \(object.count) labels, more than the \(WorkerProtocolLimits.labels) allowed")
            return [:]
        }
        var labels: [String: String] = [:]
        for (key, value) in object {
            guard let text = value.stringValue, !key.isEmpty,
                max(key.utf8.count, text.utf8.count) <= WorkerProtocolLimits.nameBytes
            else {
                note(
                    "\(name).\(key.prefix(64))",
                    "must be a string; names and values have at most \(WorkerProtocolLimits.nameBytes) bytes")
                continue
            }
            labels[key] = text
        }
        return labels
    }

    /// What an attempt took. It decides nothing, and no result is lost for it: what is none counts as absent.
    func optionalUsage(_ name: String) -> StepUsage? { members[name].flatMap(StepUsage.init(json:)) }

    /// A step's progress, which may be absent or null.
    mutating func optionalProgress(_ name: String) -> StepProgress? {
        guard let value = members[name], value != .null else { return nil }
        guard let progress = StepProgress(json: value) else {
            note(name, "must be an object with at least 'stage' (string) and 'mediaSeconds' (number)")
            return nil
        }
        if progress.parts.count > WorkerProtocolLimits.progressParts {
            note(
                name,
                "names \(progress.parts.count) parts, more than the \(WorkerProtocolLimits.progressParts) allowed")
        }
        if progress.stage.utf8.count > WorkerProtocolLimits.nameBytes {
            note("\(name).stage", "is longer than \(WorkerProtocolLimits.nameBytes) bytes")
        }
        return progress
    }
}
