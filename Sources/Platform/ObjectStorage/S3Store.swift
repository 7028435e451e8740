import CivilDates
import Cryptography
import Encodings
import Glibc
import HTTP

/// Objects in an S3 bucket under a prefix, addressed in path style and signed with Signature Version 4.
///
/// Objects up to 16 MiB are put in one request with `If-None-Match: *`: the store itself keeps keys immutable.
/// Larger ones go up in parts, and not every store honours the condition when parts are joined (Ceph does not), so
/// the key is looked at before and the condition sent along; two writers with different content who both pass that
/// look can still replace one another. Writers whose keys follow from the content are not concerned.
///
/// The content's SHA-256 is kept as `x-amz-meta-sha256`. Each request's content is covered by its signature, so a
/// damaged upload is refused by the store.
public final class S3Store: ObjectStore {
    /// Objects over this many bytes are put in parts of at least this size.
    static let partBytes: Int64 = 16 << 20
    /// S3's limits on parts and objects.
    static let maxParts: Int64 = 10_000
    static let maxObjectBytes: Int64 = 5 << 40

    let location: Location
    let client: HTTPClient
    public let baseURL: String

    /// - Parameter client: the store's own by default, so that its transfers and file writes delay nobody else's
    ///   requests.
    public init(_ location: Location, client: HTTPClient = HTTPClient()) {
        self.location = location
        self.client = client
        baseURL = location.prefix.isEmpty ? "s3://\(location.bucket)" : "s3://\(location.bucket)/\(location.prefix)"
    }

    public func localPath(_ key: String) throws(ObjectStorageError) -> String? {
        try validate(key)
        return nil
    }

    public func prepare() async throws(ObjectStorageError) {
        do throws(ObjectStorageError) {
            _ = try await list(prefix: "", after: nil, limit: 1)
            let probe = "\(ObjectKey.reserved)/probe-\(Hex.encode(randomBytes(8)))"
            let put = request(
                "PUT", key: probe, headers: ["Content-Type": "text/plain"], body: .bytes(Array("probe".utf8)))
            _ = try requireSuccess("write", try await send("write", put))
            _ = try requireSuccess("delete", try await send("delete", request("DELETE", key: probe)))
        } catch  where error.code == .storeMissing {
            throw ObjectStorageError(
                .storeMissing,
                "The bucket \(location.bucket) does not exist at \(location.endpoint); create it, or correct the name.")
        }
    }

    /// Creates the bucket; one that exists and is ours is fine.
    public func createBucket() async throws(ObjectStorageError) {
        var request = request("PUT")
        if location.signing.region != "us-east-1" {
            request.body = .bytes(
                Array(
                    "<CreateBucketConfiguration><LocationConstraint>\(location.signing.region)</LocationConstraint></CreateBucketConfiguration>"
                        .utf8))
        }
        let response = try await send("create the bucket", request)
        if response.status == 409, S3Refusal(response).code == "BucketAlreadyOwnedByYou" { return }
        _ = try requireSuccess("create the bucket", response)
    }

    public func put(
        _ content: ObjectContent, key: String, contentType: String, sha256: String?
    ) async throws(ObjectStorageError) -> ObjectReference {
        try validate(key)
        try ObjectKey.validate(contentType: contentType)
        let expected = try sha256.map { text throws(ObjectStorageError) in try Checksum.parse(text).hex }
        let upload = try await S3Upload(content, key: key, contentType: contentType)
        try Checksum.verify(upload.reference, expected)
        return upload.reference.bytes > Self.partBytes
            ? try await putInParts(upload) : try await putAtOnce(upload)
    }

    private func putAtOnce(_ upload: S3Upload) async throws(ObjectStorageError) -> ObjectReference {
        let action = "put \(upload.reference.key)"
        var headers = upload.headers
        headers["If-None-Match"] = "*"
        headers["x-amz-content-sha256"] = upload.reference.sha256
        let body: HTTPRequest.Body =
            switch upload.content {
            case .bytes(let bytes): .bytes(bytes)
            case .file(let path): .file(path: path, offset: 0, length: upload.reference.bytes)
            }
        let response = try await send(action, request("PUT", key: upload.reference.key, headers: headers, body: body))
        if response.status == 412 { return try await requireSame(upload.reference) }
        _ = try requireSuccess(action, response)
        return upload.reference
    }

