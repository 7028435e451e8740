import SignatureV4
import Testing

/// A request that was signed well, as parts that a case may change afterwards.
struct RequestParts: Sendable {
    static let now = "20261128T031500Z"
    static let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    static let verifier = SignatureVerifier(region: "us-east-1", service: "states")
    static let url = "http://127.0.0.1:4600/"
    static let body = #"{"stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:ingest"}"#

    var method = "POST"
    var target = "/"
    var fields: [(name: String, value: String)] = []
    var content = Array(RequestParts.body.utf8)
    var secret: String? = RequestParts.secret
    var now = RequestParts.now

    subscript(name: String) -> String {
        get { fields.first { $0.name == name }?.value ?? "" }
        set {
            fields.removeAll { $0.name == name }
            fields.append((name, newValue))
        }
    }

    mutating func edit(_ name: String, _ old: String, _ new: String) {
        let value = self[name]
        precondition(value.contains(old), "\(name) has no \(old) to change")
        self[name] = value.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
    }

    /// - Parameter beforeContent: as a receiver asks that has not read it.
    func check(beforeContent: Bool = false) throws {
        let request = SignedRequest(
            method: method, target: target, headers: fields,
            contentHash: beforeContent ? "" : SignedRequest.hash(of: content))
        guard let presented = try PresentedSignature.read(from: request) else { throw SignatureError.missing }
        // Nobody else's key is known.
        let known = presented.credential.accessKeyID == "AKIDEXAMPLE" ? secret : nil
        let time = try #require(SigningTime(now))
        if beforeContent {
            try RequestParts.verifier.check(presented, of: request, secret: known, now: time)
        } else {
            try RequestParts.verifier.verify(presented, of: request, secret: known, now: time)
        }
    }

    static func good(
        accessKeyID: String = "AKIDEXAMPLE", secret: String = secret, region: String = "us-east-1",
        service: String = "states", time: String = now
    ) -> RequestParts {
        var parts = RequestParts()
        parts.fields = [
            ("Content-Type", "application/x-amz-json-1.0"), ("X-Amz-Target", "AWSStepFunctions.StartExecution"),
        ]
        guard let time = SigningTime(time) else { preconditionFailure("\(time) is no time") }
        parts.fields += RequestSigner(
            accessKeyID: accessKeyID, secretAccessKey: secret, region: region, service: service
        ).fields(method: "POST", url: url, headers: parts.fields, content: parts.content, time: time)
        return parts
    }
}

/// One way in which a signature is bad, and what is said about it.
struct BadSignature: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var code: SignatureError.Code
    var message: String
    var parts: RequestParts

    init(
        _ name: String, _ code: SignatureError.Code, _ message: String, from parts: RequestParts = RequestParts.good(),
        _ change: (inout RequestParts) -> Void = { _ in }
    ) {
        var parts = parts
        change(&parts)
        testDescription = name
        self.code = code
        self.message = message
        self.parts = parts
    }
}

extension BadSignature {
    static let mismatch =
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        + "Key and signing method. Consult the service documentation for details."
    static let missing = "Missing Authentication Token"
    static let unrecognized = "The security token included in the request is invalid."

