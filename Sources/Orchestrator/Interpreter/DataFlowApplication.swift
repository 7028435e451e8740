import StatesLanguage

/// What the JSONPath fields of a state leave as it is, so that the journal need not hold it again.
extension DataFlow {
    /// Whether the effective input is the raw input.
    var passesInput: Bool { selectsAllInput && parameters == nil }

    /// Whether a state's output is the result of its work.
    var passesResult: Bool { resultSelector == nil && resultPath == .replace && passesOutput }

    /// Whether OutputPath hands on all of the document.
    var passesOutput: Bool {
        switch outputPath {
        case .path(let path): path.isIdentity
        case .discard: false
        }
    }

    private var selectsAllInput: Bool {
        switch inputPath {
        case .path(let path): path.isIdentity
        case .discard: false
        }
    }
}
