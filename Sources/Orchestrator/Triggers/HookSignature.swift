import Cryptography
import Encodings

/// How a sender proves a request to `/hooks/NAME`: with the trigger's secret, over the bytes of the content.
///
/// - `webhook-id`, `webhook-timestamp`, `webhook-signature` of Standard Webhooks, which also bounds the age of a request;
/// - `X-Hub-Signature-256: sha256=HEX`, as GitHub and others sign;
/// - for buckets alone, whose servers sign nothing: the secret itself as a bearer token or as `token` of the query.
///
/// Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md and
/// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
enum HookSignature {
    /// How far a request's timestamp may be off, in seconds.
    static let tolerance: Int64 = 300

    struct Request {
        var id: String?
        var timestamp: String?
        var signatures: String?
        var hubSignature: String?
        var bearer: String?
        var token: String?
        var body: [UInt8]
    }

    /// Why a request is not proven; nil where it is.
    ///
    /// - Parameters:
    ///   - secret: `whsec_` and Base64.
    ///   - now: seconds since 1970.
    static func refusal(_ request: Request, secret: String, takesToken: Bool, now: Int64) -> String? {
        if let signatures = request.signatures {
            guard let id = request.id, let timestamp = request.timestamp, let sent = Int64(timestamp) else {
                return "webhook-signature comes with webhook-id and webhook-timestamp"
            }
            guard abs(sent - now) <= tolerance else {
                return "webhook-timestamp is more than \(tolerance) seconds off"
            }
            guard let key = decoded(secret.dropFirst("whsec_".count)) else {
                preconditionFailure("a secret is Base64 behind its prefix")
            }
            let expected = HMACSHA256.code(Array("\(id).\(timestamp).".utf8) + request.body, key: key)
            let isSigned = signatures.split(separator: " ").contains { signature in
                guard signature.hasPrefix("v1,"), let code = decoded(signature.dropFirst(3)) else {
                    return false
                }
                return constantTimeEquals(code, expected)
            }
            return isSigned ? nil : "no signature of webhook-signature is right"
        }
        if let signature = request.hubSignature {
            guard signature.hasPrefix("sha256="), let code = Hex.decode(signature.dropFirst(7)) else {
                return "X-Hub-Signature-256 is sha256= and hexadecimal digits"
            }
            return constantTimeEquals(code, HMACSHA256.code(request.body, key: Array(secret.utf8)))
                ? nil : "the signature in X-Hub-Signature-256 is wrong"
        }
        if takesToken, let token = request.bearer ?? request.token {
            return constantTimeEquals(Array(token.utf8), Array(secret.utf8)) ? nil : "the token is wrong"
        }
        return "the request is not signed"
            + (takesToken ? ", and brings no token" : ": send webhook-signature or X-Hub-Signature-256")
    }

    /// Nil for what is no Base64.
    private static func decoded(_ text: Substring) -> [UInt8]? {
        do { return try Base64.decode(text) } catch { return nil }
    }
}
