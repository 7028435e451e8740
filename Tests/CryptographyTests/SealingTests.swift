import Cryptography
import Encodings
import Glibc
import TemporaryFolder
import Testing

@Suite("AES-256-GCM")
struct AES256GCMTests {
    struct Vector: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var key: String
        var nonce: String
        var context: String
        var plain: String
        var sealed: String
    }

    /// McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B, test cases 13 to 16.
    static let vectors = [
        Vector(
            testDescription: "case 13, nothing", key: String(repeating: "00", count: 32),
            nonce: String(repeating: "00", count: 12), context: "", plain: "",
            sealed: "530f8afbc74536b9a963b4f1c4cb738b"),
        Vector(
            testDescription: "case 14, one block of zeros", key: String(repeating: "00", count: 32),
            nonce: String(repeating: "00", count: 12), context: "", plain: String(repeating: "00", count: 16),
            sealed: "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
        Vector(
            testDescription: "case 15, four blocks",
            key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            nonce: "cafebabefacedbaddecaf888", context: "",
            plain: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
            sealed: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
                + "b094dac5d93471bdec1a502270e3cc6c"),
        Vector(
            testDescription: "case 16, a context and a broken block",
            key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            nonce: "cafebabefacedbaddecaf888", context: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            plain: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
            sealed: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                + "76fc6ece0f4e1768cddf8853bb2d551b"),
    ]

    @Test("agrees with the published vectors", arguments: vectors)
    func published(_ vector: Vector) throws {
        let key = try #require(Hex.decode(vector.key))
        let nonce = try #require(Hex.decode(vector.nonce))
        let context = try #require(Hex.decode(vector.context))
        let plain = try #require(Hex.decode(vector.plain))
        let sealed = try AES256GCM.seal(plain, key: key, nonce: nonce, context: context)
        #expect(Hex.encode(sealed) == vector.sealed)
        #expect(try AES256GCM.open(sealed, key: key, nonce: nonce, context: context) == plain)
    }

    @Test("refuses wrong lengths, with the lengths")
    func wrongLengths() {
        let short = #expect(throws: CryptoError.self) {
            try AES256GCM.seal([1], key: [1, 2], nonce: [], context: [])
        }
        #expect(short?.message == "AES-256-GCM takes a key of 32 bytes and a nonce of 12, not 2 and 0.")
        let noTag = #expect(throws: CryptoError.self) {
            try AES256GCM.open([1, 2], key: randomBytes(32), nonce: randomBytes(12), context: [])
        }
        #expect(noTag?.code == .length)
    }
}

@Suite("Sealed secrets")
struct KeyRingTests {
    @Test("a box opens with its context and no other", arguments: [0, 1, 40, 5000])
    func roundTrip(bytes: Int) throws {
        let ring = try KeyRing([MasterKey()])
        let secret = randomBytes(bytes)
        let box = try ring.seal(secret, context: "access key A")
        #expect(box.count == bytes + KeyRing.overheadBytes)
        #expect(try ring.open(box, context: "access key A") == secret)
        let moved = #expect(throws: CryptoError.self) { try ring.open(box, context: "access key B") }
        #expect(moved?.code == .authentication)
    }

    @Test("no byte of a box can be changed, and none left out")
    func everyByteCounts() throws {
        let ring = try KeyRing([MasterKey()])
        let box = try ring.seal(Array("secret".utf8), context: "c")
        for index in box.indices {
            var changed = box
            changed[index] ^= 1
            #expect(throws: CryptoError.self, "byte \(index)") { try ring.open(changed, context: "c") }
            #expect(throws: CryptoError.self, "cut at \(index)") { try ring.open(Array(box[..<index]), context: "c") }
        }
    }

    @Test("the same secret is never sealed to the same bytes")
    func fresh() throws {
        let ring = try KeyRing([MasterKey()])
        #expect(try ring.seal([1], context: "") != ring.seal([1], context: ""))
    }

