public import Postgres

/// One call that changed something, or tried to.
public struct AuditRow: Sendable, Equatable {
    /// A UUIDv7, so that ids sort by time.
    public var id: String
    /// Microseconds since 1970.
    public var at: Int64
    public var accessKeyID: String
    public var role: String
    public var action: String
    public var resource: String?
    /// The caller's address.
    public var source: String?
    public var requestID: String
    /// In the caller's words.
    public var reason: String?
    /// `Succeeded`, or the error's name; nil while nobody has told it: the call is under way, or the engine ended in it.
    public var outcome: String?

    public init(
        id: String, at: Int64, accessKeyID: String, role: String, action: String, resource: String?, source: String?,
        requestID: String, reason: String?, outcome: String? = nil
    ) {
        self.id = id
        self.at = at
        self.accessKeyID = accessKeyID
        self.role = role
        self.action = action
        self.resource = resource
        self.source = source
        self.requestID = requestID
        self.reason = reason
        self.outcome = outcome
    }
}

/// How a call ended whose row stands in the audit log already.
public struct AuditOutcome: Sendable, Equatable {
    public var id: String
    public var outcome: String
    /// What the call made, where its row could not name it yet; nil leaves the row's resource as it is.
    public var resource: String?

    public init(id: String, outcome: String, resource: String? = nil) {
        self.id = id
        self.outcome = outcome
        self.resource = resource
    }
}

extension Journal {
    /// Writes rows, and the outcomes of rows written before, in one statement; returns when they are in. As an append
    /// does, it tries until they are: meanwhile ``trouble`` tells why not. Throws what will never go in, and when the
    /// journal is closed.
    ///
    /// A row that stands before its call's own append needs no flush of its own: PostgreSQL's log is written in order,
    /// and flushing the append flushes the row. Only where a row has an outcome, its call is over, and it is flushed.
    public func writeAudit(rows: [AuditRow], outcomes: [AuditOutcome]) async throws(PostgresError) {
        let isOver = rows.contains { $0.outcome != nil }
        let parameters: [PostgresValue] = [
            .text(isOver ? "on" : "off"),
            .uuidArray(rows.map(\.id)), .intArray(rows.map(\.at)), .textArray(rows.map(\.accessKeyID)),
            .textArray(rows.map(\.role)), .textArray(rows.map(\.action)), .textArray(rows.map(\.resource)),
            .textArray(rows.map(\.source)), .textArray(rows.map(\.requestID)), .textArray(rows.map(\.reason)),
            .textArray(rows.map(\.outcome)),
            .uuidArray(outcomes.map(\.id)), .textArray(outcomes.map(\.outcome)), .textArray(outcomes.map(\.resource)),
        ]
        let deadline = settings.statementDeadline
        var pause = Pause(settings, clock)
        while true {
            do throws(PostgresError) {
                let live = try await auditing.open()
                _ = try await live.connection.query(Self.auditSQL, parameters, deadline: deadline)
                auditTrouble = nil
                return
            } catch {
                guard !error.isPermanent, !isClosed, !endsForHistory() else {
                    auditTrouble = nil
                    throw error
                }
                if auditTrouble == nil {
                    log.warning("the audit log takes no rows; trying on", metadata: ["error": "\(error)"])
                }
                auditTrouble = error.message
            }
            await pause.wait()
        }
    }

    private static let auditSQL = """
        WITH flush AS MATERIALIZED (
            SELECT set_config('synchronous_commit', $1, true) AS setting
        ), written AS (
            INSERT INTO showrunner.audit
                (id, at, access_key, role, action, resource, source, request_id, reason, outcome)
            SELECT given.* FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS given
            ON CONFLICT DO NOTHING
        ), ended AS (
            UPDATE showrunner.audit
               SET outcome = given.outcome, resource = coalesce(given.resource, audit.resource)
              FROM unnest($12, $13, $14) AS given (id, outcome, resource) WHERE audit.id = given.id
        )
        SELECT setting FROM flush
        """

    /// The audit log, newest first.
    ///
    /// - Parameters:
    ///   - before: the id of the last row of the page before.
    ///   - accessKeyID: only rows of this key.
    ///   - action: only rows of this action.
    public func audit(
        before: String? = nil, limit: Int, accessKeyID: String? = nil, action: String? = nil
    ) async throws(PostgresError) -> [AuditRow] {
        var conditions = ["true"]
        var parameters: [PostgresValue] = [.int(Int64(limit))]
        for (column, value) in [
            ("id <", before.map { PostgresValue.uuid($0) }), ("access_key =", accessKeyID.map { .text($0) }),
            ("action =", action.map { .text($0) }),
        ] {
            guard let value else { continue }
            parameters.append(value)
            conditions.append("\(column) $\(parameters.count)")
        }
        return try await read(
            """
            SELECT id::text AS id, at, access_key, role, action, resource, source, request_id, reason, outcome
              FROM showrunner.audit WHERE \(conditions.joined(separator: " AND ")) ORDER BY audit.id DESC LIMIT $1
            """, parameters
        ).map { row in
            AuditRow(
                id: row.text("id"), at: row.int("at"), accessKeyID: row.text("access_key"), role: row.text("role"),
                action: row.text("action"), resource: row.optionalText("resource"),
                source: row.optionalText("source"), requestID: row.text("request_id"),
                reason: row.optionalText("reason"), outcome: row.optionalText("outcome"))
        }
    }

    /// Removes rows that are older than a moment, in microseconds since 1970; returns how many. At most 10,000 at once,
    /// so that no lock is held for long.
    public func removeAudit(olderThan moment: Int64) async throws(PostgresError) -> Int {
        try await read(
            """
            DELETE FROM showrunner.audit
             WHERE id IN (SELECT id FROM showrunner.audit WHERE id < $1 ORDER BY id LIMIT 10000)
            RETURNING id
            """, [.uuid(Self.lowestID(moment / 1000))]
        ).count
    }
}
