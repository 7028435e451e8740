import Cryptography
import Encodings
public import HTTP
import Packaging
public import StepContracts

/// Keys of a key server that speaks SPEKE v2 (Secure Packager and Encoder Key Exchange): CPIX 2.3 over HTTP POST. The
/// server's own licence servers give them to players.
public struct SPEKEKeys: KeyProvider {
    /// How a server is reached.
    public struct Server: Sendable {
        /// An absolute `https` or `http` address.
        public var url: String
        /// Fields that prove who asks, such as `Authorization`.
        public var headers: HTTPHeaders
        /// Signs requests where the server stands behind an AWS API gateway.
        public var signing: AWSSigning?

        public init(url: String, headers: HTTPHeaders = [:], signing: AWSSigning? = nil) {
            self.url = url
            self.headers = headers
            self.signing = signing
        }
    }

    /// A server that does not answer is asked so often.
    static let attempts = 4
    /// An answer is some kilobytes a key.
    private static let answerBytes = 1 << 20

    private let server: Server
    private let client: HTTPClient
    private let pause: @Sendable (Duration) async throws -> Void
    private let makeKeyID: @Sendable () -> [UInt8]

    /// - Parameters:
    ///   - client: may not reach addresses that the operator does not mean.
    ///   - pause: how time passes between attempts.
    ///   - makeKeyID: 16 random bytes.
    public init(
        server: Server, client: HTTPClient,
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await ContinuousClock().sleep(for: $0) },
        makeKeyID: @escaping @Sendable () -> [UInt8] = { randomBytes(16) }
    ) {
        self.server = server
        self.client = client
        self.pause = pause
        self.makeKeyID = makeKeyID
    }

    public func keys(for request: KeyRequest) async throws(StepFailure) -> [MadeKey] {
        // The one who encrypts chooses the ids (SPEKE v2, "kid").
        let uses = request.labels.map { label in
            guard let keyID = KeyID(uuidText(makeKeyID(), version: 4)) else {
                preconditionFailure("a UUID is a key id")
            }
            return CPIXDocument.Use(keyID: keyID, label: label)
        }
        // FairPlay knows cbcs alone.
        let systems: [ProtectionSystem] =
            request.scheme == .cbcs ? [.widevine, .playReady, .fairPlay] : [.widevine, .playReady]
        let document = CPIXDocument(
            contentID: request.contentID, scheme: request.scheme, uses: uses, systems: systems)
        let answer = try await answer(to: Array(document.request.utf8))
        do throws(CPIXProblem) {
            return try document.keys(inAnswer: answer)
        } catch {
            throw StepFailure(
                error: StepErrorName.keyUnavailable, cause: "the key server's answer \(error)", retry: .never)
        }
    }

    /// Asks again where the server is away or overloaded; the same request gives the same keys or others, of which none
    /// is in use yet.
    private func answer(to content: [UInt8]) async throws(StepFailure) -> [UInt8] {
        var headers = server.headers
        headers["Content-Type"] = "application/xml"
        headers["Accept"] = "application/xml"
        headers["X-Speke-Version"] = "2.0"
        headers["X-Speke-User-Agent"] = "Showrunner"
        let request = HTTPRequest(
            "POST", server.url, headers: headers, body: .bytes(content),
            timeouts: HTTPTimeouts(connect: .seconds(5), total: .seconds(20)), signing: server.signing,
            maxResponseBytes: Self.answerBytes)
        var wait = Duration.milliseconds(500)
        var reason = ""
        for attempt in 1...Self.attempts {
            switch await send(request) {
            case .success(let response) where response.status == 200:
                let version = response.headers["X-Speke-Version"]
                guard version == nil || version == "2.0" else {
                    throw Self.refused("speaks SPEKE '\(version?.prefix(20) ?? "")', not 2.0")
                }
                return response.body
            case .success(let response) where [408, 425, 429].contains(response.status) || response.status >= 500:
                reason = "answers \(response.status)"
            case .success(let response):
                // Its text may repeat what was sent; the status says enough.
                throw Self.refused("refuses with status \(response.status)")
            case .failure(let error):
                switch error.code {
                case .connect, .timeout, .interrupted, .malformedAnswer, .other: reason = "does not answer"
                case .cancelled: throw .cancelled("the step was told to stop")
                default: throw Self.refused("can't be asked: \(error.message)")
                }
            }
            guard attempt < Self.attempts else { break }
            do { try await pause(wait) } catch { throw .cancelled("the step was told to stop") }
            wait *= 2
        }
        throw StepFailure(
            error: StepErrorName.keyUnavailable, cause: "the key server \(reason), \(Self.attempts) times in a row",
            retry: .transient)
    }

    private func send(_ request: HTTPRequest) async -> Result<HTTPResponse, HTTPError> {
        do throws(HTTPError) { return .success(try await client.send(request)) } catch { return .failure(error) }
    }

    private static func refused(_ what: String) -> StepFailure {
        StepFailure(error: StepErrorName.keyUnavailable, cause: "the key server \(what)", retry: .never)
    }
}
