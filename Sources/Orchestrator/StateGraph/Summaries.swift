import JSON
import StatesLanguage

extension State.Kind {
    /// What a state does, in a few words.
    var summary: String {
        switch self {
        case .pass(let result): result == nil ? "" : "fixed result"
        case .task(let task): task.resource.shortResource
        case .choice, .succeed: ""
        case .wait(.seconds(let source)): source.summary(unit: " s")
        case .wait(.timestamp(let source)): "until \(source.summary)"
        case .fail(let fail): fail.error?.summary ?? ""
        case .parallel(let branches): branches.count == 1 ? "1 branch" : "\(branches.count) branches"
        case .map(let map): map.summary
        }
    }
}

extension MapState {
    fileprivate var summary: String {
        var words: String
        if reader != nil {
            words = "items from a store"
        } else {
            switch items {
            case .path(let path): words = "each of \(path.text)"
            case .template(let template):
                words = "each of \(template.source.stringValue?.withoutMarks ?? template.source.text)"
            case .input: words = "each of the input"
            }
        }
        if case .distributed = mode { words += ", distributed" }
        switch maxConcurrency {
        case .literal(0): break
        case .literal, .path, .expression: words += ", \(maxConcurrency.summary(unit: "")) at a time"
        }
        return words
    }
}

extension NumberSource {
    func summary(unit: String) -> String {
        switch self {
        case .literal(let value): "\(value)\(unit)"
        case .path(let path): "\(path.text)\(unit)"
        case .expression(let expression): expression.text.oneLine + unit
        }
    }
}

extension TextSource {
    var summary: String {
        switch self {
        case .literal(let text): text
        case .path(let path): path.text
        case .intrinsic(let call): call.text
        case .expression(let expression): expression.text.oneLine
        }
    }
}

extension ChoiceCondition {
    /// The condition as people write conditions: `$.size > 10 and not $.done = true`.
    var summary: String { summary(isNested: false) }

    private func summary(isNested: Bool) -> String {
        switch self {
        case .and(let conditions): ChoiceCondition.joined(conditions, by: " and ", isNested: isNested)
        case .or(let conditions): ChoiceCondition.joined(conditions, by: " or ", isNested: isNested)
        case .not(let condition): "not \(condition.summary(isNested: true))"
        case .isPresent(let path, let wanted): "\(path.text) is \(wanted ? "" : "not ")present"
        case .isType(let path, let type, let wanted):
            "\(path.text) is \(wanted ? "" : "not ")\(type.rawValue.dropFirst(2).lowercased())"
        case .comparison(let path, let comparison, .value(let value)):
            "\(path.text) \(comparison.relation.sign) \(value.text)"
        case .comparison(let path, let comparison, .path(let other)):
            "\(path.text) \(comparison.relation.sign) \(other.text)"
        case .stringMatches(let path, let pattern): "\(path.text) matches \(JSON.string(pattern).text)"
        case .expression(let expression): expression.text.oneLine
        case .constant(let value): value ? "always" : "never"
        }
    }

    private static func joined(_ conditions: [ChoiceCondition], by word: String, isNested: Bool) -> String {
        let text = conditions.map { $0.summary(isNested: true) }.joined(separator: word)
        return isNested && conditions.count > 1 ? "(\(text))" : text
    }
}

extension ChoiceCondition.Comparison.Relation {
    fileprivate var sign: String {
        switch self {
        case .equals: "="
        case .lessThan: "<"
        case .greaterThan: ">"
        case .lessThanEquals: "≤"
        case .greaterThanEquals: "≥"
        }
    }
}

extension String {
    /// `arn:aws:states:::SERVICE:ACTION` without what all have; a step of ours by its name alone; a function or an
    /// activity by kind and name.
    var shortResource: String {
        let parts = split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 6, parts[0] == "arn" else { return self }
        let rest = parts[5...].joined(separator: ":")
        if parts[2] == "states", parts[3].isEmpty {
            return parts[5] == "showrunner" ? parts[6...].joined(separator: ":") : rest
        }
        return rest.split(separator: ":", omittingEmptySubsequences: false).joined(separator: " ")
    }

    /// Runs of white space as one space.
    var oneLine: String {
        split { $0 == " " || $0 == "\n" || $0 == "\r\n" || $0 == "\t" }.joined(separator: " ")
    }

    /// Of a JSONata expression what stands between `{%` and `%}`.
    var withoutMarks: String {
        hasPrefix("{%") && hasSuffix("%}") ? String(dropFirst(2).dropLast(2)).oneLine : self
    }

    /// Cut to a number of characters, with an ellipsis where something is lost.
    func shortened(to limit: Int) -> String { count <= limit ? self : "\(prefix(limit - 1))…" }
}
