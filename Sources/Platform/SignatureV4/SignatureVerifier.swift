import Cryptography
import Encodings

/// AWS Signature Version 4 from the receiver's side.
///
/// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
public struct SignatureVerifier: Sendable {
    /// The region and the service that signatures must be made for.
    public let region: String
    public let service: String
    /// How far a signature's time may be from ours, in seconds, either way: 300, as AWS has it.
    public let tolerance: Int64

    public init(region: String, service: String, tolerance: Int64 = 300) {
        self.region = region
        self.service = service
        self.tolerance = tolerance
    }

    /// Whether a request was signed by the holder of a secret, for us, and just now. Throws the first thing that is
    /// wrong: key, scope, what the signature covers, time, the signature itself.
    ///
    /// - Parameters:
    ///   - secret: the secret access key that belongs to the presented key id; nil where there is none.
    ///   - now: our time.
    public func verify(
        _ presented: PresentedSignature, of request: SignedRequest, secret: String?, now: SigningTime
    ) throws(SignatureError) {
        let secret = try check(presented, of: request, secret: secret, now: now)
        let expected = Signing.signature(
            of: request, signedHeaders: presented.signedHeaders, credential: presented.credential,
            time: presented.time, secret: secret)
        guard constantTimeEquals(expected.utf8, presented.signature.utf8) else { throw .mismatch }
    }

    /// All that ``verify(_:of:secret:now:)`` finds wrong without the signature itself, and so without the content: a
    /// receiver asks before it holds a stranger's content in memory. The request's hash is not looked at.
    ///
    /// - Returns: the secret.
    @discardableResult
    public func check(
        _ presented: PresentedSignature, of request: SignedRequest, secret: String?, now: SigningTime
    ) throws(SignatureError) -> String {
        // No temporary credentials are given out here, so no session token can be right.
        guard let secret, !presented.hasSessionToken else { throw .unrecognized }
        try checkScope(presented)
        try checkCoverage(presented, request)
        try checkTime(presented, now: now)
        return secret
    }

    private func checkScope(_ presented: PresentedSignature) throws(SignatureError) {
        let credential = presented.credential
        guard credential.terminator == PresentedSignature.terminator else {
            throw SignatureError(
                .invalidSignature,
                "Credential should be scoped with a valid terminator: 'aws4_request', not '\(credential.terminator)'.")
        }
        guard credential.region == region else {
            throw SignatureError(
                .invalidSignature, "Credential should be scoped to a valid region, not '\(credential.region)'.")
        }
        guard credential.service == service else {
            throw SignatureError(
                .invalidSignature, "Credential should be scoped to correct service: '\(service)'.")
        }
        guard credential.day == presented.time.day else {
            throw SignatureError(
                .invalidSignature,
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                    + "'\(credential.day)' != '\(presented.time.day)', from '\(presented.time)'.")
        }
    }

    /// What a signature leaves out, anybody on the way could change: the host, and every field of AWS's own, among
    /// them the operation.
    private func checkCoverage(_ presented: PresentedSignature, _ request: SignedRequest) throws(SignatureError) {
        guard presented.signedHeaders.contains("host") else {
            throw SignatureError(
                .invalidSignature, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
        }
        for field in request.headers where field.name.hasPrefix("x-amz-") {
            guard presented.signedHeaders.contains(field.name) else {
                throw SignatureError(
                    .invalidSignature, "'\(field.name)' must be a 'SignedHeader' in the AWS Authorization.")
            }
        }
    }

    private func checkTime(_ presented: PresentedSignature, now: SigningTime) throws(SignatureError) {
        let minutes = tolerance / 60
        let latest = SigningTime(seconds: now.seconds + tolerance)
        guard presented.time <= latest else {
            throw SignatureError(
                .invalidSignature,
                "Signature not yet current: \(presented.time) is still later than \(latest) (\(now) + \(minutes) min.)")
        }
        if let expires = presented.expires {
            let end = SigningTime(seconds: presented.time.seconds + expires)
            guard now <= end else {
                throw SignatureError(
                    .invalidSignature,
                    "Signature expired: \(end) is now earlier than \(now) (\(presented.time) + \(expires) s.)")
            }
            return
        }
        let earliest = SigningTime(seconds: now.seconds - tolerance)
        guard presented.time >= earliest else {
            throw SignatureError(
                .invalidSignature,
                "Signature expired: \(presented.time) is now earlier than \(earliest) (\(now) - \(minutes) min.)")
        }
    }
}

/// What signer and verifier share.
enum Signing {
    /// The signature in lower-case hexadecimal digits.
    static func signature(
        of request: SignedRequest, signedHeaders: [String], credential: PresentedSignature.Credential,
        time: SigningTime, secret: String
    ) -> String {
        let canonical = SHA256.hash(request.canonicalText(signedHeaders: signedHeaders)).hex
        let text = "\(PresentedSignature.algorithm)\n\(time)\n\(credential.scope)\n\(canonical)"
        var key = Array("AWS4\(secret)".utf8)
        for part in [credential.day, credential.region, credential.service, credential.terminator] {
            key = HMACSHA256.code(part, key: key)
        }
        return Hex.encode(HMACSHA256.code(text, key: key))
    }
}
