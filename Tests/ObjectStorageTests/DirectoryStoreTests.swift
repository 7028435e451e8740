import Cryptography
import Foundation
import Glibc
import ObjectStorage
import TemporaryFolder
import Testing

@Suite("Directory store")
struct DirectoryStoreTests {
    @Test("objects are plain files that can be read in place")
    func inPlace() async throws {
        try await StoreUnderTest.directory.withStore { store, folder in
            _ = try await store.put(.bytes([1, 2]), key: "media/a.mp4", contentType: "video/mp4")
            #expect(try store.localPath("media/a.mp4") == "\(folder.path)/objects/media/a.mp4")
            #expect(try folder.read("objects/media/a.mp4") == [1, 2])
            #expect(try folder.names("objects") == [".store", "media"])
            #expect(try folder.names("objects/.store/tmp") == [])
        }
    }

    @Test("accounts of one group share a store where the umask lets them")
    func sharedByGroup() async throws {
        try await StoreUnderTest.directory.withStore { _, folder in
            let path = folder.path
            // The umask is the whole process's.
            await #expect(processExitsWith: .success) { [path = path as String] in
                umask(0o007)
                let store = try DirectoryStore(path: path + "/shared")
                try await store.prepare()
                _ = try await store.put(.bytes([1, 2]), key: "a/b/c", contentType: "x/y")
                for (name, mode) in [
                    ("", 0o770), ("/a/b", 0o770), ("/a/b/c", 0o660), ("/.store/tmp", 0o770), ("/.store/locks", 0o770),
                    ("/.store/meta/a/b", 0o770), ("/.store/meta/a/b/c", 0o660),
                ] as [(String, mode_t)] {
                    var status = stat()
                    precondition(stat(path + "/shared" + name, &status) == 0, name)
                    precondition(status.st_mode & 0o777 == mode, "\(name) has \(status.st_mode & 0o777)")
                }
            }
        }
    }

    @Test("two stores over one directory see the same objects")
    func twoStores() async throws {
        try await StoreUnderTest.directory.withStore { store, folder in
            let other = try openStore("file://\(folder.path)/objects/", environment: [:])
            _ = try await store.put(.bytes([1, 2]), key: "k", contentType: "x/y")
            #expect(try await other.head("k").contentType == "x/y")
            await refused(.alreadyExists) { _ = try await other.put(.bytes([1]), key: "k", contentType: "x/y") }
        }
    }

    @Test(
        "a record that is missing, torn or another's costs the checksum only",
        arguments: ["missing", "torn", "another"])
    func records(_ damage: String) async throws {
        try await StoreUnderTest.directory.withStore { store, folder in
            _ = try await store.put(.bytes([1, 2]), key: "a/film.mp4", contentType: "x/y")
            let record = "\(folder.path)/objects/.store/meta/a/film.mp4"
            let text = String(decoding: try folder.read("objects/.store/meta/a/film.mp4"), as: UTF8.self)
            switch damage {
            case "missing": try FileManager.default.removeItem(atPath: record)
            case "torn": _ = try folder.write("objects/.store/meta/a/film.mp4", Array(text.utf8.prefix(90)))
            default:
                _ = try folder.write(
                    "objects/.store/meta/a/film.mp4",
                    Array(text.replacingOccurrences(of: "bytes 2", with: "bytes 3").utf8))
            }
            let info = try await store.head("a/film.mp4")
            #expect(info.sha256 == nil)
            #expect(info.contentType == "video/mp4")
            #expect(try await store.get("a/film.mp4") == [1, 2])
            // The content itself is compared.
            let hex = SHA256.hash([1, 2]).hex
            #expect(try await store.put(.bytes([1, 2]), key: "a/film.mp4", contentType: "x/y").sha256 == hex)
            await refused(.alreadyExists) {
                _ = try await store.put(.bytes([2, 1]), key: "a/film.mp4", contentType: "x/y")
            }
        }
    }

    @Test("a damaged object is noticed when it is fetched")
    func damagedObject() async throws {
        try await StoreUnderTest.directory.withStore { store, folder in
            _ = try await store.put(.bytes([1, 2]), key: "k", contentType: "x/y")
            _ = try folder.write("objects/k", [1, 3])
            await refused(.checksumMismatch) {
                _ = try await store.fetch("k", to: "\(folder.path)/copy", sha256: nil)
            }
            #expect(try folder.names() == ["objects"])
        }
    }

    @Test("a key that is the folder of others is refused")
    func folders() async throws {
        try await StoreUnderTest.directory.withStore { store, _ in
            _ = try await store.put(.bytes([1]), key: "a/b", contentType: "x/y")
            await refused(.alreadyExists) { _ = try await store.put(.bytes([1]), key: "a", contentType: "x/y") }
            await refused(.alreadyExists) { _ = try await store.put(.bytes([1]), key: "a/b/c", contentType: "x/y") }
            await refused(.notFound) { _ = try await store.head("a") }
            await refused(.notFound) { _ = try await store.get("a/b/c") }
            try await store.delete("a")
            #expect(try await store.get("a/b") == [1])
        }
    }

    @Test("a directory that cannot be one is refused with its path")
    func unusable() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("file", [])
        for path in ["\(file)/objects", "/proc/self/objects"] {
            let store = try openStore(path, environment: [:])
            let error = await #expect(throws: ObjectStorageError.self) { try await store.prepare() }
            #expect(error?.message.hasPrefix("The object store in the directory \(path) cannot be used: ") == true)
        }
    }

    @Test("only temporary files of the day before are removed")
    func staleTemporaries() async throws {
        try await StoreUnderTest.directory.withStore { store, folder in
            let old = try folder.write("objects/.store/tmp/old", [1])
            _ = try folder.write("objects/.store/tmp/new", [1])
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -90_000)], ofItemAtPath: old)
            try await store.prepare()
            #expect(try folder.names("objects/.store/tmp") == ["new"])
        }
    }

    @Test("deleting removes emptied folders and nothing else")
    func emptiedFolders() async throws {
        try await StoreUnderTest.directory.withStore { store, folder in
            _ = try await store.put(.bytes([1]), key: "a/b/c/d", contentType: "x/y")
            _ = try await store.put(.bytes([1]), key: "a/e", contentType: "x/y")
            try await store.delete("a/b/c/d")
            #expect(try folder.names("objects/a") == ["e"])
            #expect(try folder.names("objects/.store/meta/a") == ["e"])
        }
    }

    @Test("putting and deleting in one folder at once loses nothing")
    func puttingWhileDeleting() async throws {
        try await StoreUnderTest.directory.withStore { store, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<16 {
                    group.addTask {
                        for _ in 0..<10 {
                            _ = try await store.put(.bytes([1]), key: "x/y/\(number)", contentType: "x/y")
                            try await store.delete("x/y/\(number)")
                        }
                        _ = try await store.put(.bytes([1]), key: "x/y/\(number)", contentType: "x/y")
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await list(store, "x/", limit: 1000).count == 16)
        }
    }

    @Test("a full file system is named", .enabled(if: geteuid() == 0, "mounting a small tmpfs needs root"))
    func fullDisk() async throws {
        let folder = try TemporaryFolder()
        let mount = "\(folder.path)/small"
        try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: true)
        // Containers may forbid mounting.
        guard Glibc.mount("tmpfs", mount, "tmpfs", 0, "size=1m") == 0 else { return }
        defer { umount2(mount, CInt(MNT_DETACH)) }
        let store = try openStore("\(mount)/objects", environment: [:])
        try await store.prepare()
        await refused(.noSpace) {
            _ = try await store.put(.bytes(randomBytes(2 << 20)), key: "big", contentType: "x/y")
        }
        await refused(.notFound) { _ = try await store.head("big") }
        #expect(try folder.names("small/objects/.store/tmp") == [])
        _ = try await store.put(.bytes(randomBytes(1000)), key: "little", contentType: "x/y")
        #expect(try await store.get("little").count == 1000)
    }
}
