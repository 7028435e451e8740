/// How many columns texts take on a terminal.
enum Columns {
    static func of(_ text: String) -> Int { text.reduce(0) { $0 + of($1) } }

    /// As many of the first characters as fit.
    static func prefix(_ text: String, _ columns: Int) -> Substring {
        var left = columns
        return text.prefix { character in
            left -= of(character)
            return left >= 0
        }
    }

    /// 2 for what East Asian scripts write in a square, and for pictures; 0 for marks without a character.
    ///
    /// Source: Unicode Standard Annex 11, the blocks whose characters are Wide or Fullwidth.
    private static func of(_ character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        switch first.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: break
        }
        switch first.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
            0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x17000...0x18CFF, 0x1B000...0x1B2FF,
            0x20000...0x3FFFD:
            return 2
        default:
            let isPicture = first.properties.isEmojiPresentation || character.unicodeScalars.contains("\u{FE0F}")
            return isPicture ? 2 : 1
        }
    }
}
