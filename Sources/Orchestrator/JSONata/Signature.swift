/// The types a function declares for its arguments (docs.jsonata.org, "Function signature syntax"): `<s-nn?:s>`.
struct Signature: Sendable, Hashable {
    /// What an argument may be, as a set.
    struct Types: OptionSet, Sendable, Hashable {
        let rawValue: UInt16
        static let string = Types(rawValue: 1)
        static let number = Types(rawValue: 2)
        static let boolean = Types(rawValue: 4)
        static let null = Types(rawValue: 8)
        static let object = Types(rawValue: 16)
        static let array = Types(rawValue: 32)
        static let function = Types(rawValue: 64)
        /// Nothing: an argument whose expression gave no value.
        static let missing = Types(rawValue: 128)

        static let json: Types = [.string, .number, .boolean, .null, .object, .array, .missing]

        init(rawValue: UInt16) { self.rawValue = rawValue }

        init(of value: Value) {
            self =
                switch value {
                case .undefined, .tailCall, .tuples: .missing
                case .null: .null
                case .bool: .boolean
                case .number: .number
                case .string: .string
                case .jsonArray, .array: .array
                case .jsonObject, .object: .object
                case .function: .function
                }
        }

        init?(letter: Character) {
            switch letter {
            case "s": self = .string
            case "n": self = .number
            case "b": self = .boolean
            case "l": self = .null
            case "o": self = .object
            case "a": self = .array
            case "f": self = .function
            case "j": self = [.string, .number, .boolean, .null, .object, .array]
            case "x": self = [.string, .number, .boolean, .null, .object, .array, .function]
            default: return nil
            }
        }
    }

    struct Parameter: Sendable, Hashable {
        var types: Types
        /// Declared as `a`: a single value is made an array of it.
        var isArray = false
        /// The type of the elements, for `a<...>`, and its letter.
        var element: Types?
        var elementLetter: Character?
        var isOptional = false
        var isRepeated = false
        /// Takes the context when left out.
        var takesContext = false
    }

    private(set) var parameters: [Parameter] = []

    /// Parses the text between the function's parameters and its body, `<` and `>` included. The error's index is the
    /// offset in the text.
    init(parsing text: String) throws(Failure) {
        let characters = Array(text)
        var position = 1
        func closing(_ open: Character, _ close: Character) -> Int {
            var depth = 0
            for index in position..<characters.count {
                if characters[index] == open { depth += 1 }
                if characters[index] == close {
                    depth -= 1
                    if depth == 0 { return index }
                }
            }
            return characters.count
        }
        func failure(_ code: String, _ value: String) -> Failure {
            Failure(code, value: .string(value), details: .init(index: position))
        }
        while position < characters.count {
            let letter = characters[position]
            // The result's type is not checked.
            if letter == ":" { break }
            switch letter {
            case "-", "?", "+":
                if parameters.isEmpty { throw failure("S0403", String(letter)) }
                let last = parameters.count - 1
                if letter == "-" { parameters[last].takesContext = true }
                if letter == "+" { parameters[last].isRepeated = true } else { parameters[last].isOptional = true }
            case "(":
                let end = closing("(", ")")
                let choice = characters[min(position + 1, end)..<end]
                if choice.contains("<") { throw failure("S0402", String(choice)) }
                var types: Types = .missing
                for letter in choice {
                    guard let type = Types(letter: letter) else { throw failure("S0403", String(letter)) }
                    types.formUnion(type)
                }
                parameters.append(Parameter(types: types))
                position = end
            case "<":
                guard let last = parameters.indices.last,
                    parameters[last].isArray || parameters[last].types == [.function]
                else { throw failure("S0401", String(letter)) }
                let end = closing("<", ">")
                if parameters[last].isArray, position + 1 < end {
                    parameters[last].elementLetter = characters[position + 1]
                    parameters[last].element = Types(letter: characters[position + 1])
                }
                position = end
            case ">": break
            default:
                guard let types = Types(letter: letter) else { throw failure("S0403", String(letter)) }
                switch letter {
                case "a":
                    // Anything but a function left open: `a` takes a single value too.
                    parameters.append(Parameter(types: [.json, .function], isArray: true))
                case "f": parameters.append(Parameter(types: types))
                default: parameters.append(Parameter(types: types.union(.missing)))
                }
            }
            if letter == ">" { break }
            position += 1
        }
    }

