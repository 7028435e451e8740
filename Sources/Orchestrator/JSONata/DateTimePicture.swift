/// A picture for dates and times (XPath and XQuery Functions 3.1, 9.8.4): `[Y0001]-[M01]-[D01]`.
struct DateTimePicture {
    enum Part {
        case literal(String)
        case marker(Marker)
    }

    struct Marker {
        let component: DateTimeComponent
        var presentation: String
        var isTraditional = false
        /// In which case names are written; nil for numbers.
        var letterCase: IntegerPicture.Case?
        var minimumWidth: Int?
        var maximumWidth: Int?
        var integer: IntegerPicture?
        /// Of a year only so many digits are shown, where that is not all: the power of ten beyond them.
        var yearModulus: Int?
        /// The names of the component's values from its least, as they are written; empty where it has none.
        var names: [String] = []
    }

    static let iso8601 = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"

    static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    static let days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

    /// How a component is presented of which the picture does not say it.
    private static func standardPresentation(of component: DateTimeComponent) -> String {
        switch component {
        case .minute, .second: "01"
        case .zone, .zoneFromGMT: "01:01"
        case .weekday, .halfDay, .calendar, .era: "n"
        default: "1"
        }
    }

    private(set) var parts: [Part] = []

    init(_ picture: String) throws(Failure) {
        let characters = Array(picture)
        var literal = ""
        var index = 0
        func flush(_ parts: inout [Part]) {
            if !literal.isEmpty { parts.append(.literal(literal)) }
            literal = ""
        }
        while index < characters.count {
            let character = characters[index]
            index += 1
            if character == "[" {
                if index < characters.count, characters[index] == "[" {
                    literal.append("[")
                    index += 1
                    continue
                }
                flush(&parts)
                guard let end = characters[index...].firstIndex(of: "]") else { throw Failure("D3135") }
                let marker = characters[index..<end].filter { !$0.isWhitespace }
                try add(DateTimePicture.marker(marker))
                index = end + 1
            } else {
                if character == "]", index < characters.count, characters[index] == "]" { index += 1 }
                literal.append(character)
            }
        }
        flush(&parts)
    }

    private mutating func add(_ marker: Marker) {
        // Two numbers side by side: the first must say how many digits it has.
        if marker.integer != nil, case .marker(var previous)? = parts.last, var integer = previous.integer {
            integer.parseWidth = integer.mandatoryDigits
            previous.integer = integer
            parts[parts.count - 1] = .marker(previous)
        }
        parts.append(.marker(marker))
    }

    private static func marker(_ text: [Character]) throws(Failure) -> Marker {
        guard let component = text.first?.asciiValue.flatMap({ DateTimeComponent(rawValue: $0) }) else {
            throw Failure("D3132", value: .string(text.first.map { String($0) } ?? ""))
        }
        var presentation = text[1...]
        var result = Marker(component: component, presentation: standardPresentation(of: component))
        if let comma = text.lastIndex(of: ",") {
            let widths = text[(comma + 1)...].split(separator: "-", omittingEmptySubsequences: false)
            func width(_ text: ArraySlice<Character>) -> Int? { Int(String(text)).map { max(0, min($0, 400)) } }
            result.minimumWidth = widths.first.flatMap { width($0) }
            if widths.count > 1 { result.maximumWidth = width(widths[1]) }
            presentation = text[1..<max(comma, 1)]
        }
        var isOrdinal = false
        if presentation.count > 1, let last = presentation.last, "atco".contains(last) {
            isOrdinal = last == "o"
            result.isTraditional = last == "t"
            presentation.removeLast()
        }
        if !presentation.isEmpty { result.presentation = String(presentation) }
        try complete(&result, isOrdinal: isOrdinal)
        return result
    }

