import Cryptography
import Foundation
import HTTP
import ObjectStorage
import Testing

@Suite("S3 store", .enabled(if: S3Server.kind != nil, "neither radosgw nor moto is installed"))
struct S3StoreTests {
    @Test(
        "a wrong secret and an unknown key are refused by name, without the secret",
        .enabled(if: S3Server.kind == .ceph, "moto checks no signatures; install radosgw"),
        arguments: [
            ("AWS_SECRET_ACCESS_KEY", "wrong-secret", "AWS_SECRET_ACCESS_KEY does not belong to it"),
            ("AWS_ACCESS_KEY_ID", "nobody", "the access key nobody is unknown there"),
        ])
    func wrongCredentials(_ name: String, _ value: String, _ reason: String) async throws {
        let server = try await S3Server.shared.value
        let environment = server.environment.merging([name: value]) { $1 }
        let store = try openStore("s3://\(S3Server.bucket)/x", environment: environment)
        let error = await #expect(throws: ObjectStorageError.self) { try await store.prepare() }
        #expect(error?.code == .accessDenied)
        let message = try #require(error?.message)
        #expect(message.contains(reason))
        #expect(!message.contains("secret") && !message.contains("wrong-secret"))
        await refused(.accessDenied) { _ = try await store.get("k") }
        await refused(.accessDenied) { _ = try await store.put(.bytes([1]), key: "k", contentType: "a/b") }
    }

    @Test("a bucket that is not there is named")
    func missingBucket() async throws {
        let server = try await S3Server.shared.value
        let store = try openStore("s3://no-such-bucket", environment: server.environment)
        let error = await #expect(throws: ObjectStorageError.self) { try await store.prepare() }
        #expect(error?.code == .storeMissing)
        #expect(
            error?.message
                == "The bucket no-such-bucket does not exist at \(server.endpoint); create it, or correct the name.")
    }

    @Test("an object that others put there is served, and compared by its content")
    func foreignObject() async throws {
        let server = try await S3Server.shared.value
        let name = "foreign-\(UUID().uuidString)"
        let client = HTTPClient()
        let signing = AWSSigning(
            accessKeyID: "showrunner", secretAccessKey: "showrunner-secret", region: "us-east-1", service: "s3")
        for key in ["film.mp4", "not%20a%20key%2B%26"] {
            let put = HTTPRequest(
                "PUT", "\(server.endpoint)/\(S3Server.bucket)/\(name)/\(key)", headers: ["Content-Type": "x/y"],
                body: .bytes([1, 2, 3]), signing: signing)
            #expect(try await client.send(put).status == 200)
        }
        let store = try openStore("s3://\(S3Server.bucket)/\(name)", environment: server.environment)
        let info = try await store.head("film.mp4")
        #expect(info.sha256 == nil)
        #expect(info.contentType == "x/y")
        #expect(try await list(store, "", limit: 1) == ["film.mp4"])
        let same = try await store.put(.bytes([1, 2, 3]), key: "film.mp4", contentType: "x/y")
        #expect(same.sha256 == SHA256.hash([1, 2, 3]).hex)
        await refused(.alreadyExists) {
            _ = try await store.put(.bytes([1, 2, 4]), key: "film.mp4", contentType: "x/y")
        }
    }

    @Test("a listing goes over many pages")
    func manyObjects() async throws {
        try await StoreUnderTest.s3.withStore { store, _ in
            let keys = (0..<60).map { "n/\($0)" }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for key in keys {
                    group.addTask { _ = try await store.put(.bytes([1]), key: key, contentType: "a/b") }
                }
                try await group.waitForAll()
            }
            #expect(try await list(store, "n/", limit: 7) == keys.sorted())
        }
    }

    @Test("versions of all objects are listed over pages, with and without versions in the bucket")
    func listsVersions() async throws {
        let server = try await S3Server.shared.value
        let bucket = "versions-\(UUID().uuidString.lowercased().prefix(8))"
        let store = try S3Store(S3Store.Location(url: "s3://\(bucket)", environment: server.environment))
        try await store.createBucket()
        func all(limit: Int) async throws -> [ObjectVersion] {
            var versions: [ObjectVersion] = []
            var mark: ObjectVersionPage.Mark?
            repeat {
                let page = try await store.listVersions(after: mark, limit: limit)
                versions += page.versions
                mark = page.next
            } while mark != nil
            return versions
        }
        #expect(try await all(limit: 10).isEmpty)
        let signing = AWSSigning(
            accessKeyID: "showrunner", secretAccessKey: "showrunner-secret", region: "us-east-1", service: "s3")
        let client = HTTPClient()
        for key in ["c", "d/e"] { _ = try await store.put(.bytes([1, 2, 3]), key: key, contentType: "a/b") }
        // Others name their objects as they like.
        let foreign = try await client.send(
            HTTPRequest(
                "PUT", "\(server.endpoint)/\(bucket)/a%20b%2B%C3%BC.mov", headers: ["Content-Type": "a/b"],
                body: .bytes([1, 2, 3]), signing: signing))
        #expect(foreign.status == 200, "\(foreign.text)")
        let plain = try await all(limit: 2)
        #expect(plain.map(\.key) == ["a b+ü.mov", "c", "d/e"])
        #expect(plain.allSatisfy { $0.versionID == "null" && $0.bytes == 3 && $0.modifiedAt > 1_700_000_000 })
        // MD5 of the three bytes, as S3 marks what came in one part.
        #expect(plain[0].entityTag == "5289df737df57326fcdd22597afb1fac")

        let enabled = try await client.send(
            HTTPRequest(
                "PUT", "\(server.endpoint)/\(bucket)?versioning=", headers: ["Content-Type": "application/xml"],
                body: .bytes(
                    Array(
                        "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>".utf8)),
                signing: signing))
        #expect(enabled.status == 200, "\(enabled.text)")
        for byte in [7, 8] as [UInt8] {
            let put = try await client.send(
                HTTPRequest(
                    "PUT", "\(server.endpoint)/\(bucket)/c", headers: ["Content-Type": "a/b"], body: .bytes([byte]),
                    signing: signing))
            #expect(put.status == 200)
        }
        let versions = try await all(limit: 2).filter { $0.key == "c" }
        #expect(versions.count == 3 && Set(versions.map(\.versionID)).count == 3)
        #expect(versions.count { $0.versionID == "null" } == 1)
    }

    @Test("an upload that fails leaves no parts behind")
    func abortedUpload() async throws {
        let server = try await S3Server.shared.value
        try await StoreUnderTest.s3.withStore { store, folder in
            let path = try folder.write("film", largeContent(mebibytes: 40))
            let task = Task { try await store.put(.file(path), key: "film", contentType: "video/mp4") }
            // Cancelled at whatever point it has reached by the time the first part is under way.
            let client = HTTPClient()
            let signing = AWSSigning(
                accessKeyID: "showrunner", secretAccessKey: "showrunner-secret", region: "us-east-1", service: "s3")
            let uploads = HTTPRequest("GET", "\(server.endpoint)/\(S3Server.bucket)?uploads=", signing: signing)
            let prefix = String(store.baseURL.dropFirst("s3://\(S3Server.bucket)/".count))
            while !task.isCancelled {
                if try await client.send(uploads).text.contains(prefix) { task.cancel() }
                if try await list(store, "film", limit: 1) == ["film"] { break }
            }
            let outcome = await task.result
            #expect(try await !client.send(uploads).text.contains(prefix))
            if case .failure(let error) = outcome {
                #expect((error as? ObjectStorageError)?.code == .cancelled)
                await refused(.notFound) { _ = try await store.head("film") }
            }
        }
    }
}

