import CatalogStore
import Cryptography
import Encodings
import Engine
import JSON
import Journal
import KeyProviders
import Packaging
import StepContracts

/// The step `protect`: content keys go in, sealed, with the journal row that tells their ids. The journal has no more of
/// them than that.
struct ProtectStep: EngineStep {
    let contract = StepContract.protect
    let provider: any KeyProvider
    let providerName: StoredContentKey.Provider
    /// Seals keys; nil where there is no master key, and so no protection.
    let ring: KeyRing?

    func prepare(execution: String, input: JSON) async throws(StepFailure) -> PreparedStep {
        let problems = contract.problems(withInput: input)
        guard problems.isEmpty else { throw .parametersInvalid(problems.joined(separator: "; ")) }
        let name = input["protection"]?.stringValue ?? ""
        guard name == "none" || ProtectionScheme(rawValue: name) != nil else {
            throw .parametersInvalid("protection '\(name)' must be 'none', 'cbcs' or 'cenc'")
        }
        guard let scheme = ProtectionScheme(rawValue: name) else { return Self.prepared(name, [], []) }
        guard let ring else {
            throw StepFailure(
                error: StepErrorName.keyUnavailable,
                cause: "the engine has no master key to seal content keys with; set SHOWRUNNER_MASTER_KEY_FILE",
                retry: .never)
        }
        let contentID = PublishStep.titleID(of: execution)
        let made = try await provider.keys(
            for: KeyRequest(contentID: contentID, scheme: scheme, labels: Self.labels(input["renditions"])))
        let stored = made.map { key in
            let keyID = key.keyID.uuid
            return StoredContentKey(
                keyID: keyID, contentID: contentID, label: key.label.rawValue, scheme: scheme.rawValue,
                provider: providerName,
                sealed: Self.seal(key.key, ring, context: StoredContentKey.sealingContext(keyID: keyID)),
                masterKeyID: ring.newestID)
        }
        return Self.prepared(name, made, stored)
    }

    private static func seal(_ key: [UInt8], _ ring: KeyRing, context: String) -> [UInt8] {
        do { return try ring.seal(key, context: context) } catch {
            preconditionFailure("sixteen bytes can be sealed: \(error)")
        }
    }

    private static func prepared(_ name: String, _ made: [MadeKey], _ stored: [StoredContentKey]) -> PreparedStep {
        PreparedStep(
            output: ["protection": .string(name), "keys": .array(made.map(description))],
            statement: AttachedStatement { first in
                StoredContentKey.statement(keeping: stored, firstParameter: first)
            })
    }

    /// What goes on from here of a key: all but the key.
    private static func description(_ key: MadeKey) -> JSON {
        .members(
            ("keyId", .string(key.keyID.hex)), ("label", .string(key.label.rawValue)),
            ("iv", key.vector.map { .string(Hex.encode($0)) }),
            (
                "systems",
                key.signalling.map { systems in
                    .object(
                        .init(
                            uniqueKeysWithValues: ProtectionSystem.allCases.compactMap { system in
                                systems[system].map { said in
                                    (
                                        system.rawValue,
                                        .members(
                                            ("pssh", said.header.map { .string(Hex.encode($0)) }),
                                            ("uri", said.address.map { .string($0) }))
                                    )
                                }
                            }))
                }
            ))
    }

    /// What the renditions need a key for; where nobody says which there are, all that may come.
    private static func labels(_ renditions: JSON?) -> [KeyLabel] {
        guard let renditions = renditions?.arrayValue else { return [.audio, .sd, .hd, .uhd] }
        let needed = renditions.compactMap { rendition -> KeyLabel? in
            switch rendition["kind"]?.stringValue {
            case "audio": return .audio
            case "video":
                guard let width = rendition["width"]?.integerValue, let height = rendition["height"]?.integerValue
                else { return .video }
                return KeyLabel(width: width, height: height)
            default: return nil
            }
        }
        return KeyLabel.allCases.filter(needed.contains)
    }
}
