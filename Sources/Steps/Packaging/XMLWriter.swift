import Encodings

/// Writes indented XML 1.0: elements with attributes or text, nothing more is needed for an MPD.
struct XMLWriter {
    private(set) var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    private var depth = 0

    mutating func element(
        _ name: String, _ attributes: [(String, String)], _ content: ((inout XMLWriter) -> Void)? = nil
    ) {
        text += String(repeating: "  ", count: depth) + "<" + name
        for (key, value) in attributes { text += " \(key)=\"\(xmlText(value))\"" }
        guard let content else {
            text += "/>\n"
            return
        }
        text += ">\n"
        depth += 1
        let before = text.utf8.count
        content(&self)
        depth -= 1
        if text.utf8.count == before {
            // No content after all.
            text.removeLast(2)
            text += "/>\n"
        } else {
            text += String(repeating: "  ", count: depth) + "</\(name)>\n"
        }
    }

    mutating func element(_ name: String, text content: String) {
        text += String(repeating: "  ", count: depth) + "<\(name)>\(xmlText(content))</\(name)>\n"
    }
}
