public import HTTPTypes
public import Hummingbird

/// Immutable content that lies elsewhere and is streamed when asked for: ranges, conditional requests and HEAD are
/// answered here (RFC 9110, sections 13 and 14).
public struct StreamedObject: Sendable {
    public let length: Int
    public let contentType: String
    /// With its quotes.
    public let entityTag: String
    /// Further fields of the response.
    public let headers: HTTPFields
    private let write: @Sendable (Range<Int>, inout any ResponseBodyWriter) async throws -> Void

    /// - Parameters:
    ///   - entityTag: strong, without quotes.
    ///   - write: writes exactly these bytes of the object, and throws where it cannot: the connection is then closed,
    ///     so that the client sees that the content is not complete. It does not call `finish`.
    public init(
        length: Int, contentType: String, entityTag: String, headers: HTTPFields = [:],
        write: @escaping @Sendable (Range<Int>, inout any ResponseBodyWriter) async throws -> Void
    ) {
        self.length = length
        self.contentType = contentType
        self.entityTag = "\"\(entityTag)\""
        self.headers = headers
        self.write = write
    }

    /// 200, 206, 304 or 416.
    public func response(to request: Request) -> Response {
        var fields = headers
        fields[.eTag] = entityTag
        fields[.acceptRanges] = "bytes"
        if EntityTags.match(request.headers[.ifNoneMatch], entityTag) {
            return Response(status: .notModified, headers: fields)
        }
        // A range for another version of the content is no range (section 13.1.5).
        let isSameVersion = request.headers[.ifRange].map { $0 == entityTag } ?? true
        fields[.contentType] = contentType
        switch ByteRange(field: isSameVersion ? request.headers[.range] : nil, length: length) {
        case .whole:
            return Response(status: .ok, headers: fields, body: body(0..<length))
        case .part(let range):
            fields[.contentRange] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length)"
            return Response(status: .partialContent, headers: fields, body: body(range))
        case .unsatisfiable:
            fields[.contentType] = nil
            fields[.contentRange] = "bytes */\(length)"
            return Response(status: .rangeNotSatisfiable, headers: fields)
        }
    }

    private func body(_ range: Range<Int>) -> ResponseBody {
        if range.isEmpty { return ResponseBody() }
        return ResponseBody(contentLength: range.count) { [write] writer in
            try await write(range, &writer)
            try await writer.finish(nil)
        }
    }
}
