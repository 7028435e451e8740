/// The commands in a piece of shell, in words: as much of the shell's language as the documentation uses.
enum ShellWords {
    /// Quotes end with their line, so that an apostrophe in prose is none.
    static func commands(in script: String) -> [[String]] {
        script.replacing("\\\n", with: " ").split(separator: "\n").flatMap { line($0) }
    }

    private static func line(_ line: Substring) -> [[String]] {
        var commands: [[String]] = []
        var words: [String] = []
        var word = ""
        var isWord = false
        var quote: Character?
        func endWord() {
            if isWord { words.append(word) }
            (word, isWord) = ("", false)
        }
        func endCommand() {
            endWord()
            if !words.isEmpty { commands.append(words) }
            words = []
        }
        for character in line {
            if let open = quote {
                if character == open { quote = nil } else { word.append(character) }
                continue
            }
            switch character {
            case "'", "\"":
                quote = character
                isWord = true
            case "#" where !isWord:
                endCommand()
                return commands
            case "|", ";", "&", "(", ")", ">", "<": endCommand()
            case " ", "\t": endWord()
            default:
                word.append(character)
                isWord = true
            }
        }
        endCommand()
        return commands
    }
}
