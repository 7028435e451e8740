import AccessControl
import HTTPServer
import HTTPTypes
import Hummingbird
import JSON
import Journal
import Postgres

extension ServiceRouter {
    /// Access keys, for admins: listed, made, disabled, rotated. A secret is told once, by the answer that made it.
    func addKeyRoutes(_ access: Access) {
        get("/access/v1/keys") { _, _ in
            let keys = try await told { () async throws(AccessError) in try await access.requireStore().list() }
            return Response.fresh(["keys": .array(keys.map(\.json))])
        }
        post("/access/v1/keys") { request, _ in
            let order = try await OrderContent(request, limit: orderBytes)
            let name = try order.text("role", bytes: 32) ?? ""
            guard let role = Role(rawValue: name) else {
                throw Problem.invalidParameter(
                    "role",
                    "'\(name)' is no role; there are \(Role.allCases.map(\.rawValue).joined(separator: ", ")).")
            }
            let description = try order.text("description", bytes: AccessKey.descriptionLength)
            let made = try await told { () async throws(AccessError) in
                try await access.requireStore().create(role: role, description: description)
            }
            try await access.reread()
            return Response.made(made)
        }
        post("/access/v1/keys/{id}/disable") { _, context in
            let id = context.parameters.get("id") ?? ""
            try await access.requireOtherAdmin(than: id)
            let key = try await told { () async throws(AccessError) in try await access.requireStore().disable(id) }
            try await access.reread()
            return Response.fresh(key.json)
        }
        post("/access/v1/keys/{id}/rotate") { request, context in
            let id = context.parameters.get("id") ?? ""
            let order = try await OrderContent(request, limit: orderBytes)
            let disablesOld = try order.flag("disableOld")
            let made = try await told { () async throws(AccessError) in
                try await access.requireStore().rotate(id, disablingOld: disablesOld)
            }
            try await access.reread()
            return Response.made(made)
        }
    }

    /// The audit log, newest first.
    func addAuditRoutes(_ access: Access) {
        get("/access/v1/audit") { request, _ in
            let parameters = request.uri.queryParameters
            func value(_ name: Substring) -> String? { parameters[name].flatMap { $0.isEmpty ? nil : String($0) } }
            var limit = 100
            if let text = value("limit") {
                guard let number = Int(text), (1...1000).contains(number) else {
                    throw Problem.invalidParameter("limit", "'limit' is a number from 1 to 1000.")
                }
                limit = number
            }
            let before = value("before")
            if let before, !before.isUUID {
                throw Problem.invalidParameter("before", "'before' is the id of a row.")
            }
            let count = limit
            let rows = try await told { () async throws(AccessError) in
                try await asking { () async throws(PostgresError) in
                    try await access.journal.audit(
                        before: before, limit: count, accessKeyID: value("key"), action: value("action"))
                }
            }
            return Response.fresh(
                .members(
                    ("items", .array(rows.map(\.json))),
                    ("next", rows.count == count ? rows.last.map { .string($0.id) } : nil)))
        }
    }

    /// Signing in to the console, and out of it.
    func addSessionRoutes(_ access: Access) {
        get("/console/api/session") { _, _ in
            guard let caller = Caller.current else { preconditionFailure("the route asks for a caller") }
            return Response.fresh([
                "accessKeyId": .string(caller.accessKeyID), "role": .string(caller.role.rawValue),
                "signedIn": .bool(caller.proof == .session),
            ])
        }
        post("/console/api/session") { request, _ in
            try requireOwnOrigin(request, access)
            let order = try await OrderContent(request, limit: orderBytes)
            guard let sessions = access.authentication.sessions else { throw Problem.noMasterKey }
            let id = try order.text("accessKeyId", bytes: 128) ?? ""
            let entry: KnownKeys.Entry?
            do {
                entry = try await access.authentication.person(
                    accessKeyID: id, secret: try order.text("secretAccessKey", bytes: 128) ?? "")
            } catch let refusal as Refusal {
                throw refusal.problem
            }
            guard let entry else {
                throw Problem(
                    "sign-in-refused", status: .unauthorized, title: "Not signed in",
                    detail: "The access key id and the secret do not belong together, or the key is disabled.",
                    headers: [.wwwAuthenticate: "AWS4-HMAC-SHA256"])
            }
            guard entry.role.allows(.useConsole) else {
                throw Problem(
                    "access-denied", status: .forbidden, title: "Not allowed",
                    detail: "A key of the role \(entry.role.rawValue) does not open the console.")
            }
            let value = sessions.issue(
                accessKeyID: id, secret: entry.secret, now: access.authentication.now() / 1_000_000)
            return Response(
                status: .noContent,
                headers: [
                    .setCookie: ConsoleSessions.setting(value, isSecure: request.isSecure), .cacheControl: "no-store",
                ])
        }
        delete("/console/api/session") { request, _ in
            try requireOwnOrigin(request, access)
            return Response(
                status: .noContent,
                headers: [
                    .setCookie: ConsoleSessions.clearing(isSecure: request.isSecure), .cacheControl: "no-store",
                ])
        }
    }
}

