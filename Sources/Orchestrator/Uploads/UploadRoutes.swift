import CivilDates
import HTTPTypes
public import HTTPServer
public import Hummingbird
import JSON

extension ServiceRouter {
    /// Adds the tus 1.0.0 endpoint at `/uploads`, with the extensions creation, creation-with-upload, termination, expiration
    /// and checksum.
    ///
    /// The server has to let requests for which ``Uploads/takesContent(_:)`` is true be longer than others.
    ///
    /// Source: https://tus.io/protocols/resumable-upload
    public func addUploadRoutes(_ uploads: Uploads) {
        on("/uploads", method: .options) { _, _ in uploads.capabilities() }
        on("/uploads/{id}", method: .options) { _, _ in uploads.capabilities() }
        post("/uploads") { request, _ in
            try await tus(request) { () async throws(UploadError) in try await uploads.created(by: request) }
        }
        head("/uploads/{id}") { request, context in
            let id = context.parameters.get("id") ?? ""
            return try await tus(request) { () async throws(UploadError) in try await uploads.described(id) }
        }
        patch("/uploads/{id}") { request, context in
            let id = context.parameters.get("id") ?? ""
            return try await tus(request) { () async throws(UploadError) in
                try await uploads.appended(to: id, by: request)
            }
        }
        delete("/uploads/{id}") { request, context in
            let id = context.parameters.get("id") ?? ""
            return try await tus(request) { () async throws(UploadError) in try await uploads.removed(id) }
        }
        // For clients behind something that lets only GET and POST through.
        post("/uploads/{id}") { request, context in
            let id = context.parameters.get("id") ?? ""
            return try await tus(request) { () async throws(UploadError) in
                switch request.headers[.methodOverride]?.uppercased() {
                case "PATCH": return try await uploads.appended(to: id, by: request)
                case "HEAD": return try await uploads.described(id)
                case "DELETE": return try await uploads.removed(id)
                default:
                    throw UploadError(
                        .malformed, "A POST to an upload needs X-HTTP-Method-Override: PATCH, HEAD or DELETE.")
                }
            }
        }
    }
}

extension Uploads {
    /// Whether a request brings a part of a file, which may be as long as an upload.
    public static func takesContent(_ request: Request) -> Bool {
        let path = request.uri.path
        return (request.method == .patch || request.method == .post)
            && (path == "/uploads" || path.hasPrefix("/uploads/"))
    }

    nonisolated fileprivate func capabilities() -> Response {
        Response(
            status: .noContent,
            headers: [
                .tusResumable: tusVersion, .tusVersion: tusVersion, .tusMaxSize: String(limits.maximumBytes),
                .tusExtension: "creation,creation-with-upload,termination,expiration,checksum",
                .tusChecksumAlgorithm: UploadChecksum.algorithms.map(\.name).joined(separator: ","),
            ])
    }

    fileprivate func created(by request: Request) async throws(UploadError) -> Response {
        if request.headers[.uploadDeferLength] != nil || request.headers[.uploadConcat] != nil {
            throw UploadError(
                .malformed, "Upload-Defer-Length and Upload-Concat are not supported: send Upload-Length.")
        }
        let length = try number(.uploadLength, of: request)
        let brings = request.headers[.contentType].map(isOffsetContent) ?? false
        let declared = try optionalNumber(.contentLength, of: request)
        if brings, let declared, declared > length {
            throw UploadError(.tooLarge, "The content has \(declared) bytes, more than the upload's \(length).")
        }
        let checksum = brings ? try checksum(of: request) : nil
        var standing = try await create(length: length, header: request.headers[.uploadMetadata])
        if brings || length == 0 {
            do {
                standing = try await append(
                    brings ? request.body : RequestBody(buffer: ByteBuffer()), to: standing.id, at: 0,
                    declared: brings ? declared : 0, checksum: checksum)
            } catch  where error.code == .unavailable || error.code == .cut {
                // The upload is there, which is what this answer says; the client finds the rest by HEAD.
                standing = try await kept(standing)
            }
        }
        var headers = fields(standing)
        headers[.location] = "/uploads/\(standing.id)"
        return Response(status: .created, headers: headers)
    }

    /// What is kept of an upload just now, without an attempt to finish it.
    private func kept(_ standing: Standing) async throws(UploadError) -> Standing {
        Standing(
            id: standing.id, length: standing.length, offset: try await bytesKept(standing.id), header: standing.header,
            executionARN: nil)
    }

    fileprivate func described(_ id: String) async throws(UploadError) -> Response {
        let standing = try await standing(id)
        var headers = fields(standing)
        headers[.uploadLength] = String(standing.length)
        headers[.uploadMetadata] = standing.header
        headers[.cacheControl] = "no-store"
        return Response(status: .ok, headers: headers)
    }

    fileprivate func appended(to id: String, by request: Request) async throws(UploadError) -> Response {
        guard request.headers[.contentType].map(isOffsetContent) == true else {
            throw UploadError(.wrongContentType, "The content must be application/offset+octet-stream.")
        }
        let offset = try number(.uploadOffset, of: request)
        let standing = try await append(
            request.body, to: id, at: offset, declared: try optionalNumber(.contentLength, of: request),
            checksum: try checksum(of: request))
        return Response(status: .noContent, headers: fields(standing))
    }

