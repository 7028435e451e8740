import CatalogStore
import Cryptography
import Encodings
import HTTPServer
import HTTPTypes
import Hummingbird
import JSON
import Postgres

/// Answers of the licence endpoint are for one player, and players on pages of other origins have tokens, too.
private let licenceHeaders: HTTPFields = [
    .cacheControl: "no-store", .accessControlAllowOrigin: "*", .crossOriginResourcePolicy: "cross-origin",
]

extension CatalogService {
    /// A licence request names so many keys at most.
    private static let keysOfARequest = 32

    /// `POST /v1/titles/{id}/licence`: W3C ClearKey (Encrypted Media Extensions, section 9.1.3 and 9.1.4) for whoever has
    /// a playback token.
    func addLicenceRoutes(to router: ServiceRouter) {
        router.post("/v1/titles/{id}/licence") { request, context in
            do {
                return try await licence(request, titleID: context.parameters.get("id") ?? "")
            } catch var problem as Problem {
                problem.headers.append(contentsOf: licenceHeaders.filter { $0.name != .cacheControl })
                throw problem
            } catch let error as PostgresError {
                throw Self.unavailable(error)
            }
        }
        router.on("/v1/titles/{id}/licence", method: .options) { _, _ in
            var fields = licenceHeaders
            fields[.cacheControl] = nil
            fields[.allow] = "OPTIONS, POST"
            fields[.accessControlAllowMethods] = "POST"
            fields[.accessControlAllowHeaders] = "Authorization, Content-Type"
            fields[.accessControlMaxAge] = "86400"
            return Response(status: .noContent, headers: fields)
        }
    }

    private func licence(_ request: Request, titleID: String) async throws -> Response {
        let ring = try requireKeyRing()
        guard let text = Self.bearer(request), let token = PlaybackToken(text: text, ring, now: wallTime()) else {
            throw Self.notAuthenticated(
                "A licence is given for a playback token, which /v1/titles/{id}/playback gives; this is none, or has run "
                    + "out.")
        }
        guard token.title == titleID else {
            throw Problem(
                "other-title", status: .forbidden, title: "The playback token is for another title",
                detail: "The playback token is not for the title '\(titleID.prefix(64))'.")
        }
        let buffer = try await request.body.collect(upTo: 16 << 10)
        let wanted = try Self.keyIDs(Array(buffer.readableBytesView))
        let found = try await reader.licensedKeys(
            wanted.map(Self.uuid), titleID: titleID, accountID: token.account, profileID: token.profile)
        guard !found.isEmpty else {
            throw Problem(
                "no-licence", status: .forbidden, title: "There is no licence",
                detail: "None of the keys asked for is this title's and licensed here, or the account is not active.")
        }
        var keys: [JSON] = []
        for (keyID, sealed) in found {
            let key: [UInt8]
            do throws(CryptoError) {
                key = try ring.open(sealed, context: StoredContentKey.sealingContext(keyID: keyID))
            } catch {
                throw Problem.unavailable("A content key can't be opened: \(error.message)", retryAfter: 60)
            }
            guard let id = UUIDText.bytes(keyID) else { preconditionFailure("the table holds UUIDs") }
            keys.append([
                "kty": "oct", "kid": .string(Base64URL.encode(id)), "k": .string(Base64URL.encode(key)),
            ])
        }
        return Response.json(["keys": .array(keys), "type": "temporary"], headers: licenceHeaders)
    }

    /// The ids in a licence request, 16 bytes each (EME, 9.1.3).
    private static func keyIDs(_ content: [UInt8]) throws(Problem) -> [[UInt8]] {
        let malformed = { (detail: String) in
            Problem(
                "malformed-licence-request", status: .badRequest, title: "This is no licence request", detail: detail)
        }
        let document: JSON
        do { document = try JSON(parsing: content) } catch { throw malformed("The content is \(error).") }
        guard let kids = document["kids"]?.arrayValue, (1...keysOfARequest).contains(kids.count) else {
            throw malformed("'kids' has to be a list of 1 to \(keysOfARequest) key ids.")
        }
        if let type = document["type"]?.stringValue, type != "temporary" {
            throw malformed("'type' is '\(type.prefix(64))'; only 'temporary' licences are given.")
        }
        var ids: [[UInt8]] = []
        for kid in kids {
            guard let id = kid.stringValue.flatMap({ Base64URL.decode($0) }), id.count == 16 else {
                throw malformed("'kids' holds what is no key id of 16 bytes in base 64 for addresses.")
            }
            ids.append(id)
        }
        return ids
    }

    private static func uuid(_ id: [UInt8]) -> String {
        let digits = Array(Hex.encode(id))
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
    }

    // MARK: - Who asks

    /// Whose bearer token a request presents, where the title may be played to him; nil for who presents none.
    func playbackViewer(_ request: Request, titleID: String) async throws -> PlaybackRight? {
        guard request.headers[.authorization] != nil else { return nil }
        guard let bearer = Self.bearer(request), !bearer.isEmpty, bearer.utf8.count <= 256,
            let right = try await reader.playbackRight(tokenSHA256: SHA256.hash(bearer).bytes, titleID: titleID)
        else {
            throw Self.notAuthenticated("The bearer token is unknown, or has run out, or was revoked.")
        }
        switch right.refusal {
        case nil: break
        case .account(let state):
            throw Problem(
                "account-not-active", status: .forbidden, title: "The account is not active",
                detail: "The account is \(state).")
        case .rating(let ceiling, let minimumAge):
            let rated = minimumAge.map { "for people from \($0) years on" } ?? "not rated"
            throw Problem(
                "parental-restricted", status: .forbidden, title: "Not for this profile",
                detail: "The title is \(rated), and the profile shows what is for people of \(ceiling).")
        case .availability(let country):
            throw Problem(
                "not-available", status: .forbidden, title: "Not available",
                detail: "The title is not available at present\(country.map { " in \($0)" } ?? "").")
        }
        return right
    }

    /// A playback token for whoever may watch.
    func playbackToken(_ right: PlaybackRight, titleID: String) throws(Problem) -> String {
        PlaybackToken(
            account: right.accountID, profile: right.profileID, title: titleID,
            expires: wallTime() + PlaybackToken.lifetime
        ).text(try requireKeyRing())
    }

    private func requireKeyRing() throws(Problem) -> KeyRing {
        guard let ring else {
            throw .unavailable(
                "This service was started without a master key, and gives no licences: set SHOWRUNNER_MASTER_KEY_FILE.",
                retryAfter: 60)
        }
        return ring
    }

    /// The token of `Authorization: Bearer TOKEN` (RFC 6750, 2.1); nil where there is none.
    private static func bearer(_ request: Request) -> String? {
        guard let field = request.headers[.authorization] else { return nil }
        let words = field.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        return String(words[1])
    }

    private static func notAuthenticated(_ detail: String) -> Problem {
        Problem(
            "not-authenticated", status: .unauthorized, title: "Not authenticated", detail: detail,
            headers: [.wwwAuthenticate: "Bearer"])
    }
}
