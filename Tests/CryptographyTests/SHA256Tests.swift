import Cryptography
import TemporaryFolder
import Testing

@Suite("SHA-256")
struct SHA256Tests {
    struct Vector: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var message: [UInt8]
        var digest: String
    }

    /// FIPS 180-4 examples and NIST's million letters.
    static let vectors = [
        Vector(
            testDescription: "empty", message: [],
            digest: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        Vector(
            testDescription: "one block", message: Array("abc".utf8),
            digest: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        Vector(
            testDescription: "two blocks",
            message: Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8),
            digest: "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
        Vector(
            testDescription: "a million a", message: Array(repeating: UInt8(ascii: "a"), count: 1_000_000),
            digest: "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ]

    @Test("agrees with the published vectors", arguments: vectors)
    func published(_ vector: Vector) {
        #expect(SHA256.hash(vector.message).hex == vector.digest)
    }

    @Test("is the same however the message is cut", arguments: [1, 63, 64, 65, 4096])
    func pieces(of size: Int) {
        let message = randomBytes(10_000)
        var hasher = SHA256()
        for start in stride(from: 0, to: message.count, by: size) {
            hasher.update(message[start..<min(start + size, message.count)])
        }
        #expect(hasher.finalize() == SHA256.hash(message))
    }

    @Test("reads a file in pieces")
    func file() throws {
        let message = randomBytes(1 << 20) + randomBytes(12_345)
        let folder = try TemporaryFolder()
        let path = try folder.write("content", message)
        let (digest, bytes) = try SHA256.file(path)
        #expect(digest == SHA256.hash(message))
        #expect(bytes == Int64(message.count))
    }

    @Test("names the file that cannot be read")
    func missingFile() {
        let error = #expect(throws: CryptoError.self) { try SHA256.file("/nonexistent/film.mp4") }
        #expect(error?.code == .file)
        #expect(error?.message == "The file /nonexistent/film.mp4 cannot be opened: No such file or directory.")
    }

    @Test(
        "a digest is 64 hexadecimal digits",
        arguments: ["", "ab", String(repeating: "0", count: 63), String(repeating: "g", count: 64)])
    func noDigest(_ text: String) {
        #expect(SHA256.Digest(hex: text) == nil)
    }

    @Test("a digest survives its text")
    func digestText() {
        let digest = SHA256.hash("x")
        #expect(SHA256.Digest(hex: digest.hex) == digest)
        #expect(SHA256.Digest(hex: digest.hex.uppercased()) == digest)
    }
}
