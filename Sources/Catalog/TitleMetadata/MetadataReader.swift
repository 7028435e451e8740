import Encodings
import JSON

/// Takes the members of a metadata document one by one and notes what is wrong with each.
struct MetadataReader {
    private typealias Limits = TitleMetadata.Limits

    private(set) var problems: [TitleMetadataError.Problem] = []
    private let document: JSON

    private static let members = [
        "title", "kind", "description", "year", "rating", "languages", "genres", "series", "season", "episode",
        "parent", "cast", "availability",
    ]

    init(document: JSON) {
        guard case .object(let object) = document else {
            self.document = .null
            if document != .null { note("", "The metadata is \(document.kindInWords), it must be an object.") }
            return
        }
        self.document = document
        for name in object.keys where !Self.members.contains(name) {
            let near = Self.members.first { Self.isNear(name.lowercased(), $0) }
            let hint = near.map { "did you mean '\($0)'?" } ?? "known are \(Self.members.joined(separator: ", "))."
            note(name, "There is no member '\(name)'; \(hint)")
        }
    }

    private mutating func note(_ place: String, _ message: String) {
        problems.append(TitleMetadataError.Problem(place: place, message: message))
    }

    /// The member's value; null counts as not there.
    private func member(_ name: String) -> JSON? {
        let value = document[name]
        return value == .null ? nil : value
    }

    mutating func title(given: String?) -> String {
        if let given { return checked(.string(given), at: "title", limit: Limits.title) ?? "" }
        guard let value = member("title") else {
            note("title", "A title needs a name: give 'title'.")
            return ""
        }
        return checked(value, at: "title", limit: Limits.title) ?? ""
    }

    mutating func kind() -> TitleMetadata.Kind {
        guard let value = member("kind") else { return .movie }
        if let kind = value.stringValue.flatMap(TitleMetadata.Kind.init(rawValue:)) { return kind }
        let kinds = TitleMetadata.Kind.allCases.map(\.rawValue).joined(separator: ", ")
        note("kind", "\(value.inWords) is no kind of title; it is one of \(kinds).")
        return .movie
    }

    mutating func text(_ name: String, limit: Int, allowsLines: Bool = false) -> String? {
        member(name).flatMap { checked($0, at: name, limit: limit, allowsLines: allowsLines) }
    }

    /// Text that people read: something in it, no control characters, not longer than the limit.
    private mutating func checked(
        _ value: JSON, at place: String, limit: Int, allowsLines: Bool = false
    ) -> String? {
        guard case .string(let text) = value else {
            let hint = value.doubleValue == nil ? "" : ": put it in quotes"
            note(place, "\(value.inWords) is \(value.kindInWords), it must be a text\(hint).")
            return nil
        }
        if !text.contains(where: { !$0.isWhitespace }) {
            note(place, "The text is empty.")
            return nil
        }
        let isControl = { (scalar: Unicode.Scalar) in
            scalar.properties.generalCategory == .control
                && !(allowsLines && (scalar == "\n" || scalar == "\r" || scalar == "\t"))
        }
        if let control = text.unicodeScalars.first(where: isControl) {
            note(place, "The text holds the control character U+\(hex(control)), which cannot be shown.")
            return nil
        }
        if text.count > limit {
            note(place, "The text has \(text.count) characters, \(limit) are allowed.")
            return nil
        }
        return text
    }

    private func hex(_ scalar: Unicode.Scalar) -> String { Hex.digits(scalar.value, atLeast: 4).uppercased() }

    mutating func integer(_ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let value = member(name) else { return nil }
        guard let number = value.integerValue, range.contains(number) else {
            note(name, "\(value.inWords) is not a whole number from \(range.lowerBound) to \(range.upperBound).")
            return nil
        }
        return number
    }

