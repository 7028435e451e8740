import Access
import AccessControl
import ArgumentParser
import Cryptography
import Encodings
import EngineClient
import JSON
import Journal
import Logging
import TerminalOutput

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Make, list, disable and rotate access keys.",
        discussion: """
            Example:
              showrunner keys create --role operator --description 'night shift'

            Keys are asked of a running engine, as an admin. The first one is made with --database and the master key of \
            the environment, before there is an engine that asks for keys.
            """,
        subcommands: [Create.self, List.self, Disable.self, Rotate.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key. Its secret is told this once.",
            discussion: """
                Example:
                  showrunner keys create --role worker --json
                  SHOWRUNNER_MASTER_KEY_FILE=/etc/showrunner/master.key \\
                    showrunner keys create --role admin \\
                    --database postgresql://showrunner@db/showrunner
                """)

        @Option(help: "viewer, operator, author, admin or worker.")
        var role: String
        @Option(help: "What the key is for, for people.")
        var description: String?
        @OptionGroup var change: ChangeReason
        @OptionGroup var access: AccessOptions

        func validate() throws { try AccessOptions.check(role: role) }

        func run() async throws {
            try await access.perform(("create", change)) { client in
                try await client.post(
                    "/access/v1/keys", .members(("role", .string(role)), ("description", description.map(JSON.string))))
            } directly: { keys in
                guard let role = Role(rawValue: role) else { preconditionFailure("validate() knows the roles") }
                return try await keys.create(role: role, description: description).json
            } show: { made in
                access.show(newKey: made)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the keys, without their secrets.",
            discussion: """
                Example:
                  showrunner keys list --json
                """)

        @Option(help: "Only keys of this role.")
        var role: String?
        @OptionGroup var access: AccessOptions

        func validate() throws { try AccessOptions.check(role: role) }

        func run() async throws {
            access.engine.print(
                ["keys": .array(try await access.keys(role: role))], list: "keys", none: "no access keys",
                columns: ["KEY", "ROLE", "STATUS", "CREATED", "LAST USED", "DESCRIPTION"]
            ) { key in
                ["accessKeyId", "role", "status", "createDate", "lastUsedDate", "description"].map {
                    key[$0]?.stringValue ?? "-"
                }
            }
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Disable a key for ever. Nobody signs with it any more.",
            discussion: """
                Example:
                  showrunner keys disable AKIAIOSFODNN7EXAMPLE --reason 'left the team'
                """)

        @Argument(help: "The key's id.")
        var key: String?
        @Option(help: "Instead of an id: the one key of this role that works.")
        var role: String?
        @OptionGroup var change: ChangeReason
        @OptionGroup var access: AccessOptions

        func validate() throws { try AccessOptions.check(key: key, role: role) }

        func run() async throws {
            let key = try await access.id(key, role: role)
            try await access.perform(("disable", change)) { client in
                try await client.post("/access/v1/keys/\(EngineClient.segment(key))/disable", [:])
            } directly: { keys in
                try await keys.disable(key).json
            } show: { document in
                if access.engine.json {
                    Terminal.json(document)
                } else {
                    Terminal.line("\(key) is disabled")
                }
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make another key in the place of one. The old one works until it is disabled.",
            discussion: """
                Example:
                  showrunner keys rotate AKIAIOSFODNN7EXAMPLE
                """)

        @Argument(help: "The old key's id.")
        var key: String?
        @Option(help: "Instead of an id: the one key of this role that works.")
        var role: String?
        @Flag(help: "Disable the old key at once.")
        var disableOld = false
        @OptionGroup var change: ChangeReason
        @OptionGroup var access: AccessOptions

        func validate() throws { try AccessOptions.check(key: key, role: role) }

        func run() async throws {
            let key = try await access.id(key, role: role)
            try await access.perform(("rotate \(key) to", change)) { client in
                try await client.post(
                    "/access/v1/keys/\(EngineClient.segment(key))/rotate", ["disableOld": .bool(disableOld)])
            } directly: { keys in
                try await keys.rotate(key, disablingOld: disableOld).json
            } show: { made in
                access.show(newKey: made)
            }
        }
    }
}

/// Whom the commands about keys ask: an engine, or the database itself.
struct AccessOptions: ParsableArguments {
    @Option(help: "Go to the database itself, with the master key of the environment: before there is an engine.")
    var database: String?
    @OptionGroup var engine: EngineOptions

