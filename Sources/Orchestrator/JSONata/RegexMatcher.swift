/// A text as the matcher reads it.
final class RegexSubject: Sendable {
    let units: [UInt16]
    /// Then the text takes as many bytes as code units.
    let isASCII: Bool

    init(_ text: String) {
        units = CodeUnits.units(of: text)
        isASCII = units.count == text.utf8.count
    }

    func text(_ range: Range<Int>) -> String { CodeUnits.text(units, range) }

    /// The bytes of a part in UTF-8.
    func byteCount(_ range: Range<Int>) -> Int { isASCII ? range.count : text(range).utf8.count }

    /// Adds a part to a text under construction, as ``text(_:)`` gives it.
    func append(_ range: Range<Int>, to result: inout [UInt16]) {
        if isASCII {
            for index in range { result.append(units[index]) }
        } else {
            result.append(contentsOf: text(range).utf16)
        }
    }
}

/// Looks for one regular expression in one text, again and again, with memory that is taken once.
struct RegexMatcher: ~Copyable {
    /// What to go back to.
    private enum Choice {
        case resume(at: Int, position: Int)
        case restore(slot: Int, value: Int)
        /// A run that may give back (greedy) or take more (lazy): from `position` towards `limit`.
        case shrink(next: Int, position: Int, limit: Int)
        case grow(at: Int, position: Int, left: Int)
    }

    /// As many choices can be remembered under any limit.
    static let leastChoices = 16

    let regex: Regex
    let subject: RegexSubject
    private let runtime: Runtime
    /// Where groups begin and end, then the registers of loops.
    private var slots: [Int]
    /// The first `choiceCount` are in use; others stand for later use.
    private var choices: [Choice]
    private var choiceCount = 0
    private let maximumChoices: Int

    init(_ regex: Regex, _ subject: RegexSubject, _ runtime: Runtime) {
        self.regex = regex
        self.subject = subject
        self.runtime = runtime
        maximumChoices = max(
            runtime.environment.limits.bytes / MemoryLayout<Choice>.stride, RegexMatcher.leastChoices)
        slots = Array(repeating: -1, count: regex.slots)
        choices = Array(repeating: .resume(at: 0, position: 0), count: RegexMatcher.leastChoices / 2)
    }

    /// Whether an offset is at the end of the text or beyond.
    func isAtEnd(_ offset: Int) -> Bool { offset >= subject.units.count }

    /// The first match that begins at or after the offset.
    mutating func first(from offset: Int) throws(Failure) -> TextMatch? {
        guard let range = try find(from: offset) else { return nil }
        return match(range)
    }

    /// The match that was found last, with its groups.
    func match(_ range: Range<Int>) -> TextMatch { TextMatch(subject, range, slots: slots, groups: regex.groups) }

    /// Adds the text of a group of the match that was found last, counted from 0, if it took part.
    func append(group: Int, to result: inout [UInt16]) {
        let from = slots[2 * group + 2]
        let to = slots[2 * group + 3]
        if from >= 0, to >= from { subject.append(from..<to, to: &result) }
    }

    /// Where the first match lies that begins at or after the offset.
    mutating func find(from offset: Int) throws(Failure) -> Range<Int>? {
        let units = subject.units
        var start = offset
        while start <= units.count {
            if case .set(let set, _) = regex.instructions[0] {
                // A pattern that begins with a set cannot begin elsewhere.
                while start < units.count, !holds(set, units[start]) { start += 1 }
                try runtime.step((start - offset) / 8)
                if start == units.count { return nil }
            } else if let lead = regex.lead {
                let tried = start
                while start < units.count, !begins(lead, units[start]) { start += 1 }
                try runtime.step((start - tried) * lead.steps)
            }
            for index in slots.indices { slots[index] = -1 }
            if let end = try run(from: 0, at: start) { return start..<end }
            start += 1
        }
        return nil
    }

    @inline(__always)
    private func holds(_ set: Int, _ unit: UInt16) -> Bool {
        unit < 128 ? regex.low[set].contains(unit) : regex.sets[set].contains(unit)
    }

    private func begins(_ lead: Regex.Lead, _ unit: UInt16) -> Bool {
        unit < 128 ? lead.low.contains(unit) : lead.sets.contains { regex.sets[$0].contains(unit) }
    }

    @inline(__always)
    private mutating func push(_ choice: Choice) throws(Failure) {
        if choiceCount == choices.count {
            if choiceCount >= maximumChoices {
                throw .limit("U1002", "The regular expression needs more memory than is allowed")
            }
            choices.append(choice)
        } else {
            choices[choiceCount] = choice
        }
        choiceCount += 1
    }

    @inline(__always)
    private mutating func set(_ slot: Int, _ value: Int) throws(Failure) {
        try push(.restore(slot: slot, value: slots[slot]))
        slots[slot] = value
    }

