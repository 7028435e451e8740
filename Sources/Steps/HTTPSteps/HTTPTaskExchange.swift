import Encodings
import HTTP
import StepContracts

/// Sends a call and follows where its answers lead.
///
/// Each hop is a request of its own: its address is checked as the first one's is, and to another origin goes nothing
/// that says who calls.
struct HTTPTaskExchange: Sendable {
    let http: HTTPClient
    let deadline: ContinuousClock.Instant

    /// One request of the exchange.
    struct Hop {
        var url: String
        var method: HTTPTaskCall.Method
        var headers: HTTPHeaders
        var content: [UInt8]?
        /// Names, in lower case, of the header fields that stay with the origin they are meant for.
        var privateHeaders: Set<String>
        /// Whether the content holds something that stays with the origin it is meant for.
        var hasPrivateContent: Bool
    }

    static let maximumRedirects = 5

    /// The last answer, whatever its status.
    func answer(to first: Hop) async throws(StepFailure) -> HTTPResponse {
        var hop = first
        for _ in 0...Self.maximumRedirects {
            let response = try await send(hop)
            guard let next = try self.next(after: response, to: hop) else { return response }
            hop = next
        }
        throw StepFailure(
            error: "States.Http.Socket",
            cause: "\(addressWithoutSecrets(first.url)) leads through more than \(Self.maximumRedirects) redirects.",
            retry: .never)
    }

    private func send(_ hop: Hop) async throws(StepFailure) -> HTTPResponse {
        let left = deadline - .now
        guard left > .zero else { throw Self.timedOut(hop) }
        let request = HTTPRequest(
            hop.method.rawValue, hop.url, headers: hop.headers, body: hop.content.map { .bytes($0) } ?? .none,
            timeouts: HTTPTimeouts(connect: min(.seconds(10), left), total: left),
            maxResponseBytes: HTTPTaskResult.maximumBytes, reusesConnection: hop.method.isIdempotent)
        do throws(HTTPError) {
            return try await http.send(request)
        } catch {
            throw Self.failure(error, of: hop)
        }
    }

    /// Where an answer leads; nil where it stays.
    private func next(after response: HTTPResponse, to hop: Hop) throws(StepFailure) -> Hop? {
        guard [301, 302, 303, 307, 308].contains(response.status), let location = response.headers["Location"] else {
            return nil
        }
        guard let url = HTTPURL.resolve(location, at: hop.url), let origin = HTTPURL.origin(url) else {
            throw StepFailure(
                error: "States.Http.Socket",
                cause: "\(addressWithoutSecrets(hop.url)) leads to something that is no URL.", retry: .never)
        }
        var next = hop
        next.url = url
        // RFC 9110, section 15.4: 303 asks for a GET, and after 301 and 302 a POST becomes one, as browsers do.
        let becomesGet = response.status == 303 ? hop.method != .head : response.status <= 302 && hop.method == .post
        if becomesGet {
            next.method = .get
            next.content = nil
            next.hasPrivateContent = false
            for name in ["Content-Type", "Idempotency-Key"] { next.headers[name] = nil }
        }
        if origin != HTTPURL.origin(hop.url) {
            // A part of the content alone would be another request than the one that was asked for.
            guard !next.hasPrivateContent else {
                throw StepFailure(
                    error: "States.Http.Socket",
                    cause: "\(addressWithoutSecrets(hop.url)) leads to another origin, \(origin), which must not get "
                        + "the connection's part of the content.", retry: .never)
            }
            for name in hop.privateHeaders { next.headers[name] = nil }
            next.privateHeaders = []
        }
        return next
    }

    // MARK: - Failures

    private static func timedOut(_ hop: Hop) -> StepFailure {
        StepFailure(
            error: "States.Http.Socket",
            cause: "\(hop.method.rawValue) \(addressWithoutSecrets(hop.url)) was not answered within "
                + "\(HTTPInvokeStep.seconds) seconds.", retry: .transient)
    }

    private static func failure(_ error: HTTPError, of hop: Hop) -> StepFailure {
        switch error.code {
        case .invalidRequest: return .runtime(error.message)
        case .forbiddenAddress:
            return StepFailure(error: StepErrorName.httpAddressForbidden, cause: error.message, retry: .never)
        case .tooLarge: return HTTPTaskResult.tooLarge
        default: break
        }
        if error.mayHaveReachedServer, !hop.method.isIdempotent {
            return .outcomeUnknown("\(error.message) The request had been sent: it may have been carried out.")
        }
        if error.code == .cancelled { return .cancelled("the step was told to stop") }
        return StepFailure(error: "States.Http.Socket", cause: error.message, retry: .transient)
    }
}
