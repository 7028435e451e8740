/// A regular expression as a tree (ECMA-262, "Patterns", with the web's Annex B leniencies; no `u` flag).
indirect enum RegexPattern {
    case empty
    case set(RegexSet)
    case sequence([RegexPattern])
    case alternatives([RegexPattern])
    case group(RegexPattern, capture: Int)
    case reference(Int)
    case start, end
    case boundary(isNegated: Bool)
    case look(RegexPattern, isBehind: Bool, isNegated: Bool)
    /// `captures` are the groups inside, which each round clears.
    case loop(RegexPattern, least: Int, most: Int?, isGreedy: Bool, captures: Range<Int>)
}

/// A set of UTF-16 code units.
struct RegexSet: Sendable, Hashable {
    private(set) var ranges: [ClosedRange<UInt16>] = []
    var isNegated = false
    var ignoresCase = false
    /// The members below 128 as they are written, for speed.
    private var written = ASCIISet()

    init(_ ranges: [ClosedRange<UInt16>], isNegated: Bool = false) {
        self.isNegated = isNegated
        for range in ranges { insert(range) }
    }

    init(_ unit: UInt16) { self.init([unit...unit]) }

    mutating func insert(_ range: ClosedRange<UInt16>) {
        ranges.append(range)
        guard range.lowerBound < 128 else { return }
        for unit in range.lowerBound...min(range.upperBound, 127) { written.insert(unit) }
    }

    mutating func formUnion(_ other: RegexSet) {
        if other.isNegated {
            for range in other.complement { insert(range) }
        } else {
            for range in other.ranges { insert(range) }
        }
    }

    private var complement: [ClosedRange<UInt16>] {
        var result: [ClosedRange<UInt16>] = []
        var next = 0
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if Int(range.lowerBound) > next { result.append(UInt16(next)...(range.lowerBound - 1)) }
            next = max(next, Int(range.upperBound) + 1)
        }
        if next <= 0xFFFF { result.append(UInt16(next)...0xFFFF) }
        return result
    }

    private func holds(_ unit: UInt16) -> Bool {
        if unit < 128 { return written.contains(unit) }
        for range in ranges where range.contains(unit) { return true }
        return false
    }

    func contains(_ unit: UInt16) -> Bool {
        var isMember = holds(unit)
        if !isMember, ignoresCase { isMember = RegexCase.variants(of: unit).contains(where: holds) }
        return isMember != isNegated
    }

    /// What is contained below 128.
    var low: ASCIISet {
        let members = ignoresCase ? written.withBothCases : written
        return isNegated ? members.complement : members
    }

    static let digits = RegexSet([0x30...0x39])
    static let word = RegexSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    /// All of `word`: it knows no other letters.
    static let wordBelow128 = word.low
    static let space = RegexSet([
        0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029, 0x202F...0x202F,
        0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
    ])
    static let anyButLineEnd = RegexSet([0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029], isNegated: true)

    func negated() -> RegexSet {
        var result = self
        result.isNegated.toggle()
        return result
    }
}

/// A set of code units below 128.
struct ASCIISet: Sendable, Hashable {
    private var first: UInt64 = 0
    private var second: UInt64 = 0

    @inline(__always)
    func contains(_ unit: UInt16) -> Bool {
        guard unit < 128 else { return false }
        return (unit < 64 ? first : second) &>> UInt64(unit & 63) & 1 == 1
    }

    mutating func insert(_ unit: UInt16) {
        if unit < 64 { first |= 1 << UInt64(unit) } else { second |= 1 << UInt64(unit - 64) }
    }

    mutating func formUnion(_ other: ASCIISet) {
        first |= other.first
        second |= other.second
    }

    var complement: ASCIISet {
        var result = self
        result.first = ~first
        result.second = ~second
        return result
    }

    /// With each letter its other case: small ones lie 32 above the capitals.
    var withBothCases: ASCIISet {
        let capitals: UInt64 = 0x07FF_FFFE
        var result = self
        result.second |= (second & capitals) << 32 | (second >> 32) & capitals
        return result
    }
}

