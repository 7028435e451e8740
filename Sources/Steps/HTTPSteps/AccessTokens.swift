import Encodings
import HTTP
import JSON
import StepContracts

/// Access tokens of the client credentials grant (RFC 6749, section 4.4), kept in memory until they run out.
actor AccessTokens {
    private struct Kept {
        let token: String
        let until: ContinuousClock.Instant
    }

    /// By the client they were given to: another secret is another client.
    private var kept: [HTTPConnection.OAuthClient: Kept] = [:]
    private static let maximumKept = 1000
    /// A token that runs out while it is on its way is of no use.
    private static let margin = Duration.seconds(30)
    private static let answerBytes = 64 << 10
    private let http: HTTPClient

    init(http: HTTPClient) { self.http = http }

    /// A token that lives, asked for where none is kept. Throws `Events.ConnectionResource.InvalidConnectionState` when
    /// the authorization server gives none.
    func token(
        for client: HTTPConnection.OAuthClient, timeout: Duration
    ) async throws(StepFailure) -> String {
        if let kept = kept[client], kept.until > .now { return kept.token }
        let asked = ContinuousClock.now
        let answer = try await ask(client, timeout: timeout)
        guard let token = answer["access_token"]?.stringValue, !token.isEmpty, token.utf8.count <= 16 << 10 else {
            throw Self.refused("\(addressWithoutSecrets(client.endpoint)) gave no access_token")
        }
        // RFC 6749, section 5.1: without expires_in the server says elsewhere how long; so it is used once. So it is
        // where it is no number: 'nan' and 'inf' are texts that read as a Double.
        if let seconds = answer["expires_in"]?.doubleValue ?? answer["expires_in"]?.stringValue.flatMap(Double.init),
            seconds.isFinite
        {
            if kept.count >= Self.maximumKept { kept = kept.filter { $0.value.until > .now } }
            if kept.count < Self.maximumKept {
                let life = Duration.seconds(min(max(seconds, 0), 86_400))
                kept[client] = Kept(token: token, until: asked + life - Self.margin)
            }
        }
        return token
    }

    /// The API did not take a token: the next call asks for another.
    func forget(_ client: HTTPConnection.OAuthClient, _ token: String) {
        if kept[client]?.token == token { kept[client] = nil }
    }

    private func ask(_ client: HTTPConnection.OAuthClient, timeout: Duration) async throws(StepFailure) -> JSON {
        var form: JSON = ["grant_type": "client_credentials"]
        for parameter in client.parameters.body { form[parameter.key] = .string(parameter.value) }
        form["client_id"] = .string(client.id)
        form["client_secret"] = .string(client.secret)
        let text = FormEncoding.text(form, .indices)
        let query = client.parameters.query.map { HTTPTaskField(name: $0.key, values: [$0.value]) }
        var url = HTTPTaskCall.url(client.endpoint, query: query)
        var request = HTTPRequest(
            client.method, url,
            timeouts: HTTPTimeouts(connect: min(.seconds(10), timeout), total: timeout),
            maxResponseBytes: Self.answerBytes)
        if client.method == "GET" {
            url += (url.contains("?") ? "&" : "?") + text
            request.url = url
        } else {
            request.body = .bytes(Array(text.utf8))
            request.headers["Content-Type"] = "application/x-www-form-urlencoded"
        }
        request.headers["Accept"] = "application/json"
        for parameter in client.parameters.headers { request.headers[parameter.key] = parameter.value }
        let response: HTTPResponse
        do throws(HTTPError) { response = try await http.send(request) } catch {
            if error.code == .cancelled { throw .cancelled("the step was told to stop") }
            throw Self.refused(error.message)
        }
        guard response.status == 200 else {
            throw Self.refused("\(addressWithoutSecrets(client.endpoint)) answered \(response.status)")
        }
        do { return try JSON(parsing: response.body) } catch {
            throw Self.refused("\(addressWithoutSecrets(client.endpoint)) answered no JSON")
        }
    }

    private static func refused(_ reason: String) -> StepFailure {
        StepFailure(
            error: "Events.ConnectionResource.InvalidConnectionState",
            cause: "The connection is not authorized: \(reason).", retry: .transient)
    }
}
