/// A match of a pattern in a text; offsets in UTF-16 code units.
struct TextMatch {
    let start: Int
    let end: Int
    /// Where a regular expression found it; from 2 on the slots say where each group begins and ends.
    private let subject: RegexSubject?
    private let slots: [Int]
    /// What a function answered instead.
    private let answer: (text: String, groups: [Value])?
    let groupCount: Int

    init(_ subject: RegexSubject, _ range: Range<Int>, slots: [Int], groups: Int) {
        start = range.lowerBound
        end = range.upperBound
        self.subject = subject
        self.slots = slots
        groupCount = groups
        answer = nil
    }

    init(_ text: String, _ range: Range<Int>, groups: [Value]) {
        start = range.lowerBound
        end = range.upperBound
        subject = nil
        slots = []
        groupCount = groups.count
        answer = (text, groups)
    }

    var text: String { subject?.text(start..<end) ?? answer?.text ?? "" }

    /// The code units of the text.
    var unitCount: Int { answer?.text.utf16.count ?? end - start }

    /// What each group took; undefined for one that took no part.
    var groups: [Value] {
        if let answer { return answer.groups }
        return (0..<groupCount).map { group in
            range(of: group).flatMap { subject?.text($0) }.map { .string($0) } ?? .undefined
        }
    }

    private func range(of group: Int) -> Range<Int>? {
        let from = slots[2 * group + 2]
        let to = slots[2 * group + 3]
        return from >= 0 && to >= from ? from..<to : nil
    }

    /// Adds the text.
    func append(to units: inout [UInt16]) {
        if let subject { subject.append(start..<end, to: &units) } else { units.append(contentsOf: text.utf16) }
    }

    /// Adds the text of a group, counted from 0, if it took part.
    func append(group: Int, to units: inout [UInt16]) {
        if let answer {
            if case .string(let text) = answer.groups[group] { units.append(contentsOf: text.utf16) }
        } else if let range = range(of: group) {
            subject?.append(range, to: &units)
        }
    }
}

/// The matches of a pattern one after another: of a regular expression, or of a function that keeps to its protocol
/// (docs.jsonata.org, "Regular expressions": it returns an object with `match`, `start`, `end`, `groups` and `next`).
struct Matching: ~Copyable {
    private let runtime: Runtime
    private let subject: RegexSubject
    /// Where the pattern is a regular expression.
    private var matcher: RegexMatcher?
    let isRegex: Bool
    /// Of a regular expression.
    let groupCount: Int
    private var upcoming: Step

    private enum Step {
        case regex(offset: Int, isFirst: Bool)
        case function(Value, arguments: [Value], Call)
        case done
    }

    init(_ text: String, _ subject: RegexSubject, _ pattern: Value, _ call: Call) {
        runtime = call.runtime
        self.subject = subject
        if case .function(let function) = pattern, case .regex(let regex) = function.kind {
            matcher = RegexMatcher(regex, subject, call.runtime)
            isRegex = true
            groupCount = regex.groups
            upcoming = .regex(offset: 0, isFirst: true)
        } else {
            matcher = nil
            isRegex = false
            groupCount = 0
            upcoming = .function(pattern, arguments: [.string(text)], call)
        }
    }

    /// How many matches are wanted at most.
    static func limit(_ value: Value, code: String, index: Int) throws(Failure) -> Double {
        guard case .number(let limit) = value else { return .infinity }
        if limit < 0 { throw Failure(code, value: value, details: .init(index: index)) }
        return limit
    }

    /// The next match of a regular expression, whose groups are then to be had from ``append(group:to:)``.
    mutating func nextRange() throws(Failure) -> Range<Int>? {
        guard case .regex(let offset, let isFirst) = upcoming else { return nil }
        // After a match at the very end there is nothing to look at.
        if !isFirst, matcher?.isAtEnd(offset) == true { return nil }
        guard let range = try matcher?.find(from: offset) else {
            upcoming = .done
            return nil
        }
        if !isFirst, range.isEmpty, let failure = matcher?.regex.emptyMatch { throw failure }
        upcoming = .regex(offset: range.upperBound, isFirst: false)
        try runtime.charge(subject.byteCount(range) + 64)
        return range
    }

    mutating func append(group: Int, to units: inout [UInt16]) { matcher?.append(group: group, to: &units) }

