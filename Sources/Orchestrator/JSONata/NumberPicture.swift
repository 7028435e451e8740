/// A picture for numbers (XPath and XQuery Functions 3.1, 4.7 fn:format-number), as `$formatNumber` takes it.
struct NumberPicture {
    private struct Symbols {
        var decimal: Character = "."
        var grouping: Character = ","
        var exponent: Character = "e"
        var infinity = "Infinity"
        var minus = "-"
        var nan = "NaN"
        var percent: Character = "%"
        var perMille: Character = "\u{2030}"
        var zero: Character = "0"
        var digit: Character = "#"
        var pattern: Character = ";"

        var family: [Character] {
            guard let first = zero.unicodeScalars.first else { return [] }
            return (0..<10).map { Unicode.Scalar(first.value + $0).map(Character.init) ?? "?" }
        }
    }

    private struct Part {
        var prefix = ""
        var suffix = ""
        var text: [Character] = []
        var integer: [Character] = []
        var fraction: [Character] = []
        var exponent: [Character]?
        var integerGroups: [Int] = []
        var fractionGroups: [Int] = []
        var regularGroup: Int?
        var minimumInteger = 0
        var scaling = 0
        var minimumFraction = 0
        var maximumFraction = 0
        var minimumExponent = 0
    }

    private var symbols = Symbols()
    private var positive = Part()
    private var negative = Part()
    private let family: [Character]
    private let hasDecimal: Bool

    init(_ picture: String, options: Value) throws(Failure) {
        NumberPicture.read(options, into: &symbols)
        family = symbols.family
        let subpictures = picture.split(separator: symbols.pattern, omittingEmptySubsequences: false)
        if subpictures.count > 2 { throw Failure("D3080") }
        hasDecimal = picture.contains(symbols.decimal)
        positive = try NumberPicture.part(Array(subpictures[0]), symbols, family)
        if subpictures.count == 2 {
            negative = try NumberPicture.part(Array(subpictures[1]), symbols, family)
        } else {
            negative = positive
            negative.prefix = symbols.minus + negative.prefix
        }
    }

    private static func read(_ options: Value, into symbols: inout Symbols) {
        func text(_ name: String) -> String? {
            if case .string(let text)? = options.member(name), !text.isEmpty { text } else { nil }
        }
        func character(_ name: String, _ known: Character) -> Character { text(name)?.first ?? known }
        symbols.decimal = character("decimal-separator", symbols.decimal)
        symbols.grouping = character("grouping-separator", symbols.grouping)
        symbols.exponent = character("exponent-separator", symbols.exponent)
        symbols.infinity = text("infinity") ?? symbols.infinity
        symbols.minus = text("minus-sign") ?? symbols.minus
        symbols.nan = text("NaN") ?? symbols.nan
        symbols.percent = character("percent", symbols.percent)
        symbols.perMille = character("per-mille", symbols.perMille)
        symbols.zero = character("zero-digit", symbols.zero)
        symbols.digit = character("digit", symbols.digit)
        symbols.pattern = character("pattern-separator", symbols.pattern)
    }

    // MARK: Reading the picture

    private static func part(
        _ text: [Character], _ symbols: Symbols, _ family: [Character]
    ) throws(Failure) -> Part {
        var part = Part()
        part.text = text
        let active =
            Set(family).union([
                symbols.decimal, symbols.exponent, symbols.grouping, symbols.digit, symbols.pattern,
            ])
        func begins(_ character: Character) -> Bool { active.contains(character) && character != symbols.exponent }
        let start = text.firstIndex(where: begins) ?? text.count
        let end = (text.lastIndex(where: begins) ?? -1) + 1
        part.prefix = String(text[..<start])
        part.suffix = start < end ? String(text[end...]) : part.prefix
        let body = start < end ? Array(text[start..<end]) : []
        let exponentPlace = body.firstIndex(of: symbols.exponent)
        let mantissa = exponentPlace.map { Array(body[..<$0]) } ?? body
        part.exponent = exponentPlace.map { Array(body[($0 + 1)...]) }
        if let point = mantissa.firstIndex(of: symbols.decimal) {
            part.integer = Array(mantissa[..<point])
            part.fraction = Array(mantissa[(point + 1)...])
        } else {
            part.integer = mantissa
        }
        try check(part, body, mantissa, symbols, family)
        measure(&part, symbols, Set(family))
        return part
    }

