/// A picture for whole numbers (XPath and XQuery Functions 3.1, 4.6.1 fn:format-integer): digits with grouping, letters, Roman
/// numerals or English words, each with an optional `;o` for ordinals.
struct IntegerPicture {
    enum Primary: Equatable {
        case decimal, letters, roman, words
        /// A numbering sequence that is not supported.
        case sequence(String)
    }

    enum Case { case lower, upper, title }

    struct Separator: Equatable {
        /// How many digits stand right of it.
        let position: Int
        let character: Unicode.Scalar
    }

    var primary = Primary.decimal
    var letterCase = Case.lower
    var isOrdinal = false
    var zero: UInt32 = 0x30
    var mandatoryDigits = 0
    var optionalDigits = 0
    var separators: [Separator] = []
    /// Equal separators at equal distances go on for ever: that distance.
    var regularDistance: Int?
    /// How many digits to read, where the next component follows at once.
    var parseWidth: Int?

    /// Zero of each family of decimal digits (Unicode, general category Nd).
    private static let zeros: [UInt32] = [
        0x30, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
        0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
        0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
    ]

    static let maximumDigits = 400

    init(_ picture: String) throws(Failure) {
        var format = Substring(picture)
        if let semicolon = picture.lastIndex(of: ";") {
            format = picture[..<semicolon]
            isOrdinal = picture[picture.index(after: semicolon)...].first == "o"
        }
        switch format {
        case "A": (primary, letterCase) = (.letters, .upper)
        case "a": primary = .letters
        case "I": (primary, letterCase) = (.roman, .upper)
        case "i": primary = .roman
        case "W": (primary, letterCase) = (.words, .upper)
        case "Ww": (primary, letterCase) = (.words, .title)
        case "w": primary = .words
        default: try readDigits(format)
        }
    }

    private mutating func readDigits(_ format: Substring) throws(Failure) {
        var digits = 0
        var family: UInt32?
        for scalar in format.unicodeScalars.reversed() {
            if let found = IntegerPicture.zeros.first(where: { ($0...$0 + 9).contains(scalar.value) }) {
                if let family, family != found { throw Failure("D3131") }
                family = found
                mandatoryDigits += 1
                digits += 1
            } else if scalar == "#" {
                optionalDigits += 1
                digits += 1
            } else {
                separators.append(Separator(position: digits, character: scalar))
            }
        }
        guard mandatoryDigits > 0, let family else {
            primary = .sequence(String(format))
            return
        }
        zero = family
        mandatoryDigits = min(mandatoryDigits, IntegerPicture.maximumDigits)
        if let first = separators.first, separators.allSatisfy({ $0.character == first.character }) {
            regularDistance = IntegerPicture.regularDistance(separators.map(\.position))
        }
    }

    /// The distance d if the positions are d, 2d, 3d and so on.
    static func regularDistance(_ positions: [Int]) -> Int? {
        func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
        guard let first = positions.first else { return nil }
        let factor = positions.reduce(first, divisor)
        guard factor > 0 else { return nil }
        let known = Set(positions)
        return (1...positions.count).allSatisfy { known.contains($0 * factor) } ? factor : nil
    }

    // MARK: Formatting

    /// Digits of ASCII and nothing between them.
    var isPlain: Bool { primary == .decimal && zero == 0x30 && separators.isEmpty }

    /// Adds what `format` gives.
    func write(_ number: Int, to bytes: inout [UInt8]) throws(Failure) {
        guard isPlain, (0..<1 << 53).contains(number) else {
            return bytes.append(contentsOf: try format(Double(number)).utf8)
        }
        let start = bytes.count
        var rest = number
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        while bytes.count - start < mandatoryDigits { bytes.append(UInt8(ascii: "0")) }
        bytes[start...].reverse()
        if isOrdinal { bytes.append(contentsOf: IntegerPicture.ordinalSuffix(number).utf8) }
    }

    private static func ordinalSuffix(_ number: Int) -> String {
        if number / 10 % 10 == 1 { return "th" }
        return switch number % 10 {
        case 1: "st"
        case 2: "nd"
        case 3: "rd"
        default: "th"
        }
    }