    /// The key is taken: fine if by the same content.
    func requireSame(_ reference: ObjectReference) async throws(ObjectStorageError) -> ObjectReference {
        let info = try await head(reference.key)
        var existing = info.sha256
        if existing == nil && info.bytes == reference.bytes { existing = try await digest(of: reference.key) }
        guard info.bytes == reference.bytes, existing == reference.sha256 else {
            throw ObjectStorageError(
                .alreadyExists,
                "\(reference.key) already holds other content: \(info.bytes) bytes with SHA-256 \(existing ?? "unknown"), not \(reference.bytes) bytes with \(reference.sha256)."
            )
        }
        return reference
    }

    /// Reads an object that somebody else put there to learn its checksum.
    private func digest(of key: String) async throws(ObjectStorageError) -> String {
        let body = try await stream(key, range: nil)
        var hasher = SHA256()
        do {
            for try await chunk in body.chunks { hasher.update(chunk) }
        } catch let error as ObjectStorageError {
            throw error
        } catch {
            preconditionFailure("An object's chunks fail with ObjectStorageError, not with \(error).")
        }
        return hasher.finalize().hex
    }

    public func head(_ key: String) async throws(ObjectStorageError) -> ObjectInfo {
        try validate(key)
        let response = try requireSuccess("find \(key)", try await send("find \(key)", request("HEAD", key: key)))
        return try info(key, response.headers, bytes: response.headers["Content-Length"].flatMap { Int64($0) })
    }

    public func get(
        _ key: String, range: Range<Int64>?, maxBytes: Int
    ) async throws(ObjectStorageError) -> [UInt8] {
        try validate(key)
        var request = request("GET", key: key)
        if let range { request.headers["Range"] = try rangeHeader(range, key) }
        request.maxResponseBytes = max(maxBytes, 64 << 10)
        let response = try requireSuccess("get \(key)", try await send("get \(key)", request))
        try requirePartial(range, key, response.status)
        guard response.body.count <= maxBytes else {
            throw ObjectStorageError(
                .tooLarge, "\(key) has \(response.body.count) bytes, more than the \(maxBytes) asked for.")
        }
        return response.body
    }

    public func fetch(
        _ key: String, to path: String, sha256: String?
    ) async throws(ObjectStorageError) -> ObjectReference {
        try validate(key)
        let expected = try sha256.map { text throws(ObjectStorageError) in try Checksum.parse(text).hex }
        let partial = PartialFile(target: path)
        let request = request("GET", key: key)
        // Each attempt writes and hashes from the start.
        var received = ReceivedBytes()
        let response = try await answer("fetch \(key)") { () async throws(HTTPError) in
            let attempt = ReceivedBytes()
            received = attempt
            return try await client.download(
                request, to: partial.path, maxBytes: Self.maxObjectBytes, observer: { attempt.append($0) })
        }
        _ = try requireSuccess("fetch \(key)", response)
        let (bytes, digest) = received.finish()
        let reference = ObjectReference(key: key, bytes: bytes, sha256: digest.hex)
        try Checksum.verify(reference, expected ?? response.headers["x-amz-meta-sha256"])
        try await FileThreads.shared.run { _ throws(ObjectStorageError) in try partial.moveIntoPlace() }
        return reference
    }

