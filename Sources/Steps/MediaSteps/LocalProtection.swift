import Cryptography
import Packaging
public import StepContracts

/// Protection with keys that the caller holds in its hand, as on the command line.
public struct LocalProtection: Sendable {
    let content: ContentProtection

    /// - Parameters:
    ///   - scheme: `cbcs` or `cenc`.
    ///   - keys: each `[LABEL=]KID:KEY`, key id and key of 32 hexadecimal digits.
    /// - Throws: `Showrunner.ParametersInvalid` with all that is wrong; it never repeats a key.
    public init(scheme: String, keys: [String], clearLeadSeconds: Int = 0) throws(StepFailure) {
        guard let scheme = ProtectionScheme(rawValue: scheme) else {
            throw .parametersInvalid("protection '\(scheme)' must be 'cbcs' or 'cenc'")
        }
        var problems: [String] = []
        var uses: [ContentProtection.KeyUse] = []
        var known: [KeyID: [UInt8]] = [:]
        for (index, text) in keys.enumerated() {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let pair = parts[parts.count - 1].split(separator: ":", omittingEmptySubsequences: false)
            let label = parts.count == 2 ? ContentProtection.Label(rawValue: String(parts[0])) : nil
            if parts.count == 2, label == nil {
                problems.append("key \(index + 1): its label must be audio, video, sd, hd or uhd")
            }
            guard pair.count == 2, let keyID = KeyID(String(pair[0])), let key = Hex.decode(pair[1]),
                key.count == AES128.blockBytes
            else {
                problems.append("key \(index + 1) must be [LABEL=]KID:KEY, each of 32 hexadecimal digits")
                continue
            }
            if let other = known[keyID], other != key {
                problems.append("key \(index + 1): \(keyID) has another key already")
            }
            known[keyID] = key
            uses.append(.init(keyID: keyID, label: label))
        }
        guard problems.isEmpty else { throw .parametersInvalid(problems.joined(separator: "; ")) }
        let all = known
        content = try ContentProtection(scheme: scheme, uses: uses, clearLeadSeconds: clearLeadSeconds) {
            keyID throws(StepFailure) in
            guard let key = all[keyID] else { preconditionFailure("only given keys are used: \(keyID)") }
            return key
        }
    }
}