    func format(_ number: Double) throws(Failure) -> String {
        let value = number.magnitude
        var text: String
        switch primary {
        case .letters:
            guard value < 1e15 else { throw Failure("D3130", value: .number(number)) }
            text = IntegerPicture.letters(UInt64(value), first: letterCase == .upper ? 0x41 : 0x61)
        case .roman:
            guard value < 1e6 else { throw Failure("D3130", value: .number(number)) }
            text = IntegerPicture.roman(Int(value))
            if letterCase == .upper { text = text.uppercased() }
        case .words:
            text = NumberWords.text(value, isOrdinal: isOrdinal)
            switch letterCase {
            case .upper: text = text.uppercased()
            case .lower: text = text.lowercased()
            case .title: break
            }
        case .decimal: text = decimal(value)
        case .sequence(let token): throw Failure("D3130", value: .string(token))
        }
        return number < 0 ? "-" + text : text
    }

    private func decimal(_ value: Double) -> String {
        let plain = NumberText.text(value)
        var digits = Array(plain.unicodeScalars)
        if digits.count < mandatoryDigits {
            digits = Array(repeating: "0", count: mandatoryDigits - digits.count) + digits
        }
        let lastTwo = digits.suffix(2)
        let teens = lastTwo.count == 2 && lastTwo.first == "1"
        let last = digits.last ?? "0"
        if zero != 0x30 {
            digits = digits.map { scalar in
                ("0"..."9").contains(scalar) ? Unicode.Scalar(scalar.value - 0x30 + zero) ?? scalar : scalar
            }
        }
        var result = String.UnicodeScalarView()
        for (index, digit) in digits.enumerated() {
            result.append(digit)
            let right = digits.count - index - 1
            guard right > 0 else { continue }
            if let distance = regularDistance, let separator = separators.first {
                if right % distance == 0 { result.append(separator.character) }
            } else {
                for separator in separators where separator.position == right { result.append(separator.character) }
            }
        }
        // A separator right of all digits.
        if regularDistance == nil {
            for separator in separators where separator.position == 0 { result.append(separator.character) }
        }
        if isOrdinal {
            let suffix =
                switch last {
                case "1" where !teens: "st"
                case "2" where !teens: "nd"
                case "3" where !teens: "rd"
                default: "th"
                }
            result.append(contentsOf: suffix.unicodeScalars)
        }
        return String(result)
    }

    private static func letters(_ value: UInt64, first: UInt8) -> String {
        var rest = value
        var result: [UInt8] = []
        while rest > 0 {
            result.append(first + UInt8((rest - 1) % 26))
            rest = (rest - 1) / 26
        }
        return String(decoding: result.reversed(), as: UTF8.self)
    }