/// Letters without regard to case, one code unit at a time (ECMA-262, Canonicalize).
enum RegexCase {
    static func folded(_ unit: UInt16) -> UInt16 {
        if unit < 128 { return (0x61...0x7A).contains(unit) ? unit - 32 : unit }
        guard let scalar = Unicode.Scalar(unit) else { return unit }
        let upper = Array(scalar.properties.uppercaseMapping.utf16)
        return upper.count == 1 && upper[0] >= 128 ? upper[0] : unit
    }

    static func variants(of unit: UInt16) -> [UInt16] {
        guard let scalar = Unicode.Scalar(unit) else { return [] }
        if unit < 128 {
            if (0x41...0x5A).contains(unit) { return [unit + 32] }
            return (0x61...0x7A).contains(unit) ? [unit - 32] : []
        }
        return [scalar.properties.uppercaseMapping, scalar.properties.lowercaseMapping]
            .map { Array($0.utf16) }.filter { $0.count == 1 && $0[0] >= 128 }.map { $0[0] }
    }
}

/// Reads a pattern.
struct RegexParser {
    private let units: [UInt16]
    private let ignoresCase: Bool
    private var position = 0
    private var groups = 0
    private var depth = 0
    private var groupNames: [String: Int] = [:]
    private let totalGroups: Int
    private var hasNames = false

    static let maximumNesting = 100

    /// The pattern's tree and the number of its groups.
    static func parse(_ units: [UInt16], ignoresCase: Bool) throws(Failure) -> (pattern: RegexPattern, groups: Int) {
        var parser = RegexParser(units, ignoresCase: ignoresCase)
        let pattern = try parser.disjunction()
        if parser.position < units.count { throw parser.failure("Unmatched ')'") }
        return (pattern, parser.groups)
    }

    private init(_ units: [UInt16], ignoresCase: Bool) {
        self.units = units
        self.ignoresCase = ignoresCase
        // Back references may point forward: groups and their names are counted first.
        var total = 0
        var index = 0
        var isInClass = false
        while index < units.count {
            switch units[index] {
            case Self.ascii("\\"): index += 1
            case Self.ascii("["): isInClass = true
            case Self.ascii("]"): isInClass = false
            case Self.ascii("(") where !isInClass:
                if index + 1 < units.count, units[index + 1] == Self.ascii("?") {
                    if index + 3 < units.count, units[index + 2] == Self.ascii("<"),
                        units[index + 3] != Self.ascii("="), units[index + 3] != Self.ascii("!")
                    {
                        total += 1
                        if let end = units[index...].firstIndex(of: Self.ascii(">")) {
                            groupNames[String(decoding: units[(index + 3)..<end], as: UTF16.self)] = total
                            hasNames = true
                        }
                    }
                } else {
                    total += 1
                }
            default: break
            }
            index += 1
        }
        totalGroups = total
    }

    private static func ascii(_ scalar: Unicode.Scalar) -> UInt16 { UInt16(scalar.value) }

    private func failure(_ reason: String) -> Failure { Failure("S0303", value: .string(reason)) }

    private var current: UInt16? { position < units.count ? units[position] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard current == Self.ascii(scalar) else { return false }
        position += 1
        return true
    }

    private mutating func take(_ text: String) -> Bool {
        let sought = Array(text.utf16)
        guard units[position...].starts(with: sought) else { return false }
        position += sought.count
        return true
    }

    private mutating func disjunction() throws(Failure) -> RegexPattern {
        depth += 1
        if depth > RegexParser.maximumNesting { throw failure("groups nest too deep") }
        var alternatives = [try alternative()]
        while take("|" as Unicode.Scalar) { alternatives.append(try alternative()) }
        depth -= 1
        return alternatives.count == 1 ? alternatives[0] : .alternatives(alternatives)
    }

    private mutating func alternative() throws(Failure) -> RegexPattern {
        var terms: [RegexPattern] = []
        while let unit = current, unit != Self.ascii("|"), unit != Self.ascii(")") {
            let before = groups
            let (atom, isQuantifiable) = try term()
            terms.append(isQuantifiable ? try quantified(atom, groupsFrom: before) : atom)
        }
        return terms.count == 1 ? terms[0] : terms.isEmpty ? .empty : .sequence(terms)
    }

