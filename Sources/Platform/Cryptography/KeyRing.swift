import Encodings

/// A key under which secrets are sealed at rest. Its bytes appear in no description.
public struct MasterKey: Sendable, Hashable, CustomStringConvertible {
    /// The key itself, ``AES256GCM/keyBytes`` long.
    let bytes: [UInt8]
    /// 8 bytes that name the key in what it sealed and tell nothing about it.
    public let id: [UInt8]

    /// The length of an id in bytes.
    static let idBytes = 8

    /// A new key of the secure generator.
    public init() {
        self.init(checked: randomBytes(AES256GCM.keyBytes))
    }

    /// A key from its 64 hexadecimal digits. Throws ``CryptoError/Code/key`` for anything else.
    public init(hex text: some StringProtocol) throws(CryptoError) {
        guard let bytes = Hex.decode(text), bytes.count == AES256GCM.keyBytes else {
            throw CryptoError(
                code: .key,
                message:
                    "A master key is \(AES256GCM.keyBytes * 2) hexadecimal digits, not \(text.utf8.count) characters."
            )
        }
        self.init(checked: bytes)
    }

    private init(checked bytes: [UInt8]) {
        self.bytes = bytes
        id = Array(HMACSHA256.code("showrunner master key id", key: bytes).prefix(Self.idBytes))
    }

    /// The 64 hexadecimal digits that ``init(hex:)`` reads: the secret itself, for a file of master keys.
    public var secretHex: String { Hex.encode(bytes) }

    public var description: String { "MasterKey(\(Hex.encode(id)))" }
}

/// Seals secrets for the database, and opens them again: AES-256-GCM under master keys.
///
/// The first key seals; all of them open. To rotate, put a new key in front, seal anew what was sealed before, and
/// take the old one away. A sealed box is
///
///     1 byte    format, 1
///     8 bytes   id of the master key
///     12 bytes  nonce, drawn anew for each box
///     n bytes   ciphertext, as long as the secret
///     16 bytes  tag
///
/// The tag covers everything before it and the *context*: a string that says what the secret is and whose
/// (`"access key AKIA..."`). A box that was copied to another row therefore does not open there. With random nonces
/// one master key may seal 2^32 boxes (NIST SP 800-38D, section 8.3).
public struct KeyRing: Sendable, CustomStringConvertible {
    private let keys: [MasterKey]

    /// The most keys that a ring holds.
    public static let maximumKeys = 16
    private static let format: UInt8 = 1
    private static let headBytes = 1 + MasterKey.idBytes + AES256GCM.nonceBytes

    /// How many bytes a box is longer than its secret.
    public static let overheadBytes = headBytes + AES256GCM.tagBytes

    /// - Parameter keys: the newest first; 1 to ``maximumKeys``. Throws ``CryptoError/Code/key`` for another number.
    public init(_ keys: [MasterKey]) throws(CryptoError) {
        guard (1...Self.maximumKeys).contains(keys.count) else {
            throw CryptoError(
                code: .key, message: "A key ring holds 1 to \(Self.maximumKeys) master keys, not \(keys.count).")
        }
        self.keys = keys
    }

    /// Keys from text: one a line or separated by commas, the newest first; empty lines and lines that start with `#`
    /// say nothing. Throws ``CryptoError/Code/key`` with the number of the line, never its content.
    public init(text: String) throws(CryptoError) {
        var keys: [MasterKey] = []
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            let line = Self.trimmed(line)
            if line.isEmpty || line.hasPrefix("#") { continue }
            for word in line.split(separator: ",", omittingEmptySubsequences: false) {
                do {
                    keys.append(try MasterKey(hex: Self.trimmed(word)))
                } catch {
                    throw CryptoError(code: .key, message: "Line \(index + 1): \(error.message)")
                }
            }
        }
        try self.init(keys)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }

    /// The box of a secret, under the newest key. `context` must be given again to open it.
    ///
    /// Throws ``CryptoError/Code/length`` for a secret of more than ``AES256GCM/messageBytes``.
    public func seal(_ secret: [UInt8], context: String) throws(CryptoError) -> [UInt8] {
        let head = [Self.format] + keys[0].id + randomBytes(AES256GCM.nonceBytes)
        return head
            + (try AES256GCM.seal(
                secret, key: keys[0].bytes, nonce: Array(head.suffix(AES256GCM.nonceBytes)),
                context: head + Array(context.utf8)))
    }

    /// The secret in a box. Throws ``CryptoError/Code/key`` when its master key is not in the ring or its format is
    /// unknown, ``CryptoError/Code/authentication`` when box or context were changed, and ``CryptoError/Code/length``
    /// for something too short to be a box.
    public func open(_ box: [UInt8], context: String) throws(CryptoError) -> [UInt8] {
        guard box.count >= Self.overheadBytes else {
            throw CryptoError(
                code: .length, message: "\(box.count) bytes are no sealed box: it has \(Self.overheadBytes) at least.")
        }
        guard box[0] == Self.format else {
            throw CryptoError(code: .key, message: "A sealed box of format \(box[0]) is not known here.")
        }
        let head = Array(box.prefix(Self.headBytes))
        let id = Array(head[1..<(1 + MasterKey.idBytes)])
        guard let key = keys.first(where: { $0.id == id }) else {
            throw CryptoError(
                code: .key, message: "The master key \(Hex.encode(id)), which sealed this, is not among those given.")
        }
        return try AES256GCM.open(
            Array(box.dropFirst(Self.headBytes)), key: key.bytes, nonce: Array(head.suffix(AES256GCM.nonceBytes)),
            context: head + Array(context.utf8))
    }

    /// Whether a box was sealed under the newest key, so that it need not be sealed anew in a rotation.
    public func isNewest(_ box: [UInt8]) -> Bool {
        box.count >= Self.overheadBytes && box[0] == Self.format
            && Array(box[1..<(1 + MasterKey.idBytes)]) == keys[0].id
    }

    /// A key for another purpose, derived from the newest master key: the same for the same purpose, and useless for
    /// finding out the master key. 32 bytes. Rotating the master key changes it.
    public func derivedKey(for purpose: String) -> [UInt8] { Self.derivedKey(for: purpose, of: keys[0]) }

    /// The same, derived from the master key of an id, whichever it is in the ring; nil where it is in none of them. For
    /// whoever checks what another process has signed while the master key was changed.
    public func derivedKey(for purpose: String, masterKeyID: [UInt8]) -> [UInt8]? {
        keys.first { $0.id == masterKeyID }.map { Self.derivedKey(for: purpose, of: $0) }
    }

    private static func derivedKey(for purpose: String, of key: MasterKey) -> [UInt8] {
        HMACSHA256.code("showrunner derived key: " + purpose, key: key.bytes)
    }

    /// What names the newest master key: 8 bytes.
    public var newestID: [UInt8] { keys[0].id }

    public var description: String { "KeyRing(\(keys.map { Hex.encode($0.id) }.joined(separator: ", ")))" }
}
