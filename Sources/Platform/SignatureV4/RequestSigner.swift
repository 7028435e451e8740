/// Signs requests with an access key, for a receiver that verifies as ``SignatureVerifier`` does.
public struct RequestSigner: Sendable, CustomStringConvertible, CustomReflectable {
    public let accessKeyID: String
    private let secret: String
    public let region: String
    public let service: String

    public init(accessKeyID: String, secretAccessKey: String, region: String, service: String) {
        self.accessKeyID = accessKeyID
        secret = secretAccessKey
        self.region = region
        self.service = service
    }

    /// The fields that make a request a signed one: `Host`, `X-Amz-Date`, `X-Amz-Content-Sha256` and `Authorization`.
    ///
    /// - Parameters:
    ///   - url: absolute, percent-encoded, as it is sent. Traps where it names no host.
    ///   - headers: the request's own fields; `Content-Type` and those that begin with `X-Amz-` are covered.
    ///   - content: the content's bytes; nil leaves it out of the signature (`UNSIGNED-PAYLOAD`), for content that is
    ///     sent as it is read.
    public func fields(
        method: String, url: String, headers: some Sequence<(name: String, value: String)>, content: [UInt8]?,
        time: SigningTime
    ) -> [(name: String, value: String)] {
        let (host, target) = Self.parts(of: url)
        let hash = content.map { SignedRequest.hash(of: $0) } ?? SignedRequest.unsignedPayload
        let own = [("Host", host), ("X-Amz-Date", time.description), ("X-Amz-Content-Sha256", hash)]
        let covered = headers.filter {
            let name = $0.name.lowercased()
            return name == "content-type" || name.hasPrefix("x-amz-")
        }
        let request = SignedRequest(
            method: method, target: target, headers: covered + own.map { (name: $0.0, value: $0.1) },
            contentHash: hash)
        let names = Array(Set(request.headers.map(\.name))).sorted()
        let credential = PresentedSignature.Credential(
            accessKeyID: accessKeyID, day: time.day, region: region, service: service,
            terminator: PresentedSignature.terminator)
        let signature = Signing.signature(
            of: request, signedHeaders: names, credential: credential, time: time, secret: secret)
        let authorization =
            "\(PresentedSignature.algorithm) Credential=\(accessKeyID)/\(credential.scope), "
            + "SignedHeaders=\(names.joined(separator: ";")), Signature=\(signature)"
        return own.map { (name: $0.0, value: $0.1) } + [("Authorization", authorization)]
    }

    /// The value of `Host` and the target of the request line. A scheme's own port is left out, as clients do.
    private static func parts(of url: String) -> (host: String, target: String) {
        let scheme = url.prefix { $0 != ":" }.lowercased()
        guard url.dropFirst(scheme.count).hasPrefix("://") else { preconditionFailure("\(scheme) begins no URL.") }
        let rest = url.dropFirst(scheme.count + 3)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        var host = authority.split(separator: "@").last.map(String.init) ?? ""
        let port = scheme == "https" ? ":443" : ":80"
        if host.hasSuffix(port) { host.removeLast(port.count) }
        precondition(!host.isEmpty, "A request is signed for a host.")
        let target = rest.dropFirst(authority.count)
        return (host, target.hasPrefix("/") ? String(target) : "/" + target)
    }

    /// Never the secret: descriptions end up in logs.
    public var description: String { "RequestSigner(\(accessKeyID), \(region), \(service))" }
    public var customMirror: Mirror { Mirror(self, children: ["accessKeyID": accessKeyID]) }
}
