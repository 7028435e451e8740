import Foundation
import Testing

@testable import MediaFiles

/// Boxes of a file by their way, with each way to say a size.
@Suite struct FileBoxesTests {
    private static func bytes(_ number: Int, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }

    private static func box(_ type: String, _ content: [UInt8]) -> [UInt8] {
        bytes(8 + content.count, 4) + Array(type.utf8) + content
    }

    /// A box whose size takes 64 bits.
    private static func long(_ type: String, _ content: [UInt8]) -> [UInt8] {
        bytes(1, 4) + Array(type.utf8) + bytes(16 + content.count, 8) + content
    }

    /// A box that goes to the end.
    private static func open(_ type: String, _ content: [UInt8]) -> [UInt8] { bytes(0, 4) + Array(type.utf8) + content }

    /// What lies on a way, as `type:content`.
    private func found(_ file: [UInt8], _ types: [String]) throws -> [String] {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("boxes-\(UUID().uuidString)")
        try Data(file).write(to: url)
        defer { unlink(url.path) }
        let boxes = try FileBoxes(path: url.path)
        var found: [String] = []
        try boxes.follow(types) { (type, place) throws(MediaError) in
            let content = try boxes.bytes(Int(place.end - place.content), at: place.content)
            found.append(type == types.last ? "\(type):\(String(decoding: content, as: UTF8.self))" : type)
        }
        return found
    }

    @Test func everyBoxOnTheWay() throws {
        let track = FileBoxesTests.box(
            "trak", FileBoxesTests.box("tkhd", [0]) + FileBoxesTests.box("elst", Array("a".utf8)))
        let empty = FileBoxesTests.box("trak", [])
        let last = FileBoxesTests.open("trak", FileBoxesTests.long("elst", Array("bc".utf8)))
        let file =
            FileBoxesTests.box("ftyp", [1, 2, 3]) + FileBoxesTests.box("elst", [9])
            + FileBoxesTests.long("moov", track + empty + last)
        #expect(try found(file, ["moov", "trak", "elst"]) == ["moov", "trak", "elst:a", "trak", "trak", "elst:bc"])
        #expect(try found(file, ["moov", "free"]) == ["moov"])
    }

    /// A box that is longer than what is around it, or shorter than its head, ends the search.
    @Test(arguments: [17, 1_000, 7, 2])
    func damage(size: Int) throws {
        let inner = FileBoxesTests.bytes(size, 4) + Array("trak".utf8)
        let file = FileBoxesTests.box("moov", inner + FileBoxesTests.box("trak", []))
        #expect(try found(file, ["moov", "trak"]) == ["moov"])
    }

    @Test func boxesAreCounted() throws {
        let many = FileBoxesTests.box("moov", Array((0..<10_000).map { _ in FileBoxesTests.box("free", []) }.joined()))
        let error = #expect(throws: MediaError.self) { try found(many, ["moov", "trak"]) }
        #expect(error?.kind == .unsupported)
        #expect(error?.byte == Int64(many.count - 8))
    }

    @Test func noSuchFile() {
        let error = #expect(throws: MediaError.self) { _ = try FileBoxes(path: "/nowhere/at/all") }
        #expect(error?.kind == .inputOutput)
    }
}
