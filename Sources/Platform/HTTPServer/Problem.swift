public import HTTPTypes
public import Hummingbird
public import JSON

/// A refusal as RFC 9457 writes it (`application/problem+json`): what a client can act on, and the request's id.
///
/// Throw one from a handler; the router's outermost middleware turns it into the response.
public struct Problem: Error, Sendable, CustomStringConvertible {
    /// The last part of the stable `type` URI, `urn:showrunner:problem:NAME`. Clients decide by this, so a name never
    /// changes its meaning.
    public var name: String
    public var status: HTTPResponse.Status
    /// The same words for every problem of this name.
    public var title: String
    /// One sentence about this occurrence, with the values in it.
    public var detail: String
    /// Further members of the document, in order.
    public var members: [(name: String, value: JSON)]
    /// Fields the response carries besides, such as `Retry-After` and `Allow`.
    public var headers: HTTPFields

    public init(
        _ name: String, status: HTTPResponse.Status, title: String, detail: String,
        members: [(name: String, value: JSON)] = [], headers: HTTPFields = [:]
    ) {
        self.name = name
        self.status = status
        self.title = title
        self.detail = detail
        self.members = members
        self.headers = headers
    }

    public static func notFound(_ detail: String) -> Problem {
        Problem("not-found", status: .notFound, title: "Not found", detail: detail)
    }

    /// A parameter of the query or path has a malformed value. `parameter` is its name.
    public static func invalidParameter(_ parameter: String, _ detail: String) -> Problem {
        Problem(
            "invalid-parameter", status: .badRequest, title: "A parameter has a value it cannot have", detail: detail,
            members: [("parameter", .string(parameter))])
    }

    /// A part we depend on does not answer at present; the client may come again after `retryAfter` seconds.
    public static func unavailable(_ detail: String, retryAfter seconds: Int) -> Problem {
        Problem(
            "unavailable", status: .serviceUnavailable, title: "Not available at present", detail: detail,
            headers: [.retryAfter: String(seconds)])
    }

    public static func contentTooLarge(limit: Int) -> Problem {
        Problem(
            "content-too-large", status: .contentTooLarge, title: "The request's content is too large",
            detail: "The content of a request to this address may have \(limit) bytes at most.",
            members: [("limit", .integer(limit))])
    }

    static func methodNotAllowed(_ method: HTTPRequest.Method, path: String, allow: String) -> Problem {
        Problem(
            "method-not-allowed", status: .methodNotAllowed, title: "Method not allowed",
            detail: "\(method.rawValue) is not possible on \(path), only \(allow) is.", headers: [.allow: allow])
    }

    /// Our own failure. The reason stands in the log under the request's id, not in the answer.
    static let internalError = Problem(
        "internal-error", status: .internalServerError, title: "Internal error",
        detail: "The request failed for a reason on our side. The log tells more under its request_id.")

    /// The problem a bare status stands for.
    static func plain(_ status: HTTPResponse.Status, detail: String?, headers: HTTPFields) -> Problem {
        let words = status.reasonPhrase.isEmpty ? "Status \(status.code)" : status.reasonPhrase
        let name = words.lowercased().map { $0.isLetter || $0.isNumber ? $0 : "-" }
        return Problem(String(name), status: status, title: words, detail: detail ?? words + ".", headers: headers)
    }

    public var description: String { "\(status.code) \(name): \(detail)" }

    /// The document, with members in the order RFC 9457 lists them.
    public func document(requestID: String) -> JSON {
        var document = JSON.members(
            ("type", .string("urn:showrunner:problem:\(name)")), ("code", .string(name)), ("title", .string(title)),
            ("status", .integer(status.code)), ("detail", .string(detail)), ("request_id", .string(requestID)))
        for member in members { document[member.name] = member.value }
        return document
    }

    /// The response that carries the document.
    public func response(requestID: String) -> Response {
        var fields = headers
        fields[.contentType] = "application/problem+json"
        fields[.cacheControl] = "no-store"
        return Response(
            status: status, headers: fields,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: document(requestID: requestID).utf8)))
    }
}
