import Encodings
import Testing

@Suite("Base 64 for addresses")
struct Base64URLTests {
    /// RFC 4648, section 10, without the padding.
    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
        ("foobar", "Zm9vYmFy"),
    ])
    func vectors(_ plain: String, _ text: String) {
        #expect(Base64URL.encode(plain.utf8) == text)
        #expect(Base64URL.decode(text) == Array(plain.utf8))
    }

    @Test("every byte comes back, in the alphabet of addresses")
    func everyByte() {
        let bytes = (0...255).map { UInt8($0) }
        for count in 0...bytes.count {
            let text = Base64URL.encode(bytes.suffix(count))
            #expect(
                text.utf8.allSatisfy { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "=") })
            #expect(Base64URL.decode(text) == Array(bytes.suffix(count)))
        }
        #expect(Base64URL.encode([0xFB, 0xFF]) == "-_8")
    }

    @Test("nothing else is read", arguments: ["Z", "Zg==", "Zh", "Zm9", "Zm9v\n", "Zm+v", "Zm/v", "Zm9vZ"])
    func refused(_ text: String) {
        #expect(Base64URL.decode(text) == nil)
    }
}
