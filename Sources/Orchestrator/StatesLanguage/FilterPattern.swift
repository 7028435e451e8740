/// The regular expression of `=~ /.../` in a filter; it must match the whole text, as it does in the library behind
/// Step Functions.
///
/// All ways through the pattern are followed at once, character by character, so that the time is bounded by the
/// product of both lengths: a pattern is written by somebody else than the text it meets. What cannot be matched like
/// that (references back, looking ahead and behind) is refused, and so is `\b`.
struct FilterPattern: Sendable, Hashable {
    /// The pattern with slashes and flags, as it was written.
    let text: String
    private let program: [Instruction]

    /// Repetitions are written out, and must not write out more than this.
    static let maximumInstructions = 1000

    fileprivate enum Instruction: Sendable, Hashable {
        case one(CharacterSet)
        /// Go on at both places.
        case split(Int, Int)
        case jump(Int)
        case atStart
        case atEnd
        case accept
    }

    /// Some characters, or all others.
    fileprivate struct CharacterSet: Sendable, Hashable {
        var ranges: [ClosedRange<UInt32>] = []
        var isNegated = false
        var ignoresCase = false

        func contains(_ scalar: Unicode.Scalar) -> Bool {
            isNegated != (holds(scalar.value) || ignoresCase && otherCase(scalar.value).map(holds) == true)
        }

        private func holds(_ value: UInt32) -> Bool { ranges.contains { $0.contains(value) } }

        /// ASCII letters only, as the library does without its Unicode flag.
        private func otherCase(_ value: UInt32) -> UInt32? {
            switch value {
            case 0x41...0x5A: value + 32
            case 0x61...0x7A: value - 32
            default: nil
            }
        }
    }

    /// Reads the pattern between the slashes. Flags: `i` ignores the case of ASCII letters, `s` lets `.` match the ends
    /// of lines.
    init(_ pattern: String, flags: String) throws(FilterPatternError) {
        text = "/\(pattern)/\(flags)"
        for flag in flags where flag != "i" && flag != "s" {
            throw FilterPatternError("the flag '\(flag)' of a regular expression is not supported")
        }
        var compiler = Compiler(
            scalars: Array(pattern.unicodeScalars), ignoresCase: flags.contains("i"), dotMatchesAll: flags.contains("s")
        )
        program = try compiler.program()
    }

    /// What a match may cost, in steps.
    func cost(of text: String) -> Int { (text.utf8.count + 1) * program.count }

    func matches(_ text: String) -> Bool {
        var marks = Array(repeating: -1, count: program.count)
        var places: [Int] = []
        let scalars = text.unicodeScalars
        var position = 0
        func follow(_ start: Int, isEnd: Bool, into list: inout [Int]) {
            var pending = [start]
            while let place = pending.popLast() {
                if marks[place] == position { continue }
                marks[place] = position
                switch program[place] {
                case .jump(let target): pending.append(target)
                case .split(let first, let second): pending += [second, first]
                case .atStart: if position == 0 { pending.append(place + 1) }
                case .atEnd: if isEnd { pending.append(place + 1) }
                case .one, .accept: list.append(place)
                }
            }
        }
        follow(0, isEnd: scalars.isEmpty, into: &places)
        var index = scalars.startIndex
        while index < scalars.endIndex {
            let scalar = scalars[index]
            index = scalars.index(after: index)
            position += 1
            var next: [Int] = []
            for place in places {
                if case .one(let set) = program[place], set.contains(scalar) {
                    follow(place + 1, isEnd: index == scalars.endIndex, into: &next)
                }
            }
            if next.isEmpty { return false }
            places = next
        }
        return places.contains { program[$0] == .accept }
    }
}

struct FilterPatternError: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

extension FilterPattern {
    fileprivate struct Compiler {
        let scalars: [Unicode.Scalar]
        let ignoresCase: Bool
        let dotMatchesAll: Bool
        private var position = 0
        private var depth = 0

        init(scalars: [Unicode.Scalar], ignoresCase: Bool, dotMatchesAll: Bool) {
            self.scalars = scalars
            self.ignoresCase = ignoresCase
            self.dotMatchesAll = dotMatchesAll
        }

        private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

        private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
            if next == scalar {
                position += 1
                return true
            }
            return false
        }

        mutating func program() throws(FilterPatternError) -> [Instruction] {
            let body = try alternatives()
            if next != nil { throw FilterPatternError("a ')' of the regular expression has no '('") }
            return body + [.accept]
        }

        // Pieces of program jump relative to their own start; `joined` and `shifted` keep that true.

        private mutating func alternatives() throws(FilterPatternError) -> [Instruction] {
            depth += 1
            defer { depth -= 1 }
            if depth > 50 { throw FilterPatternError("the groups of the regular expression nest too deep") }
            var result = try sequence()
            while take("|") {
                let other = try sequence()
                // split -> first, jump past the second; second
                let first = FilterPattern.shifted(result, by: 1)
                result =
                    [.split(1, first.count + 2)] + first + [.jump(first.count + 2 + other.count)]
                    + FilterPattern.shifted(other, by: first.count + 2)
                try check(result)
            }
            return result
        }

        private mutating func sequence() throws(FilterPatternError) -> [Instruction] {
            var result: [Instruction] = []
            while let scalar = next, scalar != "|", scalar != ")" {
                let piece = try repeated(atom())
                result += FilterPattern.shifted(piece, by: result.count)
                try check(result)
            }
            return result
        }

        private func check(_ program: [Instruction]) throws(FilterPatternError) {
            if program.count > FilterPattern.maximumInstructions {
                throw FilterPatternError("the regular expression is too long with its repetitions written out")
            }
        }

