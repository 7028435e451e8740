import Cryptography
import Encodings
import Packaging
public import StepContracts

/// Protection with keys that the caller holds in its hand, as on the command line.
public struct LocalProtection: Sendable {
    let content: ContentProtection

    /// - Parameters:
    ///   - scheme: `cbcs` or `cenc`.
    ///   - keys: each `[LABEL=]KID:KEY[:HDCP]`, key id and key of 32 hexadecimal digits, HDCP `NONE`, `TYPE-0` or `TYPE-1`.
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
            let level = pair.count == 3 ? OutputLevel(rawValue: String(pair[2])) : nil
            if pair.count == 3, level == nil {
                problems.append("key \(index + 1): its HDCP level must be NONE, TYPE-0 or TYPE-1")
            }
            guard (2...3).contains(pair.count), let keyID = KeyID(String(pair[0])), let key = Hex.decode(pair[1]),
                key.count == AES128.blockBytes
            else {
                problems.append("key \(index + 1) must be [LABEL=]KID:KEY[:HDCP], id and key of 32 hexadecimal digits")
                continue
            }
            if let other = known[keyID], other != key {
                problems.append("key \(index + 1): \(keyID) has another key already")
            }
            known[keyID] = key
            uses.append(.init(keyID: keyID, label: label, outputLevel: level))
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
