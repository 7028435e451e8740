import Postgres

extension Journal {
    static let leaseMigration = Migration(
        number: 13, name: "the lease's incarnation is a key",
        sql: """
            -- Appends lock the row FOR KEY SHARE, which only a change of a key stands against: a takeover, by whatever
            -- release, waits for them and they for it. A renewal, which changes none, waits for nobody.
            CREATE UNIQUE INDEX lease_incarnation ON lease (incarnation);
            """)

    /// Takes the right to append, if nobody has it or its holder has not renewed it for `validity`.
    ///
    /// The update waits for appends under way, and after it none of another incarnation lands: that, not the time, is what
    /// makes taking over safe. `validity` only decides how soon it is tried.
    ///
    /// - Parameters:
    ///   - holder: who this is, for people: host and process.
    ///   - address: see ``LeaseHolder/address``.
    ///   - dead: an incarnation that certainly runs no more: from it, and from nobody who came after it, the lease is
    ///     taken at once.
    public func takeLease(
        holder: String, address: String? = nil, isStillHeldAfter validity: Duration, from dead: String? = nil
    ) async throws(PostgresError) -> LeaseOutcome {
        precondition(!leaseIsLost, "an incarnation that lost the lease may hold stale executions: start a new journal")
        let incarnation = self.incarnation
        return try await retrying(control) { (live) async throws(PostgresError) in
            let deadline = Duration.seconds(10)
            while true {
                // Looked at before it is touched: an upsert would lock the row and make the holder's appends wait.
                let current = try await live.connection.query(
                    """
                    SELECT incarnation, holder, address,
                           (extract(epoch FROM clock_timestamp() - renewed_at) * 1000000)::bigint AS age
                      FROM showrunner.lease WHERE id = 1
                    """, [], deadline: deadline)
                if let row = current.first, row.text("incarnation") != incarnation, row.text("incarnation") != dead,
                    Duration.microseconds(row.int("age")) < validity
                {
                    let current = LeaseHolder(
                        name: row.text("holder"), incarnation: row.text("incarnation"),
                        address: row.optionalText("address"))
                    return .held(current, renewedBefore: .microseconds(max(0, row.int("age"))))
                }
                let taken = try await live.connection.query(
                    """
                    INSERT INTO showrunner.lease (id, incarnation, holder, address, taken_at, renewed_at)
                    VALUES (1, $1, $2, $5, clock_timestamp(), clock_timestamp())
                    ON CONFLICT (id) DO UPDATE
                       SET incarnation = EXCLUDED.incarnation, holder = EXCLUDED.holder, address = EXCLUDED.address,
                           taken_at = clock_timestamp(), renewed_at = clock_timestamp()
                     WHERE lease.incarnation IN (EXCLUDED.incarnation, $4)
                        OR lease.renewed_at + $3 * interval '1 microsecond' <= clock_timestamp()
                    RETURNING id
                    """,
                    [
                        .text(incarnation), .text(holder), .int(Int64(validity / .microseconds(1))), .optional(dead),
                        .optional(address),
                    ],
                    deadline: deadline)
                if !taken.isEmpty {
                    history.begin(at: live.place)
                    return .taken
                }
                // Somebody was faster: the next look says who.
            }
        }
    }

    /// Renews the lease. True only if this incarnation still has it; false is final.
    ///
    /// Waits for no append: with several under way at once, one after the other, there need not be a moment without any.
    public func renewLease() async throws(PostgresError) -> Bool {
        let incarnation = self.incarnation
        let position = try await retrying(control) { (live) async throws(PostgresError) in
            try await live.connection.query(
                """
                UPDATE showrunner.lease SET renewed_at = clock_timestamp() WHERE id = 1 AND incarnation = $1
                RETURNING (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint AS position
                """, [.text(incarnation)], deadline: .seconds(10)
            ).first?.int("position")
        }
        if let position { history.reach(position) } else { noteLeaseLoss() }
        return position != nil
    }

    /// Gives the lease up, so that an engine standing by need not wait. Nothing can be appended afterwards.
    public func releaseLease() async throws(PostgresError) {
        let incarnation = self.incarnation
        try await retrying(control) { (live) async throws(PostgresError) in
            _ = try await live.connection.query(
                "DELETE FROM showrunner.lease WHERE id = 1 AND incarnation = $1", [.text(incarnation)],
                deadline: .seconds(10))
        }
        noteLeaseLoss()
    }

    /// Returns when an append or a renewal has found that this incarnation does not have the lease, or the journal is
    /// closed.
    public func waitUntilLeaseIsLost() async {
        if leaseIsLost || isClosed { return }
        await withCheckedContinuation { leaseLossWaiters.append($0) }
    }

    /// Whether the database has gone back in time (``ServerHistory``). The engine ends then as if it had lost the lease, and
    /// whoever comes next loads what is there.
    func endsForHistory() -> Bool {
        guard history.hasGoneBack else { return false }
        if !leaseIsLost {
            log.critical("the database has gone back in time: this engine ends, the next goes on with what is there")
            noteLeaseLoss()
        }
        return true
    }

    func noteLeaseLoss() {
        leaseIsLost = true
        resumeLeaseLossWaiters()
    }

    func resumeLeaseLossWaiters() {
        let waiters = leaseLossWaiters
        leaseLossWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    /// The database's clock in microseconds since 1970, for engine time.
    public func databaseTimeMicroseconds() async throws(PostgresError) -> Int64 {
        try await retrying(control) { (live) async throws(PostgresError) in
            let row = try await live.connection.query(
                "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now", [],
                deadline: .seconds(5))
            return row[0].int("now")
        }
    }
}
