import Encodings
public import Packaging
public import ScriptedServer
import Synchronization

/// A key server that holds each request to SPEKE v2 and CPIX 2.3 and answers with keys made of the ids: what a key is is
/// told by ``key(of:)``.
public final class KeyServer: Sendable {
    private struct State {
        var requests: [ScriptedServer.Received] = []
        var problems: [String] = []
        var statuses: [Int] = []
    }

    private let state = Mutex(State())
    private let server = Mutex<ScriptedServer?>(nil)

    /// What stands in the place of an answer's parts.
    public struct Twist: Sendable {
        let replace: [String: String]
        let headers: String

        public init(replace: [String: String] = [:], headers: String = "X-Speke-Version: 2.0\r\n") {
            self.replace = replace
            self.headers = headers
        }
    }

    /// - Parameter statuses: what is answered first, in turn, instead of keys.
    public init(statuses: [Int] = [], twist: Twist = Twist()) throws {
        state.withLock { $0.statuses = statuses }
        let made = try ScriptedServer { [self] connection in
            while let request = connection.receive() {
                let (status, body) = answer(request, twist)
                connection.answer(status, twist.headers, body)
            }
        }
        server.withLock { $0 = made }
    }

    public var url: String { (server.withLock { $0 }?.url ?? "") + "/speke" }
    public var requests: [ScriptedServer.Received] { state.withLock { $0.requests } }
    /// What was wrong with the requests.
    public var problems: [String] { state.withLock { $0.problems } }

    public static func key(of id: KeyID) -> [UInt8] { id.bytes.map { $0 ^ 0xFF } }

    private func answer(_ request: ScriptedServer.Received, _ twist: Twist) -> (Int, String) {
        let status = state.withLock { state in
            state.requests.append(request)
            return state.statuses.isEmpty ? 200 : state.statuses.removeFirst()
        }
        guard status == 200 else { return (status, "not now") }
        do {
            let root = try XMLNode.read(request.content)
            let problems = Self.problems(request, root)
            state.withLock { $0.problems += problems }
            var text = Self.answer(root)
            for (old, new) in twist.replace { text = text.replacing(old, with: new) }
            return (200, text)
        } catch {
            state.withLock { $0.problems.append("\(error)") }
            return (400, "")
        }
    }

    private static let systems = [
        "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", "9a04f079-9840-4286-ab92-e65be0885f95",
        "94ce86fb-07ff-4f43-adb8-93d2fa968ca2",
    ]

    /// What SPEKE v2 demands of a request, sentence by sentence.
    private static func problems(_ request: ScriptedServer.Received, _ root: XMLNode) -> [String] {
        var problems: [String] = []
        func demand(_ isRight: Bool, _ words: String) { if !isRight { problems.append(words) } }
        demand(request.line.hasPrefix("POST /speke HTTP/1.1"), "the request is a POST: \(request.line)")
        demand(request.header("Content-Type")?.hasPrefix("application/xml") == true, "Content-Type is application/xml")
        demand(request.header("X-Speke-Version") == "2.0", "X-Speke-Version is 2.0")
        demand(request.header("X-Speke-User-Agent")?.isEmpty == false, "X-Speke-User-Agent is given")
        demand(root.name == "cpix:CPIX", "the root is CPIX in its namespace")
        demand(root.attributes["xmlns:cpix"] == "urn:dashif:org:cpix", "CPIX's namespace")
        demand(root.attributes["xmlns:pskc"] == "urn:ietf:params:xml:ns:keyprov:pskc", "the secrets' namespace")
        demand(root.attributes["version"] == "2.3", "CPIX is of version 2.3")
        demand(root.attributes["contentId"]?.isEmpty == false, "contentId is mandatory")
        demand(
            root.children.map(\.name)
                == ["cpix:ContentKeyList", "cpix:DRMSystemList", "cpix:ContentKeyUsageRuleList"], "lists, in this order"
        )
        let keys = root.children[0].all("cpix:ContentKey")
        let ids = keys.compactMap { $0.attributes["kid"] }
        demand(
            !ids.isEmpty && Set(ids).count == keys.count && ids.allSatisfy { KeyID($0) != nil && $0.count == 36 },
            "kids")
        demand(
            keys.allSatisfy {
                ["cbcs", "cenc"].contains($0.attributes["commonEncryptionScheme"] ?? "") && $0.children.isEmpty
            },
            "each key names its scheme and has no value")
        let scheme = keys.first?.attributes["commonEncryptionScheme"]
        let drm = root.children[1].all("cpix:DRMSystem")
        for id in ids {
            let asked = drm.filter { $0.attributes["kid"] == id }.compactMap { $0.attributes["systemId"] }
            demand(Set(asked) == Set(systems.prefix(scheme == "cbcs" ? 3 : 2)), "systems of \(id): \(asked)")
        }
        for system in drm {
            let isFairPlay = system.attributes["systemId"] == systems[2]
            demand((system.first("cpix:PSSH") == nil) == isFairPlay, "PSSH for all but FairPlay")
            let playlists = system.all("cpix:HLSSignalingData").compactMap { $0.attributes["playlist"] }
            demand(playlists.sorted() == ["master", "media"], "signalling for both kinds of playlists")
        }
        let rules = root.children[2].all("cpix:ContentKeyUsageRule")
        demand(rules.compactMap { $0.attributes["kid"] } == ids, "a rule for each key")
        let filters = [
            "AUDIO": "cpix:AudioFilter", "VIDEO": "cpix:VideoFilter", "SD": "cpix:VideoFilter",
            "HD": "cpix:VideoFilter",
            "UHD1": "cpix:VideoFilter",
        ]
        for rule in rules {
            let type = rule.attributes["intendedTrackType"] ?? ""
            demand(rule.children.map(\.name) == [filters[type] ?? "a known type"], "the filter of '\(type)'")
        }
        return problems
    }