    mutating func next() throws(Failure) -> TextMatch? {
        switch upcoming {
        case .done: return nil
        case .regex:
            guard let range = try nextRange() else { return nil }
            return matcher?.match(range)
        case .function(let function, let arguments, let call):
            let result = try runtime.applyIteratee(function, arguments, call)
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
            upcoming = .function(next, arguments: [], call)
            return TextMatch(text, from..<to, groups: groups.items)
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
        let subject = RegexSubject(text)
        let units = subject.units
        var result: [UInt16] = []
        result.reserveCapacity(units.count)
        var position = 0
        var count = 0
        func add(_ part: some Collection<UInt16>) throws(Failure) {
            try call.runtime.charge(part.count)
            result.append(contentsOf: part)
        }
        if case .string(let pattern) = call[1] {
            let sought = CodeUnits.units(of: pattern)
            while Double(count) < limit, let place = CodeUnits.first(sought, in: units, from: position) {
                try call.runtime.step()
                try add(units[position..<place])
                guard case .string(let replacement) = call[2] else { throw Failure("D3012", value: call[2]) }
                try add(replacement.utf16)
                position = place + sought.count
                count += 1
            }
        } else {
            let template: [UInt16]? = if case .string(let text) = call[2] { CodeUnits.units(of: text) } else { nil }
            var matching = Matching(text, subject, call[1], call)
            if let template, matching.isRegex {
                while Double(count) < limit, let range = try matching.nextRange() {
                    try add(units[position..<range.lowerBound])
                    let before = result.count
                    substitute(template, groups: matching.groupCount, &result) { group, result in
                        if let group {
                            matching.append(group: group, to: &result)
                        } else {
                            subject.append(range, to: &result)
                        }
                    }
                    try call.runtime.charge(result.count - before)
                    position = range.upperBound
                    count += 1
                }
            }
            while Double(count) < limit, let match = try matching.next() {
                let from = min(position, units.count)
                try add(units[from..<max(min(match.start, units.count), from)])
                if let template {
                    let before = result.count
                    substitute(template, groups: match.groupCount, &result) { group, result in
                        if let group { match.append(group: group, to: &result) } else { match.append(to: &result) }
                    }
                    try call.runtime.charge(result.count - before)
                } else {
                    let groups = try call.runtime.array(match.groups)
                    let object = ObjectBox([
                        "match": .string(match.text), "start": .integer(match.start), "end": .integer(match.end),
                        "groups": groups,
                    ])
                    let replacement = try call.runtime.applyIteratee(call[2], [.object(object)], call)
                    guard case .string(let text) = replacement else { throw Failure("D3012", value: replacement) }
                    try add(text.utf16)
                }
                position = match.start + match.unitCount
                count += 1
            }
        }
        try add(units[min(position, units.count)...])
        return .string(CodeUnits.text(result))
    }

    /// A replacement with `$0` for the match, `$1`... for its groups and `$$` for a dollar. Of `$12` both digits count only
    /// where there are that many groups.
    ///
    /// - Parameter add: adds the text of a group, counted from 0, or of the match.
    @inline(__always)
    private static func substitute(
        _ template: [UInt16], groups groupCount: Int, _ result: inout [UInt16],
        add: (_ group: Int?, _ result: inout [UInt16]) -> Void
    ) {
        let dollar = UInt16(UInt8(ascii: "$"))
        var position = 0
        let most = groupCount < 10 ? 1 : String(groupCount).utf8.count
        func number(_ digits: Int) -> (value: Int, length: Int)? {
            var value = 0
            var length = 0
            while length < digits, position + length < template.count,
                (0x30...0x39).contains(template[position + length])
            {
                value = value * 10 + Int(template[position + length] - 0x30)
                length += 1
            }
            return length > 0 ? (value, length) : nil
        }
        while position < template.count {
            let unit = template[position]
            position += 1
            guard unit == dollar else {
                result.append(unit)
                continue
            }
            let next = position < template.count ? template[position] : 0
            if next == dollar {
                result.append(dollar)
                position += 1
            } else if next == 0x30 {
                add(nil, &result)
                position += 1
            } else {
                var index = number(most)
                if most > 1, let found = index, found.value > groupCount { index = number(most - 1) }
                guard let index else {
                    result.append(dollar)
                    continue
                }
                if index.value >= 1, index.value <= groupCount { add(index.value - 1, &result) }
                position += index.length
            }
        }
    }
}
