/// A text as the matcher reads it.
final class RegexSubject: Sendable {
    let units: [UInt16]

    init(_ text: String) { units = Array(text.utf16) }
}

/// A compiled regular expression: instructions for a machine that backtracks on a stack of its own and pays a step for
/// each move, so that no pattern runs for ever.
final class Regex: Sendable {
    enum Instruction: Sendable {
        /// Sets are named by their place in ``sets``: reading an instruction then copies no set.
        case set(Int, isBackward: Bool)
        /// A set over and over: the commonest loop, without an entry on the stack for each round.
        case run(Int, least: Int, most: Int, isGreedy: Bool, isBackward: Bool)
        /// Tries the first, then the second.
        case split(Int, Int)
        case jump(Int)
        case save(Int)
        case clear(Range<Int>)
        case start, end
        case boundary(isNegated: Bool)
        case reference(Int, isBackward: Bool)
        /// Runs what follows up to `accept` without consuming, then goes on at `next`.
        case look(isNegated: Bool, next: Int)
        /// A loop's round begins here; its end fails if the round took nothing.
        case roundStart(Int)
        case roundEnd(Int)
        case accept
    }

    static let maximumInstructions = 20_000

    let source: String
    let position: Int
    private let instructions: [Instruction]
    private let sets: [RegexSet]
    private let groups: Int
    private let slots: Int
    private let ignoresCase: Bool
    private let isMultiline: Bool

    init(pattern: [UInt16], flags: String, position: Int) throws(Failure) {
        source = String(decoding: pattern, as: UTF16.self)
        self.position = position
        ignoresCase = flags.contains("i")
        isMultiline = flags.contains("m")
        let (tree, groups) = try RegexParser.parse(pattern, ignoresCase: ignoresCase)
        self.groups = groups
        var builder = Builder(firstRegister: 2 * (groups + 1))
        try builder.add(tree, isBackward: false)
        try builder.emit(.accept)
        instructions = builder.instructions
        sets = builder.sets
        slots = builder.registers
    }

    /// The expression matched nothing where something must be left behind.
    var emptyMatch: Failure { Failure("D1004", position: position, value: .string(source)) }

    // MARK: As a function of the language

    /// `/pattern/(text, offset)`: the match object, or nothing.
    func match(_ arguments: [Value], _ runtime: Runtime) throws(Failure) -> Value {
        guard case .string(let text)? = arguments.first else { return .undefined }
        let subject = RegexSubject(text)
        var offset = 0
        if arguments.count > 1, case .number(let from) = arguments[1], from > 0 {
            offset = Int(min(from, Double(subject.units.count + 1)))
        }
        return try object(subject, from: offset, runtime)
    }

    /// The match after the one that ended at the offset.
    func next(_ subject: RegexSubject, from offset: Int, _ runtime: Runtime) throws(Failure) -> Value {
        if offset >= subject.units.count { return .undefined }
        let result = try object(subject, from: offset, runtime)
        if case .string("")? = result.member("match") { throw emptyMatch }
        return result
    }

    private func object(_ subject: RegexSubject, from offset: Int, _ runtime: Runtime) throws(Failure) -> Value {
        guard let match = try firstMatch(in: subject, from: offset, runtime) else { return .undefined }
        let groups = try runtime.array(match.groups)
        let next = Function(.nextMatch(self, subject: subject, offset: match.end), arity: 0)
        return .object(
            ObjectBox([
                "match": try runtime.string(match.text), "start": .integer(match.start), "end": .integer(match.end),
                "groups": groups, "next": .function(next),
            ]))
    }

    // MARK: Matching

    func firstMatch(in subject: RegexSubject, from offset: Int, _ runtime: Runtime) throws(Failure) -> TextMatch? {
        let units = subject.units
        guard offset <= units.count else { return nil }
        var machine = Machine(self, units, runtime)
        var start = offset
        while start <= units.count {
            // A pattern that begins with a set cannot begin elsewhere.
            if case .set(let set, _) = instructions[0] {
                while start < units.count, !sets[set].contains(units[start]) { start += 1 }
                try runtime.step((start - offset) / 8)
                if start == units.count { return nil }
            }
            if let end = try machine.run(from: 0, at: start) {
                var values: [Value] = []
                for group in 1..<(groups + 1) {
                    let from = machine.slots[2 * group]
                    let to = machine.slots[2 * group + 1]
                    values.append(
                        from >= 0 && to >= from
                            ? .string(String(decoding: units[from..<to], as: UTF16.self)) : .undefined)
                }
                return TextMatch(
                    text: String(decoding: units[start..<end], as: UTF16.self), start: start, end: end, groups: values)
            }
            start += 1
        }
        return nil
    }

