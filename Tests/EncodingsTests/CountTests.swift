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
}
