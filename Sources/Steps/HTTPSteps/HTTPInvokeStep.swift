import Encodings
public import HTTP
public import JSON
public import StepContracts

/// The HTTP task: calls an API, with the secrets of its connection, and answers what came.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html
public struct HTTPInvokeStep: DataStep {
    /// The whole call with all its redirects, as AWS has it.
    public static let seconds = 60

    private let http: HTTPClient
    private let tokens: AccessTokens
    private let limit: Duration

    /// - Parameters:
    ///   - addresses: private addresses that may be called, over http, too; public ones are called over https alone.
    ///   - certificateAuthorities: a PEM file of trusted authorities instead of the system's.
    ///   - limit: how long a call may take.
    public init(
        allowing addresses: [AddressRange], certificateAuthorities: String? = nil,
        limit: Duration = .seconds(HTTPInvokeStep.seconds)
    ) {
        http = HTTPClient(
            HTTPClient.Configuration(
                userAgent: "Showrunner|HttpInvoke", addresses: .guarded(allowing: addresses),
                certificateAuthorities: certificateAuthorities))
        tokens = AccessTokens(http: http)
        self.limit = limit
    }

    public var contract: StepContract { .httpInvoke }

    public func run(
        _ task: StepTask, report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON {
        let deadline = ContinuousClock.now + limit
        var call = try HTTPTaskCall(parameters: task.input)
        // Before any secret is asked for.
        guard HTTPURL.origin(call.endpoint) != nil else {
            throw .runtime("'ApiEndpoint' has to be an absolute URL")
        }
        report(StepProgress(stage: "call"))
        var privateHeaders: Set<String> = ["idempotency-key"]
        var hasPrivateContent = false
        var token: (client: HTTPConnection.OAuthClient, text: String)?
        var headers: [(name: String, value: String)] = []
        if call.connectionARN != nil {
            let connection = try await task.connection()
            try call.add(connection.invocation)
            // The engine has looked at the endpoint; this looks at what is called, as the client itself reads it.
            if let refusal = connection.refusal(to: HTTPURL.origin(call.url) ?? "") {
                throw StepFailure(error: StepErrorName.httpAddressForbidden, cause: refusal, retry: .never)
            }
            hasPrivateContent = !connection.invocation.body.isEmpty
            for parameter in connection.invocation.headers { privateHeaders.insert(parameter.key.lowercased()) }
            switch connection.authorization {
            case .basic(let username, let password):
                headers.append(("Authorization", "Basic " + Base64.encode("\(username):\(password)".utf8)))
            case .apiKey(let name, let value): headers.append((name, value))
            case .oauth(let client):
                let text = try await tokens.token(for: client, timeout: deadline - .now)
                token = (client, text)
                headers.append(("Authorization", "Bearer \(text)"))
            }
        }
        for header in headers { privateHeaders.insert(header.name.lowercased()) }
        let hop = HTTPTaskExchange.Hop(
            url: call.url, method: call.method, headers: self.headers(of: call, task, adding: headers),
            content: call.content?.bytes, privateHeaders: privateHeaders, hasPrivateContent: hasPrivateContent)
        let response = try await HTTPTaskExchange(http: http, deadline: deadline).answer(to: hop)
        if response.status == 401, let token { await tokens.forget(token.client, token.text) }
        return try HTTPTaskResult.output(of: response)
    }

    private func headers(
        of call: HTTPTaskCall, _ task: StepTask, adding credentials: [(name: String, value: String)]
    ) -> HTTPHeaders {
        var headers = HTTPHeaders()
        for field in call.headers { for value in field.values { headers.add(field.name, value) } }
        if let type = call.content?.type { headers["Content-Type"] = type }
        // draft-ietf-httpapi-idempotency-key-header: the author may have a better one.
        if !call.method.isSafe, call.header("Idempotency-Key") == nil {
            headers["Idempotency-Key"] = task.idempotencyKey
        }
        for credential in credentials { headers[credential.name] = credential.value }
        return headers
    }
}
