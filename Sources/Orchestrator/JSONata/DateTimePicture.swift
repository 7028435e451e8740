/// A picture for dates and times (XPath and XQuery Functions 3.1, 9.8.4): `[Y0001]-[M01]-[D01]`.
struct DateTimePicture {
    enum Part {
        case literal(String)
        case marker(Marker)
    }

    struct Marker {
        let component: Character
        var presentation: String
        var isTraditional = false
        var names: IntegerPicture.Case?
        var minimumWidth: Int?
        var maximumWidth: Int?
        var integer: IntegerPicture?
        /// How many digits of a year are shown; nil for all.
        var yearDigits: Int?
    }

    static let iso8601 = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"

    static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    static let days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

    private static let defaults: [Character: String] = [
        "Y": "1", "M": "1", "D": "1", "d": "1", "F": "n", "W": "1", "w": "1", "X": "1", "x": "1", "H": "1", "h": "1",
        "P": "n", "m": "01", "s": "01", "f": "1", "Z": "01:01", "z": "01:01", "C": "n", "E": "n",
    ]

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
        guard let component = text.first, let standard = defaults[component] else {
            throw Failure("D3132", value: .string(text.first.map { String($0) } ?? ""))
        }
        var presentation = text[1...]
        var result = Marker(component: component, presentation: standard)
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
            marker.names = .lower
        } else if marker.presentation.hasPrefix("Nn") {
            marker.names = .title
        } else if marker.presentation.hasPrefix("N") {
            marker.names = .upper
        } else if "YMDdFWwXxHhmsf".contains(marker.component) {
            var integer = try IntegerPicture(marker.presentation + (isOrdinal ? ";o" : ""))
            if let least = marker.minimumWidth { integer.mandatoryDigits = max(integer.mandatoryDigits, least) }
            if marker.component == "Y" {
                if let most = marker.maximumWidth {
                    marker.yearDigits = most
                    integer.mandatoryDigits = most
                } else {
                    let digits = integer.mandatoryDigits + integer.optionalDigits
                    if digits >= 2 { marker.yearDigits = digits }
                }
            }
            marker.integer = integer
        }
        if marker.component == "Z" || marker.component == "z" {
            marker.integer = try IntegerPicture(marker.presentation)
        }
    }

    // MARK: Formatting

    /// The moment in the zone `offset` minutes east of UTC.
    func format(milliseconds: Int, offset: Int) throws(Failure) -> String {
        let fields = DateTimeFields(milliseconds: milliseconds + offset * 60_000)
        var result = ""
        for part in parts {
            switch part {
            case .literal(let text): result += text
            case .marker(let marker): result += try DateTimePicture.format(marker, fields, offset: offset)
            }
        }
        return result
    }

    private static func format(
        _ marker: Marker, _ fields: DateTimeFields, offset: Int
    ) throws(Failure) -> String {
        switch marker.component {
        case "Z", "z": return try zone(marker, offset)
        case "P":
            let text = fields.value(of: "P") == 0 ? "am" : "pm"
            return marker.names == .upper ? text.uppercased() : text
        case "C", "E": return "ISO"
        default: break
        }
        var value = fields.value(of: marker.component)
        if let names = marker.names {
            let name: String
            switch marker.component {
            case "M", "x": name = months[value - 1]
            case "F": name = days[value - 1]
            default: throw Failure("D3133", value: .string(String(marker.component)))
            }
            let shown =
                switch names {
                case .upper: name.uppercased()
                case .lower: name.lowercased()
                case .title: name
                }
            return marker.maximumWidth.map { String(shown.prefix($0)) } ?? shown
        }
        if let digits = marker.yearDigits, digits < 18 {
            var power = 1
            for _ in 0..<digits { power *= 10 }
            value %= power
        }
        return try marker.integer?.format(Double(value)) ?? ""
    }

    private static func zone(_ marker: Marker, _ offset: Int) throws(Failure) -> String {
        guard let integer = marker.integer else { return "" }
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
        return (marker.component == "z" ? "GMT" : "") + (offset < 0 ? "-" : "+") + text
    }
}
