public import JSON

/// Who an HTTP task is to the API it calls, and what it sends along: an EventBridge connection's parameters. Holds
/// secrets; its description holds none.
///
/// Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateConnection.html
public struct HTTPConnection: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    public enum Authorization: Sendable, Hashable {
        case basic(username: String, password: String)
        /// A header field of any name.
        case apiKey(name: String, value: String)
        case oauth(OAuthClient)

        /// EventBridge's word for it.
        public var type: String {
            switch self {
            case .basic: "BASIC"
            case .apiKey: "API_KEY"
            case .oauth: "OAUTH_CLIENT_CREDENTIALS"
            }
        }
    }

    /// Who asks which authorization server for a token (RFC 6749, section 4.4).
    public struct OAuthClient: Sendable, Hashable {
        public let id: String
        public let secret: String
        /// URL of the token endpoint.
        public let endpoint: String
        /// GET, POST or PUT.
        public let method: String
        public let parameters: Parameters
    }

    /// One header field, query parameter or member of the content.
    public struct Parameter: Sendable, Hashable {
        public let key: String
        public let value: String
        /// Whether the value is shown to nobody.
        public let isSecret: Bool
    }

    /// What is sent along.
    public struct Parameters: Sendable, Hashable {
        public var headers: [Parameter] = []
        public var query: [Parameter] = []
        public var body: [Parameter] = []
    }

    public let authorization: Authorization
    public let invocation: Parameters
    /// Where it may be sent, and nowhere else: whoever writes a definition chooses the URL, but not who learns the
    /// secrets. EventBridge has no such list.
    public let origins: [HTTPOrigin]

    public var description: String { "HTTPConnection(\(authorization.type))" }
    public var customMirror: Mirror { Mirror(self, children: ["authorization": authorization.type]) }
}

extension HTTPConnection {
    /// Parameters of one list, as EventBridge has it.
    public static let maximumParameters = 100
    /// Origins of one connection.
    public static let maximumOrigins = 20
    private static let valueLength = 1...512

    /// Reads `AuthorizationType` and `AuthParameters` of EventBridge's CreateConnection, and `Origins`, a list of
    /// texts. Throws `Showrunner.ParametersInvalid` with everything that is wrong with them, and no value in it.
    public init(json: JSON) throws(StepFailure) {
        var reader = ConnectionReader()
        let parameters = reader.object(json, "AuthParameters", "")
        let type = reader.text(json, "AuthorizationType", "", 1...64)
        switch type {
        case "BASIC":
            let basic = reader.object(parameters, "BasicAuthParameters", "AuthParameters")
            let place = "AuthParameters.BasicAuthParameters"
            authorization = .basic(
                username: reader.text(basic, "Username", place, Self.valueLength),
                password: reader.text(basic, "Password", place, Self.valueLength))
        case "API_KEY":
            let key = reader.object(parameters, "ApiKeyAuthParameters", "AuthParameters")
            let place = "AuthParameters.ApiKeyAuthParameters"
            authorization = .apiKey(
                name: reader.text(key, "ApiKeyName", place, Self.valueLength),
                value: reader.text(key, "ApiKeyValue", place, Self.valueLength))
        case "OAUTH_CLIENT_CREDENTIALS":
            authorization = .oauth(reader.client(reader.object(parameters, "OAuthParameters", "AuthParameters")))
        default:
            if !type.isEmpty {
                reader.note(
                    "AuthorizationType", "is '\(type)'; it has to be BASIC, API_KEY or OAUTH_CLIENT_CREDENTIALS")
            }
            authorization = .basic(username: "", password: "")
        }
        invocation = reader.parameters(
            parameters["InvocationHttpParameters"], "AuthParameters.InvocationHttpParameters")
        origins = reader.origins(json)
        guard reader.problems.isEmpty else {
            throw .parametersInvalid("the connection: " + reader.problems.joined(separator: "; "))
        }
    }

    /// A sentence that says why its secrets may not go to a URL; nil where they may.
    public func refusal(to url: String) -> String? {
        guard let origin = HTTPOrigin(of: url) else {
            return "The connection is for \(allowed) alone, and the URL's origin is not clear."
        }
        return origins.contains(origin) ? nil : "The connection is for \(allowed) alone, not for \(origin)."
    }

    private var allowed: String { origins.map(\.description).joined(separator: ", ") }

    /// What ``init(json:)`` reads, secrets included.
    public var json: JSON { document(showsSecrets: true) }

    /// The same for people: names, and values that are no secrets.
    public var shown: JSON { document(showsSecrets: false) }

