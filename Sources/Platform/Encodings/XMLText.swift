/// Text as it stands in an XML document (XML 1.0, section 2.4), in an element or in an attribute's double quotes. What the
/// document can't hold becomes U+FFFD, blanks of all kinds a space.
public func xmlText(_ text: some StringProtocol) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": escaped += "&amp;"
        case "<": escaped += "&lt;"
        case ">": escaped += "&gt;"
        case "\"": escaped += "&quot;"
        case "\n", "\t", "\r": escaped += " "
        // There are no other control characters, and no non-characters (section 2.2).
        case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: escaped += "\u{FFFD}"
        default: escaped.unicodeScalars.append(scalar)
        }
    }
    return escaped
}