    private static let numerals: [(Int, String)] = [
        (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
        (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
    ]

    private static func roman(_ value: Int) -> String {
        var rest = value
        var result = ""
        for (worth, numeral) in numerals {
            while rest >= worth {
                result += numeral
                rest -= worth
            }
        }
        return result
    }

    // MARK: Parsing

    /// The number a text stands for under this picture; NaN for what cannot be read.
    func parse(_ text: String) throws(Failure) -> Double? {
        switch primary {
        case .letters:
            let first = letterCase == .upper ? 0x40 : 0x60
            return text.utf8.reduce(0.0) { $0 * 26 + Double(Int($1) - first) }
        case .roman: return IntegerPicture.romanValue(text.lowercased())
        case .words: return NumberWords.value(text.lowercased())
        case .decimal:
            var digits = text.unicodeScalars
            if isOrdinal { digits.removeLast(min(2, digits.count)) }
            let marks = Set(separators.map(\.character))
            var value = 0.0
            var isNegative = false
            var seen = false
            var plain = ""
            for scalar in digits where !marks.contains(scalar) {
                if plain.isEmpty, !seen, scalar == "-" || scalar == "+" {
                    isNegative = scalar == "-"
                    seen = true
                    continue
                }
                guard scalar.value >= zero, scalar.value <= zero + 9 else { break }
                plain += String(scalar.value - zero)
                seen = true
            }
            guard !plain.isEmpty, let number = Double(plain) else { return .nan }
            value = number
            return isNegative ? -value : value
        case .sequence(let token): throw Failure("D3130", value: .string(token))
        }
    }

    private static func romanValue(_ text: String) -> Double {
        let worth: [Character: Int] = ["m": 1000, "d": 500, "c": 100, "l": 50, "x": 10, "v": 5, "i": 1]
        var total = 0
        var greatest = 1
        for numeral in text.reversed() {
            guard let value = worth[numeral] else { return .nan }
            if value < greatest {
                total -= value
            } else {
                greatest = value
                total += value
            }
        }
        return Double(total)
    }

    /// What a text under this picture looks like, as a regular expression.
    func expression() throws(Failure) -> String {
        switch primary {
        case .letters: return letterCase == .upper ? "[A-Z]+" : "[a-z]+"
        case .roman: return letterCase == .upper ? "[MDCLXVI]+" : "[mdclxvi]+"
        case .words: return "(?:" + NumberWords.all.joined(separator: "|") + "|and|[\\-, ])+"
        case .decimal:
            let digit =
                zero == 0x30
                ? "[0-9\(separatorClass)]"
                : "[\(Unicode.Scalar(zero).map(String.init) ?? "0")-\(Unicode.Scalar(zero + 9).map(String.init) ?? "9")\(separatorClass)]"
            return (parseWidth.map { digit + "{\($0)}" } ?? digit + "+") + (isOrdinal ? "(?:th|st|nd|rd)" : "")
        case .sequence(let token): throw Failure("D3130", value: .string(token))
        }
    }

    private var separatorClass: String {
        Set(separators.map { String($0.character) }).sorted().map { "\\" + $0 }
            .filter { !"\\w\\d\\s".contains($0) || $0.utf8.count > 2 }.joined()
    }
}

/// Numbers in English words.
enum NumberWords {
    private static let small = [
        "Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve",
        "Thirteen", "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen",
    ]
    private static let ordinals = [
        "Zeroth", "First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth",
        "Eleventh", "Twelfth", "Thirteenth", "Fourteenth", "Fifteenth", "Sixteenth", "Seventeenth", "Eighteenth",
        "Nineteenth",
    ]
    private static let tens = ["Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"]
    private static let magnitudes: [(worth: Double, word: String)] = [
        (1e12, "Trillion"), (1e9, "Billion"), (1e6, "Million"), (1e3, "Thousand"),
    ]

    private static let values: [String: Double] = {
        var table: [String: Double] = [:]
        for (index, word) in small.enumerated() { table[word.lowercased()] = Double(index) }
        for (index, word) in ordinals.enumerated() { table[word.lowercased()] = Double(index) }
        for (index, word) in tens.enumerated() {
            let value = Double((index + 2) * 10)
            table[word.lowercased()] = value
            table[word.lowercased().dropLast() + "ieth"] = value
        }
        table["hundred"] = 100
        table["hundredth"] = 100
        for (worth, word) in magnitudes {
            table[word.lowercased()] = worth
            table[word.lowercased() + "th"] = worth
        }
        return table
    }()

    /// Longer words first, so that a part of a word is not taken for it.
    static let all: [String] = values.keys.sorted { ($0.utf8.count, $1) > ($1.utf8.count, $0) }

    static func text(_ value: Double, isOrdinal: Bool) -> String { words(value, follows: false, isOrdinal) }

    private static func words(_ value: Double, follows: Bool, _ isOrdinal: Bool) -> String {
        if value < 20 { return (follows ? " and " : "") + (isOrdinal ? ordinals : small)[Int(value)] }
        if value < 100 {
            let ten = tens[Int(value / 10) - 2]
            let rest = Int(value) % 10
            let lead = follows ? " and " : ""
            if rest > 0 { return lead + ten + "-" + (isOrdinal ? ordinals : small)[rest] }
            return lead + (isOrdinal ? ten.dropLast() + "ieth" : ten)
        }
        let lead = follows ? ", " : ""
        func joined(_ head: String, _ rest: Double) -> String {
            if rest > 0 { return head + words(rest, follows: true, isOrdinal) }
            return head + (isOrdinal ? "th" : "")
        }
        if value < 1000 {
            return joined(lead + small[Int(value / 100)] + " Hundred", value.truncatingRemainder(dividingBy: 100))
        }
        for (worth, word) in magnitudes where value >= worth {
            let count = (value / worth).rounded(.down)
            return joined(
                lead + words(count, follows: false, false) + " " + word, value - count * worth)
        }
        preconditionFailure("a number of at least a thousand has thousands")
    }

    static func value(_ text: String) -> Double {
        var segments: [Double] = [0]
        let words = text.split { $0 == "," || $0 == " " || $0 == "-" || $0 == "\n" || $0 == "\t" }
        for word in words where word != "and" {
            guard let value = values[String(word)] else { return .nan }
            let top = segments.removeLast()
            if value < 100 {
                if top >= 1000 {
                    segments.append(top)
                    segments.append(value)
                } else {
                    segments.append(top + value)
                }
            } else {
                segments.append(top * value)
            }
        }
        return segments.reduce(0, +)
    }
}
