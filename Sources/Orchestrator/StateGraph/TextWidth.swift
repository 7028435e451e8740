/// How wide a text is, about, in a sans-serif face: what a drawing can know that brings no font along. A little more
/// than most faces need.
enum TextWidth {
    /// In pixels at a font size in pixels.
    static func of(_ text: String, size: Double, isBold: Bool = false) -> Double {
        let units = text.unicodeScalars.reduce(0) { $0 + width(of: $1) }
        return units * size * (isBold ? 1.08 : 1)
    }

    /// Of one character, in em.
    private static func width(of scalar: Unicode.Scalar) -> Double {
        switch scalar.value {
        case 0x300...0x36F, 0x200B...0x200F, 0xFE00...0xFE0F: 0
        case 0x2E80...: 1.05
        case 0x80...: 0.62
        default:
            switch Character(scalar) {
            case "i", "j", "l", "'", "|", ".", ",", ":", ";", "!": 0.29
            case "f", "t", "r", "I", " ", "(", ")", "[", "]", "-", "/", "\\", "\"": 0.38
            case "m", "w", "M", "W", "@", "%": 0.92
            case "A"..."Z", "&", "~", "+", "=", "<", ">", "#": 0.7
            default: 0.58
            }
        }
    }

    /// The text in lines of at most so many characters, broken at spaces where there are any; what does not fit into
    /// the lines is cut with an ellipsis.
    static func lines(_ text: String, characters: Int, lines limit: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if line.isEmpty {
                line = String(word)
            } else if line.count + word.count < characters {
                line += " " + word
            } else {
                lines.append(line)
                line = String(word)
            }
        }
        if !line.isEmpty { lines.append(line) }
        if lines.count > limit { lines[limit - 1] += " …" }
        return lines.prefix(limit).map { $0.shortened(to: characters) }
    }
}