    /// The matcher itself.
    private struct Machine {
        let regex: Regex
        let units: [UInt16]
        let runtime: Runtime
        /// Where groups begin and end, then the registers of loops.
        var slots: [Int]
        private var stack: [Choice] = []
        private let maximumChoices: Int

        /// What to go back to.
        private enum Choice {
            case resume(at: Int, position: Int)
            case restore(slot: Int, value: Int)
            /// A run that may give back (greedy) or take more (lazy): from `position` towards `limit`.
            case shrink(next: Int, position: Int, limit: Int)
            case grow(at: Int, position: Int, left: Int)
        }

        init(_ regex: Regex, _ units: [UInt16], _ runtime: Runtime) {
            self.regex = regex
            self.units = units
            self.runtime = runtime
            slots = Array(repeating: -1, count: regex.slots)
            maximumChoices = max(runtime.environment.limits.bytes / MemoryLayout<Choice>.stride, 16)
        }

        private mutating func push(_ choice: Choice) throws(Failure) {
            if stack.count >= maximumChoices {
                throw .limit("U1002", "The regular expression needs more memory than is allowed")
            }
            stack.append(choice)
        }

        private mutating func set(_ slot: Int, _ value: Int) throws(Failure) {
            try push(.restore(slot: slot, value: slots[slot]))
            slots[slot] = value
        }