    private mutating func term() throws(Failure) -> (RegexPattern, isQuantifiable: Bool) {
        let unit = units[position]
        position += 1
        switch unit {
        case Self.ascii("^"): return (.start, false)
        case Self.ascii("$"): return (.end, false)
        case Self.ascii("."): return (.set(.anyButLineEnd), true)
        case Self.ascii("("): return try group()
        case Self.ascii("["): return (.set(try characterClass()), true)
        case Self.ascii("*"), Self.ascii("+"), Self.ascii("?"): throw failure("nothing to repeat")
        case Self.ascii("\\"): return try escape()
        case Self.ascii("{"):
            position -= 1
            if bounds() != nil { throw failure("nothing to repeat") }
            position += 1
            return (literal(unit), true)
        default: return (literal(unit), true)
        }
    }

    private func literal(_ unit: UInt16) -> RegexPattern {
        var set = RegexSet(unit)
        set.ignoresCase = ignoresCase
        return .set(set)
    }

    private mutating func group() throws(Failure) -> (RegexPattern, isQuantifiable: Bool) {
        var capture: Int?
        var look: (isBehind: Bool, isNegated: Bool)?
        if take("?:") {
        } else if take("?=") {
            look = (false, false)
        } else if take("?!") {
            look = (false, true)
        } else if take("?<=") {
            look = (true, false)
        } else if take("?<!") {
            look = (true, true)
        } else if take("?<") {
            guard let end = units[position...].firstIndex(of: Self.ascii(">")), end > position else {
                throw failure("invalid group name")
            }
            position = end + 1
            groups += 1
            capture = groups
        } else if current == Self.ascii("?") {
            throw failure("invalid group")
        } else {
            groups += 1
            capture = groups
        }
        let inner = try disjunction()
        guard take(")" as Unicode.Scalar) else { throw failure("unterminated group") }
        if let look {
            return (.look(inner, isBehind: look.isBehind, isNegated: look.isNegated), !look.isBehind)
        }
        if let capture { return (.group(inner, capture: capture), true) }
        return (inner, true)
    }

    private mutating func quantified(_ atom: RegexPattern, groupsFrom before: Int) throws(Failure) -> RegexPattern {
        var least = 0
        var most: Int?
        switch current {
        case Self.ascii("*"): position += 1
        case Self.ascii("+"):
            position += 1
            least = 1
        case Self.ascii("?"):
            position += 1
            most = 1
        case Self.ascii("{"):
            guard let found = bounds() else { return atom }
            (least, most) = found
            if let most, most < least { throw failure("numbers out of order in {} quantifier") }
        default: return atom
        }
        let isLazy = take("?" as Unicode.Scalar)
        if let unit = current, unit == Self.ascii("*") || unit == Self.ascii("+") || unit == Self.ascii("?") {
            throw failure("nothing to repeat")
        }
        return .loop(atom, least: least, most: most, isGreedy: !isLazy, captures: before..<groups)
    }

    /// `{n}`, `{n,}` or `{n,m}`; anything else is text.
    private mutating func bounds() -> (Int, Int?)? {
        let mark = position
        func number() -> Int? {
            var value: Int?
            while let unit = current, (0x30...0x39).contains(unit) {
                value = min((value ?? 0) * 10 + Int(unit - 0x30), 1_000_000)
                position += 1
            }
            return value
        }
        position += 1
        if let least = number() {
            if take("}" as Unicode.Scalar) { return (least, least) }
            if take("," as Unicode.Scalar) {
                let most = number()
                if take("}" as Unicode.Scalar) { return (least, most) }
            }
        }
        position = mark
        return nil
    }

