import HTTP
public import JSON

/// Talks to a running engine: the wire API, the console's endpoints and uploads. Used by the commands.
public struct EngineClient: Sendable {
    /// Scheme and authority of the engine, without a slash at the end.
    public let baseURL: String
    let http: HTTPClient
    let signing: AWSSigning

    /// - Parameters:
    ///   - engine: the engine's URL; without it `SHOWRUNNER_ENGINE` of the environment, else the port that `up` and the
    ///     documentation use.
    ///   - environment: the access key, `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`; test/test without.
    public init(engine: String?, environment: [String: String]) throws(EngineClientError) {
        var url = engine ?? environment["SHOWRUNNER_ENGINE"] ?? "http://127.0.0.1:4600"
        while url.hasSuffix("/") { url.removeLast() }
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw EngineClientError(code: .usage, error: nil, message: "'\(url)' is not the URL of an engine")
        }
        baseURL = url
        http = HTTPClient()
        signing = AWSSigning(
            accessKeyID: environment["AWS_ACCESS_KEY_ID"] ?? "test",
            secretAccessKey: environment["AWS_SECRET_ACCESS_KEY"] ?? "test",
            region: environment["AWS_REGION"] ?? "us-east-1", service: "states")
    }

    /// One operation of the Step Functions API.
    public func call(_ operation: String, _ arguments: JSON) async throws(EngineClientError) -> JSON {
        let request = HTTPRequest(
            "POST", baseURL + "/",
            headers: [
                "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AWSStepFunctions.\(operation)",
            ], body: .bytes(arguments.utf8), signing: signing)
        return try await answer(to: request)
    }

    /// A document of the console's endpoints.
    public func get(_ path: String) async throws(EngineClientError) -> JSON {
        try await answer(to: HTTPRequest("GET", baseURL + path))
    }

    func answer(to request: HTTPRequest) async throws(EngineClientError) -> JSON {
        let response = try await send(request)
        guard (200..<300).contains(response.status) else { throw EngineClientError(response) }
        do { return try JSON(parsing: response.body) } catch {
            throw EngineClientError(
                code: .refused, error: nil, message: "the engine's answer is \(error.description)")
        }
    }

    func send(_ request: HTTPRequest) async throws(EngineClientError) -> HTTPResponse {
        do { return try await http.send(request) } catch {
            throw EngineClientError(
                code: .unreachable, error: nil, message: "the engine at \(baseURL) does not answer: \(error.message)")
        }
    }

    /// A path segment of a name or an ARN.
    public static func segment(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                encoded.append(Character(Unicode.Scalar(byte)))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += "%" + (digits.count < 2 ? "0" : "") + digits
            }
        }
        return encoded
    }
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
