/// Why a request's signature is refused, by AWS's names and in AWS's words.
///
/// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html, and the common errors of
/// the services with a JSON protocol. All have HTTP status 400 there.
public struct SignatureError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name on the wire is the raw value.
    public enum Code: String, Sendable, CaseIterable {
        /// There is no signature.
        case missingAuthenticationToken = "MissingAuthenticationTokenException"
        /// A part of it is absent or malformed.
        case incompleteSignature = "IncompleteSignatureException"
        /// It is out of date, for something else, or wrong.
        case invalidSignature = "InvalidSignatureException"
        /// Its access key is unknown or disabled.
        case unrecognizedClient = "UnrecognizedClientException"
    }

    public let code: Code
    /// One or more sentences; never a secret or the right signature.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public static let missing = SignatureError(.missingAuthenticationToken, "Missing Authentication Token")

    /// For an access key that is not known, is disabled, or came with a session token that nobody here gave out.
    public static let unrecognized = SignatureError(
        .unrecognizedClient, "The security token included in the request is invalid.")

    static let mismatch = SignatureError(
        .invalidSignature,
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
            + "Key and signing method. Consult the service documentation for details.")

    public var description: String { "\(code.rawValue): \(message)" }
}
