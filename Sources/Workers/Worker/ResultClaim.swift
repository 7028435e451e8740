import Cryptography
import JSON
import Logging
import ObjectStorage
import StepContracts

/// The right to make a result, so that two runs do not make the same one at the same time.
///
/// A claim is an object beside the result that names who makes it, and lives by objects that its holder goes on
/// writing: whoever waits sees by its own clock that they stop, and takes the claim over. Two holders at once, as
/// after a pause of one of them, cost time and nothing else: results are of their input alone.
struct ResultClaim: Sendable {
    private let store: any ObjectStore
    private let key: String
    /// The entry on whose behalf the result is made, the same for all its attempts.
    private let holder: String
    private let nonce: String
    private let timing: Timing

    struct Timing: Sendable {
        /// Between two signs of life, and between two looks of one who waits.
        var beat: Duration = .seconds(5)
        var look: Duration = .milliseconds(500)
        /// Without a sign of life for so long a holder is given up.
        var patience: Duration = .seconds(30)
    }

    init(store: any ObjectStore, key: String, holder: String, nonce: String, timing: Timing = Timing()) {
        self.store = store
        self.key = key
        self.holder = holder
        self.nonce = nonce
        self.timing = timing
    }

    private var claimKey: String { "results/\(key).claim" }
    private var beatPrefix: String { "results/\(key).beats/" }

    /// What stands there of whoever holds it.
    private struct Holding: Hashable {
        var holder = ""
        var nonce = ""
        /// Keys of the signs of life.
        var signs: [String]
    }

    /// Waits until this attempt holds the claim, or `isMade` says that there is nothing left to make.
    /// - Returns: whether the claim is held. Then ``hold(logger:_:)`` has to follow, which lays it down.
    func acquire(
        waiting: @Sendable () -> Void, isMade: () async throws(StepFailure) -> Bool
    ) async throws(StepFailure) -> Bool {
        let clock = ContinuousClock()
        var seen: (holding: Holding, since: ContinuousClock.Instant)?
        while true {
            if try await put() { return true }
            if try await isMade() { return false }
            // Laid down meanwhile.
            guard let holding = try await holding() else { continue }
            if holding != seen?.holding { seen = (holding, clock.now) }
            // An earlier attempt of the same entry: the engine knows that it is lost.
            let isOwn = holding.holder == holder
            if isOwn || seen.map({ clock.now - $0.since > timing.patience }) ?? false {
                try await remove(holding.signs + [claimKey])
                continue
            }
            waiting()
            do { try await clock.sleep(for: timing.look) } catch { throw .cancelled("the step was told to stop") }
        }
    }

    /// Does the work, giving signs of life meanwhile, and lays the claim down.
    func hold<Value: Sendable>(
        logger: Logger, _ work: @Sendable () async throws(StepFailure) -> Value
    ) async throws(StepFailure) -> Value {
        let beating = Task { await beat(logger) }
        let result: Result<Value, StepFailure>
        do throws(StepFailure) {
            result = .success(try await work())
        } catch {
            result = .failure(error)
        }
        beating.cancel()
        await beating.value
        // In a task of its own: whoever is told to stop lays it down all the same, or others would wait in vain.
        await Task { await layDown(logger) }.value
        return try result.get()
    }

    private func layDown(_ logger: Logger) async {
        do throws(StepFailure) {
            guard let holding = try await holding() else { return }
            let own = holding.signs.filter { $0.hasPrefix("\(beatPrefix)\(nonce)-") }
            // After a pause somebody else may have taken it over.
            try await remove(holding.nonce == nonce ? own + [claimKey] : own)
        } catch {
            // Whoever waits gives it up by itself, only later.
            logger.warning("a claim stays behind", metadata: ["result": "\(key)", "error": "\(error)"])
        }
    }

    private func beat(_ logger: Logger) async {
        var last: String?
        for number in 0... {
            do { try await ContinuousClock().sleep(for: timing.beat) } catch { break }
            let sign = "\(beatPrefix)\(nonce)-\(number)"
            do throws(ObjectStorageError) {
                _ = try await store.put(.bytes([]), key: sign, contentType: "application/octet-stream")
                if let last { try await store.delete(last) }
                last = sign
            } catch {
                if error.code == .cancelled { break }
                logger.warning("a sign of life was not written", metadata: ["result": "\(key)", "error": "\(error)"])
            }
        }
    }

    /// False when somebody else holds it.
    private func put() async throws(StepFailure) -> Bool {
        let claim: JSON = ["holder": .string(holder), "nonce": .string(nonce)]
        do {
            _ = try await store.put(.bytes(claim.utf8), key: claimKey, contentType: "application/json")
            return true
        } catch {
            if error.code == .alreadyExists { return false }
            throw StepFailure(error)
        }
    }

    /// Nil when nobody holds it.
    private func holding() async throws(StepFailure) -> Holding? {
        do {
            let claim = JSON.kept(try await store.get(claimKey, range: nil, maxBytes: 4096))
            return Holding(
                holder: claim?["holder"]?.stringValue ?? "", nonce: claim?["nonce"]?.stringValue ?? "",
                signs: try await store.list(prefix: beatPrefix, after: nil, limit: 100).objects.map(\.key))
        } catch {
            if error.code == .notFound { return nil }
            throw StepFailure(error)
        }
    }

    private func remove(_ keys: [String]) async throws(StepFailure) {
        do {
            for key in keys { try await store.delete(key) }
        } catch {
            throw StepFailure(error)
        }
    }
}
