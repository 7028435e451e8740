import Cryptography
import Encodings
import Packaging
public import StepContracts

/// Keys and ids of the secure generator: this service's own, which it licenses itself.
public struct OwnKeys: KeyProvider {
    public init() {}

    public func keys(for request: KeyRequest) async throws(StepFailure) -> [MadeKey] {
        request.labels.map { label in
            // A random UUID (RFC 9562, version 4): players show and compare key ids as such.
            guard let keyID = KeyID(uuidText(randomBytes(16), version: 4)) else {
                preconditionFailure("a UUID is a key id")
            }
            return MadeKey(keyID: keyID, label: label, key: randomBytes(16))
        }
    }
}
