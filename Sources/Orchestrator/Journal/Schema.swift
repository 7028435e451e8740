import Postgres

extension Journal {
    /// The schema's name. Written into every statement, because a connection keeps no `search_path` of its own.
    static let schema = "showrunner"

    /// The journal's tables, append-only from the first on: a published migration is never changed.
    static let migrations = Migrations(
        schema: schema,
        steps: [
            Migration(
                number: 1, name: "journal",
                sql: """
                    -- The only truth. Insert-only. The key alone decides which of two writers owns a place.
                    -- Ids are UUIDv7, whose first 48 bits are milliseconds since 1970: a range of ids is a range of time,
                    -- and partitions by month can be dropped when every execution that began in them is over.
                    -- Text, not jsonb: jsonb refuses \\u0000, reorders keys and drops duplicates.
                    CREATE TABLE journal (
                        execution_id uuid   NOT NULL,
                        seq          bigint NOT NULL CHECK (seq >= 0),
                        writer       text   NOT NULL, -- engine incarnation "/" batch
                        at           bigint NOT NULL, -- engine time, microseconds since 1970
                        effects      text   NOT NULL,
                        PRIMARY KEY (execution_id, seq)
                    ) PARTITION BY RANGE (execution_id);
                    CREATE TABLE journal_default PARTITION OF journal DEFAULT;

                    -- Small and unpartitioned: a name is unique over all months.
                    CREATE TABLE execution_name (
                        machine      text NOT NULL,
                        name         text NOT NULL,
                        execution_id uuid NOT NULL,
                        input_hash   text NOT NULL,
                        PRIMARY KEY (machine, name)
                    );

                    -- A run's definition, by content hash. Insert-only.
                    CREATE TABLE definition (
                        hash text PRIMARY KEY,
                        body text NOT NULL
                    );

                    CREATE TABLE machine (
                        name            text   PRIMARY KEY,
                        arn             text   NOT NULL,
                        definition_hash text   NOT NULL REFERENCES definition (hash),
                        type            text   NOT NULL,
                        created_at      bigint NOT NULL,
                        updated_at      bigint NOT NULL
                    );

                    -- A projection of the journal, written by the statement that appends, so that lists read their writes.
                    CREATE TABLE execution_list (
                        execution_id  uuid   PRIMARY KEY,
                        machine       text   NOT NULL,
                        name          text   NOT NULL,
                        status        text   NOT NULL,
                        started_at    bigint NOT NULL,
                        stopped_at    bigint,
                        title         text,
                        error         text,
                        cause         text,
                        projected_seq bigint NOT NULL
                    );
                    CREATE INDEX execution_list_newest ON execution_list (started_at DESC, execution_id DESC);
                    CREATE INDEX execution_list_machine
                        ON execution_list (machine, started_at DESC, execution_id DESC);
                    CREATE INDEX execution_list_status
                        ON execution_list (status, started_at DESC, execution_id DESC);
                    CREATE INDEX execution_list_machine_status
                        ON execution_list (machine, status, started_at DESC, execution_id DESC);
                    -- What recovery loads.
                    CREATE INDEX execution_list_running ON execution_list (execution_id) WHERE status = 'RUNNING';

                    -- One row: which engine should be active. Appends read it FOR SHARE, takeover updates it.
                    CREATE TABLE lease (
                        id          int         PRIMARY KEY CHECK (id = 1),
                        incarnation text        NOT NULL,
                        holder      text        NOT NULL,
                        taken_at    timestamptz NOT NULL,
                        renewed_at  timestamptz NOT NULL
                    );
                    """),
            registryMigration, redriveMigration, connectionMigration, accessMigration, scheduleMigration,
            dispatchMigration, storeMigration, asideMigration, pauseMigration, endMigration,
            redriveEndMigration, leaseMigration,
        ])

    /// For a migration that builds an index over all executions there are.
    static let indexDeadline = Duration.seconds(3600)

    /// Brings the schema up to date and creates the partitions of this month and the next three. Several engines may do so
    /// at once. Refuses a schema newer than this program.
    public func migrate() async throws(PostgresError) {
        let (url, settings) = (self.url, self.settings)
        try await retrying(control) { (_) async throws(PostgresError) in
            // One of its own: a migration may take longer than the statements of the others are given.
            let connection = try await PostgresConnection.connect(
                url, applicationName: "showrunner-migrate", deadline: settings.connectDeadline)
            try await Self.migrations.apply(on: connection, deadline: settings.migrationDeadline)
        }
        try await createPartitions()
        try await checkPartitions()
    }
}
