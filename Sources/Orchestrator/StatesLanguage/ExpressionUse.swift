import JSON
import JSONata

/// A path, call or expression in a state's fields, or a variable that it assigns, with its place in the file.
struct ExpressionUse {
    enum Content {
        case path(JSONPath)
        case call(IntrinsicCall)
        case expression(QueryExpression)
        case assignment(String)
    }

    let content: Content
    let place: SourcePlace
    let location: String
    /// The state's field, without what is inside: `Parameters`, `Catch`.
    let field: String
    /// The places of the variables in it, where they are known better than by ``place``.
    var variablePlaces: [String: SourcePlace] = [:]
}

extension DefinitionReader {
    mutating func note(_ content: ExpressionUse.Content, at place: SourcePlace, _ location: String) {
        let within = location.dropFirst(stateLocation.count + 1)
        let field = String(within.prefix { $0 != "/" && $0 != "[" })
        currentUses.append(ExpressionUse(content: content, place: place, location: location, field: field))
        switch content {
        case .path(let path): checkContext(path.contextNames, root: "$$", at: place, location)
        case .call(let call):
            for path in call.paths { checkContext(path.contextNames, root: "$$", at: place, location) }
        case .expression, .assignment: break
        }
    }

    /// Notes an expression and says what of the language it may not use.
    ///
    /// - Parameter offset: where the expression begins in the text, in characters.
    mutating func note(_ expression: QueryExpression, in tree: SourceTree, offset: Int, _ location: String) {
        note(.expression(expression), at: tree.place(ofCharacter: offset), location)
        let noted = currentUses.count - 1
        for name in expression.contextReferences {
            report(
                .error, .unsupportedJSONataExpression, "Reference to '\(name)' at the top level is not supported.",
                advice: name == "$"
                    ? "there is no context here: write $states.input"
                    : "write $states.input.\(name) for the input's, or $\(name) for a variable",
                at: tree.place(ofCharacter: offset), location)
        }
        for reference in expression.references {
            let place = tree.place(ofCodeUnit: reference.offset, in: expression.text, behind: offset)
            if currentUses[noted].variablePlaces[reference.variable] == nil {
                currentUses[noted].variablePlaces[reference.variable] = place
            }
            if reference.variable == "$" {
                report(
                    .error, .unsupportedJSONataExpression, "Reference to '$$' is not supported.",
                    advice: "write $states.input", at: place, location)
            } else if reference.variable == "states", let field = reference.path.first {
                check(field, of: expression, at: place, location)
                if field == "context" {
                    checkContext(reference.path.dropFirst(), root: "$states.context", at: place, location)
                }
            }
        }
        if expression.calledFunctions.contains("eval") {
            report(
                .error, .unsupportedJSONataExpression, "Function 'eval' is not supported.",
                advice: "use $parse to read JSON from a text", at: tree.place(ofCharacter: offset), location)
        }
    }

    /// The fields of `$states`, of which two are there in some places only.
    private mutating func check(
        _ field: String, of expression: QueryExpression, at place: SourcePlace, _ location: String
    ) {
        let known = ["input", "context", "result", "errorOutput"]
        let within = location.dropFirst(stateLocation.count)
        let isKnownHere: Bool
        var advice: String?
        switch field {
        case "input", "context": isKnownHere = true
        case "result":
            isKnownHere = hasResult && isAfterwards(within)
            advice = "a result is there in Output and Assign of Task, Parallel and Map states"
        case "errorOutput":
            isKnownHere = within.hasPrefix("/Catch[") && isAfterwards(within.drop { $0 != "]" }.dropFirst())
            advice = "the error is there in Output and Assign of an entry of Catch"
        default:
            isKnownHere = false
            advice = nearestName(to: field, among: known).map { "did you mean '\($0)'?" }
        }
        if !isKnownHere {
            report(
                .error, .unsupportedJSONataExpression, "Field '$states.\(field)' does not exist.", advice: advice,
                at: place, location)
        }
    }

    private func isAfterwards(_ location: Substring) -> Bool {
        location.hasPrefix("/Output") || location.hasPrefix("/Assign")
    }

    mutating func report(_ problem: ExpressionText.Problem, in tree: SourceTree, _ location: String) {
        report(
            .error, problem.code, problem.message, advice: problem.advice, at: tree.place(ofCharacter: problem.offset),
            location
        )
    }
}

extension JSONPath {
    /// Whether the path can name one place only.
    var isReference: Bool {
        segments.allSatisfy { segment in
            switch segment {
            case .names(let names): names.count == 1
            case .indices(let indices): indices.count == 1 && indices[0] >= 0
            case .slice, .wildcard, .filter, .descendants, .function: false
            }
        }
    }
}