        /// Runs from an instruction at a position of the text; the position reached at `accept`, or nil.
        mutating func run(from first: Int, at start: Int) throws(Failure) -> Int? {
            let base = stack.count
            if base == 0 { for index in slots.indices { slots[index] = -1 } }
            var at = first
            var position = start
            while true {
                try runtime.step()
                var isAlive = true
                switch regex.instructions[at] {
                case .accept:
                    if base > 0 {
                        // Within a look-around only what restores groups stays of the choices.
                        let kept = stack[base...].filter { if case .restore = $0 { true } else { false } }
                        stack.removeSubrange(base...)
                        stack.append(contentsOf: kept)
                    } else {
                        stack.removeAll(keepingCapacity: true)
                    }
                    return position
                case .set(let set, let isBackward):
                    let index = isBackward ? position - 1 : position
                    if index >= 0, index < units.count, regex.sets[set].contains(units[index]) {
                        position = isBackward ? index : index + 1
                        at += 1
                    } else {
                        isAlive = false
                    }
                case .run(let set, let least, let most, let isGreedy, let isBackward):
                    let wanted = isGreedy ? most : least
                    var count = 0
                    var index = position
                    while count < wanted {
                        let next = isBackward ? index - 1 : index
                        guard next >= 0, next < units.count, regex.sets[set].contains(units[next]) else { break }
                        index = isBackward ? next : next + 1
                        count += 1
                    }
                    try runtime.step(count / 4)
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
                    isAlive = position == 0 || regex.isMultiline && Machine.isLineEnd(units[position - 1])
                    at += 1
                case .end:
                    isAlive =
                        position == units.count || regex.isMultiline && Machine.isLineEnd(units[position])
                    at += 1
                case .boundary(let isNegated):
                    let before = position > 0 && RegexSet.word.contains(units[position - 1])
                    let after = position < units.count && RegexSet.word.contains(units[position])
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
                    let reached = try run(from: at + 1, at: position)
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
                guard let resumed = try backtrack(to: base) else { return nil }
                (at, position) = resumed
            }
        }

        private mutating func backtrack(to base: Int) throws(Failure) -> (at: Int, position: Int)? {
            while stack.count > base {
                switch stack.removeLast() {
                case .restore(let slot, let value): slots[slot] = value
                case .resume(let at, let position): return (at, position)
                case .shrink(let next, let position, let limit):
                    try runtime.step()
                    let shorter = position > limit ? position - 1 : position + 1
                    if shorter != limit { stack.append(.shrink(next: next, position: shorter, limit: limit)) }
                    return (next, shorter)
                case .grow(let at, let position, let left):
                    try runtime.step()
                    guard case .run(let set, _, _, _, let isBackward) = regex.instructions[at] else { continue }
                    let index = isBackward ? position - 1 : position
                    guard index >= 0, index < units.count, regex.sets[set].contains(units[index]) else { continue }
                    let longer = isBackward ? index : index + 1
                    if left > 1 { stack.append(.grow(at: at, position: longer, left: left - 1)) }
                    return (at + 1, longer)
                }
            }
            return nil
        }

        private func reference(_ group: Int, _ position: Int, _ isBackward: Bool) -> Int? {
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

    /// Makes instructions of a pattern.
    private struct Builder {
        var instructions: [Instruction] = []
        var sets: [RegexSet] = []
        var registers: Int

        init(firstRegister: Int) { registers = firstRegister }

        mutating func emit(_ instruction: Instruction) throws(Failure) {
            if instructions.count >= Regex.maximumInstructions {
                throw Failure("S0303", value: .string("regular expression too large"))
            }
            instructions.append(instruction)
        }

        private mutating func number(of set: RegexSet) -> Int {
            sets.append(set)
            return sets.count - 1
        }

        mutating func add(_ pattern: RegexPattern, isBackward: Bool) throws(Failure) {
            switch pattern {
            case .empty: break
            case .set(let set): try emit(.set(number(of: set), isBackward: isBackward))
            case .sequence(let parts):
                if isBackward {
                    for part in parts.reversed() { try add(part, isBackward: true) }
                } else {
                    for part in parts { try add(part, isBackward: false) }
                }
            case .alternatives(let alternatives):
                var exits: [Int] = []
                for (index, alternative) in alternatives.enumerated() {
                    if index == alternatives.count - 1 {
                        try add(alternative, isBackward: isBackward)
                        break
                    }
                    let split = instructions.count
                    try emit(.split(split + 1, split + 1))
                    try add(alternative, isBackward: isBackward)
                    exits.append(instructions.count)
                    try emit(.jump(0))
                    instructions[split] = .split(split + 1, instructions.count)
                }
                for exit in exits { instructions[exit] = .jump(instructions.count) }
            case .group(let inner, let capture):
                try emit(.save(2 * capture + (isBackward ? 1 : 0)))
                try add(inner, isBackward: isBackward)
                try emit(.save(2 * capture + (isBackward ? 0 : 1)))
            case .reference(let group): try emit(.reference(group, isBackward: isBackward))
            case .start: try emit(.start)
            case .end: try emit(.end)
            case .boundary(let isNegated): try emit(.boundary(isNegated: isNegated))
            case .look(let inner, let isBehind, let isNegated):
                let look = instructions.count
                try emit(.look(isNegated: isNegated, next: 0))
                try add(inner, isBackward: isBehind)
                try emit(.accept)
                instructions[look] = .look(isNegated: isNegated, next: instructions.count)
            case .loop(let body, let least, let most, let isGreedy, let captures):
                try loop(body, least, most, isGreedy, captures, isBackward)
            }
        }

        private mutating func loop(
            _ body: RegexPattern, _ least: Int, _ most: Int?, _ isGreedy: Bool, _ captures: Range<Int>,
            _ isBackward: Bool
        ) throws(Failure) {
            if case .set(let set) = body {
                return try emit(
                    .run(
                        number(of: set), least: least, most: most ?? Int.max, isGreedy: isGreedy, isBackward: isBackward
                    ))
            }
            let groups = (captures.lowerBound + 1)..<(captures.upperBound + 1)
            for _ in 0..<least {
                let before = instructions.count
                if !groups.isEmpty { try emit(.clear(groups)) }
                try add(body, isBackward: isBackward)
                // Nothing a million times is nothing.
                if instructions.count == before { return }
            }
            func branch(_ at: Int, to exit: Int) -> Instruction {
                isGreedy ? .split(at + 1, exit) : .split(exit, at + 1)
            }
            let register = registers
            registers += 1
            func round() throws(Failure) {
                if !groups.isEmpty { try emit(.clear(groups)) }
                try emit(.roundStart(register))
                try add(body, isBackward: isBackward)
                try emit(.roundEnd(register))
            }
            guard let most else {
                let split = instructions.count
                try emit(.split(0, 0))
                try round()
                try emit(.jump(split))
                instructions[split] = branch(split, to: instructions.count)
                return
            }
            var splits: [Int] = []
            for _ in least..<max(most, least) {
                splits.append(instructions.count)
                try emit(.split(0, 0))
                try round()
            }
            for split in splits { instructions[split] = branch(split, to: instructions.count) }
        }
    }
}
