import Compression
import Testing

@Suite("gzip")
struct GzipTests {
    private func file(_ parts: [[UInt8]]) -> [UInt8] {
        let writer = GzipWriter()
        for part in parts { writer.write(part) }
        return writer.finish()
    }

    @Test(
        "what is written is read",
        arguments: [
            [], [[]], [[1]], [Array("hello".utf8), Array(" world".utf8)], [[UInt8](repeating: 7, count: 1_000_000)],
        ]
            as [[[UInt8]]])
    func roundTrip(_ parts: [[UInt8]]) throws {
        let all = Array(parts.joined())
        #expect(try Gzip.read(file(parts), maximumBytes: 2_000_000) == all)
        // Two members are one text.
        #expect(try Gzip.read(file(parts) + file(parts), maximumBytes: 2_000_000) == all + all)
    }

    @Test("what does not compress is read as well")
    func noise() throws {
        var state: UInt64 = 42
        let noise = (0..<300_000).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
        #expect(try Gzip.read(file([noise]), maximumBytes: 300_000) == noise)
    }

    @Test("damage is told, and so is what grows too large")
    func damage() throws {
        let whole = file([Array("a line of text\n".utf8), Array("another\n".utf8)])
        for length in 0..<whole.count {
            #expect(throws: GzipError.self) { try Gzip.read(Array(whole[..<length]), maximumBytes: 1_000) }
        }
        var flipped = whole
        flipped[whole.count - 6] ^= 1
        #expect(throws: GzipError.self) { try Gzip.read(flipped, maximumBytes: 1_000) }
        #expect(throws: GzipError.self) { try Gzip.read(Array("no gzip at all".utf8), maximumBytes: 1_000) }
        let bomb = file([[UInt8](repeating: 0, count: 10_000_000)])
        let error = #expect(throws: GzipError.self) { try Gzip.read(bomb, maximumBytes: 1 << 20) }
        #expect(error?.message == "the file holds more than 1048576 bytes")
    }
}
