import Encodings
public import Packaging

/// A document of the Content Protection Information Exchange Format 2.3 (DASH-IF), as far as SPEKE v2 takes and gives it:
/// a request names keys by ids and says what they are for, the answer is the same document with keys and signalling in it.
public struct CPIXDocument: Sendable {
    static let namespace = "urn:dashif:org:cpix"
    static let secretNamespace = "urn:ietf:params:xml:ns:keyprov:pskc"
    static let version = "2.3"

    /// What is asked for one label.
    public struct Use: Sendable, Hashable {
        public let keyID: KeyID
        public let label: KeyLabel

        public init(keyID: KeyID, label: KeyLabel) {
            self.keyID = keyID
            self.label = label
        }
    }

    let contentID: String
    let scheme: ProtectionScheme
    let uses: [Use]
    /// Signalling is asked for these.
    let systems: [ProtectionSystem]

    /// - Parameters:
    ///   - contentID: 1 to 64 letters, digits, `-` and `_`.
    ///   - uses: each key id once.
    ///   - systems: whose signalling is asked for.
    public init(contentID: String, scheme: ProtectionScheme, uses: [Use], systems: [ProtectionSystem]) {
        self.contentID = contentID
        self.scheme = scheme
        self.uses = uses
        self.systems = systems
    }

    /// The request's XML (SPEKE v2, "Standard payload components").
    public var request: String {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        text += "<cpix:CPIX contentId=\"\(contentID)\" version=\"\(Self.version)\" xmlns:cpix=\"\(Self.namespace)\" "
        text += "xmlns:pskc=\"\(Self.secretNamespace)\">\n  <cpix:ContentKeyList>\n"
        for use in uses {
            text += "    <cpix:ContentKey kid=\"\(use.keyID.uuid)\" commonEncryptionScheme=\"\(scheme.rawValue)\"/>\n"
        }
        text += "  </cpix:ContentKeyList>\n  <cpix:DRMSystemList>\n"
        for use in uses {
            for system in systems {
                text += "    <cpix:DRMSystem kid=\"\(use.keyID.uuid)\" systemId=\"\(system.systemID.uuid)\">\n"
                if system != .fairPlay { text += "      <cpix:PSSH/>\n" }
                text += "      <cpix:HLSSignalingData playlist=\"media\"/>\n"
                text += "      <cpix:HLSSignalingData playlist=\"master\"/>\n    </cpix:DRMSystem>\n"
            }
        }
        text += "  </cpix:DRMSystemList>\n  <cpix:ContentKeyUsageRuleList>\n"
        for use in uses {
            text += "    <cpix:ContentKeyUsageRule kid=\"\(use.keyID.uuid)\" intendedTrackType=\"\(use.trackType)\">\n"
            text += "      \(use.filter)\n    </cpix:ContentKeyUsageRule>\n"
        }
        return text + "  </cpix:ContentKeyUsageRuleList>\n</cpix:CPIX>\n"
    }

    /// Reads an answer to this request, and holds it to the request's encryption contract: the same content, the same key
    /// ids under the same scheme for the same tracks, each with its key.
    ///
    /// - Throws: what is wrong, without any key.
    public func keys(inAnswer bytes: [UInt8]) throws(CPIXProblem) -> [MadeKey] {
        let root: XMLNode
        do throws(XMLProblem) { root = try XMLNode.read(bytes) } catch {
            throw CPIXProblem("is no XML: \(error)")
        }
        guard root.localName == "CPIX" else { throw CPIXProblem("has the root '\(root.name)', not CPIX") }
        if let given = root.attributes["contentId"], given != contentID {
            throw CPIXProblem("is about the content '\(given.prefix(80))', not '\(contentID)'")
        }
        try checkRules(root)
        let given = root.list("ContentKeyList", of: "ContentKey")
        guard given.count == uses.count else {
            throw CPIXProblem("has \(given.count) content keys, \(uses.count) were asked for")
        }
        var keys: [MadeKey] = []
        for use in uses {
            guard let element = given.first(where: { $0.attributes["kid"].flatMap { KeyID($0) } == use.keyID }) else {
                throw CPIXProblem("has no content key \(use.keyID.uuid)")
            }
            if let named = element.attributes["commonEncryptionScheme"], named != scheme.rawValue {
                throw CPIXProblem("has the key \(use.keyID.uuid) for '\(named.prefix(20))', not \(scheme.rawValue)")
            }
            guard let value = element.child("Data")?.child("Secret")?.child("PlainValue")?.text,
                let key = Self.decoded(value), key.count == 16
            else {
                throw CPIXProblem("has no plain value of 16 bytes in base 64 for the key \(use.keyID.uuid)")
            }
            keys.append(
                MadeKey(
                    keyID: use.keyID, label: use.label, key: key, vector: try vector(element, use),
                    signalling: try signalling(root, use)))
        }
        return keys
    }

