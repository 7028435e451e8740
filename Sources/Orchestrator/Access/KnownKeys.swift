public import AccessControl
import Journal
import Logging
import Synchronization

/// Who calls, and what for.
public struct Caller: Sendable, Hashable {
    /// How a caller was recognised.
    public enum Proof: Sendable, Hashable {
        /// By a signature over the request.
        case signature
        /// By the cookie of the console.
        case session
        /// Not at all: the call came from this machine, where that is enough.
        case none
    }

    /// `local` for callers without a key.
    public let accessKeyID: String
    public let role: Role
    public let proof: Proof

    /// The caller of the request that is being answered; nil outside of one, and on routes that are open to all.
    @TaskLocal public static var current: Caller?

    static let localID = "local"
}

/// The access keys in memory, opened, so that no request waits for the database. What another process changes is seen
/// within seconds; a key that nobody here knows is looked for at once.
final class KnownKeys: Sendable {
    struct Entry: Sendable {
        let role: Role
        let secret: String
        let isEnabled: Bool
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var isLoaded = false
        var lastLook: ContinuousClock.Instant?
        /// How many looks at the database have begun.
        var begun = 0
        /// The look that ``entries`` come from.
        var held = 0
        var used: Set<String> = []
        /// Reasons that have been logged.
        var reported: Set<String> = []
    }

    private let store: AccessKeyStore?
    private let log: Logger
    /// Keys that need no database: role admin.
    private let local: [String: String]
    private let state = Mutex(State())

    init(store: AccessKeyStore?, local: [String: String], log: Logger) {
        self.store = store
        self.local = local
        self.log = log
    }

    /// The key of an id; nil where there is none, or it is disabled.
    func find(_ id: String) async throws(AccessError) -> Entry? {
        if let secret = local[id] { return Entry(role: .admin, secret: secret, isEnabled: true) }
        guard store != nil else { return nil }
        if let entry = entry(id) { return entry.isEnabled ? entry : nil }
        // Made a moment ago by somebody else, perhaps. Made-up ids must not become a query each.
        let mayLook = state.withLock { state -> Bool in
            guard let last = state.lastLook, last.duration(to: .now) < .seconds(1) else {
                state.lastLook = .now
                return true
            }
            return false
        }
        if mayLook { try await reload() }
        guard state.withLock({ $0.isLoaded }) else {
            throw AccessError(.unavailable, "The access keys are not loaded yet.")
        }
        return entry(id).flatMap { $0.isEnabled ? $0 : nil }
    }

    private func entry(_ id: String) -> Entry? { state.withLock { $0.entries[id] } }

    /// Notes that a key was used today.
    func noteUse(_ id: String) {
        guard local[id] == nil else { return }
        state.withLock { state in
            if state.entries[id] != nil { state.used.insert(id) }
        }
    }

    /// The ids used since the last call.
    func takeUsed() -> [String] {
        state.withLock { state in
            let used = state.used
            state.used = []
            return used.sorted()
        }
    }

    /// How many keys there are that work.
    var enabledCount: Int { state.withLock { $0.entries.values.count(where: \.isEnabled) } }

    /// Reads all keys from the database. A key that can't be opened does not work, and is told once.
    ///
    /// On return what is held was read after this call, by it or by one that began later.
    func reload() async throws(AccessError) {
        guard let store else { return }
        let look = beginLook()
        var entries: [String: Entry] = [:]
        for stored in try await store.stored() {
            if let known = entry(stored.id), known.isEnabled == (stored.disabledAt == nil) {
                entries[stored.id] = known
                continue
            }
            do throws(AccessError) {
                let key = AccessKeyStore.shown(stored)
                guard let role = key.role else { throw AccessKeyStore.unknownRole(key) }
                entries[stored.id] = Entry(
                    role: role, secret: try await store.open(stored), isEnabled: key.isEnabled)
            } catch  where error.code != .unavailable {
                let isNew = state.withLock { $0.reported.insert(error.message).inserted }
                if isNew { log.error("an access key does not work", metadata: ["reason": "\(error.message)"]) }
            }
        }
        hold(entries, of: look)
    }

    /// The number of a look at the database that begins now.
    func beginLook() -> Int {
        state.withLock { state in
            state.begun += 1
            return state.begun
        }
    }

    /// Takes what a look has found, unless a look that began later has told already: a key that was disabled in between
    /// must not come back.
    func hold(_ entries: [String: Entry], of look: Int) {
        state.withLock { state in
            guard look > state.held else { return }
            state.held = look
            state.entries = entries
            state.isLoaded = true
            state.lastLook = .now
        }
    }
}
