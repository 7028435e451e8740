import HTTP
import JSON
import StepContracts

/// What an HTTP task makes of an answer.
enum HTTPTaskResult {
    /// Of the content, and of the whole result as JSON: what a state's data may have.
    static let maximumBytes = 256 << 10
    /// What of the content of a refusal becomes the cause.
    private static let causeBytes = 8 << 10

    /// The task's result. Throws `States.Http.StatusCode.NNN` for any status but 200 to 299, `States.Runtime` for
    /// content that is no text, and `States.DataLimitExceeded`.
    static func output(of response: HTTPResponse) throws(StepFailure) -> JSON {
        guard (200...299).contains(response.status) else { throw refusal(response) }
        var headers: JSON = [:]
        for field in response.headers {
            let name = field.name.lowercased()
            let former = headers[name]?.arrayValue ?? []
            headers[name] = .array(former + [.string(field.value)])
        }
        let output: JSON = [
            "Headers": headers, "ResponseBody": try content(of: response), "StatusCode": .integer(response.status),
            "StatusText": .string(ReasonPhrase.of(response.status)),
        ]
        guard output.utf8.count <= maximumBytes else { throw tooLarge }
        return output
    }

    static let tooLarge = StepFailure(
        error: "States.DataLimitExceeded", cause: "The answer has more than \(maximumBytes) bytes.", retry: .never)

    private static func refusal(_ response: HTTPResponse) -> StepFailure {
        let phrase = ReasonPhrase.of(response.status)
        // A word about the content, where it is one that people read.
        let text = ContentType(response).isBinary ? nil : String(validating: response.body, as: UTF8.self)
        let cause = text.flatMap { $0.isEmpty ? nil : $0 } ?? phrase
        return StepFailure(
            error: "States.Http.StatusCode.\(response.status)",
            cause: cause.utf8.count <= causeBytes
                ? cause : String(decoding: cause.utf8.prefix(causeBytes), as: UTF8.self),
            retry: response.status >= 500 || response.status == 429 ? .transient : .never)
    }

    private static func content(of response: HTTPResponse) throws(StepFailure) -> JSON {
        let type = ContentType(response)
        guard !type.isBinary else {
            throw .runtime("The answer is of the type '\(type.name)', which an HTTP task does not take.")
        }
        let text: String
        switch type.charset {
        case nil, "utf-8", "utf8", "us-ascii":
            guard let valid = String(validating: response.body, as: UTF8.self) else {
                throw .runtime("The answer is no UTF-8 text.")
            }
            text = valid
        case "iso-8859-1", "latin1":
            text = String(String.UnicodeScalarView(response.body.map { Unicode.Scalar($0) }))
        case let charset?: throw .runtime("The answer is text in '\(charset)', which is not known here.")
        }
        guard type.isJSON, !text.isEmpty else { return .string(text) }
        do { return try JSON(parsing: text) } catch {
            // What says that it is JSON and is not is handed on as it came.
            return .string(text)
        }
    }
}

/// A Content-Type (RFC 9110, section 8.3), as far as it matters here.
struct ContentType {
    /// `type/subtype` in lower case; empty where none was said.
    let name: String
    /// In lower case.
    let charset: String?

    init(_ response: HTTPResponse) {
        let parts = (response.headers["Content-Type"] ?? "").split(separator: ";")
        func trimmed(_ text: Substring) -> String {
            String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
                .lowercased()
        }
        name = parts.first.map(trimmed) ?? ""
        charset = parts.dropFirst().map(trimmed).first { $0.hasPrefix("charset=") }
            .map { String($0.dropFirst(8).filter { $0 != "\"" }) }
    }

    var isJSON: Bool { name == "application/json" || name.hasSuffix("+json") }

    /// The types that AWS refuses.
    var isBinary: Bool {
        name == "application/octet-stream" || ["image/", "audio/", "video/"].contains { name.hasPrefix($0) }
    }
}

/// What status codes are called (RFC 9110, section 15, and the registry of IANA). HTTP/2 carries no phrases, so they
/// are not taken from the answer.
enum ReasonPhrase {
    static func of(_ status: Int) -> String { phrases[status] ?? "" }

    private static let phrases = [
        200: "OK", 201: "Created", 202: "Accepted", 203: "Non-Authoritative Information", 204: "No Content",
        205: "Reset Content", 206: "Partial Content", 207: "Multi-Status", 208: "Already Reported", 226: "IM Used",
        300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified",
        305: "Use Proxy", 307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request",
        401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
        406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout", 409: "Conflict",
        410: "Gone", 411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large",
        414: "URI Too Long", 415: "Unsupported Media Type", 416: "Range Not Satisfiable", 417: "Expectation Failed",
        421: "Misdirected Request", 422: "Unprocessable Content", 423: "Locked", 424: "Failed Dependency",
        425: "Too Early", 426: "Upgrade Required", 428: "Precondition Required", 429: "Too Many Requests",
        431: "Request Header Fields Too Large", 451: "Unavailable For Legal Reasons", 500: "Internal Server Error",
        501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
        505: "HTTP Version Not Supported", 506: "Variant Also Negotiates", 507: "Insufficient Storage",
        508: "Loop Detected", 511: "Network Authentication Required",
    ]
}
