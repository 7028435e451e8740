import Cryptography
import Encodings
import Testing

@Suite("HMAC, AES and randomness")
struct SecretsTests {
    struct Code: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var key: [UInt8]
        var message: [UInt8]
        var code: String
    }

    /// RFC 4231, and an empty key and message.
    static let codes = [
        Code(
            testDescription: "RFC 4231 case 1", key: Array(repeating: 0x0B, count: 20), message: Array("Hi There".utf8),
            code: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        Code(
            testDescription: "RFC 4231 case 2", key: Array("Jefe".utf8),
            message: Array("what do ya want for nothing?".utf8),
            code: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        Code(
            testDescription: "RFC 4231 case 6, a key longer than a block", key: Array(repeating: 0xAA, count: 131),
            message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            code: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
        Code(
            testDescription: "empty key and message", key: [], message: [],
            code: "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
    ]

    @Test("HMAC-SHA-256 agrees with the published vectors", arguments: codes)
    func authentication(_ vector: Code) {
        let code = HMACSHA256.code(vector.message, key: vector.key)
        #expect(Hex.encode(code) == vector.code)
        #expect(HMACSHA256.verify(code, of: vector.message, key: vector.key))
        #expect(!HMACSHA256.verify(code, of: vector.message + [0], key: vector.key))
        #expect(!HMACSHA256.verify(code.dropLast(), of: vector.message, key: vector.key))
    }

    @Test("AES-128-CTR agrees with NIST SP 800-38A, F.5.1")
    func counterMode() throws {
        let key = try #require(Hex.decode("2b7e151628aed2a6abf7158809cf4f3c"))
        let counter = try #require(Hex.decode("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"))
        let plain = try #require(
            Hex.decode("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"))
        let cipher = try AES128.counterMode(plain, key: key, counter: counter)
        #expect(Hex.encode(cipher) == "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff")
        #expect(try AES128.counterMode(cipher, key: key, counter: counter) == plain)
        #expect(try AES128.counterMode(Array(plain.prefix(5)), key: key, counter: counter) == Array(cipher.prefix(5)))
    }

    @Test("AES-128-CBC agrees with NIST SP 800-38A, F.2.1")
    func blockChain() throws {
        let key = try #require(Hex.decode("2b7e151628aed2a6abf7158809cf4f3c"))
        let vector = try #require(Hex.decode("000102030405060708090a0b0c0d0e0f"))
        let plain = try #require(
            Hex.decode("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"))
        let cipher = try AES128.encryptBlockChain(plain, key: key, vector: vector)
        #expect(Hex.encode(cipher) == "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2")
        #expect(try AES128.decryptBlockChain(cipher, key: key, vector: vector) == plain)
    }

    @Test("AES refuses wrong lengths, with the lengths")
    func wrongLengths() {
        let key = [UInt8](repeating: 1, count: 16)
        let short = #expect(throws: CryptoError.self) {
            try AES128.counterMode([1], key: [1, 2], counter: key)
        }
        #expect(short?.message == "AES-128 takes a key and a vector of 16 bytes, not 2 and 16.")
        let partial = #expect(throws: CryptoError.self) {
            try AES128.encryptBlockChain([1, 2, 3], key: key, vector: key)
        }
        #expect(partial?.code == .length)
    }

    @Test("constant-time comparison compares")
    func comparison() {
        #expect(constantTimeEquals([], []))
        #expect(constantTimeEquals([1, 2, 3], [1, 2, 3]))
        #expect(!constantTimeEquals([1, 2, 3], [1, 2, 4]))
        #expect(!constantTimeEquals([1, 2, 3], [1, 2]))
    }

    @Test("randomness has the length asked for and does not repeat")
    func randomness() {
        #expect(randomBytes(0).isEmpty)
        #expect(randomBytes(32).count == 32)
        #expect(Set((0..<1000).map { _ in randomBytes(16) }).count == 1000)
    }
}
