import HTTPServer
import Testing

@Suite("Byte ranges")
struct ByteRangeTests {
    @Test(arguments: [
        ("no field", nil, 10, ByteRange.whole),
        ("first bytes", "bytes=0-3", 10, .part(0..<4)),
        ("last byte", "bytes=9-9", 10, .part(9..<10)),
        ("open end", "bytes=4-", 10, .part(4..<10)),
        ("suffix", "bytes=-3", 10, .part(7..<10)),
        ("suffix longer than the content", "bytes=-30", 10, .part(0..<10)),
        ("end behind the content", "bytes=8-99", 10, .part(8..<10)),
        ("end beyond all numbers", "bytes=8-99999999999999999999", 10, .part(8..<10)),
        ("upper-case unit", "Bytes=0-0", 10, .part(0..<1)),
        ("spaces", "bytes= 1-2 ", 10, .part(1..<3)),
        ("start behind the content", "bytes=10-", 10, .unsatisfiable),
        ("start beyond all numbers", "bytes=99999999999999999999-", 10, .unsatisfiable),
        ("empty suffix", "bytes=-0", 10, .unsatisfiable),
        ("empty content", "bytes=0-0", 0, .unsatisfiable),
        ("suffix of empty content", "bytes=-1", 0, .unsatisfiable),
        ("backwards", "bytes=5-4", 10, .whole),
        ("several", "bytes=0-1,3-4", 10, .whole),
        ("other unit", "lines=0-1", 10, .whole),
        ("no number", "bytes=a-b", 10, .whole),
        ("sign", "bytes=+1-2", 10, .whole),
        ("nothing", "bytes=", 10, .whole),
        ("dash", "bytes=-", 10, .whole),
    ])
    func parses(_ name: String, _ field: String?, _ length: Int, _ expected: ByteRange) {
        #expect(ByteRange(field: field, length: length) == expected, "\(name)")
    }
}
