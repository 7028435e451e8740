public import HTTPTypes
public import Hummingbird
public import JSON

/// A response's content serialised once and sent many times, with its strong entity tag (RFC 9110, section 8.8.3).
public struct ReadyBody: Sendable {
    public let bytes: ByteBuffer
    public let contentType: String
    /// With its quotes.
    public let entityTag: String
    /// Further fields of every response with these bytes.
    public let headers: HTTPFields

    /// - Parameter entityTag: without quotes; equal tags must mean equal bytes.
    public init(bytes: [UInt8], contentType: String, entityTag: String, headers: HTTPFields = [:]) {
        self.bytes = ByteBuffer(bytes: bytes)
        self.contentType = contentType
        self.entityTag = "\"\(entityTag)\""
        self.headers = headers
    }

    public init(json: JSON, entityTag: String, headers: HTTPFields = [:]) {
        self.init(bytes: json.utf8, contentType: "application/json", entityTag: entityTag, headers: headers)
    }

    /// 304 without content where the client has these bytes already, else 200 with them.
    public func response(to request: Request) -> Response {
        var fields = headers
        fields[.eTag] = entityTag
        if EntityTags.match(request.headers[.ifNoneMatch], entityTag) {
            return Response(status: .notModified, headers: fields)
        }
        fields[.contentType] = contentType
        return Response(status: .ok, headers: fields, body: ResponseBody(byteBuffer: bytes))
    }
}

extension Response {
    /// A JSON document that is not worth a tag.
    public static func json(
        _ document: JSON, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        var fields = headers
        fields[.contentType] = "application/json"
        return Response(
            status: status, headers: fields, body: ResponseBody(byteBuffer: ByteBuffer(bytes: document.utf8)))
    }
}

/// Comparison of entity tags (RFC 9110, sections 8.8.3 and 13.1).
enum EntityTags {
    /// Whether `If-None-Match` names this tag. Comparison is weak, as section 13.1.2 demands.
    static func match(_ field: String?, _ entityTag: String) -> Bool {
        guard let field else { return false }
        return field.split(separator: ",").contains { candidate in
            var candidate = candidate[...]
            while candidate.first == " " || candidate.first == "\t" { candidate.removeFirst() }
            while candidate.last == " " || candidate.last == "\t" { candidate.removeLast() }
            if candidate == "*" { return true }
            if candidate.hasPrefix("W/") { candidate.removeFirst(2) }
            return candidate == entityTag
        }
    }
}
