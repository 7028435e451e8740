public import CatalogStore
import Cryptography
import Encodings
public import HTTPServer
import HTTPTypes
import Hummingbird
import JSON
import Postgres

extension ServiceRouter {
    /// Adds `/access/v1/accounts`: operators make viewers' accounts, profiles and bearer tokens, and revoke tokens.
    public func addAccountRoutes(_ accounts: AccountTable) {
        post("/access/v1/accounts/{account}/tokens") { request, context in
            let account = try TokenOrder.account(context.parameters.get("account"))
            let order = try TokenOrder(try await document(in: request))
            // 256 bits: nobody guesses one. Only its hash is kept.
            let token = Base64URL.encode(randomBytes(32))
            let grant = AccountTable.Grant(
                account: account, profile: order.profile, ceiling: order.ceiling, country: order.country,
                tokenSHA256: SHA256.hash(token).bytes, seconds: order.seconds)
            switch try await asking({ () async throws(PostgresError) in try await accounts.grant(grant) }) {
            case .granted(let expiresAt):
                return Response.json(
                    [
                        "token": .string(token), "account": .string(account), "profile": .string(order.profile),
                        "expires_at": .string(expiresAt),
                    ], status: .created, headers: [.cacheControl: "no-store"])
            case .notActive(let state):
                throw Problem(
                    "account-not-active", status: .conflict, title: "The account is not active",
                    detail: "The account '\(account)' is \(state).")
            case .tooManyProfiles:
                throw Problem(
                    "too-many-profiles", status: .conflict, title: "The account has as many profiles as it may have",
                    detail: "The account '\(account)' has \(AccountTable.profiles) profiles already.")
            case .tooManySessions:
                throw Problem(
                    "too-many-tokens", status: .conflict, title: "The account has as many tokens as it may have",
                    detail: "\(AccountTable.sessions) tokens of the account '\(account)' hold; revoke them first.")
            }
        }
        post("/access/v1/accounts/{account}/revoke") { _, context in
            let account = try TokenOrder.account(context.parameters.get("account"))
            let revoked = try await asking({ () async throws(PostgresError) in
                try await accounts.revokeTokens(ofAccount: account)
            })
            guard let revoked else { throw Problem.notFound("There is no account '\(account)'.") }
            return Response.json(["account": .string(account), "revoked": .integer(revoked)])
        }
    }
}

/// What a bearer token is asked for.
private struct TokenOrder {
    /// Thirty days, unless the order says otherwise.
    private static let seconds = 30 * 86_400
    private static let longestSeconds = 365 * 86_400

    let profile: String
    let ceiling: Int?
    let country: String?
    let seconds: Int

    init(_ document: JSON) throws(Problem) {
        let profile = document["profile"]?.stringValue ?? ""
        guard CatalogID.isValid(profile) else { throw Self.malformed("profile", profile) }
        self.profile = profile
        ceiling = try Self.integer(document["ceiling"], "ceiling", in: 0...21)
        seconds = try Self.integer(document["seconds"], "seconds", in: 1...Self.longestSeconds) ?? Self.seconds
        country = document["country"]?.stringValue
        if let country, country.utf8.count != 2 || !country.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) {
            throw .invalidParameter("country", "'\(country.prefix(64))' is not two capital letters (ISO 3166-1).")
        }
    }

    private static func integer(
        _ value: JSON?, _ name: String, in range: ClosedRange<Int>
    ) throws(Problem) -> Int? {
        guard let value, value != .null else { return nil }
        guard let number = value.integerValue, range.contains(number) else {
            throw .invalidParameter(
                name, "'\(name)' has to be a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    /// The account that a path's segment names. Ids need no percent-encoding: what is none is told as it was meant.
    static func account(_ segment: String?) throws(Problem) -> String {
        let segment = segment ?? ""
        let account = PercentEncoding.decode(segment) ?? segment
        guard CatalogID.isValid(account) else { throw malformed("account", account) }
        return account
    }

    private static func malformed(_ name: String, _ text: String) -> Problem {
        .invalidParameter(name, "'\(text.prefix(64))' is no \(name)'s id: 1 to 64 letters, digits, '-' and '_'.")
    }
}

private func document(in request: Request) async throws -> JSON {
    let buffer = try await request.body.collect(upTo: 16 << 10)
    do {
        return try JSON(parsing: Array(buffer.readableBytesView))
    } catch {
        throw Problem("malformed-content", status: .badRequest, title: "The content can't be read", detail: "\(error)")
    }
}

private func asking<Answer>(_ call: () async throws(PostgresError) -> Answer) async throws(Problem) -> Answer {
    do {
        return try await call()
    } catch {
        throw .unavailable("The catalogue's database does not answer at present: \(error.message).", retryAfter: 2)
    }
}