    private func document(showsSecrets: Bool) -> JSON {
        func secret(_ text: String) -> JSON? { showsSecrets ? .string(text) : nil }
        var parameters: JSON
        switch authorization {
        case .basic(let username, let password):
            parameters = [
                "BasicAuthParameters": .members(("Username", .string(username)), ("Password", secret(password)))
            ]
        case .apiKey(let name, let value):
            parameters = [
                "ApiKeyAuthParameters": .members(("ApiKeyName", .string(name)), ("ApiKeyValue", secret(value)))
            ]
        case .oauth(let client):
            parameters = [
                "OAuthParameters": .members(
                    (
                        "ClientParameters",
                        .members(("ClientID", .string(client.id)), ("ClientSecret", secret(client.secret)))
                    ), ("AuthorizationEndpoint", .string(client.endpoint)), ("HttpMethod", .string(client.method)),
                    ("OAuthHttpParameters", client.parameters.document(showsSecrets)))
            ]
        }
        parameters["InvocationHttpParameters"] = invocation.document(showsSecrets)
        return [
            "AuthorizationType": .string(authorization.type), "AuthParameters": parameters,
            "Origins": .array(origins.map { .string($0.description) }),
        ]
    }
}

extension HTTPConnection.Parameters {
    /// Nil where there are none.
    fileprivate func document(_ showsSecrets: Bool) -> JSON? {
        func list(_ parameters: [HTTPConnection.Parameter]) -> JSON? {
            parameters.isEmpty
                ? nil
                : .array(
                    parameters.map { parameter in
                        .members(
                            ("Key", .string(parameter.key)),
                            ("Value", showsSecrets || !parameter.isSecret ? .string(parameter.value) : nil),
                            ("IsValueSecret", .bool(parameter.isSecret)))
                    })
        }
        if headers.isEmpty, query.isEmpty, body.isEmpty { return nil }
        return .members(
            ("HeaderParameters", list(headers)), ("QueryStringParameters", list(query)),
            ("BodyParameters", list(body)))
    }
}

/// Reads members and gathers what is wrong with them.
private struct ConnectionReader {
    var problems: [String] = []

    mutating func note(_ name: String, _ reason: String) { problems.append("'\(name)' \(reason)") }

    private func path(_ place: String, _ name: String) -> String { place.isEmpty ? name : "\(place).\(name)" }

    mutating func object(_ json: JSON, _ name: String, _ place: String) -> JSON {
        guard let value = json[name], value.objectValue != nil else {
            note(path(place, name), "has to be an object")
            return [:]
        }
        return value
    }

    mutating func text(_ json: JSON, _ name: String, _ place: String, _ length: ClosedRange<Int>) -> String {
        guard let text = json[name]?.stringValue, length.contains(text.unicodeScalars.count) else {
            note(path(place, name), "has to be a text of \(length.lowerBound) to \(length.upperBound) characters")
            return ""
        }
        // What becomes a header field must not end it.
        if text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) {
            note(path(place, name), "holds a control character")
        }
        return text
    }

    mutating func origins(_ json: JSON) -> [HTTPOrigin] {
        guard let elements = json["Origins"]?.arrayValue, (1...HTTPConnection.maximumOrigins).contains(elements.count)
        else {
            note(
                "Origins",
                "has to be a list of 1 to \(HTTPConnection.maximumOrigins) origins, as \"https://api.example.com\"")
            return []
        }
        return elements.enumerated().compactMap { index, element in
            guard let origin = element.stringValue.flatMap({ HTTPOrigin($0) }) else {
                note("Origins[\(index)]", "has to be scheme, host and maybe port, as \"https://api.example.com\"")
                return nil
            }
            return origin
        }
    }

    mutating func client(_ json: JSON) -> HTTPConnection.OAuthClient {
        let place = "AuthParameters.OAuthParameters"
        let client = object(json, "ClientParameters", place)
        let method = text(json, "HttpMethod", place, 1...4)
        if !method.isEmpty, !["GET", "POST", "PUT"].contains(method) {
            note("\(place).HttpMethod", "has to be GET, POST or PUT")
        }
        return HTTPConnection.OAuthClient(
            id: text(client, "ClientID", "\(place).ClientParameters", 1...512),
            secret: text(client, "ClientSecret", "\(place).ClientParameters", 1...512),
            endpoint: text(json, "AuthorizationEndpoint", place, 1...2048), method: method,
            parameters: parameters(json["OAuthHttpParameters"], "\(place).OAuthHttpParameters"))
    }

    mutating func parameters(_ json: JSON?, _ place: String) -> HTTPConnection.Parameters {
        guard let json, !json.isNull else { return HTTPConnection.Parameters() }
        guard json.objectValue != nil else {
            note(place, "has to be an object")
            return HTTPConnection.Parameters()
        }
        return HTTPConnection.Parameters(
            headers: list(json, "HeaderParameters", place), query: list(json, "QueryStringParameters", place),
            body: list(json, "BodyParameters", place))
    }

    private mutating func list(_ json: JSON, _ name: String, _ place: String) -> [HTTPConnection.Parameter] {
        guard let value = json[name], !value.isNull else { return [] }
        guard let elements = value.arrayValue, elements.count <= HTTPConnection.maximumParameters else {
            note(path(place, name), "has to be a list of at most \(HTTPConnection.maximumParameters)")
            return []
        }
        return elements.enumerated().map { index, element in
            let place = "\(path(place, name))[\(index)]"
            return HTTPConnection.Parameter(
                key: text(element, "Key", place, 1...512), value: text(element, "Value", place, 0...512),
                // A connection exists for secrets: what is not said to be none is one.
                isSecret: element["IsValueSecret"]?.boolValue ?? true)
        }
    }
}
