import CatalogStore
import HTTPServer
import HTTPTypes
import Hummingbird
import ObjectStorage
import Postgres

extension CatalogService {
    /// Players on pages of other origins may read media; it is public.
    private static let crossOrigin: HTTPFields = [
        .accessControlAllowOrigin: "*",
        .accessControlExposeHeaders: "Accept-Ranges, Content-Length, Content-Range, ETag",
        .crossOriginResourcePolicy: "cross-origin",
    ]

    /// `/media/**`: the objects of published titles and nothing else.
    func addMediaRoutes(to router: ServiceRouter) {
        router.get("/media/**") { request, _ in
            // As it stands in the request: a key has one address, and needs no escapes in it.
            try await media(request, path: String(request.uri.path.dropFirst("/media/".count)))
        }
        router.on("/media/**", method: .options) { _, _ in
            var fields = Self.crossOrigin
            fields[.allow] = "GET, HEAD, OPTIONS"
            fields[.accessControlAllowMethods] = "GET, HEAD"
            fields[.accessControlAllowHeaders] = "Range, If-None-Match, If-Range"
            fields[.accessControlMaxAge] = "86400"
            return Response(status: .noContent, headers: fields)
        }
    }

    private func media(_ request: Request, path: String) async throws -> Response {
        let object: PublishedObject?
        do {
            object = try await cache.object(path)
        } catch {
            throw Self.unavailable(error)
        }
        guard let object else {
            var problem = Problem.notFound("No published title has the object '\(path.prefix(200))'.")
            problem.headers.append(contentsOf: Self.crossOrigin)
            throw problem
        }
        var fields = Self.crossOrigin
        // Keys name their content, so what lies under one never changes.
        fields[.cacheControl] = "public, max-age=31536000, immutable"
        let streamed = StreamedObject(
            length: Int(object.bytes), contentType: ContentType.forKey(object.key), entityTag: object.sha256,
            headers: fields
        ) { [objects] range, writer in
            let body = try await objects.stream(
                object.key, range: Int64(range.lowerBound)..<Int64(range.upperBound))
            for try await chunk in body.chunks { try await writer.write(ByteBuffer(bytes: chunk)) }
        }
        // The store is asked before the head is sent, so that its failure is a status and not a broken connection.
        if request.method == .get { try await checkStored(object) }
        return streamed.response(to: request)
    }
    private func checkStored(_ object: PublishedObject) async throws {
        let info: ObjectInfo
        do {
            info = try await objects.head(object.key)
        } catch {
            if error.isTransient || error.code == .storeMissing {
                throw Problem.unavailable("The media store does not answer at present.", retryAfter: 2)
            }
            throw error
        }
        guard info.bytes == object.bytes else {
            throw ObjectStorageError(
                .checksumMismatch,
                "\(object.key) has \(info.bytes) bytes in the store and \(object.bytes) in the catalogue.")
        }
    }
}