    /// A `pssh` box of version 0 with some data of the server's own.
    public static func header(_ system: KeyID, _ data: [UInt8]) -> [UInt8] {
        let size = 32 + data.count
        return [0, 0, UInt8(size >> 8), UInt8(size & 255)] + Array("pssh".utf8) + [0, 0, 0, 0] + system.bytes
            + [0, 0, UInt8(data.count >> 8), UInt8(data.count & 255)] + data
    }

    public static func data(_ id: KeyID) -> [UInt8] { Array("server's data of \(id.hex)".utf8) }

    /// The same document with the values in it, with other prefixes: namespaces count, not prefixes.
    private static func answer(_ root: XMLNode) -> String {
        var text =
            "<?xml version=\"1.0\"?>\n<CPIX xmlns=\"urn:dashif:org:cpix\" xmlns:p=\"urn:ietf:params:xml:ns:keyprov:pskc\""
        text += " contentId=\"\(root.attributes["contentId"] ?? "")\" version=\"2.3\"><ContentKeyList>"
        for key in root.children[0].children {
            guard let id = key.attributes["kid"].flatMap({ KeyID($0) }) else { continue }
            text +=
                "<ContentKey kid=\"\(id.uuid.uppercased())\" explicitIV=\"\(Base64.encode(Array(repeating: 9, count: 16)))\" "
            text += "commonEncryptionScheme=\"\(key.attributes["commonEncryptionScheme"] ?? "")\"><Data><p:Secret>"
            text += "<p:PlainValue>\(Base64.encode(Self.key(of: id)))</p:PlainValue></p:Secret></Data></ContentKey>"
        }
        text += "</ContentKeyList><DRMSystemList>"
        for system in root.children[1].children {
            guard let kid = system.attributes["kid"].flatMap({ KeyID($0) }),
                let id = system.attributes["systemId"].flatMap({ KeyID($0) })
            else { continue }
            text += "<DRMSystem kid=\"\(kid.uuid)\" systemId=\"\(id.uuid)\">"
            if id.uuid == systems[2] {
                let tag =
                    "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://keys.example/\(kid.hex)\",KEYFORMAT=\"com.apple.streamingkeydelivery\""
                text += "<HLSSignalingData playlist=\"media\">\(Base64.encode(Array(tag.utf8)))</HLSSignalingData>"
            } else {
                text += "<PSSH>\(Base64.encode(header(id, data(kid))))</PSSH>"
            }
            text += "</DRMSystem>"
        }
        text += "</DRMSystemList><ContentKeyUsageRuleList>"
        for rule in root.children[2].children {
            text += "<ContentKeyUsageRule kid=\"\(rule.attributes["kid"] ?? "")\" "
            text +=
                "intendedTrackType=\"\(rule.attributes["intendedTrackType"] ?? "")\"><VideoFilter/></ContentKeyUsageRule>"
        }
        return text + "</ContentKeyUsageRuleList></CPIX>"
    }
}