        private mutating func repeated(_ atom: [Instruction]) throws(FilterPatternError) -> [Instruction] {
            let minimum: Int
            var maximum: Int?
            switch next {
            case "*": (minimum, maximum) = (0, nil)
            case "+": (minimum, maximum) = (1, nil)
            case "?": (minimum, maximum) = (0, 1)
            case "{":
                position += 1
                guard let first = number() else { throw FilterPatternError("expected a number after '{'") }
                minimum = first
                maximum = first
                if take(",") { maximum = number() }
                guard next == "}", maximum ?? minimum >= minimum else {
                    throw FilterPatternError("a repetition is written {2}, {2,} or {2,5}")
                }
            default: return atom
            }
            position += 1
            // Whether as much or as little as possible makes no difference to a match of the whole text.
            _ = take("?")
            if let scalar = next, "*+?{".unicodeScalars.contains(scalar) {
                throw FilterPatternError("two repetitions follow each other in the regular expression")
            }
            if (max(minimum, maximum ?? 0) + 1) * (atom.count + 2) > FilterPattern.maximumInstructions {
                throw FilterPatternError("the regular expression is too long with its repetitions written out")
            }
            var result: [Instruction] = []
            for _ in 0..<minimum { result += FilterPattern.shifted(atom, by: result.count) }
            if let maximum {
                for _ in minimum..<maximum {
                    let start = result.count
                    result.append(.split(start + 1, start + 1 + atom.count))
                    result += FilterPattern.shifted(atom, by: start + 1)
                }
            } else {
                let start = result.count
                result.append(.split(start + 1, start + 2 + atom.count))
                result += FilterPattern.shifted(atom, by: start + 1)
                result.append(.jump(start))
            }
            return result
        }

        private mutating func number() -> Int? {
            var value: Int?
            while let scalar = next, ("0"..."9").contains(scalar) {
                value = min((value ?? 0) * 10 + Int(scalar.value - 48), 100_000)
                position += 1
            }
            return value
        }

        private mutating func atom() throws(FilterPatternError) -> [Instruction] {
            guard let scalar = next else { preconditionFailure("an atom is read where a character stands") }
            position += 1
            switch scalar {
            case "(":
                if take("?"), !take(":") {
                    throw FilterPatternError("of the groups that begin with '(?' only '(?:' is supported")
                }
                let body = try alternatives()
                guard take(")") else { throw FilterPatternError("a '(' of the regular expression has no ')'") }
                return body
            case "[": return [.one(try characterClass())]
            case ".":
                // The ends of lines, as the library counts them.
                let ends: [ClosedRange<UInt32>] = [0x0A...0x0A, 0x0D...0x0D, 0x85...0x85, 0x2028...0x2029]
                return [.one(CharacterSet(ranges: dotMatchesAll ? [] : ends, isNegated: true))]
            case "^": return [.atStart]
            case "$": return [.atEnd]
            case "\\": return [.one(try escape())]
            case "*", "+", "?", "{": throw FilterPatternError("there is nothing before '\(scalar)' to repeat")
            default: return [.one(single(scalar))]
            }
        }

        private func single(_ scalar: Unicode.Scalar) -> CharacterSet {
            CharacterSet(ranges: [scalar.value...scalar.value], ignoresCase: ignoresCase)
        }

        private mutating func escape() throws(FilterPatternError) -> CharacterSet {
            guard let scalar = next else { throw FilterPatternError("the regular expression ends with a backslash") }
            position += 1
            let digits: [ClosedRange<UInt32>] = [0x30...0x39]
            let word: [ClosedRange<UInt32>] = [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A]
            let space: [ClosedRange<UInt32>] = [0x09...0x0D, 0x20...0x20]
            switch scalar {
            case "d": return CharacterSet(ranges: digits)
            case "D": return CharacterSet(ranges: digits, isNegated: true)
            case "w": return CharacterSet(ranges: word)
            case "W": return CharacterSet(ranges: word, isNegated: true)
            case "s": return CharacterSet(ranges: space)
            case "S": return CharacterSet(ranges: space, isNegated: true)
            case "t": return single("\t")
            case "n": return single("\n")
            case "r": return single("\r")
            case "a"..."z", "A"..."Z", "0"..."9":
                throw FilterPatternError("'\\\(scalar)' is not supported in regular expressions here")
            default: return single(scalar)
            }
        }

        private mutating func characterClass() throws(FilterPatternError) -> CharacterSet {
            var set = CharacterSet(ignoresCase: ignoresCase)
            set.isNegated = take("^")
            var isFirst = true
            while let scalar = next {
                position += 1
                if scalar == "]", !isFirst { return set }
                isFirst = false
                if scalar == "[" || scalar == "&" && next == "&" {
                    throw FilterPatternError("character classes inside character classes are not supported")
                }
                if scalar == "\\" {
                    let escaped = try escape()
                    if escaped.isNegated { throw FilterPatternError("\\D, \\W and \\S stand outside of '[...]' only") }
                    set.ranges += escaped.ranges
                    continue
                }
                guard next == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else {
                    set.ranges.append(scalar.value...scalar.value)
                    continue
                }
                let last = scalars[position + 1]
                position += 2
                guard last >= scalar, last != "\\", last != "[" else {
                    throw FilterPatternError("the range '\(scalar)-\(last)' of the regular expression is empty")
                }
                set.ranges.append(scalar.value...last.value)
            }
            throw FilterPatternError("a '[' of the regular expression has no ']'")
        }
    }

    /// A piece of program moved to another place.
    fileprivate static func shifted(_ program: [Instruction], by distance: Int) -> [Instruction] {
        program.map { instruction in
            switch instruction {
            case .split(let first, let second): .split(first + distance, second + distance)
            case .jump(let target): .jump(target + distance)
            case .one, .atStart, .atEnd, .accept: instruction
            }
        }
    }
}
