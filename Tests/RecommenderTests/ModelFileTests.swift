import SeededNumbers
import Testing

@testable import Recommender

@Suite struct ModelFileTests {
    /// Stands in for SHA-256: every byte counts.
    static func digest(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var sums = [UInt64](repeating: 0xCBF2_9CE4_8422_2325, count: 4)
        for byte in bytes {
            for lane in 0..<4 { sums[lane] = (sums[lane] ^ UInt64(byte) &+ UInt64(lane)) &* 0x100_0000_01B3 }
        }
        return sums.flatMap { sum in (0..<8).map { UInt8(truncatingIfNeeded: sum >> ($0 * 8)) } }
    }

    static let small: Model = {
        let planted = PlantedData(profiles: 60, titles: 50)
        var recipe = RankingTests.recipe
        recipe.factors.dimensions = 8
        recipe.popularityHalfLife = 86_400
        return Model.train(planted.data, recipe: recipe, seed: 4, threads: .one)
    }()
    static let bytes = ModelFile.encode(small, digest: digest)

    @Test func whatIsWrittenIsRead() throws {
        let read = try ModelFile.decode(Self.bytes, digest: Self.digest)
        #expect(ModelFile.encode(read, digest: Self.digest) == Self.bytes)
        #expect(read.users == Self.small.users && read.items == Self.small.items && read.recipe == Self.small.recipe)
        let history = [Self.small.history(of: 0)]
        #expect(
            Ranker(read).rank(history, count: 20, threads: .one)
                == Ranker(Self.small).rank(history, count: 20, threads: .one))
        let title = TitleDescription(title: "Title new", genres: ["war"], year: 2001)
        #expect(read.content?.vector(title) == Self.small.content?.vector(title))
    }

    @Test(arguments: [0, 1, 8, 19, 20, 51, 52, 100])
    func whatIsCutIsRefused(_ count: Int) {
        #expect(throws: ModelFileError.self) {
            try ModelFile.decode(Array(Self.bytes.prefix(count)), digest: Self.digest)
        }
    }

    @Test func everyChangedByteIsFound() {
        for index in stride(from: 0, to: Self.bytes.count, by: 97) {
            var bytes = Self.bytes
            bytes[index] ^= 0x40
            #expect(throws: ModelFileError.self) { try ModelFile.decode(bytes, digest: Self.digest) }
        }
    }

    @Test func anotherVersionIsRefusedByName() {
        var bytes = Self.bytes
        bytes[8] = 9
        let error = #expect(throws: ModelFileError.self) { try ModelFile.decode(bytes, digest: Self.digest) }
        #expect(error?.code == .unknownVersion)
        #expect(error?.description == "the model has format version 9; this program reads version 1")
    }

    /// Content that is wrong under a checksum that is right: nothing traps, nothing is allocated beyond the file.
    @Test func noContentTraps() {
        var random = SplitMix64(seed: 5)
        let end = Self.bytes.count - 32
        var refused = 0
        for _ in 0..<400 {
            var bytes = Self.bytes
            // The front holds the lengths.
            let place = 20 + random.below(random.below(2) == 0 ? 400 : end - 20)
            bytes[place] = UInt8(random.below(256))
            let sum = Array(bytes[..<end]).withUnsafeBytes(Self.digest)
            bytes.replaceSubrange(end..., with: sum)
            do { _ = try ModelFile.decode(bytes, digest: Self.digest) } catch { refused += 1 }
        }
        #expect(refused > 20)
    }
}
