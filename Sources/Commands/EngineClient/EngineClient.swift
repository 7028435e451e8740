import Encodings
import Glibc
import HTTP
public import JSON
import SignatureV4

/// Talks to a running engine: the wire API, the console's endpoints and uploads. Used by the commands.
public struct EngineClient: Sendable {
    /// Scheme and authority of the engine, without a slash at the end.
    public let baseURL: String
    let http: HTTPClient
    private let signer: RequestSigner
    /// Without a key of the environment's, test/test signs.
    private let hasKey: Bool
    private let reason: String?

    /// - Parameters:
    ///   - engine: the engine's URL; without it `SHOWRUNNER_ENGINE` of the environment, else the port that `up` and the
    ///     documentation use.
    ///   - environment: the access key, `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`; test/test without, where the
    ///     engine is on this machine.
    ///   - reason: why, in the words of who calls, for the engine's audit log.
    public init(
        engine: String?, environment: [String: String], reason: String? = nil
    ) throws(EngineClientError) {
        let named = environment["SHOWRUNNER_ENGINE"].flatMap { $0.isEmpty ? nil : $0 }
        var url = engine ?? named ?? "http://127.0.0.1:4600"
        while url.hasSuffix("/") { url.removeLast() }
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw EngineClientError(code: .usage, error: nil, message: "'\(url)' is not the URL of an engine")
        }
        baseURL = url
        http = HTTPClient()
        let key = (id: environment["AWS_ACCESS_KEY_ID"] ?? "", secret: environment["AWS_SECRET_ACCESS_KEY"] ?? "")
        let isKeySet = !key.id.isEmpty && !key.secret.isEmpty
        hasKey = isKeySet
        guard isKeySet || Self.isThisMachine(url) else {
            throw EngineClientError(
                code: .usage, error: nil,
                message:
                    "the engine at \(url) is not on this machine and wants an access key: set AWS_ACCESS_KEY_ID and "
                    + "AWS_SECRET_ACCESS_KEY")
        }
        // The engine has one region, whatever AWS_REGION says of others.
        signer = RequestSigner(
            accessKeyID: isKeySet ? key.id : "test", secretAccessKey: isKeySet ? key.secret : "test",
            region: "us-east-1", service: "states")
        // What a header can't hold becomes a space.
        self.reason = reason.map {
            String($0.map { $0.isNewline || $0.unicodeScalars.contains { $0.value < 32 } ? " " : $0 })
        }
    }

    /// One operation of the Step Functions API.
    public func call(_ operation: String, _ arguments: JSON) async throws(EngineClientError) -> JSON {
        let request = HTTPRequest(
            "POST", baseURL + "/",
            headers: [
                "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AWSStepFunctions.\(operation)",
            ], body: .bytes(arguments.utf8))
        return try await answer(to: request)
    }

    /// A document of the console's endpoints.
    public func get(_ path: String) async throws(EngineClientError) -> JSON {
        try await answer(to: HTTPRequest("GET", baseURL + path))
    }

    /// Sends a document to one of the engine's own endpoints; its answer.
    public func post(_ path: String, _ document: JSON) async throws(EngineClientError) -> JSON {
        try await answer(
            to: HTTPRequest(
                "POST", baseURL + path, headers: ["Content-Type": "application/json"], body: .bytes(document.utf8)))
    }

    /// Removes what one of the console's endpoints names.
    public func delete(_ path: String) async throws(EngineClientError) {
        let response = try await send(HTTPRequest("DELETE", baseURL + path))
        guard (200..<300).contains(response.status) else { throw refusal(response) }
    }

    func answer(to request: HTTPRequest) async throws(EngineClientError) -> JSON {
        let response = try await send(request)
        guard (200..<300).contains(response.status) else { throw refusal(response) }
        do { return try JSON(parsing: response.body) } catch {
            throw EngineClientError(
                code: .refused, error: nil, message: "the engine's answer is \(error.description)")
        }
    }

    func send(_ request: HTTPRequest) async throws(EngineClientError) -> HTTPResponse {
        do { return try await http.send(signed(request)) } catch {
            throw EngineClientError(
                code: .unreachable, error: nil,
                message:
                    "the engine at \(baseURL) does not answer: \(error.message) 'showrunner up' starts one; --engine or "
                    + "SHOWRUNNER_ENGINE names another.")
        }
    }

    /// What an answer says that is none of what was asked for.
    func refusal(_ response: HTTPResponse) -> EngineClientError {
        let error = EngineClientError(response)
        // The wire API says by name what other routes say by status.
        guard !hasKey, response.status == 401 || error.error == "UnrecognizedClientException" else { return error }
        return EngineClientError(
            code: .refused, error: error.error,
            message: "the engine at \(baseURL) wants an access key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            status: error.status)
    }

    /// The request with the reason and a signature of this moment. The bytes of a film are left out of it: they are read
    /// while they are sent.
    func signed(_ request: HTTPRequest) -> HTTPRequest {
        var request = request
        if let reason { request.headers["Showrunner-Reason"] = reason }
        let content: [UInt8]? =
            switch request.body {
            case .none: []
            case .bytes(let bytes): bytes
            case .file, .upload: nil
            }
        let fields = signer.fields(
            method: request.method, url: request.url, headers: request.headers.map { ($0.name, $0.value) },
            content: content, time: SigningTime(seconds: Int64(time(nil))))
        for field in fields { request.headers[field.name] = field.value }
        return request
    }

    private static func isThisMachine(_ url: String) -> Bool {
        let rest = url.drop { $0 != ":" }.dropFirst(3)
        let host = rest.hasPrefix("[") ? rest.prefix { $0 != "]" }.dropFirst() : rest.prefix { $0 != ":" && $0 != "/" }
        return host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }

    /// A path segment of a name or an ARN.
    public static func segment(_ text: String) -> String { PercentEncoding.encode(text) }
}

/// Why a call of the engine failed.
public struct EngineClientError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// The caller's words are off.
        case usage
        case unreachable
        /// The engine answered with an error.
        case refused
    }

    public let code: Code
    /// The error's name, as AWS or the problem document has it.
    public let error: String?
    /// A sentence for people.
    public let message: String
    /// The answer's HTTP status; nil where there was no answer.
    public let status: Int?

    public init(code: Code, error: String?, message: String, status: Int? = nil) {
        self.code = code
        self.error = error
        self.message = message
        self.status = status
    }

    /// Whether the same call may succeed in a moment: nobody answers, the engine starts (503), another request works on
    /// the same thing (423), or there were too many calls.
    public var isPassing: Bool {
        code == .unreachable || status == 503 || status == 423 || error == "ThrottlingException"
    }

    /// From an answer in the shape of the wire API or of RFC 9457.
    init(_ response: HTTPResponse) {
        let document: JSON
        do { document = try JSON(parsing: response.body) } catch {
            self.init(
                code: .refused, error: nil, message: "the engine answers with status \(response.status)",
                status: response.status)
            return
        }
        let name = document["__type"]?.stringValue ?? document["type"]?.stringValue
        var message =
            document["message"]?.stringValue ?? document["detail"]?.stringValue
            ?? "the engine answers with status \(response.status)"
        for problem in document["problems"]?.arrayValue ?? [] {
            let place = problem["place"]?.stringValue ?? ""
            let text = problem["message"]?.stringValue ?? problem.stringValue ?? problem.text
            message += "\n  " + (place.isEmpty ? text : "\(place): \(text)")
        }
        self.init(code: .refused, error: name, message: message, status: response.status)
    }

    public var description: String { message }
}
