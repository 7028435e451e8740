import Cryptography
import Foundation
import ObjectStorage
import TemporaryFolder
import Testing

/// What every store does alike. Each case gets an empty store and a scratch folder.
struct StoreCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let run: @Sendable (any ObjectStore, TemporaryFolder) async throws -> Void

    init(_ name: String, _ run: @escaping @Sendable (any ObjectStore, TemporaryFolder) async throws -> Void) {
        testDescription = name
        self.run = run
    }
}

@Suite("Object stores")
struct StoreConformance {
    @Test("conform", arguments: StoreUnderTest.available, cases)
    func conformance(_ store: StoreUnderTest, _ testCase: StoreCase) async throws {
        try await store.withStore(testCase.run)
    }

    @Test(
        "S3 is among the stores under test", .enabled(if: S3Server.kind != nil, "neither radosgw nor moto is installed")
    )
    func s3IsTested() { #expect(StoreUnderTest.available.contains(.s3)) }

    static let cases = [
        StoreCase("what is put comes back with its description", roundTrip),
        StoreCase("the same content again is fine, other content is refused", immutability),
        StoreCase("an empty object is an object", emptyObject),
        StoreCase("ranges are cut at the end and have to begin before it", ranges),
        StoreCase("more than the caller takes is refused", sizeLimit),
        StoreCase("what is not there is not found, and may be deleted", missing),
        StoreCase("a fetched file is checked before it appears", fetching),
        StoreCase("content that is not what was promised is not stored", promisedChecksum),
        StoreCase("a file that is not there, or no file, is not stored", missingFile),
        StoreCase("a listing is in byte order and comes in pages", listing),
        StoreCase("every character that is allowed works", allowedCharacters),
        StoreCase("a text that is no key is refused everywhere", badKeys),
        StoreCase("an object's URL leads back to its key", urls),
        StoreCase("of writers with different content one wins, with the same all do", racingWriters),
        StoreCase("a deleted key is free again", deletion),
        StoreCase("a cancelled put stores nothing", cancellation),
        StoreCase("64 MiB go in and come out", largeObject),
    ]
}

extension StoreConformance {
    private static func roundTrip(_ store: any ObjectStore, _: TemporaryFolder) async throws {
        let reference = try await store.put(
            .bytes(Array("#EXTM3U\n".utf8)), key: "media/x/master.m3u8",
            contentType: "application/vnd.apple.mpegurl; charset=\"utf-8\"")
        let hex = SHA256.hash("#EXTM3U\n").hex
        #expect(reference == ObjectReference(key: "media/x/master.m3u8", bytes: 8, sha256: hex))
        #expect(try await store.get("media/x/master.m3u8") == Array("#EXTM3U\n".utf8))
        let info = try await store.head("media/x/master.m3u8")
        #expect(info.bytes == 8)
        #expect(info.sha256 == hex)
        #expect(info.contentType == "application/vnd.apple.mpegurl; charset=\"utf-8\"")
        let age = Date().timeIntervalSince1970 - Double(try #require(info.modifiedAt))
        #expect((-60...600).contains(age))
    }

    private static func immutability(_ store: any ObjectStore, _: TemporaryFolder) async throws {
        let first = try await store.put(.bytes([1, 2, 3]), key: "k", contentType: "a/b")
        #expect(try await store.put(.bytes([1, 2, 3]), key: "k", contentType: "a/b") == first)
        for other: [UInt8] in [[1, 2, 4], [1, 2], []] {
            await refused(.alreadyExists) {
                _ = try await store.put(.bytes(other), key: "k", contentType: "a/b")
            }
        }
        #expect(try await store.get("k") == [1, 2, 3])
    }

    private static func emptyObject(_ store: any ObjectStore, _ folder: TemporaryFolder) async throws {
        let empty = SHA256.hash("").hex
        #expect(try await store.put(.bytes([]), key: "e", contentType: "a/b").sha256 == empty)
        #expect(try await store.get("e") == [])
        #expect(try await store.head("e").bytes == 0)
        #expect(try await store.fetch("e", to: "\(folder.path)/e", sha256: empty).bytes == 0)
        #expect(try folder.read("e") == [])
        #expect(try await collect(store.stream("e", range: nil)) == [])
    }

    private static func ranges(_ store: any ObjectStore, _: TemporaryFolder) async throws {
        let content = (0..<100).map { UInt8($0) }
        _ = try await store.put(.bytes(content), key: "r", contentType: "a/b")
        for range: Range<Int64> in [0..<1, 0..<100, 10..<20, 99..<100, 90..<200] {
            let expected = Array(content[Int(range.lowerBound)..<min(100, Int(range.upperBound))])
            #expect(try await store.get("r", range: range, maxBytes: 100) == expected)
            let body = try await store.stream("r", range: range)
            #expect(body.range == range.clamped(to: 0..<100))
            #expect(body.info.bytes == 100)
            #expect(try await collect(body) == expected)
        }
        for range: Range<Int64> in [100..<101, 5000..<5001, 3..<3] {
            await refused(.invalidRange) { _ = try await store.get("r", range: range, maxBytes: 100) }
            await refused(.invalidRange) { _ = try await store.stream("r", range: range) }
        }
    }

    private static func sizeLimit(_ store: any ObjectStore, _: TemporaryFolder) async throws {
        _ = try await store.put(.bytes(randomBytes(100_000)), key: "big", contentType: "a/b")
        await refused(.tooLarge) { _ = try await store.get("big", range: nil, maxBytes: 99_999) }
        await refused(.tooLarge) { _ = try await store.get("big", range: 0..<11, maxBytes: 10) }
        #expect(try await store.get("big", range: nil, maxBytes: 100_000).count == 100_000)
    }

    private static func missing(_ store: any ObjectStore, _ folder: TemporaryFolder) async throws {
        await refused(.notFound) { _ = try await store.head("a/b") }
        await refused(.notFound) { _ = try await store.get("a/b") }
        await refused(.notFound) { _ = try await store.stream("a/b", range: nil) }
        await refused(.notFound) { _ = try await store.fetch("a/b", to: "\(folder.path)/f", sha256: nil) }
        #expect(try !folder.names().contains("f"))
        try await store.delete("a/b")
    }

    private static func fetching(_ store: any ObjectStore, _ folder: TemporaryFolder) async throws {
        let content = randomBytes(3_000_000)
        let reference = try await store.put(.bytes(content), key: "f/1", contentType: "a/b")
        let target = "\(folder.path)/film.mp4"
        await refused(.checksumMismatch) {
            _ = try await store.fetch("f/1", to: target, sha256: SHA256.hash("other").hex)
        }
        #expect(try folder.names().filter { $0.hasPrefix("film") } == [])
        #expect(try await store.fetch("f/1", to: target, sha256: reference.sha256) == reference)
        #expect(try folder.read("film.mp4") == content)
        // Replaces what is there.
        #expect(try await store.fetch("f/1", to: target, sha256: nil) == reference)
        #expect(try folder.names().filter { $0.hasPrefix("film") } == ["film.mp4"])
        await refused(.localFile) {
            _ = try await store.fetch("f/1", to: "\(folder.path)/no/folder", sha256: nil)
        }
    }

    private static func promisedChecksum(_ store: any ObjectStore, _ folder: TemporaryFolder) async throws {
        let file = try folder.write("content", [1, 2, 3])
        for content in [ObjectContent.bytes([1, 2, 3]), .file(file)] {
            await refused(.checksumMismatch) {
                _ = try await store.put(
                    content, key: "p", contentType: "a/b", sha256: SHA256.hash("promised").hex)
            }
            await refused(.checksumMismatch) {
                _ = try await store.put(content, key: "p", contentType: "a/b", sha256: "123")
            }
            await refused(.notFound) { _ = try await store.head("p") }
        }
        let hex = SHA256.hash([1, 2, 3]).hex
        let first = try await store.put(.file(file), key: "p", contentType: "a/b", sha256: hex.uppercased())
        #expect(first.sha256 == hex)
        #expect(try await store.put(.file(file), key: "p", contentType: "a/b", sha256: hex) == first)
    }

    private static func missingFile(_ store: any ObjectStore, _ folder: TemporaryFolder) async throws {
        for path in ["\(folder.path)/missing", folder.path] {
            await refused(.localFile) { _ = try await store.put(.file(path), key: "p", contentType: "a/b") }
        }
        await refused(.notFound) { _ = try await store.head("p") }
    }

    private static func listing(_ store: any ObjectStore, _: TemporaryFolder) async throws {
        let keys = ["a-b", "a/b", "a/b-c", "a/b.c", "a/c/d", "a0", "B", "b/x", "c"]
        for key in keys.shuffled() { _ = try await store.put(.bytes(Array(key.utf8)), key: key, contentType: "a/b") }
        let sorted = keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for limit in [1, 2, 3, 9, 1000] {
            #expect(try await list(store, "", limit: limit) == sorted)
        }
        for (prefix, expected) in [
            ("a", ["a-b", "a/b", "a/b-c", "a/b.c", "a/c/d", "a0"]), ("a/", ["a/b", "a/b-c", "a/b.c", "a/c/d"]),
            ("a/b", ["a/b", "a/b-c", "a/b.c"]), ("a/c", ["a/c/d"]), ("a/c/", ["a/c/d"]), ("c", ["c"]),
            ("c/", []), ("x/y", []),
        ] {
            #expect(try await list(store, prefix, limit: 2) == expected, "prefix \(prefix)")
        }
        let behind = try await store.list(prefix: "", after: "a/b.c", limit: 2)
        #expect(behind.objects.map(\.key) == ["a/c/d", "a0"])
        #expect(behind.objects.map(\.bytes) == [5, 2])
        #expect(behind.next == "a0")
        #expect(try await store.list(prefix: "", after: "c", limit: 2) == ObjectPage(objects: [], next: nil))
    }

    private static func allowedCharacters(_ store: any ObjectStore, _: TemporaryFolder) async throws {
        let key = "ABCXYZ/abcxyz.0189_-/..x/x../-/_/.hidden"
        _ = try await store.put(.bytes([7]), key: key, contentType: "text/plain; x=\"a+b=c&d\"")
        #expect(try await store.get(key) == [7])
        #expect(try await store.head(key).contentType == "text/plain; x=\"a+b=c&d\"")
        #expect(try await list(store, "", limit: 10) == [key])
        let long = Array(repeating: String(repeating: "x", count: 127), count: 7).joined(separator: "/")
        _ = try await store.put(.bytes([8]), key: long, contentType: "a/b")
        #expect(try await store.get(long) == [8])
    }

    private static func badKeys(_ store: any ObjectStore, _ folder: TemporaryFolder) async throws {
        let bad = [
            "", "/a", "a/", "a//b", "..", "a/../b", ".", "a/./b", "a b", "a?b", "ä", "a\\b", "a\0b", "a%2e",
            ".store/meta/x", String(repeating: "x", count: 256),
            Array(repeating: "0123456789", count: 100).joined(separator: "/"),
        ]
        for key in bad {
            await refused(.invalidKey) { _ = try await store.put(.bytes([]), key: key, contentType: "a/b") }
            await refused(.invalidKey) { _ = try await store.get(key) }
            await refused(.invalidKey) { _ = try await store.head(key) }
            await refused(.invalidKey) { _ = try await store.stream(key, range: nil) }
            await refused(.invalidKey) { _ = try await store.fetch(key, to: folder.path + "/f", sha256: nil) }
            await refused(.invalidKey) { try await store.delete(key) }
            await refused(.invalidKey) { _ = try store.localPath(key) }
            #expect(store.key(for: store.url(for: key)) == nil)
        }
        for type in ["", "a\nb", "ä/b", String(repeating: "x", count: 256)] {
            await refused(.invalidContentType) {
                _ = try await store.put(.bytes([]), key: "k", contentType: type)
            }
        }
    }

    private static func urls(_ store: any ObjectStore, _: TemporaryFolder) async throws {
        #expect(store.key(for: store.url(for: "a/b.c")) == "a/b.c")
        #expect(store.key(for: store.baseURL) == nil)
        #expect(store.key(for: "s3://elsewhere/a") == nil)
        #expect(store.key(for: store.baseURL + "x/a") == nil)
    }

    private static func racingWriters(_ store: any ObjectStore, _: TemporaryFolder) async throws {
        let outcomes = await withTaskGroup(of: UInt8?.self) { group in
            for number in UInt8(0)..<8 {
                group.addTask {
                    let content = Array(repeating: number, count: 100_000)
                    do {
                        _ = try await store.put(.bytes(content), key: "race", contentType: "a/b")
                        return number
                    } catch let error as ObjectStorageError where error.code == .alreadyExists {
                        return nil
                    } catch {
                        Issue.record(error)
                        return nil
                    }
                }
            }
            return await group.reduce(into: [UInt8]()) { if let number = $1 { $0.append(number) } }
        }
        #expect(outcomes.count == 1)
        let winner = try #require(outcomes.first)
        #expect(try await store.get("race") == Array(repeating: winner, count: 100_000))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    _ = try await store.put(.bytes(Array("same".utf8)), key: "agree", contentType: "a/b")
                }
            }
            try await group.waitForAll()
        }
    }

    private static func deletion(_ store: any ObjectStore, _: TemporaryFolder) async throws {
        _ = try await store.put(.bytes([1]), key: "d/e/f", contentType: "a/b")
        try await store.delete("d/e/f")
        await refused(.notFound) { _ = try await store.head("d/e/f") }
        #expect(try await list(store, "", limit: 10) == [])
        _ = try await store.put(.bytes([2]), key: "d/e/f", contentType: "c/d")
        #expect(try await store.get("d/e/f") == [2])
        #expect(try await store.head("d/e/f").contentType == "c/d")
    }

    private static func cancellation(_ store: any ObjectStore, _: TemporaryFolder) async throws {
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            _ = try await store.put(.bytes(randomBytes(1 << 20)), key: "late", contentType: "a/b")
        }
        await refused(.cancelled) { try await task.value }
        await refused(.notFound) { _ = try await store.head("late") }
    }

    private static func largeObject(_ store: any ObjectStore, _ folder: TemporaryFolder) async throws {
        let content = largeContent(mebibytes: 64)
        let file = try folder.write("large", content + [42])
        let clock = ContinuousClock()
        var reference = ObjectReference(key: "", bytes: 0, sha256: "")
        let put = try await clock.measure {
            reference = try await store.put(.file(file), key: "large", contentType: "video/mp4")
        }
        #expect(reference.bytes == (64 << 20) + 1)
        #expect(try reference.sha256 == SHA256.file(file).digest.hex)
        #expect(try await store.head("large").sha256 == reference.sha256)
        let fetch = try await clock.measure {
            _ = try await store.fetch("large", to: "\(folder.path)/copy", sha256: reference.sha256)
        }
        #expect(try SHA256.file("\(folder.path)/copy").digest.hex == reference.sha256)
        #expect(
            try await store.get("large", range: (16 << 20) - 2..<(16 << 20) + 2, maxBytes: 4)
                == Array(content[(16 << 20) - 2..<(16 << 20) + 2]))
        // Again: the same content is fine, and other content of the same kind is not.
        #expect(try await store.put(.file(file), key: "large", contentType: "video/mp4") == reference)
        let other = try folder.write("other", content + [43])
        await refused(.alreadyExists) {
            _ = try await store.put(.file(other), key: "large", contentType: "video/mp4")
        }
        print("64 MiB: \(store.baseURL.prefix(5)) put \(put), fetch \(fetch)")
    }
}

