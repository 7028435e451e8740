import AccessControl
import HTTPServer
import HTTPTypes
import Hummingbird
import JSON
import SignatureV4

/// Why a call is not answered, in the words of the protocol that it came by.
struct Refusal: Error {
    /// AWS's name of it.
    let code: String
    let message: String
    let status: HTTPResponse.Status
    /// In metrics.
    let reason: String
    /// Whether signing in may help.
    let wantsSignIn: Bool

    init(_ error: SignatureError) {
        code = error.code.rawValue
        message = error.message
        status = .unauthorized
        reason =
            switch error.code {
            case .missingAuthenticationToken: "unsigned"
            case .incompleteSignature: "incomplete-signature"
            case .invalidSignature: "invalid-signature"
            case .unrecognizedClient: "unknown-key"
            }
        wantsSignIn = true
    }

    init(code: String, message: String, status: HTTPResponse.Status, reason: String, wantsSignIn: Bool = false) {
        self.code = code
        self.message = message
        self.status = status
        self.reason = reason
        self.wantsSignIn = wantsSignIn
    }

    static func denied(_ caller: Caller, _ action: String, resource: String?) -> Refusal {
        Refusal(
            code: "AccessDeniedException",
            message:
                "User: arn:aws:iam::000000000000:user/\(caller.accessKeyID) is not authorized to perform: "
                + "states:\(action) on resource: \(resource ?? "*") because the role \(caller.role.rawValue) does not "
                + "allow it",
            status: .forbidden, reason: "role")
    }

    /// Only who has a key is told: nothing passes whose name is not in the matrix.
    static func unknownOperation(_ target: String) -> Refusal {
        Refusal(
            code: "UnknownOperationException",
            message: target.isEmpty
                ? "X-Amz-Target names no operation." : "The operation '\(target.prefix(256))' is not known.",
            status: .badRequest, reason: "unknown-operation")
    }

    static let otherOrigin = Refusal(
        code: "AccessDeniedException",
        message: "The request was made by a page of another origin, which may not use this browser's rights.",
        status: .forbidden, reason: "other-origin")

    static func tooLarge(_ limit: Int) -> Refusal {
        Refusal(
            code: "RequestEntityTooLargeException",
            message: "The content of a request may have \(limit) bytes at most.", status: .contentTooLarge,
            reason: "too-large")
    }

    static func unavailable(_ message: String) -> Refusal {
        Refusal(code: "ServiceUnavailable", message: message, status: .serviceUnavailable, reason: "unavailable")
    }

    /// As the AWS JSON 1.0 protocol has it: authentication and authorization fail with 400 there.
    func wireResponse(_ context: ServiceContext) -> Response {
        .awsError(
            code, message, status: status == .serviceUnavailable || status == .contentTooLarge ? status : .badRequest,
            context: context)
    }

    /// As all other routes have it.
    var problem: Problem {
        switch status {
        case .unauthorized:
            Problem(
                "not-authenticated", status: status, title: "Who calls is not known", detail: message,
                members: [("error", .string(code))],
                headers: [.wwwAuthenticate: PresentedSignature.algorithm, .cacheControl: "no-store"])
        case .serviceUnavailable: .unavailable(message, retryAfter: 1)
        case .contentTooLarge: .contentTooLarge(limit: Authentication.contentBytes)
        default:
            Problem(
                "access-denied", status: status, title: "Not allowed", detail: message,
                members: [("error", .string(code))])
        }
    }
}

extension HTTPField.Name {
    static let amzContentSHA256 = constant("X-Amz-Content-Sha256")
    static let forwardedProto = constant("X-Forwarded-Proto")
    static let forwarded = constant("Forwarded")
    static let secFetchSite = constant("Sec-Fetch-Site")
    static let executionARN = constant("Execution-Arn")
    /// Why somebody does what they do, for the audit log.
    static let reason = constant("Showrunner-Reason")
}
