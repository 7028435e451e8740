import Glibc
import HTTP
import JSON
import SignatureV4
import StepContracts
import WorkerProtocol

/// The worker's side of `/worker/v1`: one message, one answer. Repeating is the caller's.
struct EngineClient: Sendable {
    /// What became of a message.
    enum Answer<Reply: Sendable>: Sendable {
        case reply(Reply)
        /// 204: nothing to say yet.
        case nothing
        /// The engine has judged the message; the same again would be judged the same.
        case refused(WorkerProblem)
        /// No judgement: the engine is away, starting, or overloaded. Ask again, after `retryAfter` if it named one.
        case unavailable(reason: String, retryAfter: Duration?)
    }

    private let base: String
    private let http: HTTPClient
    private let signer: RequestSigner?

    /// - Parameter signer: signs each message; nil where the engine asks for no access key.
    init(base: String, signer: RequestSigner?) {
        var base = base
        while base.hasSuffix("/") { base.removeLast() }
        self.base = base
        self.signer = signer
        // A client of its own: a long download must not hold heartbeats back.
        http = HTTPClient(HTTPClient.Configuration(userAgent: "showrunner-worker", maxConnections: 300))
    }

    func poll(_ request: PollRequest) async -> Answer<TaskOffer> {
        // The poll that got no answer may have been handed a task: libcurl must not send it once more unasked.
        await post(
            request, to: WorkerProtocolPath.poll, timeout: .seconds(request.waitSeconds + 10),
            maximumBytes: PollReply.maximumBytes, mayArriveTwice: false
        ) { body throws(WorkerProtocolError) in try PollReply(body: body).task }
    }

    func heartbeat(_ request: HeartbeatRequest) async -> Answer<HeartbeatReply> {
        await post(request, to: WorkerProtocolPath.heartbeat, timeout: .seconds(10)) {
            body throws(WorkerProtocolError) in try HeartbeatReply(body: body)
        }
    }

    func complete(_ request: CompleteRequest, timeout: Duration = .seconds(30)) async -> Answer<Void> {
        await post(request, to: WorkerProtocolPath.complete, timeout: timeout) { _ in }
    }

    func fail(_ request: FailRequest, timeout: Duration = .seconds(30)) async -> Answer<Void> {
        await post(request, to: WorkerProtocolPath.fail, timeout: timeout) { _ in }
    }

    func connection(_ request: ConnectionRequest) async -> Answer<HTTPConnection> {
        await post(request, to: WorkerProtocolPath.connection, timeout: .seconds(10)) {
            body throws(WorkerProtocolError) in try ConnectionReply(body: body).connection
        }
    }

    func contentKey(_ request: ContentKeyRequest) async -> Answer<ContentKeyReply> {
        await post(request, to: WorkerProtocolPath.contentKey, timeout: .seconds(10)) {
            body throws(WorkerProtocolError) in try ContentKeyReply(body: body)
        }
    }

    private func post<Message: WorkerMessage, Reply: Sendable>(
        _ message: Message, to path: String, timeout: Duration, maximumBytes: Int = WorkerProtocolLimits.bodyBytes,
        mayArriveTwice: Bool = true,
        read: @Sendable ([UInt8]) throws(WorkerProtocolError) -> Reply
    ) async -> Answer<Reply> {
        var request = HTTPRequest(
            "POST", base + path, headers: ["Content-Type": "application/json"], body: .bytes(message.body),
            timeouts: HTTPTimeouts(connect: .seconds(5), total: timeout, idle: nil),
            maxResponseBytes: maximumBytes, reusesConnection: mayArriveTwice)
        if let signer {
            let fields = signer.fields(
                method: request.method, url: request.url, headers: request.headers.map { ($0.name, $0.value) },
                content: message.body, time: SigningTime(seconds: Int64(time(nil))))
            for field in fields { request.headers[field.name] = field.value }
        }
        let response: HTTPResponse
        do {
            response = try await http.send(request)
        } catch {
            return .unavailable(reason: error.message, retryAfter: nil)
        }
        switch response.status {
        case 204: return .nothing
        case 200...299:
            do {
                return .reply(try read(response.body))
            } catch {
                return .unavailable(reason: "the engine's answer is \(error)", retryAfter: nil)
            }
        // A key that is refused today may be put right while the work goes on: no judgement of the message.
        case 401, 403, 408, 425, 429, 500...599:
            let seconds = response.headers["Retry-After"].flatMap { Int($0) }.map { min(max($0, 0), 20) }
            return .unavailable(
                reason: "the engine answers \(response.status): \(EngineClient.detail(response))",
                retryAfter: seconds.map { .seconds($0) })
        default:
            do {
                return .refused(try WorkerProblem(body: response.body))
            } catch {
                return .refused(
                    WorkerProblem(
                        code: "http-\(response.status)", status: response.status,
                        detail: EngineClient.detail(response)))
            }
        }
    }

    /// The problem's sentence, or the beginning of whatever else was answered.
    private static func detail(_ response: HTTPResponse) -> String {
        do {
            return try WorkerProblem(body: response.body).detail
        } catch {
            return String(decoding: response.body.prefix(200), as: UTF8.self)
        }
    }
}

/// Growing pauses between attempts, each drawn between half and the whole of what it grew to.
struct Backoff: Sendable {
    static let first: Duration = .milliseconds(100)
    static let longest: Duration = .seconds(2)

    private var next = Backoff.first

    /// The pause before the next attempt; an engine that names its own is obeyed.
    mutating func pause(retryAfter: Duration? = nil) -> Duration {
        let grown = next
        next = min(next * 2, Backoff.longest)
        if let retryAfter, retryAfter > .zero { return retryAfter }
        return grown * Double.random(in: 0.5...1)
    }

    mutating func reset() { next = Backoff.first }
}