    public func stream(_ key: String, range: Range<Int64>?) async throws(ObjectStorageError) -> ObjectBody {
        try validate(key)
        let action = "read \(key)"
        var request = request("GET", key: key)
        if let range { request.headers["Range"] = try rangeHeader(range, key) }
        let final = request
        var opened: HTTPStream?
        let response = try await answer(action) { () async throws(HTTPError) in
            let stream = try await client.stream(final)
            opened = stream
            var body: [UInt8] = []
            if !(200...299).contains(stream.status) {
                let pieces = stream.body.makeAsyncIterator()
                while body.count < 64 << 10, let piece = try await pieces.next() { body += piece }
            }
            return HTTPResponse(status: stream.status, headers: stream.headers, body: body)
        }
        guard let stream = opened else { preconditionFailure("An answered stream was opened.") }
        _ = try requireSuccess(action, response)
        try requirePartial(range, key, response.status)
        let length = response.headers["Content-Length"].flatMap { Int64($0) } ?? 0
        let (first, total) = S3Answers.contentRange(response.headers["Content-Range"]) ?? (0, length)
        let pieces = stream.body.makeAsyncIterator()
        let chunks = AsyncThrowingStream<[UInt8], any Error> {
            do throws(HTTPError) {
                return try await pieces.next()
            } catch {
                throw self.failure(action, error)
            }
        }
        return ObjectBody(
            info: try info(key, response.headers, bytes: total), range: first..<(first + length), chunks: chunks)
    }

    public func list(
        prefix: String, after: String?, limit: Int
    ) async throws(ObjectStorageError) -> ObjectPage {
        try ObjectKey.validate(prefix: prefix)
        precondition((1...1000).contains(limit), "A listing has 1...1000 objects a page, not \(limit).")
        let base = location.prefix.isEmpty ? "" : location.prefix + "/"
        var query = [
            (name: "list-type", value: "2"), (name: "max-keys", value: String(limit)),
            (name: "prefix", value: base + prefix), (name: "encoding-type", value: "url"),
        ]
        if let after { query.append((name: "start-after", value: base + after)) }
        let response = try requireSuccess("list", try await send("list", request("GET", query: query)))
        return try S3Answers.page(response, base: base, store: baseURL)
    }

    public func delete(_ key: String) async throws(ObjectStorageError) {
        try validate(key)
        let response = try await send("delete \(key)", request("DELETE", key: key))
        if response.status == 404, S3Refusal(response).kind == .notFound { return }
        _ = try requireSuccess("delete \(key)", response)
    }

    /// S3 counts the prefix too.
    func validate(_ key: String) throws(ObjectStorageError) {
        try ObjectKey.validate(key)
        let bytes = location.bucketKey(key).utf8.count
        guard bytes <= ObjectKey.maxBytes else {
            throw ObjectStorageError(
                .invalidKey,
                "The key '\(key.prefix(200))' has \(bytes) bytes with the prefix of \(baseURL), more than \(ObjectKey.maxBytes)."
            )
        }
    }

    private func rangeHeader(_ range: Range<Int64>, _ key: String) throws(ObjectStorageError) -> String {
        guard !range.isEmpty, range.lowerBound >= 0 else {
            throw ObjectStorageError(
                .invalidRange, "\(range.lowerBound)..<\(range.upperBound) is no range of bytes of \(key).")
        }
        return HTTPClient.rangeHeader(range)
    }

    private func requirePartial(_ range: Range<Int64>?, _ key: String, _ status: Int) throws(ObjectStorageError) {
        guard range == nil || status == 206 else {
            throw ObjectStorageError(
                .refused,
                "\(location.endpoint) answered a request for a range of \(key) with status \(status), not 206.")
        }
    }

    private func info(
        _ key: String, _ headers: HTTPHeaders, bytes: Int64?
    ) throws(ObjectStorageError) -> ObjectInfo {
        guard let bytes else {
            throw ObjectStorageError(.unavailable, "\(location.endpoint) does not say how long \(key) is.")
        }
        return ObjectInfo(
            key: key, bytes: bytes,
            sha256: headers["x-amz-meta-sha256"].flatMap { SHA256.Digest(hex: $0)?.hex },
            contentType: headers["Content-Type"] ?? ContentType.forKey(key),
            modifiedAt: headers["Last-Modified"].flatMap { HTTPDate.parse($0) })
    }
}