    private static func complete(_ marker: inout Marker, isOrdinal: Bool) throws(Failure) {
        if marker.presentation.hasPrefix("n") {
            marker.letterCase = .lower
        } else if marker.presentation.hasPrefix("Nn") {
            marker.letterCase = .title
        } else if marker.presentation.hasPrefix("N") {
            marker.letterCase = .upper
        } else {
            switch marker.component {
            case .zone, .zoneFromGMT, .halfDay, .calendar, .era: break
            default:
                var integer = try IntegerPicture(marker.presentation + (isOrdinal ? ";o" : ""))
                if let least = marker.minimumWidth { integer.mandatoryDigits = max(integer.mandatoryDigits, least) }
                if marker.component == .year { marker.yearModulus = yearModulus(marker.maximumWidth, &integer) }
                marker.integer = integer
            }
        }
        if marker.component.isZone { marker.integer = try IntegerPicture(marker.presentation) }
        if let letterCase = marker.letterCase { marker.names = names(of: marker, letterCase) }
    }

    private static func yearModulus(_ maximumWidth: Int?, _ integer: inout IntegerPicture) -> Int? {
        var digits = integer.mandatoryDigits + integer.optionalDigits
        if let maximumWidth {
            digits = maximumWidth
            integer.mandatoryDigits = maximumWidth
        } else if digits < 2 {
            return nil
        }
        return digits < 18 ? (0..<digits).reduce(1) { power, _ in power * 10 } : nil
    }

    private static func names(of marker: Marker, _ letterCase: IntegerPicture.Case) -> [String] {
        let names: [String]
        switch marker.component {
        case .month, .weekMonth: names = months
        case .weekday: names = days
        default: return []
        }
        return names.map { name in
            let shown =
                switch letterCase {
                case .upper: name.uppercased()
                case .lower: name.lowercased()
                case .title: name
                }
            return marker.maximumWidth.map { String(shown.prefix($0)) } ?? shown
        }
    }

    // MARK: Formatting

    /// The moment in the zone `offset` minutes east of UTC.
    func format(milliseconds: Int, offset: Int) throws(Failure) -> String {
        let fields = DateTimeFields(milliseconds: milliseconds + offset * 60_000)
        var result: [UInt8] = []
        result.reserveCapacity(40)
        for part in parts {
            switch part {
            case .literal(let text): result.append(contentsOf: text.utf8)
            case .marker(let marker): try DateTimePicture.write(marker, fields, offset: offset, to: &result)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func write(
        _ marker: borrowing Marker, _ fields: DateTimeFields, offset: Int, to result: inout [UInt8]
    ) throws(Failure) {
        switch marker.component {
        case .zone, .zoneFromGMT: return result.append(contentsOf: try zone(copy marker, offset).utf8)
        case .halfDay:
            let isUpper = marker.letterCase == .upper
            let text = fields.value(of: .halfDay) == 0 ? isUpper ? "AM" : "am" : isUpper ? "PM" : "pm"
            return result.append(contentsOf: text.utf8)
        case .calendar, .era: return result.append(contentsOf: "ISO".utf8)
        default: break
        }
        var value = fields.value(of: marker.component)
        if marker.letterCase != nil {
            // Names are counted from 1.
            guard !marker.names.isEmpty else { throw Failure("D3133", value: .string(marker.component.letter)) }
            return result.append(contentsOf: marker.names[value - 1].utf8)
        }
        if let modulus = marker.yearModulus { value %= modulus }
        try marker.integer?.write(value, to: &result)
    }

    private static func zone(_ marker: Marker, _ offset: Int) throws(Failure) -> String {
        guard let integer = marker.integer else { return "" }
        let isDefined = integer.regularDistance != nil || (1...4).contains(integer.mandatoryDigits)
        if offset == 0, marker.isTraditional, integer.primary == .decimal, isDefined { return "Z" }
        let hours = offset.magnitude / 60
        let minutes = offset.magnitude % 60
        var text: String
        if integer.regularDistance != nil {
            text = try integer.format(Double(hours * 100 + minutes))
        } else {
            switch integer.mandatoryDigits {
            case 1, 2:
                text = try integer.format(Double(hours))
                if minutes != 0 { text += ":" + (minutes < 10 ? "0" : "") + String(minutes) }
            case 3, 4: text = try integer.format(Double(hours * 100 + minutes))
            default: throw Failure("D3134", value: .integer(integer.mandatoryDigits))
            }
        }
        if offset == 0, marker.isTraditional { return "Z" }
        return (marker.component == .zoneFromGMT ? "GMT" : "") + (offset < 0 ? "-" : "+") + text
    }
}
