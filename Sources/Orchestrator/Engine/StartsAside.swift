/// A start that is refused because engines ended while they decided on it: a definition with an input.
public struct StartAside: Sendable, Hashable {
    /// What operators call it: the beginnings of both hashes.
    public let id: String
    /// Names of the machines that have the definition now, sorted; none where it is a former one.
    public internal(set) var machines: [String] = []
    /// What the execution was told.
    public let event: String
    /// How many engines ended so.
    public let crashes: Int
    /// Of the last, in microseconds since 1970.
    public let lastAt: Int64

    let definitionHash: String

    private static let prefix = "start:"

    static func subject(definition: String, input: String) -> String { "\(prefix)\(definition):\(input)" }

    /// Nil for subjects that are no start.
    init?(_ subject: String, _ aside: SetAside) {
        let parts = subject.split(separator: ":", omittingEmptySubsequences: false)
        guard subject.hasPrefix(Self.prefix), parts.count == 3 else { return nil }
        definitionHash = String(parts[1])
        id = "\(parts[1].prefix(12))-\(parts[2].prefix(12))"
        (event, crashes, lastAt) = (aside.event, aside.crashes, aside.lastAt)
    }
}

extension Engine {
    /// Starts that are set aside, the latest first.
    public func startsAside() throws(EngineError) -> [StartAside] {
        try requireReady()
        return suspects.compactMap { subject, aside in
            guard var start = StartAside(subject, aside) else { return nil }
            start.machines = machines.values.filter { $0.current.definitionHash == start.definitionHash }
                .map(\.name).sorted()
            return start
        }.sorted { ($1.lastAt, $0.id) < ($0.lastAt, $1.id) }
    }

    /// Lets a start that is set aside be tried again: whoever wants it asks for it anew. Throws `.notFound`.
    public func releaseStart(_ id: String) async throws(EngineError) {
        try requireReady()
        let subjects = suspects.compactMap { subject, aside in
            StartAside(subject, aside)?.id == id ? subject : nil
        }
        guard !subjects.isEmpty else {
            throw EngineError(code: .notFound, message: "No start is set aside as '\(id.prefix(100))'.")
        }
        for subject in subjects.sorted() {
            try await written { try await journal.deleteSuspect(subject) }
            suspects[subject] = nil
        }
    }
}
