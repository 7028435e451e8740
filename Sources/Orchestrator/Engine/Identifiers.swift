import Cryptography
import Encodings
import Interpreter

/// The account and region that every ARN of this engine names.
public enum ARN {
    public static let region = "us-east-1"
    public static let account = "000000000000"

    public static func stateMachine(_ name: String) -> String {
        "arn:aws:states:\(region):\(account):stateMachine:\(name)"
    }

    public static func execution(machine: String, name: String) -> String {
        "arn:aws:states:\(region):\(account):execution:\(machine):\(name)"
    }
}

/// Gives so many bytes that nobody can guess.
public typealias RandomBytes = @Sendable (_ count: Int) -> [UInt8]

/// What a service answers a request with, for people who ask about it.
public enum RequestID {
    public static func make() -> String { uuidText(randomBytes(16), version: 4) }
}

extension Engine {
    /// A random UUID (version 4).
    func makeUUID() -> String { uuidText(randomBytes(16), version: 4) }

    /// What makes a token unguessable: 128 random bits.
    func makeNonce() -> String { Hex.encode(randomBytes(16)) }
}

/// Names one attempt of a task to the outside. The nonce is random, so that a token can't be guessed.
struct TaskToken: Sendable, Hashable {
    let execution: String
    let entry: EntryID
    let nonce: String

    var text: String { "\(execution).\(entry).\(nonce)" }

    /// The same for every attempt of the entry: what calls to the outside are known by when they are repeated.
    var idempotencyKey: String {
        uuidText(Array(SHA256.hash("showrunner task \(execution) \(entry)").bytes.prefix(16)), version: 8)
    }

    init(execution: String, entry: EntryID, nonce: String) {
        self.execution = execution
        self.entry = entry
        self.nonce = nonce
    }

    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 256, parts.count == 3, let entry = EntryID(parts[1]) else { return nil }
        self.init(execution: String(parts[0]), entry: entry, nonce: String(parts[2]))
    }
}
