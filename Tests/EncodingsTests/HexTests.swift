import Encodings
import Testing

@Suite("Hexadecimal digits")
struct HexTests {
    @Test("bytes survive both ways and nothing else is taken", arguments: ["0", "0g", "é0", "+1", "-0"])
    func bytes(_ bad: String) {
        let bytes = (0...255).map { UInt8($0) }
        #expect(Hex.decode(Hex.encode(bytes)) == bytes)
        #expect(Hex.decode(Hex.encode(bytes).uppercased()) == bytes)
        #expect(Hex.decode(bad) == nil)
    }

    @Test("numbers have as many digits as their type has room for, or as were asked for")
    func numbers() {
        #expect(Hex.digits(UInt64(0)) == "0000000000000000")
        #expect(Hex.digits(UInt64.max) == "ffffffffffffffff")
        #expect(Hex.digits(0x1f as UInt8) == "1f")
        #expect(Hex.digits(0xabc as UInt16) == "0abc")
        #expect(Hex.digits(0x1F600 as UInt32, atLeast: 4) == "1f600")
        #expect(Hex.digits(7 as UInt32, atLeast: 2) == "07")
    }

    /// The version's and the variant's bits are RFC 9562's (sections 4.1 and 4.2).
    @Test("UUIDs have their hyphens, version and variant")
    func uuids() {
        #expect(uuidText([UInt8](repeating: 0, count: 16), version: 7) == "00000000-0000-7000-8000-000000000000")
        #expect(uuidText([UInt8](repeating: 255, count: 16), version: 4) == "ffffffff-ffff-4fff-bfff-ffffffffffff")
        #expect(
            uuidText(0x0123_4567_89ab_cdef, 0x0123_4567_89ab_cdef, version: 4)
                == "01234567-89ab-4def-8123-456789abcdef")
    }
}
