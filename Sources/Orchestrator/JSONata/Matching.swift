/// A match of a pattern in a text; offsets in UTF-16 code units.
struct TextMatch {
    let text: String
    let start: Int
    let end: Int
    /// What each group took; undefined for one that took no part.
    let groups: [Value]
}

/// The matches of a pattern one after another: of a regular expression, or of a function that keeps to its protocol
/// (docs.jsonata.org, "Regular expressions": it returns an object with `match`, `start`, `end`, `groups` and `next`).
struct Matching {
    private let call: Call
    private let name: String
    private var upcoming: Step

    private enum Step {
        case regex(Regex, RegexSubject, offset: Int, isFirst: Bool)
        case function(Value, arguments: [Value])
        case done
    }

    init(_ text: String, _ pattern: Value, _ call: Call, named name: String) throws(Failure) {
        self.call = call
        self.name = name
        if case .function(let function) = pattern, case .regex(let regex) = function.kind {
            upcoming = .regex(regex, RegexSubject(text), offset: 0, isFirst: true)
        } else {
            upcoming = .function(pattern, arguments: [.string(text)])
        }
    }

    /// How many matches are wanted at most.
    static func limit(_ value: Value, code: String, index: Int) throws(Failure) -> Double {
        guard case .number(let limit) = value else { return .infinity }
        if limit < 0 { throw Failure(code, value: value, details: .init(index: index)) }
        return limit
    }

    mutating func next() throws(Failure) -> TextMatch? {
        switch upcoming {
        case .done: return nil
        case .regex(let regex, let subject, let offset, let isFirst):
            // After a match at the very end there is nothing to look at.
            if !isFirst, offset >= subject.units.count { return nil }
            guard let match = try regex.firstMatch(in: subject, from: offset, call.runtime) else {
                upcoming = .done
                return nil
            }
            if !isFirst, match.end == match.start { throw regex.emptyMatch }
            upcoming = .regex(regex, subject, offset: match.end, isFirst: false)
            try call.runtime.charge(match.text.utf8.count + 64)
            return match
        case .function(let function, let arguments):
            let result = try call.runtime.applyIteratee(function, arguments, call)
            if result.isUndefined {
                upcoming = .done
                return nil
            }
            guard result.isObject, case .number(let start)? = result.member("start"),
                case .number(let end)? = result.member("end"), let groups = result.member("groups"), groups.isArray,
                let next = result.member("next"), case .function = next,
                let from = Int(exactly: start.rounded(.towardZero)), let to = Int(exactly: end.rounded(.towardZero)),
                from >= 0, to >= from
            else { throw Failure("T1010") }
            let text: String
            if case .string(let matched)? = result.member("match") { text = matched } else { text = "" }
            upcoming = .function(next, arguments: [])
            return TextMatch(text: text, start: from, end: to, groups: groups.items)
        }
    }
}

/// `$replace`
enum Replacement {
    static let run: @Sendable (Call) throws(Failure) -> Value = { (call) throws(Failure) in
        guard case .string(let text) = call[0] else { return .undefined }
        if case .string("") = call[1] { throw Failure("D3010", value: call[1], details: .init(index: 2)) }
        let limit = try Matching.limit(call[3], code: "D3011", index: 4)
        if call[1].isUndefined { return .string(text) }
        guard limit > 0 else { return .string(text) }
        let units = Array(text.utf16)
        var result: [UInt16] = []
        var position = 0
        var count = 0
        func add(_ slice: some Collection<UInt16>) throws(Failure) {
            try call.runtime.charge(slice.count)
            result.append(contentsOf: slice)
        }
        if case .string(let pattern) = call[1] {
            let sought = Array(pattern.utf16)
            while Double(count) < limit, let place = TextSearch.first(sought, in: units, from: position) {
                try call.runtime.step()
                try add(units[position..<place])
                guard case .string(let replacement) = call[2] else { throw Failure("D3012", value: call[2]) }
                try add(replacement.utf16)
                position = place + sought.count
                count += 1
            }
        } else {
            var matching = try Matching(text, call[1], call, named: "replace")
            while Double(count) < limit, let match = try matching.next() {
                try add(
                    units[min(position, units.count)..<max(min(match.start, units.count), min(position, units.count))])
                switch call[2] {
                case .string(let template): try add(substituted(template, match))
                default:
                    let groups = try call.runtime.array(match.groups)
                    let object = ObjectBox([
                        "match": .string(match.text), "start": .integer(match.start), "end": .integer(match.end),
                        "groups": groups,
                    ])
                    let replacement = try call.runtime.applyIteratee(call[2], [.object(object)], call)
                    guard case .string(let text) = replacement else { throw Failure("D3012", value: replacement) }
                    try add(text.utf16)
                }
                position = match.start + match.text.utf16.count
                count += 1
            }
        }
        try add(units[min(position, units.count)...])
        return .string(String(decoding: result, as: UTF16.self))
    }

    /// A replacement with `$0` for the match, `$1`... for its groups and `$$` for a dollar. Of `$12` both digits count only
    /// where there are that many groups.
    private static func substituted(_ template: String, _ match: TextMatch) -> [UInt16] {
        let units = Array(template.utf16)
        let dollar = UInt16(UInt8(ascii: "$"))
        var result: [UInt16] = []
        var position = 0
        let groupCount = match.groups.count
        let most = groupCount == 0 ? 1 : String(groupCount).utf8.count
        while position < units.count {
            let unit = units[position]
            position += 1
            guard unit == dollar else {
                result.append(unit)
                continue
            }
            let next = position < units.count ? units[position] : 0
            if next == dollar {
                result.append(dollar)
                position += 1
            } else if next == 0x30 {
                result.append(contentsOf: match.text.utf16)
                position += 1
            } else {
                func number(_ digits: Int) -> (value: Int, length: Int)? {
                    var value = 0
                    var length = 0
                    while length < digits, position + length < units.count,
                        (0x30...0x39).contains(units[position + length])
                    {
                        value = value * 10 + Int(units[position + length] - 0x30)
                        length += 1
                    }
                    return length > 0 ? (value, length) : nil
                }
                var index = number(most)
                if most > 1, let found = index, found.value > groupCount { index = number(most - 1) }
                guard let index else {
                    result.append(dollar)
                    continue
                }
                if index.value >= 1, index.value <= groupCount,
                    case .string(let text) = match.groups[index.value - 1]
                {
                    result.append(contentsOf: text.utf16)
                }
                position += index.length
            }
        }
        return result
    }
}
