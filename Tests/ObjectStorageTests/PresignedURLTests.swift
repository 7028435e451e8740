import Foundation
import HTTP
import Testing

@testable import ObjectStorage

@Suite("Presigned URLs")
struct PresignedURLTests {
    @Test("agree with the example that AWS publishes")
    func published() {
        let signing = AWSSigning(
            accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            region: "us-east-1", service: "s3")
        let url = PresignedURL.make(
            "GET", "https://examplebucket.s3.amazonaws.com/test.txt", signing: signing, time: 1_369_353_600,
            seconds: 86_400)
        #expect(
            url.hasSuffix("&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"))
        #expect(url.contains("X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"))
    }

    @Test("are honoured until they expire", .enabled(if: S3Server.kind == .ceph, "needs radosgw, which checks them"))
    func honoured() async throws {
        let server = try await S3Server.shared.value
        let store = try S3Store(
            S3Store.Location(url: "s3://\(S3Server.bucket)/presigned", environment: server.environment))
        _ = try await store.put(.bytes([1, 2, 3]), key: "a/film.mp4", contentType: "video/mp4")
        let client = HTTPClient()
        let now = Int64(Date().timeIntervalSince1970)
        let url = try store.presignedURL(for: "a/film.mp4", time: now, seconds: 600)
        #expect(try await client.send(HTTPRequest("GET", url)).body == [1, 2, 3])
        let expired = try store.presignedURL(for: "a/film.mp4", time: now - 1000, seconds: 600)
        #expect(try await client.send(HTTPRequest("GET", expired)).status == 403)
        let other = url.replacingOccurrences(of: "film.mp4", with: "other.mp4")
        #expect(try await client.send(HTTPRequest("GET", other)).status == 403)
    }
}
