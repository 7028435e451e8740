import FilmThreads
import Foundation
import JSON
import MediaSteps
import Packaging
import StepContracts
import TemporaryFolder
import Testing

/// What independent decryptors make of protected packages.
@Suite(.filmThreads) struct ProtectedPackageTests {
    private static let keyID = "00112233445566778899aabbccddeeff"
    private static let key = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    private static let otherKey = "0f1e2d3c4b5a69788796a5b4c3d2e1f1"

    @Test(arguments: CodedClip.all, ["cbcs", "cenc"])
    func othersDecryptToTheSameFrames(clip: CodedClip, scheme: String) throws {
        let scratch = try TemporaryFolder()
        let film = scratch.path + "/film.mp4"
        try clip.write(to: film)
        let out = scratch.path + "/out"
        func package(_ protection: LocalProtection?, to folder: String) throws -> JSON {
            try LocalPackage.run(
                [LocalPackage.Input(path: film)], writesHLS: true, writesDASH: true, directory: folder,
                segmentSeconds: 1, singleFile: true, protection: protection)
        }
        let document = try package(LocalProtection(scheme: scheme, keys: ["\(Self.keyID):\(Self.key)"]), to: out)
        _ = try package(nil, to: scratch.path + "/clear")
        #expect(document["renditions"]?[0]?["keyId"] == .string(Self.keyID))
        let name = try #require(document["renditions"]?[0]?["name"]?.stringValue)
        let file = "\(out)/\(name)/media.mp4"
        let stream = clip.isVideo ? "v:0" : "a:0"
        let clear = try Tool.frameDigests("\(scratch.path)/clear/\(name)/media.mp4", stream: stream)
        #expect(try Tool.frameDigests(file, stream: stream, key: Self.key) == clear)

        // With another key, or none, nothing of the film is seen or heard, and it is an error.
        for key in [Self.otherKey, nil] {
            let words = (key.map { ["-decryption_key", $0] } ?? []) + ["-i", file]
            let frames = try Tool.run(
                "ffmpeg", ["-nostdin", "-v", "quiet"] + words + ["-vsync", "passthrough", "-f", "framemd5", "-"])
            let seen = Tool.digests(frames.text)
            #expect(Set(seen).isDisjoint(with: clear), "\(key == nil ? "no key" : "another key")")
            // A decoder of HEVC takes some wrong bits for pictures, and knows by their digests that they are none.
            let detected = clip.codecs.hasPrefix("hvc1") ? "crccheck+explode" : "explode"
            let strict = try Tool.run(
                "ffmpeg",
                ["-nostdin", "-v", "error", "-xerror", "-err_detect", detected] + words + ["-f", "null", "-"])
            #expect(strict.status != 0, "\(key == nil ? "no key" : "another key")")
        }
    }

    /// Files of segments, several keys, a clear lead: each track with its own key, the lead without any.
    @Test(arguments: ["cbcs", "cenc"])
    func severalKeysAndAClearLead(scheme: String) throws {
        let scratch = try TemporaryFolder()
        let film = scratch.path + "/film.mp4"
        let out = scratch.path + "/out"
        try Clip(name: "film", frames: 300, group: 50).write(to: film)
        let soundID = "ffeeddccbbaa99887766554433221100"
        let keys = ["sd=\(Self.keyID):\(Self.key):TYPE-0", "audio=\(soundID):\(Self.otherKey)"]
        _ = try LocalPackage.run(
            [LocalPackage.Input(path: film)], writesHLS: true, writesDASH: true, directory: out,
            protection: LocalProtection(scheme: scheme, keys: keys, clearLeadSeconds: 4))
        _ = try LocalPackage.run(
            [LocalPackage.Input(path: film)], writesHLS: true, writesDASH: true, directory: scratch.path + "/clear")
        for (name, stream, key) in [("video-90p", "v:0", Self.key), ("audio-en", "a:0", Self.otherKey)] {
            let clear = try Tool.frameDigests(
                try Tool.joined(track: "\(scratch.path)/clear/\(name)", in: scratch), stream: stream)
            let whole = try Tool.joined(track: "\(out)/\(name)", in: scratch)
            #expect(try Tool.frameDigests(whole, stream: stream, key: key) == clear)
            // The first segment needs no key.
            let lead = try Tool.joined(track: "\(out)/\(name)", in: scratch, segments: 1)
            let shown = try Tool.frameDigests(lead, stream: stream)
            #expect(shown.count > 90 && shown.dropLast() == clear[..<(shown.count - 1)])
            let playlist = try text("\(out)/\(name)/index.m3u8")
            let id = stream == "v:0" ? Self.keyID : soundID
            #expect(playlist.contains("seg-1.m4s\n#EXT-X-KEY:") && playlist.contains("KEYID=0x\(id)"))
        }
        let master = try text(out + "/master.m3u8")
        #expect(master.contains("KEYID=0x\(Self.keyID)") && master.contains("KEYID=0x\(soundID)"))
        #expect(master.contains("HDCP-LEVEL=TYPE-0"))
        try expectNoKey(in: out)
    }