    @Test("rotation: the newest key seals, older ones open, and one taken away is named")
    func rotation() throws {
        let old = MasterKey()
        let new = MasterKey()
        let before = try KeyRing([old])
        let during = try KeyRing([new, old])
        let after = try KeyRing([new])
        let box = try before.seal([7], context: "x")
        #expect(before.isNewest(box) && !during.isNewest(box))
        #expect(try during.open(box, context: "x") == [7])
        let anew = try during.seal([7], context: "x")
        #expect(try after.open(anew, context: "x") == [7])
        let gone = #expect(throws: CryptoError.self) { try after.open(box, context: "x") }
        #expect(
            gone?.message
                == "The master key \(Hex.encode(old.id)), which sealed this, is not among those given.")
    }

    @Test("derived keys differ by purpose and by master key, and are the same again")
    func derived() throws {
        let key = MasterKey()
        let ring = try KeyRing([key])
        #expect(ring.derivedKey(for: "cookies") == (try KeyRing([key])).derivedKey(for: "cookies"))
        #expect(ring.derivedKey(for: "cookies") != ring.derivedKey(for: "tokens"))
        #expect(ring.derivedKey(for: "cookies") != (try KeyRing([MasterKey()])).derivedKey(for: "cookies"))
    }

    @Test("descriptions tell no key")
    func descriptions() throws {
        let key = MasterKey()
        #expect(!"\(key) \(try KeyRing([key]))".contains(key.secretHex))
    }

    @Test("keys are read from text with comments, commas and empty lines")
    func text() throws {
        let first = MasterKey()
        let second = MasterKey()
        let third = MasterKey()
        let ring = try KeyRing(
            text: "# the newest\r\n  \(first.secretHex) \n\n\(second.secretHex),\(third.secretHex.uppercased())\n")
        for key in [first, second, third] {
            #expect(try ring.open(KeyRing([key]).seal([1], context: ""), context: "") == [1])
        }
        #expect(ring.isNewest(try KeyRing([first]).seal([1], context: "")))
    }

    @Test(
        "malformed text is refused without being repeated",
        arguments: [
            ("", "A key ring holds 1 to 16 master keys, not 0."),
            ("# only words", "A key ring holds 1 to 16 master keys, not 0."),
            ("\nsecret", "Line 2: A master key is 64 hexadecimal digits, not 6 characters."),
            (String(repeating: "g", count: 64), "Line 1: A master key is 64 hexadecimal digits, not 64 characters."),
            (
                Array(repeating: String(repeating: "a", count: 64), count: 17).joined(separator: "\n"),
                "A key ring holds 1 to 16 master keys, not 17."
            ),
        ])
    func malformed(_ text: String, _ message: String) {
        let error = #expect(throws: CryptoError.self) { try KeyRing(text: text) }
        #expect(error?.code == .key)
        #expect(error?.message == message)
    }

    @Test("a file of keys is made once, for its owner alone")
    func file() throws {
        let folder = try TemporaryFolder()
        let path = folder.place("master.key")
        try KeyRing.makeFile(path)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        let box = try KeyRing(file: path).seal([1], context: "")
        try KeyRing.makeFile(path)
        #expect(try KeyRing(file: path).open(box, context: "") == [1])
        #expect(try KeyRing.environment(["SHOWRUNNER_MASTER_KEY_FILE": path])?.open(box, context: "") == [1])
        chmod(path, 0o644)
        let open = #expect(throws: CryptoError.self) { try KeyRing(file: path) }
        #expect(open?.message == "The master keys in \(path) are open to everybody: chmod 600 \(path).")
    }

    @Test("the environment names one source of keys or none")
    func environment() throws {
        let key = MasterKey()
        #expect(try KeyRing.environment([:]) == nil)
        let ring = try #require(try KeyRing.environment(["SHOWRUNNER_MASTER_KEY": key.secretHex]))
        #expect(ring.isNewest(try KeyRing([key]).seal([], context: "")))
        let both = #expect(throws: CryptoError.self) {
            try KeyRing.environment(["SHOWRUNNER_MASTER_KEY": "", "SHOWRUNNER_MASTER_KEY_FILE": "/x"])
        }
        #expect(both?.code == .key)
        let missing = #expect(throws: CryptoError.self) {
            try KeyRing.environment(["SHOWRUNNER_MASTER_KEY_FILE": "/nonexistent/key"])
        }
        #expect(missing?.code == .file)
        let words = #expect(throws: CryptoError.self) { try KeyRing.environment(["SHOWRUNNER_MASTER_KEY": "word"]) }
        #expect(
            words?.message
                == "SHOWRUNNER_MASTER_KEY: Line 1: A master key is 64 hexadecimal digits, not 4 characters.")
    }
}
