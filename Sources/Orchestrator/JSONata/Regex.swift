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
    let instructions: [Instruction]
    let sets: [RegexSet]
    /// Of each set, what lies below 128: most of what is looked for in most texts.
    let low: [ASCIISet]
    let groups: Int
    let slots: Int
    let ignoresCase: Bool
    let isMultiline: Bool
    /// How a match begins, where that can be told from one code unit.
    let lead: Lead?

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
        low = sets.map(\.low)
        slots = builder.registers
        lead = Lead(of: instructions, low)
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
        var matcher = RegexMatcher(self, subject, runtime)
        guard let match = try matcher.first(from: offset) else { return .undefined }
        let groups = try runtime.array(match.groups)
        let next = Function(.nextMatch(self, subject: subject, offset: match.end), arity: 0)
        return .object(
            ObjectBox([
                "match": try runtime.string(match.text), "start": .integer(match.start), "end": .integer(match.end),
                "groups": groups, "next": .function(next),
            ]))
    }

    // MARK: Where a match can begin

    /// The code units that can begin a match, and what a try costs that begins with another: of those nothing but the steps is left,
    /// so they are passed over.
    struct Lead: Sendable {
        private(set) var low = ASCIISet()
        private(set) var sets: [Int] = []
        /// The moves of a try that fails at its first code unit.
        private(set) var steps = 0
        private var choices = 0

        /// As many choices as every matcher may remember.
        private static let maximumChoices = RegexMatcher.leastChoices
        private static let maximumSteps = 64

        /// Nil where a match may begin with nothing, or where more than one code unit decides.
        init?(of instructions: [Instruction], _ low: [ASCIISet]) {
            guard explore(instructions, low, from: 0) else { return nil }
        }

        /// Follows every way to a first code unit; false if one of them needs none.
        private mutating func explore(_ instructions: [Instruction], _ low: [ASCIISet], from first: Int) -> Bool {
            var at = first
            while steps < Lead.maximumSteps, choices <= Lead.maximumChoices {
                steps += 1
                switch instructions[at] {
                case .set(let set, isBackward: false):
                    self.low.formUnion(low[set])
                    sets.append(set)
                    return true
                case .run(let set, let least, let most, let isGreedy, isBackward: false):
                    self.low.formUnion(low[set])
                    sets.append(set)
                    if least > 0 { return true }
                    if !isGreedy, most > 0 {
                        // Later it tries to take one.
                        steps += 1
                        choices += 1
                    }
                    at += 1
                case .split(let preferred, let other):
                    choices += 1
                    guard explore(instructions, low, from: preferred) else { return false }
                    at = other
                case .jump(let target): at = target
                case .save, .roundStart:
                    choices += 1
                    at += 1
                case .clear(let groups):
                    choices += 2 * groups.count
                    at += 1
                case .set, .run, .start, .end, .boundary, .reference, .look, .roundEnd, .accept: return false
                }
            }
            return false
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