    /// Keys are in no file, in any writing.
    private func expectNoKey(in folder: String) throws {
        let files = try #require(FileManager.default.enumerator(atPath: folder)).compactMap { $0 as? String }
        #expect(files.count > 8)
        for key in [Self.key, Self.otherKey] {
            let bytes = stride(from: 0, to: 32, by: 2).compactMap { place in
                UInt8(key.dropFirst(place).prefix(2), radix: 16)
            }
            let forms = [Data(bytes), Data(key.utf8), Data(key.uppercased().utf8), Data(bytes).base64EncodedData()]
            for file in files {
                var isFolder: ObjCBool = false
                _ = FileManager.default.fileExists(atPath: "\(folder)/\(file)", isDirectory: &isFolder)
                if isFolder.boolValue { continue }
                let content = try Data(contentsOf: URL(filePath: "\(folder)/\(file)"))
                for form in forms { #expect(content.range(of: form) == nil, "\(file)") }
            }
        }
    }

    @Test(arguments: [
        (["\(keyID):\(key)", "\(keyID):\(otherKey)"], "has another key already"), (["\(keyID):12"], "key 1 must be"),
        ([], "at least one key"), (["sd=\(keyID):\(key)", "sd=\(keyID):\(key)"], "labelled 'sd'"),
        (["loud=\(keyID):\(key)"], "label must be"), (["hd=\(keyID):\(key):TYPE-2"], "HDCP level must be"),
        (["\(keyID):\(key):TYPE-0:x"], "key 1 must be"),
        (
            ["\(keyID):\(key)", "ff\(keyID.dropFirst(2)):\(key)", "fe\(keyID.dropFirst(2)):\(key)"],
            "several keys have no label"
        ),
    ])
    func refusesKeys(keys: [String], says: String) throws {
        let failure = try #require(throws: StepFailure.self) { try LocalProtection(scheme: "cbcs", keys: keys) }
        #expect(failure.error == "Showrunner.ParametersInvalid" && failure.cause.contains(says), "\(failure)")
        #expect(!failure.cause.contains(Self.key) && !failure.cause.contains(Self.otherKey))
    }

    @Test func aTrackWithoutAKeyIsAnError() throws {
        let scratch = try TemporaryFolder()
        let film = scratch.path + "/film.mp4"
        try Clip(name: "film", frames: 25).write(to: film)
        let failure = try #require(throws: StepFailure.self) {
            try LocalPackage.run(
                [LocalPackage.Input(path: film)], writesHLS: true, writesDASH: true, directory: scratch.path + "/out",
                protection: LocalProtection(scheme: "cenc", keys: ["uhd=\(Self.keyID):\(Self.key)"]))
        }
        #expect(failure.cause.contains("no key is for track 'video-90p'"), "\(failure)")
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/out/master.m3u8"))
    }

    /// The step is given ids and asks for keys; without a source of them it says so.
    @Test func theStepAsksForKeys() throws {
        let scratch = try TemporaryFolder()
        let film = scratch.path + "/film.mp4"
        try Clip(name: "film", frames: 50, languages: []).write(to: film)
        let input: JSON = [
            "renditions": [["kind": "video", "name": "v", "file": ["key": "k"]]], "protection": "cenc",
            "keys": [["keyId": .string(Self.keyID)]],
        ]
        func surroundings(_ folder: String, _ keys: ContentKeys = .none) throws -> StepSurroundings {
            try FileManager.default.createDirectory(
                atPath: "\(scratch.path)/\(folder)", withIntermediateDirectories: true)
            return StepSurroundings(
                files: ["k": film], outputDirectory: "\(scratch.path)/\(folder)", outputPrefix: "p", threads: 1,
                contentKeys: keys, report: { _ in }, isCancelled: { false })
        }
        let none = try #require(throws: StepFailure.self) { try PackageStep().run(input: input, in: surroundings("a")) }
        #expect(none.error == "Showrunner.KeyUnavailable" && none.cause.contains(Self.keyID))
        let keys = ContentKeys([Self.keyID: [UInt8](repeating: 7, count: 16)])
        #expect("\(keys)\(String(reflecting: keys))".contains("7") == false)
        let output = try PackageStep().run(input: input, in: surroundings("b", keys))
        #expect(output["protection"] == "cenc" && output["renditions"]?[0]?["keyId"] == .string(Self.keyID))
        let whole = try Tool.joined(track: "\(scratch.path)/b/v", in: scratch)
        #expect(
            try Tool.frameDigests(whole, stream: "v:0", key: String(repeating: "07", count: 16))
                == Tool.frameDigests(film, stream: "v:0"))
        let wrong = try #require(throws: StepFailure.self) {
            try PackageStep().run(input: input, in: surroundings("c", ContentKeys([Self.keyID: [1, 2, 3]])))
        }
        #expect(wrong.cause.contains("has 3 bytes, not 16"))
    }

    /// The same input gives the same bytes; another title under the same key has other counters.
    @Test func countersFollowFromTheContent() throws {
        let scratch = try TemporaryFolder()
        let folder = scratch.path
        for name in ["a", "b"] {
            // Sound of one size a frame: only the content differs.
            try Tool.ffmpeg([
                "-f", "lavfi", "-i", "sine=r=48000:f=\(name == "a" ? 300 : 500)", "-t", "3", "-c:a", "ac3",
                "\(folder)/\(name).mp4",
            ])
        }
        func header(_ name: String, _ out: String) throws -> (Data, Data) {
            _ = try LocalPackage.run(
                [LocalPackage.Input(path: "\(folder)/\(name).mp4")], writesHLS: true, writesDASH: true,
                directory: "\(folder)/\(out)", singleFile: true,
                protection: LocalProtection(scheme: "cenc", keys: ["\(Self.keyID):\(Self.key)"]))
            let file = try Data(contentsOf: URL(filePath: "\(folder)/\(out)/audio-und/media.mp4"))
            let place = try #require(file.range(of: Data("senc".utf8))).upperBound
            return (file, file[(place + 8)..<(place + 16)])
        }
        let first = try header("a", "1")
        let again = try header("a", "2")
        let other = try header("b", "3")
        #expect(first == again)
        #expect(first.1 != other.1)
    }
}
