/// An element of the small XML documents that S3 answers with: names without their prefixes, no attributes. Tolerant:
/// what is not understood is skipped, and a document that breaks off keeps what came before.
public struct XMLElement: Sendable, Equatable {
    public private(set) var name: String
    /// Of the element itself, without its children's.
    public private(set) var text = ""
    public private(set) var children: [XMLElement] = []

    private static let maxDepth = 32

    /// The root element; nil when the bytes begin with none.
    public static func parse(_ bytes: [UInt8]) -> XMLElement? {
        var rest = bytes[...]
        var open: [XMLElement] = []
        while !rest.isEmpty {
            let text = rest.prefix { $0 != UInt8(ascii: "<") }
            if !open.isEmpty { open[open.count - 1].text += decodeEntities(text) }
            rest = rest[text.endIndex...]
            if rest.isEmpty { break }
            if rest.starts(with: "<![CDATA[".utf8) {
                let content = rest.dropFirst(9)
                let end = content.firstRange(of: Array("]]>".utf8)) ?? content.endIndex..<content.endIndex
                if !open.isEmpty {
                    open[open.count - 1].text += String(decoding: content[..<end.lowerBound], as: UTF8.self)
                }
                rest = content[end.upperBound...]
                continue
            }
            if rest.starts(with: "<!--".utf8) {
                let end = rest.firstRange(of: Array("-->".utf8)) ?? rest.endIndex..<rest.endIndex
                rest = rest[end.upperBound...]
                continue
            }
            guard let close = rest.firstIndex(of: UInt8(ascii: ">")) else { break }
            let tag = rest[rest.index(after: rest.startIndex)..<close]
            rest = rest[rest.index(after: close)...]
            guard let first = tag.first, first != UInt8(ascii: "?"), first != UInt8(ascii: "!") else { continue }
            if first != UInt8(ascii: "/") {
                guard open.count < maxDepth else { return nil }
                open.append(XMLElement(name: name(of: tag)))
                if tag.last != UInt8(ascii: "/") { continue }
            }
            guard let element = open.popLast() else { continue }
            if open.isEmpty { return element }
            open[open.count - 1].children.append(element)
        }
        // Broken off: close what is open.
        while open.count > 1 {
            let element = open.removeLast()
            open[open.count - 1].children.append(element)
        }
        return open.first
    }

    private init(name: String) { self.name = name }

    /// The text of the first child of a name.
    public subscript(name: String) -> String? { children.first { $0.name == name }?.text }

    private static func name(of tag: ArraySlice<UInt8>) -> String {
        let name = tag.prefix { $0 != 32 && $0 != 9 && $0 != 10 && $0 != 13 && $0 != UInt8(ascii: "/") }
        let local = name.lastIndex(of: UInt8(ascii: ":")).map { name[($0 + 1)...] } ?? name
        return String(decoding: local, as: UTF8.self)
    }

    private static func decodeEntities(_ bytes: ArraySlice<UInt8>) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.contains("&") else { return text }
        var result = ""
        var rest = text[...]
        while let ampersand = rest.firstIndex(of: "&") {
            result += rest[..<ampersand]
            rest = rest[ampersand...]
            guard let semicolon = rest.firstIndex(of: ";"),
                let decoded = entity(rest[rest.index(after: ampersand)..<semicolon])
            else {
                result.append(rest.removeFirst())
                continue
            }
            result.append(decoded)
            rest = rest[rest.index(after: semicolon)...]
        }
        return result + rest
    }

    private static func entity(_ name: Substring) -> Character? {
        switch name {
        case "lt": "<"
        case "gt": ">"
        case "amp": "&"
        case "quot": "\""
        case "apos": "'"
        default:
            if name.hasPrefix("#x") {
                UInt32(name.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init).map(Character.init)
            } else if name.hasPrefix("#") {
                UInt32(name.dropFirst()).flatMap(Unicode.Scalar.init).map(Character.init)
            } else {
                nil
            }
        }
    }
}
