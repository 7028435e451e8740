import Journal
import Postgres

/// Starts that other programs ask for by SQL, in transactions of their own: `showrunner.start_execution(...)`.
extension Engine {
    /// Makes the starts that are asked for, and says whether there were as many as one look takes. A start that can't be
    /// made now stays; one that never can be is kept with its refusal. To be called again and again, by the active engine
    /// alone.
    ///
    /// A start that was made and whose request was not removed, because the engine ended in between, is asked for again: by
    /// its name it finds the one that was made.
    public func makeRequestedStarts() async throws -> Bool {
        guard isReady else { return false }
        let requests = try await journal.startRequests(limit: Self.startsAtOnce)
        guard !requests.isEmpty else { return false }
        var made: [Int64] = []
        var refused: [StartRefusal] = []
        await withTaskGroup(of: (Int64, EngineError?).self) { group in
            for request in requests {
                group.addTask {
                    do throws(EngineError) {
                        try await self.make(request)
                        return (request.number, nil)
                    } catch { return (request.number, error) }
                }
            }
            for await (number, error) in group {
                guard let error else {
                    made.append(number)
                    continue
                }
                if !error.isPassing {
                    refused.append(StartRefusal(number: number, error: error.code.rawValue, cause: error.message))
                }
            }
        }
        if !made.isEmpty || !refused.isEmpty {
            try await journal.settleStarts(made: made.sorted(), refused: refused.sorted { $0.number < $1.number })
        }
        return requests.count == Self.startsAtOnce && made.count + refused.count > 0
    }

    private static let startsAtOnce = 200

    private func make(_ request: StartRequest) async throws(EngineError) {
        // Names of EXPRESS executions are not unique: asked twice, two would be made.
        guard !isExpress(request.machineARN) else {
            throw EngineError(
                code: .typeNotSupported,
                message: "Executions of EXPRESS state machines can't be asked for by SQL: nothing tells two from one.")
        }
        _ = try await start(machine: request.machineARN, name: request.name, input: request.input)
    }
}
