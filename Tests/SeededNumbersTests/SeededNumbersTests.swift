import SeededNumbers
import Testing

@Suite("Numbers that follow from something")
struct SeededNumbersTests {
    /// Of the generator's reference program in C (Vigna, splitmix64.c).
    @Test("SplitMix64 gives its authors' numbers")
    func splitMix64() {
        var numbers = SplitMix64(seed: 1_234_567)
        #expect(
            (0..<5).map { _ in numbers.next() } == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ])
    }

    @Test("drawn numbers stay within their bounds and reach all of them")
    func bounds() {
        var numbers = SplitMix64(seed: 3)
        #expect(Set((0..<1000).map { _ in numbers.below(7) }) == Set(0..<7))
        #expect((0..<1000).allSatisfy { _ in (0..<1).contains(numbers.unit()) })
        #expect(numbers.permutation(100).sorted() == Array(0..<100))
        #expect(numbers.permutation(0) == [] && numbers.permutation(1) == [0])
        let drawn = (0..<10_000).map { _ in numbers.normal() }
        let mean = drawn.reduce(0, +) / 10_000
        let variance = drawn.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 10_000
        #expect(abs(mean) < 0.05 && abs(variance - 1) < 0.05, "\(mean) \(variance)")
    }

    /// From the authors' page.
    @Test("FNV-1a gives its authors' numbers")
    func fnv1a() {
        for (text, number) in [
            ("", 0xCBF2_9CE4_8422_2325), ("a", 0xAF63_DC4C_8601_EC8C), ("foobar", 0x8594_4171_F739_67E8),
        ] as [(String, UInt64)] {
            #expect(FNV1a(text.utf8).value == number, "\(text)")
        }
        var parts = FNV1a("foo".utf8)
        parts.add(UInt8(ascii: "b"))
        parts.add("ar".utf8)
        #expect(parts == FNV1a("foobar".utf8))
    }
}
