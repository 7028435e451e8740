import Encodings
import Testing

@Suite("What is counted")
struct CountTests {
    @Test("is one, or several")
    func singularAndPlural() {
        for (number, text) in [(0, "0 rows"), (1, "1 row"), (2, "2 rows")] { #expect(counted(number, "row") == text) }
        #expect(counted(1 as Int64, "child execution") == "1 child execution")
    }

    @Test("numbers and times have their zeros")
    func zeros() {
        #expect(zeroPadded(7, 3) == "007" && zeroPadded(1234, 3) == "1234" && zeroPadded(0, 1) == "0")
        for (milliseconds, text) in [(0, "00:00:00.000"), (760_120, "00:12:40.120"), (360_000_001, "100:00:00.001")] {
            #expect(playingTime(milliseconds: milliseconds) == text)
        }
    }

    @Test("numbers have so many digits behind the point")
    func decimals() {
        for (value, places, text) in [
            (0.30594, 4, "0.3059"), (0.99996, 4, "1.0000"), (12, 1, "12.0"), (0.04, 1, "0.0"), (-0.04, 1, "0.0"),
            (-1.25, 1, "-1.3"), (-0.5, 1, "-0.5"), (1e300, 1, "1000000000000.0"), (3, 6, "3.000000"),
        ] as [(Double, Int, String)] {
            #expect(decimal(value, places: places) == text)
        }
    }
}
