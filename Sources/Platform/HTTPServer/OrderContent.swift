import HTTPTypes
import Hummingbird
import JSON

/// The content of a request that changes something: a JSON object, or nothing, which counts as `{}`.
public struct OrderContent: Sendable {
    public let document: JSON

    /// - Parameter limit: of the content, in bytes; a larger one is answered 413.
    /// - Throws: ``Problem`` for another media type than application/json, or another content than a JSON object.
    public init(_ request: Request, limit: Int) async throws {
        // A page of another origin can send a form or plain text unasked, but JSON only after a preflight request,
        // which nothing here grants.
        let type = request.headers[.contentType]?.split(separator: ";").first.map { $0.lowercased() }
        guard type == "application/json" else {
            throw Problem(
                "unsupported-media-type", status: .unsupportedMediaType, title: "Unsupported media type",
                detail: "The content must be application/json.")
        }
        let content = try await request.body.collect(upTo: limit)
        do {
            document = content.readableBytes == 0 ? [:] : try JSON(parsing: Array(content.readableBytesView))
        } catch {
            throw Self.invalid("\(error).")
        }
        guard document.objectValue != nil else { throw Self.invalid("The content must be a JSON object.") }
    }

    private static func invalid(_ detail: String) -> Problem {
        Problem("invalid-content", status: .badRequest, title: "The content is not valid", detail: detail)
    }

    /// A member that is a string of at most so many bytes of UTF-8; nil where it is absent or null.
    public func text(_ name: String, bytes limit: Int) throws(Problem) -> String? {
        try text(name, isShort: { $0.utf8.count <= limit }, limit: "\(limit) bytes of UTF-8")
    }

    /// A member that is a string of at most so many characters, which are UTF-16's as AWS counts them; nil where it is
    /// absent or null.
    public func text(_ name: String, characters limit: Int) throws(Problem) -> String? {
        try text(name, isShort: { $0.utf16.count <= limit }, limit: "\(limit) characters")
    }

    private func text(_ name: String, isShort: (String) -> Bool, limit: String) throws(Problem) -> String? {
        guard let member = document[name], !member.isNull else { return nil }
        guard let text = member.stringValue, isShort(text) else {
            throw Problem.invalidParameter(name, "'\(name)' must be a string of at most \(limit).")
        }
        return text
    }

    /// A member that is true or false; false where it is absent or null.
    public func flag(_ name: String) throws(Problem) -> Bool {
        guard let member = document[name], !member.isNull else { return false }
        guard let flag = member.boolValue else {
            throw Problem.invalidParameter(name, "'\(name)' must be true or false.")
        }
        return flag
    }
}