    fileprivate func removed(_ id: String) async throws(UploadError) -> Response {
        try await terminate(id)
        return Response(status: .noContent, headers: [.tusResumable: tusVersion])
    }

    private func fields(_ standing: Standing) -> HTTPFields {
        var headers: HTTPFields = [.tusResumable: tusVersion, .uploadOffset: String(standing.offset)]
        headers[.heldBy] = standing.heldBy
        if let execution = standing.executionARN {
            headers[.executionARN] = execution
        } else if standing.heldBy == nil {
            headers[.uploadExpires] = HTTPDate.text(seconds: expiry())
        }
        return headers
    }
}

private let tusVersion = "1.0.0"

private func isOffsetContent(_ type: String) -> Bool {
    type.split(separator: ";").first?.lowercased().filter { $0 != " " } == "application/offset+octet-stream"
}

private func optionalNumber(_ name: HTTPField.Name, of request: Request) throws(UploadError) -> Int64? {
    guard let text = request.headers[name] else { return nil }
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let number = Int64(text)
    else {
        throw UploadError(.malformed, "\(name.rawName) must be a whole number that is not negative.")
    }
    return number
}

private func checksum(of request: Request) throws(UploadError) -> UploadChecksum? {
    guard let header = request.headers[.uploadChecksum] else { return nil }
    return try UploadChecksum(header: header)
}

private func number(_ name: HTTPField.Name, of request: Request) throws(UploadError) -> Int64 {
    guard let number = try optionalNumber(name, of: request) else {
        throw UploadError(.malformed, "The header \(name.rawName) is missing.")
    }
    return number
}

/// Runs one verb: the version is checked before, refusals are put into HTTP words after, and each answer names the
/// version.
private func tus(
    _ request: Request, _ verb: () async throws(UploadError) -> Response
) async throws(Problem) -> Response {
    guard request.headers[.tusResumable] == tusVersion else {
        throw Problem(
            "tus-version", status: .preconditionFailed, title: "The tus version is not supported",
            detail: "Tus-Resumable must be \(tusVersion).",
            headers: [.tusVersion: tusVersion, .tusResumable: tusVersion])
    }
    do {
        return try await verb()
    } catch {
        throw Problem(error)
    }
}

extension Problem {
    fileprivate init(_ error: UploadError) {
        let (name, status, title): (String, HTTPResponse.Status, String) =
            switch error.code {
            case .malformed: ("malformed", .badRequest, "The request is malformed")
            case .invalid: ("metadata-invalid", .unprocessableContent, "The upload cannot be processed")
            case .notFound: ("not-found", .notFound, "Not found")
            case .wrongOffset: ("wrong-offset", .conflict, "The offset is not where the upload stands")
            case .wrongContentType: ("unsupported-media-type", .unsupportedMediaType, "Unsupported media type")
            case .tooLarge: ("content-too-large", .contentTooLarge, "The upload is too large")
            case .busy: ("upload-busy", HTTPResponse.Status(code: 423, reasonPhrase: "Locked"), "The upload is busy")
            case .checksumMismatch, .partChecksumMismatch:
                (
                    "checksum-mismatch", HTTPResponse.Status(code: 460, reasonPhrase: "Checksum Mismatch"),
                    "The checksum differs"
                )
            case .noSpace:
                (
                    "no-space", HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage"),
                    "No space for the upload"
                )
            case .tooMany: ("too-many-uploads", .serviceUnavailable, "Too many uploads are open")
            case .cut: ("incomplete", .badRequest, "The request was not complete")
            case .unavailable: ("unavailable", .serviceUnavailable, "Not available at present")
            case .spool: ("spool", .internalServerError, "The spool directory cannot be used")
            }
        var headers: HTTPFields = [.tusResumable: tusVersion]
        if let offset = error.offset { headers[.uploadOffset] = String(offset) }
        switch error.code {
        case .unavailable, .busy: headers[.retryAfter] = "1"
        case .tooMany: headers[.retryAfter] = "30"
        case .malformed, .invalid, .notFound, .wrongOffset, .wrongContentType, .tooLarge, .checksumMismatch,
            .partChecksumMismatch, .noSpace, .cut, .spool:
            break
        }
        self.init(
            name, status: status, title: title, detail: error.message,
            members: error.problems.isEmpty ? [] : [("problems", .array(error.problems.map(JSON.string)))],
            headers: headers)
    }
}

extension HTTPField.Name {
    fileprivate static let tusResumable = constant("Tus-Resumable")
    fileprivate static let tusVersion = constant("Tus-Version")
    fileprivate static let tusExtension = constant("Tus-Extension")
    fileprivate static let tusChecksumAlgorithm = constant("Tus-Checksum-Algorithm")
    fileprivate static let uploadChecksum = constant("Upload-Checksum")
    fileprivate static let tusMaxSize = constant("Tus-Max-Size")
    fileprivate static let uploadOffset = constant("Upload-Offset")
    fileprivate static let uploadLength = constant("Upload-Length")
    fileprivate static let uploadDeferLength = constant("Upload-Defer-Length")
    fileprivate static let uploadConcat = constant("Upload-Concat")
    fileprivate static let uploadMetadata = constant("Upload-Metadata")
    fileprivate static let uploadExpires = constant("Upload-Expires")
    fileprivate static let methodOverride = constant("X-HTTP-Method-Override")
    fileprivate static let executionARN = constant("Execution-Arn")
    fileprivate static let heldBy = constant("Execution-Held-By")
}
