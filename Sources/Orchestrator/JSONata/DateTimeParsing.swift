/// Reads moments that are written under a picture.
struct DateTimeReader {
    private let regex: Regex
    /// By group of the expression; nil for text between components.
    private let markers: [DateTimePicture.Marker?]

    init(_ picture: DateTimePicture) throws(Failure) {
        var pattern = "^"
        for part in picture.parts { pattern += "(" + (try DateTimeReader.expression(part)) + ")" }
        regex = try Regex(pattern: Array((pattern + "$").utf16), flags: "i", position: 0)
        markers = picture.parts.map { part in if case .marker(let marker) = part { marker } else { nil } }
    }

    /// The moment a text says, in milliseconds; nil where the text is another's. What the picture leaves out is the current
    /// date above what it names, and the beginning below it.
    func moment(_ text: String, now: Int, _ runtime: Runtime) throws(Failure) -> Int? {
        var matcher = RegexMatcher(regex, RegexSubject(text), runtime)
        guard let match = try matcher.first(from: 0) else { return nil }
        var components = Components()
        for (marker, group) in zip(markers, match.groups) {
            guard let marker, case .string(let text) = group else { continue }
            components.values[marker.component] = try DateTimeReader.read(marker, text)
        }
        if components.values.isEmpty { return nil }
        return try components.moment(now: DateTimeFields(milliseconds: now))
    }

    private static func expression(_ part: DateTimePicture.Part) throws(Failure) -> String {
        switch part {
        case .literal(let text):
            var result = ""
            for character in text {
                if ".*+?^${}()|[]\\/-".contains(character) { result.append("\\") }
                result.append(character)
            }
            return result
        case .marker(let marker):
            if marker.component.isZone {
                var result = marker.component == .zoneFromGMT ? "GMT[-+][0-9]+" : "[-+][0-9]+"
                if let separator = marker.integer?.separators.first { result += "\\\(separator.character)[0-9]+" }
                return marker.isTraditional ? "Z|" + result : result
            }
            if let integer = marker.integer { return try integer.expression() }
            switch marker.component {
            case .month, .weekMonth, .weekday, .halfDay: return "[a-zA-Z]+"
            default: throw Failure("D3133", value: .string(marker.component.letter))
            }
        }
    }

    private static func read(_ marker: DateTimePicture.Marker, _ text: String) throws(Failure) -> Int? {
        if marker.component.isZone { return offset(text) }
        if let integer = marker.integer {
            guard let value = try integer.parse(text), value.isFinite else { return nil }
            return Int(exactly: value.rounded(.towardZero))
        }
        let sought = text.lowercased()
        if marker.component == .halfDay { return ["am": 0, "pm": 1][sought] }
        return marker.names.firstIndex { $0.lowercased() == sought }.map { $0 + 1 }
    }

    /// Minutes east of UTC.
    private static func offset(_ text: String) -> Int {
        guard let sign = text.firstIndex(where: { $0 == "+" || $0 == "-" }) else { return 0 }
        let rest = text[text.index(after: sign)...]
        let groups = rest.split { !("0"..."9").contains($0) }.map { String($0.prefix(9)) }
        var hours = 0
        var minutes = 0
        if groups.count > 1 {
            hours = Int(groups[0]) ?? 0
            minutes = Int(groups[1]) ?? 0
        } else if let digits = groups.first {
            hours = Int(digits.prefix(2)) ?? 0
            minutes = Int(digits.dropFirst(2)) ?? 0
        }
        return (text[sign] == "-" ? -1 : 1) * (hours * 60 + minutes)
    }
}

/// What a text says of a moment, component by component.
private struct Components {
    var values: [DateTimeComponent: Int] = [:]

    /// Components that together say a date or a time: those that may be given for it to be meant, and its order.
    private typealias Scheme = (needed: [DateTimeComponent], order: [DateTimeComponent])

    private static let dates: [Scheme] = [
        ([.year, .month, .day], [.year, .month, .day]), ([.year, .dayOfYear], [.year, .dayOfYear]),
        ([.weekYear, .weekMonth, .weekOfMonth], [.weekYear, .weekMonth, .weekOfMonth, .weekday]),
        ([.weekYear, .weekOfYear], [.weekYear, .weekOfYear, .weekday]),
    ]
    private static let dateComponents: [DateTimeComponent] = [
        .year, .weekYear, .month, .weekMonth, .weekOfYear, .weekOfMonth, .dayOfYear, .day,
    ]
    private static let times: [Scheme] = [
        ([.hour, .minute, .second, .fraction], [.hour, .minute, .second, .fraction]),
        (
            [.halfDay, .halfDayHour, .minute, .second, .fraction],
            [.halfDay, .halfDayHour, .minute, .second, .fraction]
        ),
    ]
    private static let timeComponents: [DateTimeComponent] = [
        .halfDay, .hour, .halfDayHour, .minute, .second, .fraction,
    ]

    /// The order of the first scheme that holds all that are given of these components.
    private func order(of schemes: [Scheme], among all: [DateTimeComponent]) -> [DateTimeComponent] {
        let present = all.filter { (values[$0] ?? 0) != 0 }
        if present.isEmpty { return schemes[0].order }
        return schemes.first { scheme in present.allSatisfy { scheme.needed.contains($0) } }?.order ?? schemes[0].order
    }