    /// The arguments as the function gets them: the context in place of what was left out, single values made arrays. Or
    /// the error that names the first argument that does not fit.
    func validate(_ arguments: [Value], context: Value, runtime: Runtime) throws(Failure) -> [Value] {
        // The common case: as many as declared, each of its type.
        if arguments.count == parameters.count, fitsOneToOne(arguments) {
            guard parameters.contains(where: \.isArray) else { return arguments }
            var result = arguments
            for (index, parameter) in parameters.enumerated() where parameter.isArray {
                result[index] = try arrayArgument(arguments[index], parameter, index, runtime)
            }
            return result
        }
        // What may be left out at the end is left out.
        if arguments.count < parameters.count, endsOpen(at: arguments.count), fitsOneToOne(arguments) {
            return arguments
        }
        let types = arguments.map { Types(of: $0) }
        var counts: [Int] = []
        guard match(types, from: 0, parameter: 0, &counts) else { throw mismatch(arguments, types) }
        var result: [Value] = []
        var index = 0
        for (parameter, count) in zip(parameters, counts) {
            if count == 0 {
                if parameter.takesContext {
                    guard parameter.types.contains(Types(of: context)) else {
                        throw Failure("T0411", value: context, details: .init(index: index + 1))
                    }
                    result.append(context)
                } else {
                    // The argument in its place is passed on unchecked, and counts as used.
                    result.append(index < arguments.count ? arguments[index] : .undefined)
                    index += 1
                }
                continue
            }
            for _ in 0..<count where index < arguments.count {
                result.append(
                    parameter.isArray
                        ? try arrayArgument(arguments[index], parameter, index, runtime) : arguments[index])
                index += 1
            }
        }
        return result
    }

    private func fitsOneToOne(_ arguments: [Value]) -> Bool {
        for index in arguments.indices where !parameters[index].types.contains(Types(of: arguments[index])) {
            return false
        }
        return true
    }

    /// Whether the parameters before an index take one argument each, as it is, and those from there on none.
    private func endsOpen(at index: Int) -> Bool {
        for parameter in parameters[..<index] where parameter.isRepeated || parameter.isArray { return false }
        for parameter in parameters[index...] where !parameter.isOptional || parameter.takesContext { return false }
        return true
    }

    private func arrayArgument(
        _ argument: Value, _ parameter: Parameter, _ index: Int, _ runtime: Runtime
    ) throws(Failure) -> Value {
        if argument.isUndefined { return argument }
        if let element = parameter.element {
            let fits: Bool
            if argument.isArray {
                if case .array(let box) = argument, box.isRange {
                    fits = box.count == 0 || element.contains(.number)
                } else {
                    let count = argument.itemCount
                    try runtime.step(count)
                    let first = count > 0 ? Types(of: argument.item(0)) : []
                    fits =
                        count == 0
                        || element.contains(first) && (1..<count).allSatisfy { Types(of: argument.item($0)) == first }
                }
            } else {
                fits = element.contains(Types(of: argument))
            }
            if !fits {
                let names: [Character: String] = [
                    "a": "arrays", "b": "booleans", "f": "functions", "n": "numbers", "o": "objects", "s": "strings",
                ]
                throw Failure(
                    "T0412", value: argument,
                    details: .init(index: index + 1, type: parameter.elementLetter.flatMap { names[$0] } ?? ""))
            }
        }
        return argument.isArray ? argument : try runtime.array([argument])
    }

    /// How many arguments each parameter takes: as many as it can, while the rest still fits.
    private func match(_ types: [Types], from start: Int, parameter index: Int, _ counts: inout [Int]) -> Bool {
        guard index < parameters.count else { return start == types.count }
        let parameter = parameters[index]
        var available = 0
        while start + available < types.count, parameter.types.contains(types[start + available]),
            parameter.isRepeated || available < 1
        {
            available += 1
        }
        let least = parameter.isOptional ? 0 : 1
        var count = available
        while count >= least {
            counts.append(count)
            if match(types, from: start + count, parameter: index + 1, &counts) { return true }
            counts.removeLast()
            count -= 1
        }
        return false
    }

    private func mismatch(_ arguments: [Value], _ types: [Types]) -> Failure {
        // The first argument at which the parameters so far no longer fit.
        var good = 0
        for upTo in 1...max(1, parameters.count) where upTo <= parameters.count {
            guard let reached = longest(types, parameters: upTo) else { break }
            good = reached
        }
        return Failure(
            "T0410", value: good < arguments.count ? arguments[good] : .undefined, details: .init(index: good + 1))
    }

    /// How many arguments the first parameters take, or nil if they do not fit.
    private func longest(_ types: [Types], parameters count: Int) -> Int? {
        var position = 0
        for parameter in parameters.prefix(count) {
            var taken = 0
            while position + taken < types.count, parameter.types.contains(types[position + taken]),
                parameter.isRepeated || taken < 1
            {
                taken += 1
            }
            if taken == 0, !parameter.isOptional { return nil }
            position += taken
        }
        return position
    }
}
