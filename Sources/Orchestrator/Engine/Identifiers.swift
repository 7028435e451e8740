import Cryptography
import Interpreter

/// The account and region that every ARN of this engine names.
public enum ARN {
    public static let region = "us-east-1"
    public static let account = "000000000000"

    public static func stateMachine(_ name: String) -> String {
        "arn:aws:states:\(region):\(account):stateMachine:\(name)"
    }

    /// The name of a state machine given by name or ARN; nil when it is an ARN of something else.
    public static func machineName(_ nameOrARN: String) -> String? {
        guard nameOrARN.hasPrefix("arn:") else { return nameOrARN }
        let parts = nameOrARN.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 7, parts[2] == "states", parts[5] == "stateMachine" else { return nil }
        return String(parts[6])
    }

    /// Machine and execution name of an execution's ARN.
    public static func execution(_ arn: String) -> (machine: String, name: String)? {
        let parts = arn.split(separator: ":", maxSplits: 7, omittingEmptySubsequences: false)
        guard parts.count == 8, parts[0] == "arn", parts[2] == "states", parts[5] == "execution", !parts[7].isEmpty
        else { return nil }
        return (String(parts[6]), String(parts[7]))
    }

    public static func execution(machine: String, name: String) -> String {
        "arn:aws:states:\(region):\(account):execution:\(machine):\(name)"
    }
}

/// A UUID of version 7 (RFC 9562): the first 48 bits are milliseconds, so that ids sort by the time of their making.
func makeExecutionID(at microseconds: Int64) -> String {
    var bytes = randomBytes(16)
    let milliseconds = UInt64(max(microseconds, 0)) / 1000
    for index in 0..<6 { bytes[index] = UInt8(truncatingIfNeeded: milliseconds >> UInt64(40 - 8 * index)) }
    bytes[6] = bytes[6] & 0x0F | 0x70
    bytes[8] = bytes[8] & 0x3F | 0x80
    let digits = Hex.encode(bytes)
    var text = ""
    for (index, digit) in digits.enumerated() {
        if [8, 12, 16, 20].contains(index) { text.append("-") }
        text.append(digit)
    }
    return text
}

/// Names one attempt of a task to the outside. The nonce is random, so that a token can't be guessed.
struct TaskToken: Sendable, Hashable {
    let execution: String
    let entry: EntryID
    let nonce: String

    var text: String { "\(execution).\(entry).\(nonce)" }

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

    /// 128 random bits.
    static func makeNonce() -> String { Hex.encode(randomBytes(16)) }
}
