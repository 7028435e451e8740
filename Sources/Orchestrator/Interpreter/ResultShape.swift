import JSON
import OrderedCollections

/// What a resource's result looks like, as far as that is known: against this a mocked result is held.
public indirect enum ResultShape: Sendable, Hashable {
    case any
    case string
    case number
    case boolean
    case list(ResultShape)
    case structure([Field])

    public struct Field: Sendable, Hashable {
        public let name: String
        public let isRequired: Bool
        public let shape: ResultShape

        public init(_ name: String, _ shape: ResultShape, required: Bool = false) {
            self.name = name
            self.shape = shape
            self.isRequired = required
        }
    }

    /// What is wrong with a result, in the service's words; nil when it fits. Fields that the shape does not know are
    /// allowed.
    ///
    /// - Parameter requiresAll: whether required fields have to be there.
    func problem(with value: JSON, requiresAll: Bool) -> String? {
        problem(with: value, named: nil, requiresAll: requiresAll)
    }

    private func problem(with value: JSON, named name: String?, requiresAll: Bool) -> String? {
        func wrong(_ type: String) -> String {
            name.map { "Field '\($0)' must be \(type)" } ?? "Result must be \(type)"
        }
        switch (self, value) {
        case (.any, _), (.string, .string), (.number, .integer), (.number, .double), (.boolean, .bool): return nil
        case (.list(let element), .array(let elements)):
            for value in elements {
                if let problem = element.problem(with: value, named: name, requiresAll: requiresAll) { return problem }
            }
            return nil
        case (.structure(let fields), .object(let members)):
            for field in fields {
                guard let value = members[field.name] else {
                    if field.isRequired, requiresAll { return "Required field '\(field.name)' is missing" }
                    continue
                }
                if let problem = field.shape.problem(with: value, named: field.name, requiresAll: requiresAll) {
                    return problem
                }
            }
            return nil
        case (.string, _): return wrong("a string")
        case (.number, _): return wrong("a number")
        case (.boolean, _): return wrong("a boolean")
        case (.list, _): return wrong("an array")
        case (.structure, _): return wrong("an object")
        }
    }
}