@Suite("S3 store against failing servers")
struct S3FailureTests {
    static let environment = [
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "never-shown", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
    ]

    @Test("a store that nobody answers for is unavailable, and says where")
    func unreachable() async throws {
        let store = try openStore("s3://bucket/prefix", environment: Self.environment)
        let error = await #expect(throws: ObjectStorageError.self) { try await store.prepare() }
        #expect(error?.code == .unavailable)
        #expect(error?.isTransient == true)
        #expect(error?.cause?.code == .connect)
        #expect(error?.message.hasPrefix("Cannot list in s3://bucket/prefix at http://127.0.0.1:1: ") == true)
    }

    @Test(
        "settings that cannot work are refused at once, with the reason",
        arguments: [
            ("s3://b", "'b' is no bucket name: 3 to 63 letters, digits, dots and hyphens."),
            ("s3://", "'' is no bucket name: 3 to 63 letters, digits, dots and hyphens."),
            ("s3://bucket/a b", "The prefix 'a b' of the bucket bucket has characters other than A-Z a-z 0-9 . _ / -."),
            ("s3://bucket/a/../b", "The prefix 'a/../b' of the bucket bucket has a part '.' or '..'."),
            ("gs://bucket", "The store 'gs://bucket' is neither a path nor file:///PATH nor s3://BUCKET/PREFIX."),
            ("file://host/x", "The store 'file://host/x' is no file:///PATH."),
            ("", "A directory store needs a path."),
        ])
    func badURL(_ url: String, _ message: String) {
        let error = #expect(throws: ObjectStorageError.self) { try openStore(url, environment: Self.environment) }
        #expect(error?.code == .invalidURL)
        #expect(error?.message == message)
    }

    @Test("credentials that are missing are named")
    func missingCredentials() {
        let error = #expect(throws: ObjectStorageError.self) { try openStore("s3://bucket", environment: [:]) }
        #expect(
            error?.message
                == "The store s3://bucket needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment.")
    }

    @Test("a store's URL is the same however it was written")
    func baseURLs() throws {
        #expect(try openStore("s3://bucket//a/b//", environment: Self.environment).baseURL == "s3://bucket/a/b")
        #expect(try openStore("s3://bucket", environment: Self.environment).baseURL == "s3://bucket")
        #expect(try openStore("/tmp/a b//", environment: [:]).baseURL == "file:///tmp/a%20b")
        #expect(try openStore("file:///tmp/a%20b", environment: [:]).localPath("k") == "/tmp/a b/k")
    }
}