    mutating func rating() -> String? {
        guard let value = member("rating") else { return nil }
        let text: String
        // YAML reads a rating such as 12 as a number.
        if case .integer(let number) = value { text = String(number) } else { text = value.stringValue ?? "" }
        let isRating =
            (1...Limits.rating).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0.isASCIIAlphanumeric || [0x20, 0x2B, 0x2D, 0x2F].contains($0) }
            && text.utf8.first?.isASCIIAlphanumeric == true
        if !isRating {
            note(
                "rating",
                "\(value.inWords) is no maturity rating: 1 to \(Limits.rating) letters, digits, spaces, '+', '-' "
                    + "or '/', such as PG-13, TV-MA or FSK 12.")
            return nil
        }
        return text
    }

    mutating func languages() -> [String] {
        var tags: [String] = []
        for (index, value) in list("languages", limit: Limits.languages).enumerated() {
            let place = "languages[\(index)]"
            guard let tag = value.stringValue, Self.isLanguageTag(tag) else {
                note(place, "\(value.inWords) is no language tag (BCP 47), such as en, de-AT or zh-Hant.")
                continue
            }
            if tags.contains(where: { $0.lowercased() == tag.lowercased() }) {
                note(place, "'\(tag)' stands there twice.")
            } else {
                tags.append(tag)
            }
        }
        return tags
    }

    /// Well-formed as RFC 5646, section 2.2.9 has it, as far as syntax goes: a language of 2 or 3 letters, then
    /// subtags of 1 to 8 letters and digits.
    static func isLanguageTag(_ tag: String) -> Bool {
        let subtags = tag.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard let language = subtags.first, (2...3).contains(language.count), tag.utf8.count <= 35 else { return false }
        return language.allSatisfy(\.isASCIILetter)
            && subtags.dropFirst().allSatisfy { subtag in
                (1...8).contains(subtag.count) && subtag.allSatisfy(\.isASCIIAlphanumeric)
            }
    }

    mutating func genres() -> [TitleMetadata.Genre] {
        var genres: [TitleMetadata.Genre] = []
        for (index, value) in list("genres", limit: Limits.genres).enumerated() {
            let place = "genres[\(index)]"
            guard let text = checked(value, at: place, limit: Limits.genre) else { continue }
            guard let genre = TitleMetadata.Genre(name: text) else {
                note(place, "'\(text)' holds no letter or digit.")
                continue
            }
            if genres.contains(where: { $0.slug == genre.slug }) {
                note(place, "'\(text)' stands there twice.")
            } else {
                genres.append(genre)
            }
        }
        return genres
    }

    mutating func parent() -> String? {
        guard let value = member("parent") else { return nil }
        guard let id = value.stringValue, (1...64).contains(id.utf8.count),
            id.utf8.allSatisfy({ $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") })
        else {
            note("parent", "\(value.inWords) is no title id: 1 to 64 letters, digits, '-' and '_'.")
            return nil
        }
        return id
    }

    mutating func cast() -> [TitleMetadata.CastMember] {
        var cast: [TitleMetadata.CastMember] = []
        for (index, value) in list("cast", limit: Limits.cast).enumerated() {
            let place = "cast[\(index)]"
            switch value {
            case .string:
                if let name = checked(value, at: place, limit: Limits.name) {
                    cast.append(TitleMetadata.CastMember(name: name))
                }
            case .object(let members):
                for name in members.keys where name != "name" && name != "role" {
                    note("\(place).\(name)", "There is no member '\(name)'; known are name, role.")
                }
                guard let given = members["name"], given != .null else {
                    note(place, "The entry has no 'name'.")
                    continue
                }
                let name = checked(given, at: "\(place).name", limit: Limits.name)
                let given2 = members["role"] == .null ? nil : members["role"]
                let role = given2.flatMap { checked($0, at: "\(place).role", limit: Limits.name) }
                if let name { cast.append(TitleMetadata.CastMember(name: name, role: role)) }
            case .null, .bool, .integer, .double, .array:
                note(place, "\(value.inWords) is neither a name nor an object with name and role.")
            }
        }
        return cast
    }

    mutating func availability() -> [TitleMetadata.Availability] {
        var places: [TitleMetadata.Availability] = []
        for (index, value) in list("availability", limit: Limits.regions).enumerated() {
            let place = "availability[\(index)]"
            guard case .object(let members) = value else {
                note(place, "\(value.inWords) is no object with region, from and to.")
                continue
            }
            for name in members.keys where !["region", "from", "to"].contains(name) {
                note("\(place).\(name)", "There is no member '\(name)'; known are region, from, to.")
            }
            let region = members["region"]?.stringValue ?? "*"
            let isCode = region.utf8.count == 2 && region.utf8.allSatisfy { (0x41...0x5A).contains($0) }
            guard isCode || region == "*", members["region"] == nil || members["region"]?.stringValue != nil else {
                note(
                    "\(place).region",
                    "\((members["region"] ?? .null).inWords) is neither two capital letters (ISO 3166-1) nor '*'.")
                continue
            }
            let from = moment(members["from"], at: "\(place).from")
            let to = moment(members["to"], at: "\(place).to")
            if let from, let to, to <= from { note(place, "It ends at \(to), before it begins at \(from).") }
            if places.contains(where: { $0.region == region }) {
                note("\(place).region", "'\(region)' stands there twice.")
            } else {
                places.append(TitleMetadata.Availability(region: region, from: from, to: to))
            }
        }
        return places
    }

    /// A day, or a moment in UTC to the second: `2026-11-28`, `2026-11-28T20:15:00Z`. Of both the texts sort by time.
    private mutating func moment(_ value: JSON?, at place: String) -> String? {
        guard let value, value != .null else { return nil }
        let text = value.stringValue ?? ""
        guard let moment = Self.moment(text) else {
            note(place, "\(value.inWords) is neither a day (2026-11-28) nor a moment (2026-11-28T20:15:00Z).")
            return nil
        }
        return moment
    }

    static func moment(_ text: String) -> String? {
        let whole = text.utf8.count == 10 ? text + "T00:00:00Z" : text
        let pattern = Array("dddd-dd-ddTdd:dd:ddZ".utf8)
        guard whole.utf8.count == pattern.count else { return nil }
        for (byte, wanted) in zip(whole.utf8, pattern) {
            guard wanted == UInt8(ascii: "d") ? (0x30...0x39).contains(byte) : byte == wanted else { return nil }
        }
        let numbers = whole.dropLast().split(whereSeparator: { "-T:".contains($0) }).compactMap { Int($0) }
        let (year, month, day) = (numbers[0], numbers[1], numbers[2])
        guard (1...12).contains(month), year >= 1 else { return nil }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1...days[month - 1]).contains(day), numbers[3] < 24, numbers[4] < 60, numbers[5] < 60 else { return nil }
        return whole
    }

    private mutating func list(_ name: String, limit: Int) -> [JSON] {
        guard let value = member(name) else { return [] }
        guard case .array(let elements) = value else {
            note(name, "\(value.inWords) is \(value.kindInWords), it must be a list.")
            return []
        }
        if elements.count > limit {
            note(name, "The list has \(elements.count) entries, \(limit) are allowed.")
            return []
        }
        return elements
    }

    /// Whether the members that place a title within a series fit its kind.
    mutating func checkPlace(
        kind: TitleMetadata.Kind, series: String?, season: Int?, episode: Int?, parent: String?
    ) {
        let isPartOfSeries = series != nil || parent != nil || member("series") != nil || member("parent") != nil
        switch kind {
        case .episode:
            if !isPartOfSeries { note("series", "An episode needs 'series' (a name) or 'parent' (a title id).") }
            if episode == nil, member("episode") == nil { note("episode", "An episode needs its number: 'episode'.") }
        case .season:
            if !isPartOfSeries { note("series", "A season needs 'series' (a name) or 'parent' (a title id).") }
            if season == nil, member("season") == nil { note("season", "A season needs its number: 'season'.") }
            if member("episode") != nil { note("episode", "A season has no episode number.") }
        case .movie, .short, .series, .docuseries:
            for name in ["series", "season", "episode", "parent"] where member(name) != nil {
                note(name, "A \(kind.rawValue) has no '\(name)'; only seasons and episodes have.")
            }
        }
    }

    /// One letter more, less or other, or two neighbours swapped, or the singular of a plural.
    private static func isNear(_ name: String, _ known: String) -> Bool {
        let a = Array(name.utf8)
        let b = Array(known.utf8)
        guard abs(a.count - b.count) <= 1, !a.isEmpty else { return false }
        var start = 0
        while start < min(a.count, b.count), a[start] == b[start] { start += 1 }
        var end = 0
        while end < min(a.count, b.count) - start, a[a.count - 1 - end] == b[b.count - 1 - end] { end += 1 }
        let restA = a[start..<(a.count - end)]
        let restB = b[start..<(b.count - end)]
        return restA.count <= 1 && restB.count <= 1
            || restA.count == 2 && restB.count == 2 && restA.reversed().elementsEqual(restB)
    }
}

extension JSON {
    /// The value as a message quotes it, shortened to what fits a line.
    fileprivate var inWords: String {
        let text = text
        return text.count <= 60 ? text : String(text.prefix(57)) + "..."
    }

    fileprivate var kindInWords: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .integer, .double: "a number"
        case .string: "a text"
        case .array: "a list"
        case .object: "an object"
        }
    }
}

extension UInt8 {
    fileprivate var isASCIILetter: Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20)
    }

    fileprivate var isASCIIAlphanumeric: Bool {
        isASCIILetter || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self)
    }
}
