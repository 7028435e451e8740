/// Functions over strings (docs.jsonata.org, "String functions"). Lengths and offsets count code points.
enum StringFunctions {
    static let all: [BuiltinTable.Definition] = [
        .init("string", "<x-b?:s>", arity: 1) { (call) throws(Failure) in
            if call[0].isUndefined { return .undefined }
            let isPretty = if case .bool(let flag) = call[1] { flag } else { false }
            return try call.runtime.string(call[0].text(isPretty: isPretty, call.runtime))
        },
        .init("substring", "<s-nn?:s>", arity: 3) { (call) throws(Failure) in
            guard case .string(let text) = call[0] else { return .undefined }
            guard case .number(let first) = call[1] else { return .string(text) }
            try call.runtime.step(text.utf8.count / 16)
            let scalars = text.unicodeScalars
            let count = Double(scalars.count)
            var start = first
            if count + start < 0 { start = 0 }
            var end = count
            if case .number(let length) = call[2] {
                if !(length > 0) { return .string("") }
                end = start >= 0 ? start + length : count + start + length
            }
            // As Array.prototype.slice takes its arguments.
            func place(_ value: Double) -> Int {
                let whole = value.rounded(.towardZero)
                return Int(min(max(whole < 0 ? count + whole : whole, 0), count))
            }
            let from = place(start)
            let to = place(end)
            if from >= to { return .string("") }
            let lower = scalars.index(scalars.startIndex, offsetBy: from)
            let upper = scalars.index(lower, offsetBy: to - from)
            return try call.runtime.string(String(scalars[lower..<upper]))
        },
        .init("substringBefore", "<s-s:s>", arity: 2) { (call) throws(Failure) in
            guard case .string(let text) = call[0] else { return .undefined }
            guard case .string(let mark) = call[1] else { return .string(text) }
            let units = CodeUnits.units(of: text)
            guard let place = CodeUnits.first(CodeUnits.units(of: mark), in: units, from: 0) else {
                return .string(text)
            }
            return try call.runtime.string(CodeUnits.text(units, 0..<place))
        },
        .init("substringAfter", "<s-s:s>", arity: 2) { (call) throws(Failure) in
            guard case .string(let text) = call[0] else { return .undefined }
            guard case .string(let mark) = call[1] else { return .string(text) }
            let units = CodeUnits.units(of: text)
            let sought = CodeUnits.units(of: mark)
            guard let place = CodeUnits.first(sought, in: units, from: 0) else { return .string(text) }
            return try call.runtime.string(CodeUnits.text(units, (place + sought.count)..<units.count))
        },
        .init("lowercase", "<s-:s>", arity: 1) { (call) throws(Failure) in
            guard case .string(let text) = call[0] else { return .undefined }
            return try call.runtime.string(text.lowercased())
        },
        .init("uppercase", "<s-:s>", arity: 1) { (call) throws(Failure) in
            guard case .string(let text) = call[0] else { return .undefined }
            return try call.runtime.string(text.uppercased())
        },
        .init("length", "<s-:n>", arity: 1) { (call) throws(Failure) in
            guard case .string(let text) = call[0] else { return .undefined }
            return .integer(text.unicodeScalars.count)
        },
        .init("trim", "<s-:s>", arity: 1) { (call) throws(Failure) in
            guard case .string(let text) = call[0] else { return .undefined }
            let words = text.utf8.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
            return try call.runtime.string(words.map { String(Substring($0)) }.joined(separator: " "))
        },
        .init("pad", "<s-ns?:s>", arity: 3) { (call) throws(Failure) in
            guard case .string(let text) = call[0] else { return .undefined }
            guard case .number(let width) = call[1] else { return .string(text) }
            var filler = " "
            if case .string(let given) = call[2], !given.isEmpty { filler = given }
            let missing = width.magnitude - Double(text.unicodeScalars.count)
            guard missing >= 1 else { return .string(text) }
            guard missing < Double(call.runtime.environment.limits.bytes) else {
                try call.runtime.charge(Int.max / 2)
                return .undefined
            }
            let count = Int(missing)
            try call.runtime.charge(count * 4)
            let cycle = Array(filler.unicodeScalars)
            var padding = String.UnicodeScalarView()
            for index in 0..<count { padding.append(cycle[index % cycle.count]) }
            return .string(width > 0 ? text + String(padding) : String(padding) + text)
        },
        .init("join", "<a<s>s?:s>", arity: 2) { (call) throws(Failure) in
            if call[0].isUndefined { return .undefined }
            let separator = if case .string(let given) = call[1] { given } else { "" }
            var result = ""
            for index in 0..<call[0].itemCount {
                guard case .string(let part) = call[0].item(index) else { continue }
                try call.runtime.step()
                try call.runtime.charge(part.utf8.count + separator.utf8.count)
                if index > 0 { result += separator }
                result += part
            }
            return .string(result)
        },
        .init("contains", "<s-(sf):b>", arity: 2) { (call) throws(Failure) in
            guard case .string(let text) = call[0] else { return .undefined }
            if case .string(let mark) = call[1] {
                return .bool(CodeUnits.first(CodeUnits.units(of: mark), in: CodeUnits.units(of: text), from: 0) != nil)
            }
            if call[1].isUndefined { return .undefined }
            var matching = Matching(text, RegexSubject(text), call[1], call)
            return .bool(try matching.next() != nil)
        },
        .init("match", "<s-f<s:o>n?:a<o>>", arity: 3) { (call) throws(Failure) in
            guard case .string(let text) = call[0] else { return .undefined }
            let limit = try Matching.limit(call[2], code: "D3040", index: 3)
            let result = ArrayBox([], isSequence: true)
            var matching = Matching(text, RegexSubject(text), call[1], call)
            while Double(result.count) < limit, let match = try matching.next() {
                let groups = try call.runtime.array(match.groups)
                let object = ObjectBox(["match": .string(match.text), "index": .integer(match.start), "groups": groups])
                try call.runtime.append(.object(object), to: result)
            }
            return .array(result)
        },
        .init("replace", "<s-(sf)(sf)n?:s>", arity: 4, Replacement.run),
        .init("split", "<s-(sf)n?:a<s>>", arity: 3) { (call) throws(Failure) in
            guard case .string(let text) = call[0] else { return .undefined }
            let limit = try Matching.limit(call[2], code: "D3020", index: 3)
            let result = ArrayBox([])
            let subject = RegexSubject(text)
            let units = subject.units
            func add(_ range: Range<Int>) throws(Failure) {
                try call.runtime.append(call.runtime.string(CodeUnits.text(units, range)), to: result)
            }
            if case .string(let separator) = call[1] {
                let most = limit.rounded(.down)
                if separator.isEmpty {
                    for scalar in text.unicodeScalars where Double(result.count) < most {
                        try call.runtime.append(call.runtime.string(String(scalar)), to: result)
                    }
                    return .array(result)
                }
                let sought = CodeUnits.units(of: separator)
                var start = 0
                while Double(result.count) < most {
                    try call.runtime.step()
                    guard let place = CodeUnits.first(sought, in: units, from: start) else {
                        try add(start..<units.count)
                        break
                    }
                    try add(start..<place)
                    start = place + sought.count
                }
                return .array(result)
            }
            if call[1].isUndefined { return try call.runtime.array([.string(text)]) }
            guard limit > 0 else { return .array(result) }
            var matching = Matching(text, subject, call[1], call)
            var start = 0
            while Double(result.count) < limit {
                guard let match = try matching.next() else {
                    try add(min(start, units.count)..<units.count)
                    break
                }
                let from = min(start, units.count)
                try add(from..<max(min(match.start, units.count), from))
                start = match.end
            }
            return .array(result)
        },
    ]
}