    /// The rules are the request's own; a server that changes them would have other tracks encrypted with a key.
    private func checkRules(_ root: XMLNode) throws(CPIXProblem) {
        let rules = root.list("ContentKeyUsageRuleList", of: "ContentKeyUsageRule")
        for use in uses {
            let types = rules.filter { $0.attributes["kid"].flatMap { KeyID($0) } == use.keyID }
                .compactMap { $0.attributes["intendedTrackType"] }
            guard types == [use.trackType] else {
                throw CPIXProblem(
                    "has the key \(use.keyID.uuid) for '\(types.joined(separator: ", ").prefix(80))', not '\(use.trackType)'"
                )
            }
        }
    }

    private func vector(_ element: XMLNode, _ use: Use) throws(CPIXProblem) -> [UInt8]? {
        guard let text = element.attributes["explicitIV"] else { return nil }
        guard let vector = Self.decoded(text), vector.count == 16 else {
            throw CPIXProblem("has an explicitIV that is not 16 bytes in base 64 for the key \(use.keyID.uuid)")
        }
        return vector
    }

    /// What the answer says of each system that was asked about; one that it does not name is not signalled.
    private func signalling(_ root: XMLNode, _ use: Use) throws(CPIXProblem) -> [ProtectionSystem: SystemSignalling] {
        var found: [ProtectionSystem: SystemSignalling] = [:]
        for element in root.list("DRMSystemList", of: "DRMSystem") {
            guard element.attributes["kid"].flatMap({ KeyID($0) }) == use.keyID,
                let id = element.attributes["systemId"].flatMap({ KeyID($0) }),
                let system = systems.first(where: { $0.systemID == id })
            else { continue }
            let what = "of \(system.rawValue) for the key \(use.keyID.uuid)"
            var header: [UInt8]?
            if let text = element.child("PSSH")?.text, !text.isEmpty {
                guard let bytes = Self.decoded(text), SystemSignalling.isHeader(bytes, of: system) else {
                    throw CPIXProblem("has a PSSH \(what) that is no such box in base 64")
                }
                header = bytes
            }
            var address: String?
            let media = element.all(named: "HLSSignalingData").first { $0.attributes["playlist"] != "master" }
            if let text = media?.text, !text.isEmpty {
                guard let bytes = Self.decoded(text),
                    let uri = Self.address(inTags: String(decoding: bytes, as: UTF8.self))
                else { throw CPIXProblem("has HLSSignalingData \(what) without an EXT-X-KEY that has a URI") }
                address = uri
            }
            found[system] = SystemSignalling(header: header, address: address)
        }
        return found
    }

    /// base64Binary, which may have blanks between its digits; nil for anything else.
    private static func decoded(_ text: String) -> [UInt8]? {
        do throws(Base64Error) { return try Base64.decode(text.filter { !$0.isWhitespace }) } catch { return nil }
    }

    /// The URI of the EXT-X-KEY that a server wants written. Everything else of the tag follows from key and scheme.
    private static func address(inTags text: String) -> String? {
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("#EXT-X-KEY:") {
            guard let start = line.firstRange(of: "URI=\"")?.upperBound,
                let end = line[start...].firstIndex(of: "\"")
            else { continue }
            let uri = String(line[start..<end])
            if !uri.isEmpty, uri.utf8.count <= 8192, uri.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) { return uri }
        }
        return nil
    }
}

/// Why an answer of a key server is not taken. Says nothing of keys.
public struct CPIXProblem: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

extension CPIXDocument.Use {
    /// `intendedTrackType` (SPEKE v2, "Encryption contract").
    var trackType: String {
        switch label {
        case .audio: "AUDIO"
        case .video: "VIDEO"
        case .sd: "SD"
        case .hd: "HD"
        case .uhd: "UHD1"
        }
    }

    /// Which tracks the key is for (CPIX 2.3, VideoFilter and AudioFilter).
    var filter: String {
        switch label {
        case .audio: "<cpix:AudioFilter/>"
        case .video: "<cpix:VideoFilter/>"
        case .sd: "<cpix:VideoFilter maxPixels=\"\(1024 * 576)\"/>"
        case .hd: "<cpix:VideoFilter minPixels=\"\(1024 * 576 + 1)\" maxPixels=\"\(1920 * 1088)\"/>"
        case .uhd: "<cpix:VideoFilter minPixels=\"\(1920 * 1088 + 1)\"/>"
        }
    }
}

extension XMLNode {
    /// The name without its prefix.
    fileprivate var localName: String { Self.local(name) }

    private static func local(_ name: String) -> String {
        name.lastIndex(of: ":").map { String(name[name.index(after: $0)...]) } ?? name
    }

    fileprivate func all(named name: String) -> [XMLNode] { children.filter { $0.localName == name } }
    fileprivate func child(_ name: String) -> XMLNode? { children.first { $0.localName == name } }
    fileprivate func list(_ list: String, of name: String) -> [XMLNode] { child(list)?.all(named: name) ?? [] }
}