private func requireOwnOrigin(_ request: Request, _ access: Access) throws {
    do { try access.authentication.requireOwnOrigin(request) } catch let refusal as Refusal { throw refusal.problem }
}

extension Access {
    fileprivate func requireStore() throws(AccessError) -> AccessKeyStore {
        guard let store else {
            throw AccessError(
                .sealing,
                "The engine has no master key to seal secrets with: set SHOWRUNNER_MASTER_KEY_FILE and start it again.")
        }
        return store
    }

    /// So that what was changed here holds from the next request on.
    fileprivate func reread() async throws {
        try await told { () async throws(AccessError) in try await keys.reload() }
    }

    /// Whoever disables the last admin's key would lock everybody out.
    fileprivate func requireOtherAdmin(than id: String) async throws {
        if settings.trustsThisMachine { return }
        let all = try await told { () async throws(AccessError) in try await requireStore().list() }
        guard all.first(where: { $0.id == id })?.role == .admin else { return }
        guard all.contains(where: { $0.id != id && $0.role == .admin && $0.isEnabled }) else {
            throw Problem(
                "conflict", status: .conflict, title: "It does not go with what is there",
                detail: "\(id) is the last key of an admin: make another one before you disable it.")
        }
    }
}

extension Problem {
    fileprivate static let noMasterKey = Problem(
        "no-master-key", status: .conflict, title: "No master key",
        detail: "The engine has no master key, so it has no access keys to sign in with.")
}

extension Request {
    /// Whether the browser speaks TLS, as a proxy says. Somebody who lies about it only marks his own cookie.
    fileprivate var isSecure: Bool { headers[.forwardedProto]?.lowercased() == "https" }
}

extension Response {
    fileprivate static func made(_ key: NewAccessKey) -> Response {
        .json(
            key.json, status: .created,
            headers: [.cacheControl: "no-store", .location: "/access/v1/keys/\(key.key.id)"])
    }

    fileprivate static func fresh(_ document: JSON) -> Response {
        .json(document, headers: [.cacheControl: "no-store"])
    }
}

extension String {
    fileprivate var isUUID: Bool {
        let bytes = Array(utf8)
        return bytes.count == 36
            && bytes.enumerated().allSatisfy { index, byte in
                [8, 13, 18, 23].contains(index) ? byte == UInt8(ascii: "-") : Character(Unicode.Scalar(byte)).isHexDigit
            }
    }
}

/// Puts a refusal about keys into HTTP words.
private func told<Value: Sendable>(_ call: () async throws(AccessError) -> Value) async throws(Problem) -> Value {
    do { return try await call() } catch {
        switch error.code {
        case .notFound: throw Problem.notFound(error.message)
        case .invalid:
            throw Problem(
                "invalid-argument", status: .badRequest, title: "An argument is not valid", detail: error.message)
        case .conflict:
            throw Problem(
                "conflict", status: .conflict, title: "It does not go with what is there", detail: error.message)
        case .sealing:
            throw Problem(
                "no-master-key", status: .conflict, title: "A secret can't be sealed or opened", detail: error.message)
        case .unavailable: throw Problem.unavailable(error.message, retryAfter: 1)
        }
    }
}

/// The most bytes that an order on keys or a sign-in has.
private let orderBytes = 16 << 10
