import StatesLanguage

/// How a definition is refused for the Label of a distributed Map: in other words than every other fault, with the
/// problem quoted twice and the whole definition behind it. Recorded answers of the service have this form for each
/// label that it refuses; clients that read the message find what they know.
enum LabelRefusal {
    /// The message, where the label is the definition's first fault; nil otherwise.
    static func message(for faults: [Diagnostic], definition: String) -> String? {
        guard let first = faults.first, first.code == Diagnostic.Code.invalidLabelName.rawValue else { return nil }
        return "Error=ValueError Args=[\(quoted(first.message))] in definition '\(definition)'."
    }

    /// Backslashes doubled; in double quotes where the text has single ones, unless it has both kinds.
    private static func quoted(_ text: String) -> String {
        let isInDouble = text.contains("'") && !text.contains("\"")
        let mark: Character = isInDouble ? "\"" : "'"
        var quoted = String(mark)
        for character in text {
            if character == "\\" || character == mark { quoted.append("\\") }
            quoted.append(character)
        }
        quoted.append(mark)
        return quoted
    }
}