    static func check(role: String?) throws {
        if let role, Role(rawValue: role) == nil {
            throw ValidationError("--role has to be one of \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
        }
    }

    static func check(key: String?, role: String?) throws {
        try check(role: role)
        guard (key == nil) != (role == nil) else {
            throw ValidationError("the key is named by its id, or by --role")
        }
    }

    /// The documents of the keys, of one role or of all.
    func keys(role: String?) async throws -> [JSON] {
        let document = try await perform(nil) { client in
            try await client.get("/access/v1/keys")
        } directly: { keys in
            ["keys": .array(try await keys.list().map(\.json))]
        }
        return (document["keys"]?.arrayValue ?? []).filter { role == nil || $0["role"]?.stringValue == role }
    }

    /// The id that was given, or that of the only key of a role that works.
    func id(_ key: String?, role: String?) async throws -> String {
        if let key { return key }
        let working = try await keys(role: role).filter { $0["status"]?.stringValue == "Active" }
        guard working.count == 1, let id = working[0]["accessKeyId"]?.stringValue else {
            throw CommandFailure(
                "\(working.count) keys of the role \(role ?? "") work: name one by its id ('showrunner keys list')")
        }
        return id
    }

    /// - Parameters:
    ///   - change: what is changed and why, for the audit log, which an engine writes itself; nil where nothing is.
    ///   - show: tells the result, also where the audit log has no row of it: nobody learns a new key's secret later. It
    ///     may end the process, so in the database the row comes first.
    @discardableResult
    func perform(
        _ change: (what: String, why: ChangeReason)?, _ call: (EngineClient) async throws -> JSON,
        directly: (AccessKeyStore) async throws -> JSON, show: (JSON) -> Void = { _ in }
    ) async throws -> JSON {
        guard let database else {
            let document = try await call(try engine.client(change?.why))
            show(document)
            return document
        }
        let ring = try Usage.check { () throws(CryptoError) in
            try KeyRing.environment(ProcessEnvironment.variables)
        }
        guard let ring else {
            throw ValidationError(
                "--database needs the engine's master key: set SHOWRUNNER_MASTER_KEY_FILE or SHOWRUNNER_MASTER_KEY")
        }
        let journal = Journal(
            url: database, incarnation: "keys-" + Hex.encode(randomBytes(4)), log: Logger(label: "keys"))
        let result: Result<JSON, any Error>
        do {
            try await journal.migrate()
            let document = try await directly(AccessKeyStore(journal: journal, ring: ring))
            var untold: CommandFailure?
            if let change {
                untold = await Self.tell(change.what, of: document, reason: change.why.reason, in: journal)
            }
            show(document)
            if let untold { throw untold }
            result = .success(document)
        } catch {
            result = .failure(error)
        }
        await journal.close(deadline: .seconds(5))
        return try result.get()
    }

    /// Whoever has the database and the master key needs no access key; the audit log calls him `database`. Returns why
    /// the log has no row of the change, where it has none.
    private static func tell(
        _ change: String, of result: JSON, reason: String?, in journal: Journal
    ) async -> CommandFailure? {
        let moment = systemMicroseconds()
        let row = AuditRow(
            id: timeOrderedUUID(at: moment), at: moment, accessKeyID: "database", role: Role.admin.rawValue,
            action: Action.manageAccessKeys.rawValue,
            resource: "\(change) \(result["accessKeyId"]?.stringValue ?? "")", source: nil,
            requestID: Hex.encode(randomBytes(8)), reason: reason, outcome: "Succeeded")
        do { try await journal.writeAudit(rows: [row], outcomes: []) } catch {
            return CommandFailure("it is done, but the audit log has no row of it: \(error.message)")
        }
        return nil
    }

    func show(newKey key: JSON) {
        if engine.json {
            Terminal.json(key)
            return
        }
        Terminal.line("AWS_ACCESS_KEY_ID=\(key["accessKeyId"]?.stringValue ?? "")")
        Terminal.line("AWS_SECRET_ACCESS_KEY=\(key["secretAccessKey"]?.stringValue ?? "")")
        Terminal.error("the role is \(key["role"]?.stringValue ?? ""); the secret is not told again")
    }
}