    /// Runs from an instruction at a position of the text; the position reached at `accept`, or nil.
    private mutating func run(from first: Int, at start: Int) throws(Failure) -> Int? {
        let base = choiceCount
        let instructions = regex.instructions
        let low = regex.low
        let units = subject.units
        var steps = runtime.stepsLeft
        var at = first
        var position = start
        while true {
            steps &-= 1
            if steps < 0 { throw runtime.tooManySteps }
            var isAlive = true
            switch instructions[at] {
            case .accept:
                choiceCount = base > 0 ? keepRestorations(from: base) : 0
                runtime.account(stepsLeft: steps)
                return position
            case .set(let set, let isBackward):
                let index = isBackward ? position - 1 : position
                if index >= 0, index < units.count,
                    units[index] < 128 ? low[set].contains(units[index]) : regex.sets[set].contains(units[index])
                {
                    position = isBackward ? index : index + 1
                    at += 1
                } else {
                    isAlive = false
                }
            case .run(let set, let least, let most, let isGreedy, let isBackward):
                let wanted = isGreedy ? most : least
                let low = low[set]
                var count = 0
                var index = position
                while count < wanted {
                    let next = isBackward ? index - 1 : index
                    guard next >= 0, next < units.count else { break }
                    let unit = units[next]
                    guard unit < 128 ? low.contains(unit) : regex.sets[set].contains(unit) else { break }
                    index = isBackward ? next : next + 1
                    count += 1
                }
                steps &-= count / 4
                if steps < 0 { throw runtime.tooManySteps }
                if count < least {
                    isAlive = false
                    break
                }
                if isGreedy {
                    let limit = isBackward ? position - least : position + least
                    if index != limit { try push(.shrink(next: at + 1, position: index, limit: limit)) }
                } else if most > least {
                    try push(.grow(at: at, position: index, left: most - least))
                }
                position = index
                at += 1
            case .split(let preferred, let other):
                try push(.resume(at: other, position: position))
                at = preferred
            case .jump(let target): at = target
            case .save(let slot):
                try set(slot, position)
                at += 1
            case .clear(let range):
                for group in range where slots[2 * group] >= 0 || slots[2 * group + 1] >= 0 {
                    try set(2 * group, -1)
                    try set(2 * group + 1, -1)
                }
                at += 1
            case .start:
                isAlive = position == 0 || regex.isMultiline && RegexMatcher.isLineEnd(units[position - 1])
                at += 1
            case .end:
                isAlive = position == units.count || regex.isMultiline && RegexMatcher.isLineEnd(units[position])
                at += 1
            case .boundary(let isNegated):
                let before = position > 0 && RegexSet.wordBelow128.contains(units[position - 1])
                let after = position < units.count && RegexSet.wordBelow128.contains(units[position])
                isAlive = (before != after) != isNegated
                at += 1
            case .reference(let group, let isBackward):
                if let reached = reference(group, position, isBackward) {
                    position = reached
                } else {
                    isAlive = false
                }
                at += 1
            case .look(let isNegated, let next):
                let before = slots
                // The marker keeps the inner run from taking itself for the outermost.
                try push(.restore(slot: 0, value: slots[0]))
                try runtime.descend()
                runtime.account(stepsLeft: steps)
                let reached = try run(from: at + 1, at: position)
                steps = runtime.stepsLeft
                runtime.ascend()
                if reached == nil || isNegated { slots = before }
                isAlive = (reached != nil) != isNegated
                at = next
            case .roundStart(let register):
                try set(register, position)
                at += 1
            case .roundEnd(let register):
                isAlive = slots[register] != position
                at += 1
            }
            if isAlive { continue }
            guard let resumed = try backtrack(to: base, &steps) else {
                runtime.account(stepsLeft: steps)
                return nil
            }
            (at, position) = resumed
        }
    }

    /// Within a look-around only what restores groups stays of the choices: how many there are then.
    private mutating func keepRestorations(from base: Int) -> Int {
        var kept = base
        for index in base..<choiceCount {
            guard case .restore = choices[index] else { continue }
            choices[kept] = choices[index]
            kept += 1
        }
        return kept
    }

    private mutating func backtrack(
        to base: Int, _ steps: inout Int
    ) throws(Failure) -> (at: Int, position: Int)? {
        while choiceCount > base {
            choiceCount -= 1
            switch choices[choiceCount] {
            case .restore(let slot, let value): slots[slot] = value
            case .resume(let at, let position): return (at, position)
            case .shrink(let next, let position, let limit):
                steps &-= 1
                if steps < 0 { throw runtime.tooManySteps }
                let shorter = position > limit ? position - 1 : position + 1
                if shorter != limit { try push(.shrink(next: next, position: shorter, limit: limit)) }
                return (next, shorter)
            case .grow(let at, let position, let left):
                steps &-= 1
                if steps < 0 { throw runtime.tooManySteps }
                guard case .run(let set, _, _, _, let isBackward) = regex.instructions[at] else { continue }
                let index = isBackward ? position - 1 : position
                guard index >= 0, index < subject.units.count, holds(set, subject.units[index]) else { continue }
                let longer = isBackward ? index : index + 1
                if left > 1 { try push(.grow(at: at, position: longer, left: left - 1)) }
                return (at + 1, longer)
            }
        }
        return nil
    }

    private func reference(_ group: Int, _ position: Int, _ isBackward: Bool) -> Int? {
        let units = subject.units
        let from = slots[2 * group]
        let to = slots[2 * group + 1]
        guard from >= 0, to >= from else { return position }
        let length = to - from
        let start = isBackward ? position - length : position
        guard start >= 0, start + length <= units.count else { return nil }
        for index in 0..<length {
            let a = units[from + index]
            let b = units[start + index]
            if a != b, !regex.ignoresCase || RegexCase.folded(a) != RegexCase.folded(b) { return nil }
        }
        return isBackward ? start : start + length
    }

    private static func isLineEnd(_ unit: UInt16) -> Bool {
        unit == 0x0A || unit == 0x0D || unit == 0x2028 || unit == 0x2029
    }
}