    static let missingParts = [
        BadSignature("no Authorization", .missingAuthenticationToken, missing) {
            $0.fields.removeAll { $0.name == "Authorization" }
        },
        BadSignature("an empty Authorization", .missingAuthenticationToken, missing) { $0["Authorization"] = "" },
        BadSignature("Basic instead", .missingAuthenticationToken, missing) {
            $0["Authorization"] = "Basic dGVzdDp0ZXN0"
        },
        BadSignature("Bearer instead", .missingAuthenticationToken, missing) { $0["Authorization"] = "Bearer abc" },
        BadSignature(
            "no Credential", .incompleteSignature, "Authorization header requires 'Credential' parameter."
        ) { $0.edit("Authorization", "Credential=AKIDEXAMPLE/20261128/us-east-1/states/aws4_request, ", "") },
        BadSignature(
            "no SignedHeaders", .incompleteSignature, "Authorization header requires 'SignedHeaders' parameter."
        ) { $0.edit("Authorization", "SignedHeaders=", "Others=") },
        BadSignature("no Signature", .incompleteSignature, "Authorization header requires 'Signature' parameter.") {
            $0.edit("Authorization", "Signature=", "Sig=")
        },
        BadSignature("an empty Signature", .incompleteSignature, "Authorization header requires 'Signature' parameter.")
        {
            $0["Authorization"] = String($0["Authorization"].dropLast(64))
        },
        BadSignature(
            "no date", .incompleteSignature,
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        ) { $0.fields.removeAll { $0.name == "X-Amz-Date" } },
        BadSignature(
            "nothing but the algorithm", .incompleteSignature,
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
                + "parameter. Authorization header requires 'SignedHeaders' parameter."
        ) { $0["Authorization"] = "AWS4-HMAC-SHA256" },
        BadSignature(
            "a piece without an equal-sign", .incompleteSignature,
            "'nonsense' not a valid key=value pair (missing equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 "
                + "nonsense'."
        ) { $0["Authorization"] = "AWS4-HMAC-SHA256 nonsense" },
        BadSignature(
            "the signature twice", .incompleteSignature,
            "Authorization header has the 'Signature' parameter more than once."
        ) { $0["Authorization"] += ", Signature=00" },
        BadSignature("another algorithm", .incompleteSignature, "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'.") {
            $0.edit("Authorization", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1")
        },
        BadSignature(
            "two Authorization fields", .incompleteSignature,
            "The request presents more than one signature: exactly one is taken."
        ) { $0.fields.append(("Authorization", $0["Authorization"])) },
        BadSignature(
            "a field and a query", .incompleteSignature,
            "The request presents more than one signature: exactly one is taken."
        ) { $0.target = "/?X-Amz-Signature=00" },
        BadSignature(
            "a credential of four elements", .incompleteSignature,
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
                + "'AKIDEXAMPLE/20261128/us-east-1/states'."
        ) { $0.edit("Authorization", "/aws4_request", "") },
        BadSignature(
            "a credential without a key", .incompleteSignature,
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
                + "'/20261128/us-east-1/states/aws4_request'."
        ) { $0.edit("Authorization", "AKIDEXAMPLE", "") },
        BadSignature(
            "a date in extended format", .incompleteSignature,
            "Date must be in ISO-8601 'basic format'. Got '2026-11-28T03:15:00Z'. See "
                + "http://en.wikipedia.org/wiki/ISO_8601"
        ) { $0["X-Amz-Date"] = "2026-11-28T03:15:00Z" },
        BadSignature(
            "signed headers out of order", .incompleteSignature,
            "SignedHeaders must be lower-case names, each once, in alphabetic order, got "
                + "'host;content-type;x-amz-content-sha256;x-amz-date;x-amz-target'."
        ) { $0.edit("Authorization", "content-type;host", "host;content-type") },
        BadSignature(
            "a signed header twice", .incompleteSignature,
            "SignedHeaders must be lower-case names, each once, in alphabetic order, got "
                + "'content-type;host;host;x-amz-content-sha256;x-amz-date;x-amz-target'."
        ) { $0.edit("Authorization", ";host;", ";host;host;") },
        BadSignature("a very long field", .incompleteSignature, "The Authorization header has more than 16384 bytes.") {
            $0["Authorization"] = "AWS4-HMAC-SHA256 " + String(repeating: "a", count: 20_000)
        },
    ]

    static let wrongParts = [
        BadSignature("an unknown key", .unrecognizedClient, unrecognized) { $0.secret = nil },
        BadSignature("a session token that nobody gave out", .unrecognizedClient, unrecognized) {
            $0["X-Amz-Security-Token"] = "token"
        },
        BadSignature("another secret", .invalidSignature, mismatch, from: RequestParts.good(secret: "wrong")),
        BadSignature("an empty secret", .invalidSignature, mismatch, from: RequestParts.good(secret: "")),
        BadSignature("a digit too many", .invalidSignature, mismatch) {
            $0.edit("Authorization", "Signature=", "Signature=0")
        },
        BadSignature("a digit of the signature", .invalidSignature, mismatch) {
            let last = $0["Authorization"].last
            $0["Authorization"] = String($0["Authorization"].dropLast()) + (last == "0" ? "1" : "0")
        },
        BadSignature("the signature in upper case", .invalidSignature, mismatch) {
            $0["Authorization"] = String($0["Authorization"].dropLast(64)) + $0["Authorization"].suffix(64).uppercased()
        },
        BadSignature("half a signature", .invalidSignature, mismatch) {
            $0["Authorization"] = String($0["Authorization"].dropLast(32))
        },
        BadSignature("another content", .invalidSignature, mismatch) { $0.content.append(32) },
        BadSignature("no content", .invalidSignature, mismatch) { $0.content = [] },
        BadSignature("another method", .invalidSignature, mismatch) { $0.method = "PUT" },
        BadSignature("another path", .invalidSignature, mismatch) { $0.target = "/uploads" },
        BadSignature("a query more", .invalidSignature, mismatch) { $0.target = "/?a=b" },
        BadSignature("another host", .invalidSignature, mismatch) { $0["Host"] = "127.0.0.1:4601" },
        BadSignature("another operation", .invalidSignature, mismatch) {
            $0["X-Amz-Target"] = "AWSStepFunctions.DeleteStateMachine"
        },
        BadSignature("a signed field taken away", .invalidSignature, mismatch) {
            $0.fields.removeAll { $0.name == "Content-Type" }
        },
        BadSignature("a signed field twice", .invalidSignature, mismatch) {
            $0.fields.append(("Content-Type", "text/plain"))
        },
        BadSignature(
            "the operation left unsigned", .invalidSignature,
            "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."
        ) { $0.edit("Authorization", ";x-amz-target", "") },
        BadSignature(
            "the host left unsigned", .invalidSignature,
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        ) { $0.edit("Authorization", ";host", "") },
        BadSignature(
            "the date left unsigned", .invalidSignature,
            "'x-amz-date' must be a 'SignedHeader' in the AWS Authorization."
        ) { $0.edit("Authorization", ";x-amz-date", "") },
        BadSignature(
            "another region", .invalidSignature, "Credential should be scoped to a valid region, not 'eu-west-1'.",
            from: RequestParts.good(region: "eu-west-1")),
        BadSignature(
            "another service", .invalidSignature, "Credential should be scoped to correct service: 'states'.",
            from: RequestParts.good(service: "s3")),
        BadSignature(
            "another terminator", .invalidSignature,
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'."
        ) { $0.edit("Authorization", "aws4_request", "aws5_request") },
        BadSignature(
            "a scope of another day", .invalidSignature,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261127' != "
                + "'20261128', from '20261128T031500Z'."
        ) { $0.edit("Authorization", "20261128", "20261127") },
        BadSignature(
            "a second too old", .invalidSignature,
            "Signature expired: 20261128T030959Z is now earlier than 20261128T031000Z (20261128T031500Z - 5 min.)",
            from: RequestParts.good(time: "20261128T030959Z")),
        BadSignature(
            "a second too early", .invalidSignature,
            "Signature not yet current: 20261128T032001Z is still later than 20261128T032000Z (20261128T031500Z + 5 "
                + "min.)", from: RequestParts.good(time: "20261128T032001Z")),
        BadSignature(
            "a good request, sent again the next day", .invalidSignature,
            "Signature expired: 20261128T031500Z is now earlier than 20261129T031000Z (20261129T031500Z - 5 min.)"
        ) { $0.now = "20261129T031500Z" },
    ]
}
