import CatalogStore
import Cryptography
import Encodings
import Engine
import Logging
import Postgres

/// The content keys of the catalogue, opened for the engine's workers.
struct ContentKeyVault: ContentKeySource {
    let table: ContentKeyTable
    let ring: KeyRing?
    let log: Logger

    func contentKey(_ keyID: String) async throws(EngineError) -> ContentKeyFinding {
        guard keyID.utf8.count == 32, Hex.decode(keyID) != nil else { return .missing }
        let characters = Array(keyID)
        let uuid = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(characters[$0]) }.joined(separator: "-")
        let stored: StoredContentKey?
        do throws(PostgresError) { stored = try await table.key(uuid) } catch {
            throw EngineError(code: .unavailable, message: "The content keys can't be looked up: \(error.message)")
        }
        guard let stored else { return .missing }
        guard let ring else { return .sealed("The engine has no master key to open content keys with.") }
        do throws(CryptoError) {
            return .key(try ring.open(stored.sealed, context: StoredContentKey.sealingContext(keyID: uuid)))
        } catch {
            return .sealed("The content key \(keyID) can't be opened: \(error.message)")
        }
    }

    /// Seals anew what an older master key has sealed, some hundred keys a statement. Media stays as it is: content keys
    /// do not change. What no key of the ring opens is left as it is, and told.
    func renew() async throws(PostgresError) {
        guard let ring else { return }
        var after: String?
        var renewed = 0
        var lost = 0
        while !Task.isCancelled {
            let found = try await table.keys(notSealedUnder: ring.newestID, after: after, limit: 500)
            guard let last = found.last else { break }
            after = last.keyID
            var changes: [(old: StoredContentKey, new: StoredContentKey)] = []
            for old in found {
                let context = StoredContentKey.sealingContext(keyID: old.keyID)
                var new = old
                do throws(CryptoError) {
                    new.sealed = try ring.seal(try ring.open(old.sealed, context: context), context: context)
                } catch {
                    lost += 1
                    continue
                }
                new.masterKeyID = ring.newestID
                changes.append((old, new))
            }
            if !changes.isEmpty { try await table.renew(changes) }
            renewed += changes.count
        }
        if renewed > 0 { log.notice("content keys sealed anew", metadata: ["keys": "\(renewed)"]) }
        if lost > 0 {
            log.error("no master key opens these content keys: put the old one behind", metadata: ["keys": "\(lost)"])
        }
    }
}