    /// The moment, in milliseconds.
    func moment(now: DateTimeFields) throws(Failure) -> Int {
        let date = order(of: Components.dates, among: Components.dateComponents)
        let time = order(of: Components.times, among: Components.timeComponents)
        var complete = values
        var hasBegun = false
        var hasEnded = false
        for component in date + time {
            if values[component] != nil {
                hasBegun = true
                if hasEnded { throw Failure("D3136") }
            } else if hasBegun {
                complete[component] = component == .month || component == .day || component == .dayOfYear ? 1 : 0
                hasEnded = true
            } else {
                complete[component] = now.value(of: component)
            }
        }
        if date[0] == .weekYear { throw Failure("D3136") }
        func component(_ name: DateTimeComponent) -> Int { max(min(complete[name] ?? 0, 1_000_000), -1_000_000) }
        // As Date.UTC takes years of two digits.
        var year = component(.year)
        if (0...99).contains(year) { year += 1900 }
        let day =
            date.contains(.dayOfYear)
            ? CalendarDay.number(year: year, month: 1, day: component(.dayOfYear))
            : CalendarDay.number(year: year, month: max(component(.month), 1), day: component(.day))
        var hour = component(.hour)
        if time[0] == .halfDay { hour = component(.halfDayHour) % 12 + (component(.halfDay) == 1 ? 12 : 0) }
        let minutes = hour * 60 + component(.minute) - (complete[.zone] ?? complete[.zoneFromGMT] ?? 0)
        return day * CalendarDay.millisecondsPerDay + minutes * 60_000 + component(.second) * 1000
            + component(.fraction)
    }
}

extension DateTimePicture {
    /// A timestamp of ISO 8601 as ECMAScript's Date.parse takes it, in milliseconds: from a year alone to milliseconds and a
    /// zone; without zone UTC.
    static func iso8601(_ text: String) -> Int? {
        var rest = Array(text.utf8)[...]
        func digits(_ count: Int) -> Int? {
            guard rest.count >= count else { return nil }
            var value = 0
            for byte in rest.prefix(count) {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + Int(byte - 0x30)
            }
            rest = rest.dropFirst(count)
            return value
        }
        func take(_ scalar: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: scalar) else { return false }
            rest = rest.dropFirst()
            return true
        }
        guard let year = digits(4) else { return nil }
        var month = 1
        var day = 1
        var milliseconds = 0
        if take("-") {
            guard let value = digits(2), (1...12).contains(value) else { return nil }
            month = value
            if take("-") {
                guard let value = digits(2), (1...31).contains(value) else { return nil }
                day = value
            }
        }
        if take("T") {
            guard let hour = digits(2), take(":"), let minute = digits(2), take(":"), let second = digits(2),
                hour < 24 || hour == 24 && minute == 0 && second == 0, minute < 60, second < 60
            else { return nil }
            milliseconds = (hour * 3600 + minute * 60 + second) * 1000
            if take(".") {
                var scale = 100
                var hasDigit = false
                while let byte = rest.first, (0x30...0x39).contains(byte) {
                    milliseconds += Int(byte - 0x30) * scale
                    scale /= 10
                    hasDigit = true
                    rest = rest.dropFirst()
                }
                if !hasDigit { return nil }
            }
        }
        if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") {
            let sign = take("-") ? -1 : 1
            if sign == 1 { _ = take("+") }
            guard let hours = digits(2) else { return nil }
            _ = take(":")
            guard let minutes = digits(2), minutes < 60, hours < 24 else { return nil }
            milliseconds -= sign * (hours * 60 + minutes) * 60_000
        } else {
            _ = take("Z")
        }
        guard rest.isEmpty else { return nil }
        return CalendarDay.number(year: year, month: month, day: day) * CalendarDay.millisecondsPerDay + milliseconds
    }
}

/// Functions over dates and times (docs.jsonata.org, "Date/Time functions").
enum TimeFunctions {
    static let all: [BuiltinTable.Definition] = [
        .init("now", "<s?s?:s>", arity: 2) { (call) throws(Failure) in
            try format(Double(call.runtime.environment.nowMilliseconds), call[0], call[1], call.runtime)
        },
        .init("fromMillis", "<n-s?s?:s>", arity: 3) { (call) throws(Failure) in
            guard case .number(let milliseconds) = call[0] else { return .undefined }
            return try format(milliseconds, call[1], call[2], call.runtime)
        },
        .init("toMillis", "<s-s?:n>", arity: 2) { (call) throws(Failure) in
            guard case .string(let text) = call[0] else { return .undefined }
            guard case .string(let picture) = call[1] else {
                guard let milliseconds = DateTimePicture.iso8601(text) else { throw Failure("D3110", value: call[0]) }
                return .integer(milliseconds)
            }
            let now = Int(call.runtime.environment.nowMilliseconds)
            return try call.runtime.pictures.reader(picture).moment(text, now: now, call.runtime).map { .integer($0) }
                ?? .undefined
        },
    ]

    private static func format(
        _ milliseconds: Double, _ picture: Value, _ zone: Value, _ runtime: Runtime
    ) throws(Failure) -> Value {
        // What ECMAScript's Date can hold (ECMA-262, Time Values).
        guard milliseconds.magnitude <= 8.64e15 else { throw Failure("D1001", value: .number(milliseconds)) }
        var text: String?
        if case .string(let given) = picture { text = given }
        var offset = 0
        if case .string(let zone) = zone, let value = Int(zone.filter { $0 != ":" }.drop { $0 == "+" }.prefix(6)) {
            offset = value / 100 * 60 + value % 100
        }
        try runtime.step((text ?? DateTimePicture.iso8601).utf8.count)
        let writer =
            try text.map { (text) throws(Failure) in try runtime.pictures.writer(text) } ?? PictureCache.standard
        return try runtime.string(writer.format(milliseconds: Int(milliseconds.rounded(.down)), offset: offset))
    }
}
