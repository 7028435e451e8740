import StepContracts
import WorkerProtocol

/// Tells the engine what a film is before it is opened, where the task's input names it by its address alone: what a worker
/// dies of is then known by its content, and what others have died of is not opened.
struct ContentReports: Sendable {
    let engine: EngineClient
    let tasks: LiveTasks
    let worker: String
    let incarnation: String

    /// Returns once the engine has heard it, asking again while the engine is away; later heartbeats tell it, too.
    ///
    /// - Throws: `Showrunner.Cancelled` where the engine wants the attempt no more.
    func tell(_ digest: String, of offer: TaskOffer) async throws(StepFailure) {
        tasks.setContent(offer.token, digest)
        let request = HeartbeatRequest(
            worker: worker, incarnation: incarnation,
            tasks: [.init(token: offer.token, progress: nil, content: digest)])
        var backoff = Backoff()
        while true {
            switch await engine.heartbeat(request) {
            case .reply(let reply):
                guard reply.tasks.contains(where: { $0.token == offer.token && $0.status == .gone }) else { return }
                tasks.end(offer.token, .gone)
                throw .cancelled("the engine wants no work on this content")
            // It has judged the message; work that it does not want it ends by the next heartbeat.
            case .nothing, .refused: return
            case .unavailable(_, let retryAfter):
                do { try await ContinuousClock().sleep(for: backoff.pause(retryAfter: retryAfter)) } catch {
                    throw .cancelled("the step was told to stop")
                }
            }
        }
    }
}