    private static func check(
        _ part: Part, _ body: [Character], _ mantissa: [Character], _ symbols: Symbols, _ family: [Character]
    ) throws(Failure) {
        func count(_ character: Character) -> Int { part.text.count { $0 == character } }
        let digits = Set(family)
        if count(symbols.decimal) > 1 { throw Failure("D3081") }
        if count(symbols.percent) > 1 { throw Failure("D3082") }
        if count(symbols.perMille) > 1 { throw Failure("D3083") }
        let isScaled = count(symbols.percent) + count(symbols.perMille) > 0
        if count(symbols.percent) > 0, count(symbols.perMille) > 0 { throw Failure("D3084") }
        if !mantissa.contains(where: { digits.contains($0) || $0 == symbols.digit }) { throw Failure("D3085") }
        let active = digits.union([
            symbols.decimal, symbols.exponent, symbols.grouping, symbols.digit, symbols.pattern,
        ])
        if body.contains(where: { !active.contains($0) }) { throw Failure("D3086") }
        if let point = part.text.firstIndex(of: symbols.decimal) {
            let before = point > 0 && part.text[point - 1] == symbols.grouping
            let after = point + 1 < part.text.count && part.text[point + 1] == symbols.grouping
            if before || after { throw Failure("D3087") }
        } else if part.integer.last == symbols.grouping {
            throw Failure("D3088")
        }
        for (first, second) in zip(part.text, part.text.dropFirst())
        where first == symbols.grouping && second == symbols.grouping {
            throw Failure("D3089")
        }
        if let optional = part.integer.lastIndex(of: symbols.digit),
            part.integer[..<optional].contains(where: digits.contains)
        {
            throw Failure("D3090")
        }
        if let optional = part.fraction.firstIndex(of: symbols.digit),
            part.fraction[optional...].contains(where: digits.contains)
        {
            throw Failure("D3091")
        }
        guard let exponent = part.exponent else { return }
        if !exponent.isEmpty, isScaled { throw Failure("D3092") }
        if exponent.isEmpty || exponent.contains(where: { !digits.contains($0) }) { throw Failure("D3093") }
    }

    private static func measure(_ part: inout Part, _ symbols: Symbols, _ digits: Set<Character>) {
        func isDigit(_ character: Character) -> Bool { digits.contains(character) || character == symbols.digit }
        for (index, character) in part.integer.enumerated() where character == symbols.grouping {
            part.integerGroups.append(part.integer[index...].count(where: isDigit))
        }
        for (index, character) in part.fraction.enumerated() where character == symbols.grouping {
            part.fractionGroups.append(part.fraction[..<index].count(where: isDigit))
        }
        part.regularGroup = IntegerPicture.regularDistance(part.integerGroups)
        part.minimumInteger = part.integer.count(where: digits.contains)
        part.scaling = part.minimumInteger
        part.minimumFraction = part.fraction.count(where: digits.contains)
        part.maximumFraction = part.fraction.count(where: isDigit)
        if part.minimumInteger == 0, part.maximumFraction == 0 {
            if part.exponent != nil {
                part.minimumFraction = 1
                part.maximumFraction = 1
            } else {
                part.minimumInteger = 1
            }
        }
        if part.exponent != nil, part.minimumInteger == 0, part.integer.contains(symbols.digit) {
            part.minimumInteger = 1
        }
        if part.minimumInteger == 0, part.minimumFraction == 0 { part.minimumFraction = 1 }
        part.minimumExponent = part.exponent?.count ?? 0
    }

    // MARK: Formatting

    func format(_ value: Double) -> String {
        let part = value < 0 ? negative : positive
        if value.isNaN { return part.prefix + symbols.nan + part.suffix }
        if value.isInfinite { return part.prefix + symbols.infinity + part.suffix }
        var number = value
        if part.text.contains(symbols.percent) { number *= 100 }
        if part.text.contains(symbols.perMille) { number *= 1000 }
        var exponent: Int?
        if part.minimumExponent > 0 {
            let decimal = NumberText.shortest(number)
            var shift = 0
            if !decimal.digits.isEmpty {
                shift = decimal.point - part.scaling
                // A mantissa of exactly 10^scaling keeps its place, as in the language's reference.
                var mantissa = decimal
                mantissa.point = part.scaling
                number = mantissa.double
            }
            exponent = shift
        }
        let rounded = NumberFunctions.round(number, precision: part.maximumFraction)
        let digits = NumberText.fixed(rounded.magnitude, digits: min(part.maximumFraction, 400))
        let pieces = digits.split(separator: ".", omittingEmptySubsequences: false).map { Array($0) }
        var whole = Array(pieces[0].drop { $0 == "0" })
        var fraction = pieces.count > 1 ? pieces[1] : []
        while fraction.last == "0" { fraction.removeLast() }
        if whole.count < part.minimumInteger {
            whole = Array(repeating: "0", count: part.minimumInteger - whole.count) + whole
        }
        if fraction.count < part.minimumFraction {
            fraction += Array(repeating: "0", count: part.minimumFraction - fraction.count)
        }
        var text = grouped(whole, part)
        if hasDecimal, !fraction.isEmpty {
            text.append(symbols.decimal)
            for (index, digit) in fraction.enumerated() {
                if part.fractionGroups.contains(index), index > 0 { text.append(symbols.grouping) }
                text.append(localized(digit))
            }
        }
        if let exponent {
            var power = Array(String(exponent.magnitude))
            if power.count < part.minimumExponent {
                power = Array(repeating: "0", count: part.minimumExponent - power.count) + power
            }
            text.append(symbols.exponent)
            if exponent < 0 { text += symbols.minus }
            for digit in power { text.append(localized(digit)) }
        }
        return part.prefix + text + part.suffix
    }

    private func localized(_ digit: Character) -> Character {
        guard let value = digit.wholeNumberValue, value < family.count else { return digit }
        return family[value]
    }

    private func grouped(_ digits: [Character], _ part: Part) -> String {
        var text = ""
        for (index, digit) in digits.enumerated() {
            text.append(localized(digit))
            let right = digits.count - index - 1
            guard right > 0 else { continue }
            if let distance = part.regularGroup {
                if right % distance == 0 { text.append(symbols.grouping) }
            } else if part.integerGroups.contains(right) {
                text.append(symbols.grouping)
            }
        }
        return text
    }
}
