import AccessControl
import Encodings
import HTTPServer
import HTTPTypes
import Hummingbird
import JSON

/// What a call is about, for the audit log and for refusals.
enum AuditSubject {
    /// The longest text that is kept of a resource or a reason, in UTF-8 bytes.
    private static let length = 1024

    private static let members = [
        "executionArn", "stateMachineArn", "stateMachineVersionArn", "stateMachineAliasArn", "activityArn", "mapRunArn",
        "resourceArn", "name",
    ]

    /// The resource that an operation's members name; nil without one.
    static func resource(ofOperation content: [UInt8]) -> String? {
        let document: JSON
        // What is no JSON names nothing; the operation says so itself.
        do { document = try JSON(parsing: content) } catch { return nil }
        if let token = document["taskToken"]?.stringValue {
            // What stands behind the last point is the secret of the token.
            return token.lastIndex(of: ".").map { kept("task " + token[..<$0]) }
        }
        for member in members {
            if let text = document[member]?.stringValue, !text.isEmpty { return kept(text) }
        }
        return nil
    }

    /// What stands behind these in a path, and what it is.
    private static let places: [(beginning: String, word: String)] = [
        ("/console/api/runs/", "execution"), ("/console/api/machines/", "state machine"),
        ("/console/api/workers/", "worker"), ("/console/api/triggers/", "trigger"),
        ("/console/api/schedules/", "schedule"), ("/console/api/connections/", "connection"),
        ("/console/api/starts-aside/", "start"), ("/access/v1/keys/", "access key"),
        ("/access/v1/accounts/", "account"),
    ]
    /// What has ARNs: one says itself what it is. Anything else may be called like one.
    private static let wordsOfARNs: Set = ["execution", "state machine"]

    /// What a path names: `trigger films`, `worker w-3`, an ARN of an execution or a state machine as it is; the path itself
    /// where it names nothing else.
    static func resource(ofPath path: String) -> String {
        guard let place = places.first(where: { path.hasPrefix($0.beginning) }),
            let part = path.dropFirst(place.beginning.count).split(separator: "/").first,
            let name = PercentEncoding.decode(part),
            // What would read as more than a name stays as it was sent: no name of an execution has a comma.
            !name.unicodeScalars.contains(where: isControl), place.word != "execution" || !name.contains(",")
        else { return kept(path) }
        let isARN = name.hasPrefix("arn:") && wordsOfARNs.contains(place.word)
        return kept((isARN ? name : "\(place.word) \(name)") + stateEntry(ofPath: path))
    }

    /// The execution that an answer names: the one that was acted on, or that was started.
    static func resource(ofExecution arn: String, path: String) -> String { kept(arn + stateEntry(ofPath: path)) }

    /// Behind a comma, so that it may follow its execution; empty where the path names none.
    private static func stateEntry(ofPath path: String) -> String {
        // console, api, runs, the execution, states, the entry
        let parts = path.split(separator: "/")
        guard parts.count > 5, parts[2] == "runs", parts[4] == "states" else { return "" }
        return ", state entry \(parts[5])"
    }

    static func reason(_ request: Request) -> String? {
        request.headers[.reason].flatMap { $0.isEmpty ? nil : kept($0) }
    }

    /// The peer's address. Behind a proxy on this machine, or an engine that handed the call on, it is what that says: the
    /// last entry is its own. Whoever makes that up stands behind "by way of" with his own address.
    static func source(_ request: Request, _ context: ServiceContext) -> String? {
        guard context.isLoopback || request.headers[.via] != nil,
            let named = request.headers[.forwardedFor]?.split(separator: ",").last?.filter({ $0 != " " }),
            !named.isEmpty
        else { return context.peerAddress }
        return String(named.prefix(bytes: 64)) + " by way of " + (context.peerAddress ?? "a local socket")
    }

    static func kept(_ text: String) -> String {
        String(String.UnicodeScalarView(text.prefix(bytes: length).unicodeScalars.filter { !isControl($0) }))
    }

    /// Whether a scalar is none that people see, or ends a line: the log is read line by line.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}

extension StringProtocol {
    /// What fits into so many UTF-8 bytes, cut between two Unicode scalars. Characters have no length to go by: one may
    /// have any number of scalars.
    func prefix(bytes limit: Int) -> SubSequence {
        guard utf8.count > limit else { return self[...] }
        var length = limit
        var end = utf8.index(utf8.startIndex, offsetBy: length)
        // A byte 10xxxxxx continues the scalar before it.
        while utf8[end] & 0xC0 == 0x80 {
            length -= 1
            end = utf8.index(utf8.startIndex, offsetBy: length)
        }
        return self[..<end]
    }
}
