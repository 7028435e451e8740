import Postgres

extension Journal {
    /// Who may call, and who has changed what.
    static let accessMigration = Migration(
        number: 5, name: "access keys, audit",
        sql: """
            CREATE TABLE access_key (
                id            text   PRIMARY KEY,
                secret        bytea  NOT NULL, -- sealed under a master key, which is not in this database
                role          text   NOT NULL,
                description   text,
                created_at    bigint NOT NULL,
                disabled_at   bigint,
                last_used_day date
            );

            -- One row for each call that changes something, written before it does. Ids are UUIDv7: by time.
            CREATE TABLE audit (
                id         uuid   PRIMARY KEY,
                at         bigint NOT NULL,
                access_key text   NOT NULL,
                role       text   NOT NULL,
                action     text   NOT NULL,
                resource   text,
                source     text,            -- the caller's address
                request_id text   NOT NULL,
                reason     text,            -- in the caller's words
                outcome    text             -- null while nobody has told it
            ) WITH (fillfactor = 90);
            """)
}