    private mutating func escape() throws(Failure) -> (RegexPattern, isQuantifiable: Bool) {
        guard let unit = current else { throw failure("\\ at end of pattern") }
        switch unit {
        case Self.ascii("b"):
            position += 1
            return (.boundary(isNegated: false), false)
        case Self.ascii("B"):
            position += 1
            return (.boundary(isNegated: true), false)
        case Self.ascii("k") where hasNames:
            guard take("k<"), let end = units[position...].firstIndex(of: Self.ascii(">")),
                let number = groupNames[String(decoding: units[position..<end], as: UTF16.self)]
            else { throw failure("invalid named reference") }
            position = end + 1
            return (.reference(number), true)
        case 0x31...0x39:
            var end = position
            var number = 0
            while end < units.count, (0x30...0x39).contains(units[end]), number < 1_000_000 {
                number = number * 10 + Int(units[end] - 0x30)
                end += 1
            }
            if number <= totalGroups {
                position = end
                return (.reference(number), true)
            }
        default: break
        }
        if let set = classEscape() { return (.set(set), true) }
        return (literal(try characterEscape()), true)
    }

    /// `\d` and its like.
    private mutating func classEscape() -> RegexSet? {
        let set: RegexSet
        switch current {
        case Self.ascii("d"): set = .digits
        case Self.ascii("D"): set = RegexSet.digits.negated()
        case Self.ascii("w"): set = .word
        case Self.ascii("W"): set = RegexSet.word.negated()
        case Self.ascii("s"): set = .space
        case Self.ascii("S"): set = RegexSet.space.negated()
        default: return nil
        }
        position += 1
        return set
    }

    private mutating func characterEscape() throws(Failure) -> UInt16 {
        guard let unit = current else { throw failure("\\ at end of pattern") }
        position += 1
        func hex(_ digits: Int) -> UInt16? {
            guard position + digits <= units.count else { return nil }
            var value: UInt16 = 0
            for index in 0..<digits {
                guard let digit = Tokenizer.hexDigit(units[position + index]) else { return nil }
                value = value << 4 | digit
            }
            return value
        }
        switch unit {
        case Self.ascii("t"): return 0x09
        case Self.ascii("n"): return 0x0A
        case Self.ascii("v"): return 0x0B
        case Self.ascii("f"): return 0x0C
        case Self.ascii("r"): return 0x0D
        case Self.ascii("x"):
            guard let value = hex(2) else { return unit }
            position += 2
            return value
        case Self.ascii("u"):
            guard let value = hex(4) else { return unit }
            position += 4
            return value
        case Self.ascii("c"):
            if let letter = current, (0x41...0x5A).contains(letter) || (0x61...0x7A).contains(letter) {
                position += 1
                return letter & 31
            }
            position -= 1
            return Self.ascii("\\")
        case 0x30...0x37:
            // Octal, as Annex B has it.
            var value = unit - 0x30
            var digits = 1
            while digits < 3, let digit = current, (0x30...0x37).contains(digit), value * 8 + digit - 0x30 <= 255 {
                value = value * 8 + digit - 0x30
                position += 1
                digits += 1
            }
            return value
        default: return unit
        }
    }

    private mutating func characterClass() throws(Failure) -> RegexSet {
        var set = RegexSet([])
        set.isNegated = take("^" as Unicode.Scalar)
        set.ignoresCase = ignoresCase
        while true {
            guard let unit = current else { throw failure("unterminated character class") }
            if unit == Self.ascii("]") {
                position += 1
                return set
            }
            guard let lower = try classAtom(&set) else { continue }
            guard current == Self.ascii("-"), position + 1 < units.count, units[position + 1] != Self.ascii("]") else {
                set.insert(lower...lower)
                continue
            }
            position += 1
            guard let upper = try classAtom(&set) else {
                set.insert(lower...lower)
                set.insert(Self.ascii("-")...Self.ascii("-"))
                continue
            }
            if upper < lower { throw failure("range out of order in character class") }
            set.insert(lower...upper)
        }
    }

    /// One character of a class; a class escape is put into the set and gives nil.
    private mutating func classAtom(_ set: inout RegexSet) throws(Failure) -> UInt16? {
        let unit = units[position]
        position += 1
        guard unit == Self.ascii("\\") else { return unit }
        if let escaped = classEscape() {
            set.formUnion(escaped)
            return nil
        }
        if take("b" as Unicode.Scalar) { return 0x08 }
        return try characterEscape()
    }
}
