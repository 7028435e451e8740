import Encodings
import Foundation
import Testing

@Suite("Base64") struct Base64Tests {
    @Test(
        "the vectors of RFC 4648, section 10",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func vectors(text: String, digits: String) throws {
        #expect(Base64.encode(text.utf8) == digits)
        #expect(try Base64.decode(digits) == Array(text.utf8))
    }

    @Test("bytes of every length are written as Foundation writes them, and read back")
    func asFoundation() throws {
        for length in 0..<200 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ length) }
            #expect(Base64.encode(bytes) == Data(bytes).base64EncodedString())
            #expect(try Base64.decode(Data(bytes).base64EncodedString()) == bytes)
        }
    }

    @Test(
        "what is not well-formed is refused with its place",
        arguments: [
            ("a", Base64Error.length), ("ab=", .length), ("Y Q=", .character(position: 2)),
            ("====", .character(position: 1)), ("a===", .character(position: 2)), ("YQ==YQ==", .character(position: 3)),
            ("YQ-_", .character(position: 3)),
        ])
    func refusals(text: String, error: Base64Error) {
        #expect(throws: error) { try Base64.decode(text) }
    }
}
