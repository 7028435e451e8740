import AccessControl
import Cryptography
import HTTPServer
import HTTPTypes
import Hummingbird
import NIOCore
import SignatureV4

/// Finds out who calls.
struct Authentication: Sendable {
    let keys: KnownKeys
    let sessions: ConsoleSessions?
    let verifier: SignatureVerifier
    /// Whether calls of this machine need no key. Only where the server listens on loopback alone.
    let trustsThisMachine: Bool
    /// Microseconds since 1970.
    let now: @Sendable () -> Int64

    /// The largest content of the wire API, in bytes, as the route itself has it.
    let wireBytes: Int
    /// The largest content of other routes that is held in memory to be hashed; they have smaller limits.
    static let contentBytes = 4 << 20

    /// - Parameters:
    ///   - request: its content is read and put back where a signature covers it.
    ///   - rule: what its route asks for. An upload's content is as long as a film: its signature must leave it out.
    func caller(
        of request: inout Request, _ context: ServiceContext, _ rule: RouteRule
    ) async throws -> Caller {
        let presented: PresentedSignature?
        let head = Self.signedRequest(request)
        do throws(SignatureError) {
            presented = try PresentedSignature.read(from: head)
        } catch {
            throw Refusal(error)
        }
        if let presented { return try await signer(presented, head, &request, rule) }
        if let caller = try await sessionHolder(request) {
            try requireOwnOrigin(request)
            return caller
        }
        guard trustsThisMachine, isLocal(request, context) else { throw Refusal(.missing) }
        try requireOwnOrigin(request)
        return Caller(accessKeyID: Caller.localID, role: .admin, proof: .none)
    }

    // MARK: Signatures

    /// Content is held in memory for a key that works and a signature that may be right, and for nobody else.
    private func signer(
        _ presented: PresentedSignature, _ head: SignedRequest, _ request: inout Request, _ rule: RouteRule
    ) async throws -> Caller {
        let entry = try await find(presented.credential.accessKeyID)
        let moment = SigningTime(seconds: now() / 1_000_000)
        do throws(SignatureError) {
            try verifier.check(presented, of: head, secret: entry?.secret, now: moment)
        } catch {
            throw Refusal(error)
        }
        guard let entry else { throw Refusal(.unrecognized) }
        var signed = head
        signed.contentHash = try await contentHash(of: &request, rule)
        do throws(SignatureError) {
            // The same moment: a content that comes slowly does not outlive the signature that it was sent with.
            try verifier.verify(presented, of: signed, secret: entry.secret, now: moment)
        } catch {
            throw Refusal(error)
        }
        keys.noteUse(presented.credential.accessKeyID)
        return Caller(accessKeyID: presented.credential.accessKeyID, role: entry.role, proof: .signature)
    }

    private func find(_ id: String) async throws -> KnownKeys.Entry? {
        do { return try await keys.find(id) } catch {
            throw Refusal.unavailable("Access keys can't be looked up: \(error.message)")
        }
    }

    private func contentHash(of request: inout Request, _ rule: RouteRule) async throws -> String {
        if rule == .upload {
            if request.headers[.amzContentSHA256] == SignedRequest.unsignedPayload {
                return SignedRequest.unsignedPayload
            }
            let isEmpty =
                request.headers[.transferEncoding] == nil && (request.headers[.contentLength] ?? "0") == "0"
            guard isEmpty else {
                throw Refusal(
                    SignatureError(
                        .invalidSignature,
                        "A part of a film is not held in memory to be hashed: sign it with X-Amz-Content-Sha256: "
                            + "UNSIGNED-PAYLOAD."))
            }
            return SignedRequest.emptyHash
        }
        return SignedRequest.hash(of: try await content(of: &request, rule))
    }

    /// A request's content, held in memory and put back.
    func content(of request: inout Request, _ rule: RouteRule) async throws -> [UInt8] {
        let limit = rule == .wire ? wireBytes : Self.contentBytes
        do {
            return Array(try await request.collectBody(upTo: limit).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw Refusal.tooLarge(limit)
        }
    }

    /// A request as it is signed, without its content.
    private static func signedRequest(_ request: Request) -> SignedRequest {
        var headers = request.headers.map { (name: $0.name.canonicalName, value: $0.value) }
        // The server keeps `Host` apart from the other fields.
        if let authority = request.head.authority { headers.append(("host", authority)) }
        return SignedRequest(
            method: request.method.rawValue, target: request.head.path ?? "/", headers: headers,
            contentHash: SignedRequest.emptyHash)
    }

    // MARK: Sessions

    private func sessionHolder(_ request: Request) async throws -> Caller? {
        guard let sessions, let value = ConsoleSessions.value(in: request.headers[.cookie]),
            let id = ConsoleSessions.accessKeyID(in: value), let entry = try await find(id),
            sessions.verify(value, secret: entry.secret, now: now() / 1_000_000)
        else { return nil }
        keys.noteUse(id)
        return Caller(accessKeyID: id, role: entry.role, proof: .session)
    }

    /// A key id and its secret, as a person types them in. Nil where they don't belong together.
    func person(accessKeyID: String, secret: String) async throws -> KnownKeys.Entry? {
        guard let entry = try await find(accessKeyID), constantTimeEquals(entry.secret.utf8, secret.utf8) else {
            return nil
        }
        keys.noteUse(accessKeyID)
        return entry
    }

    // MARK: This machine

    /// From this machine and meant for it: what a proxy hands on comes from somewhere else, and a name of the outside
    /// that leads here was made up to use a browser's place on this machine.
    private func isLocal(_ request: Request, _ context: ServiceContext) -> Bool {
        guard context.isLoopback, request.headers[.forwardedFor] == nil, request.headers[.forwarded] == nil else {
            return false
        }
        guard let authority = request.head.authority, !authority.isEmpty else { return true }
        var host = authority.lowercased()[...]
        if let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") { host = host[..<colon] }
        return host == "localhost" || host == "[::1]" || host.hasSuffix(".localhost") || Self.isLoopbackAddress(host)
    }

    /// Four numbers, of which the first is 127.
    private static func isLoopbackAddress(_ host: Substring) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// A browser lends its cookies and its place on this machine to pages of other origins; they may read nothing and
    /// must change nothing by it. Clients that are no browsers send neither field.
    func requireOwnOrigin(_ request: Request) throws {
        guard request.method != .get, request.method != .head else { return }
        if let site = request.headers[.secFetchSite], site != "same-origin", site != "none" {
            throw Refusal.otherOrigin
        }
        guard let origin = request.headers[.origin] else { return }
        guard let scheme = origin.range(of: "://"), origin[scheme.upperBound...] == request.head.authority ?? "" else {
            throw Refusal.otherOrigin
        }
    }
}

extension String {
    /// Where a text first stands.
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