/// Content no two mebibytes of which are alike, made without visiting every byte (debug builds are slow at that).
func largeContent(mebibytes: Int) -> [UInt8] {
    let piece = randomBytes((1 << 20) - 8)
    var content: [UInt8] = []
    content.reserveCapacity(mebibytes << 20)
    for number in 0..<mebibytes { content += piece + Array(repeating: UInt8(number), count: 8) }
    return content
}

/// Expects an error of one code, and a message.
func refused(
    _ code: ObjectStorageError.Code, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async {
    let error = await #expect(throws: ObjectStorageError.self, sourceLocation: sourceLocation) { try await body() }
    #expect(error?.code == code, "\(error?.message ?? "nothing was thrown")", sourceLocation: sourceLocation)
    #expect(error?.message.hasSuffix(".") ?? true, "\(error?.message ?? "")", sourceLocation: sourceLocation)
}

func collect(_ body: ObjectBody) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    for try await chunk in body.chunks { bytes += chunk }
    return bytes
}

func list(_ store: any ObjectStore, _ prefix: String, limit: Int) async throws -> [String] {
    var keys: [String] = []
    var after: String?
    repeat {
        let page = try await store.list(prefix: prefix, after: after, limit: limit)
        #expect(page.objects.count <= limit)
        keys += page.objects.map(\.key)
        after = page.next
    } while after != nil
    return keys
}
