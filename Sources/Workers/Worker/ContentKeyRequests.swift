import Encodings
import StepContracts
import WorkerProtocol

extension EngineClient {
    /// The content keys that a task's input names, asked for again while the engine is away; none for a step that needs
    /// none.
    func contentKeys(of offer: TaskOffer) async throws(StepFailure) -> ContentKeys {
        guard offer.step == StepContract.package.name, (offer.input["protection"]?.stringValue ?? "none") != "none"
        else {
            return .none
        }
        var keys: [String: [UInt8]] = [:]
        for named in offer.input["keys"]?.arrayValue ?? [] {
            // The step itself says what is wrong with an id that is none.
            guard let text = named["keyId"]?.stringValue else { continue }
            let id = text.lowercased().filter { $0 != "-" }
            guard keys[id] == nil, Hex.decode(id)?.count == 16 else { continue }
            keys[id] = try await contentKey(text, of: offer)
        }
        return ContentKeys(keys)
    }

    private func contentKey(_ keyID: String, of offer: TaskOffer) async throws(StepFailure) -> [UInt8] {
        var backoff = Backoff()
        while true {
            switch await contentKey(ContentKeyRequest(token: offer.token, keyID: keyID)) {
            case .reply(let reply): return reply.key
            case .nothing: throw .crashed("the engine gave no answer about a content key")
            case .refused(let problem) where problem.code == WorkerProblem.staleToken:
                throw .cancelled(problem.detail)
            case .refused(let problem):
                throw StepFailure(error: StepErrorName.keyUnavailable, cause: problem.detail, retry: .never)
            case .unavailable(_, let retryAfter):
                do { try await ContinuousClock().sleep(for: backoff.pause(retryAfter: retryAfter)) } catch {
                    throw .cancelled("the step was told to stop")
                }
            }
        }
    }
}
