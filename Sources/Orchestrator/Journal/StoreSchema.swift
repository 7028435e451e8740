import Postgres

extension Journal {
    /// What keeps the journal's cost flat: snapshots and cold executions; months without a catch-all; and what other
    /// programs than the engine may read and ask for by SQL.
    static let storeMigration = Migration(
        number: 8, name: "snapshots, cold executions, months, views, starts by SQL",
        sql: """
            -- The lowest execution id of an instant, for ranges of time: ids are UUIDv7.
            CREATE FUNCTION lowest_id(instant timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            AS $$
                SELECT (lpad(to_hex((extract(epoch FROM instant) * 1000)::bigint), 12, '0')
                        || '00000000000000000000')::uuid
            $$;

            -- Microseconds since 1970, as all columns named ..._at are kept, as a time.
            CREATE FUNCTION instant(microseconds bigint) RETURNS timestamptz
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            AS $$ SELECT timestamptz 'epoch' + microseconds * interval '1 microsecond' $$;

            -- An execution as it stood after its first next_seq rows, so that loading it need not begin at its first row,
            -- nor a page of its history. Never the only copy: one that can't be read is passed over. Made from rows that
            -- never change, so it does not matter who writes it.
            CREATE TABLE snapshot (
                execution_id uuid   NOT NULL,
                next_seq     bigint NOT NULL CHECK (next_seq > 0),
                format       bigint NOT NULL,
                events       bigint NOT NULL, -- of its history so far
                body         text   NOT NULL,
                PRIMARY KEY (execution_id, next_seq)
            ) PARTITION BY RANGE (execution_id);

            -- Open executions that wait and were taken out of memory. Holds as long as the execution has next_seq rows:
            -- one more, and this says nothing any more. next_wake is null where only an answer wakes it.
            CREATE TABLE cold (
                execution_id uuid   PRIMARY KEY,
                next_seq     bigint NOT NULL,
                next_wake    bigint
            );
            CREATE INDEX cold_next_wake ON cold (next_wake) WHERE next_wake IS NOT NULL;

            -- Where the rows of months are that left the database.
            CREATE TABLE archive (
                first_id uuid   PRIMARY KEY,
                last_id  uuid   NOT NULL,
                month    text   NOT NULL,
                key      text   NOT NULL, -- of the object: JSON Lines, gzip
                rows     bigint NOT NULL,
                bytes    bigint NOT NULL,
                sha256   bytea  NOT NULL
            );

            -- Months by name, as far as rows lie in the catch-all partition: nobody wrote for months, or ids are made up.
            DO $do$
            DECLARE
                month record;
            BEGIN
                ALTER TABLE journal DETACH PARTITION journal_default;
                FOR month IN
                    SELECT DISTINCT date_trunc('month', timestamptz 'epoch'
                        + ('x' || lpad(left(replace(execution_id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint
                        * interval '1 millisecond', 'UTC') AS first
                      FROM journal_default
                LOOP
                    EXECUTE format(
                        'CREATE TABLE IF NOT EXISTS %I PARTITION OF journal FOR VALUES FROM (%L) TO (%L)',
                        'journal_' || to_char(month.first AT TIME ZONE 'UTC', 'YYYY_MM'), lowest_id(month.first),
                        lowest_id((month.first AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC'));
                END LOOP;
                INSERT INTO journal SELECT * FROM journal_default;
                DROP TABLE journal_default;
                -- The others get their snapshots where their rows are.
                FOR month IN
                    SELECT class.relname::text AS name, pg_get_expr(class.relpartbound, class.oid) AS bounds
                      FROM pg_inherits JOIN pg_class AS class ON class.oid = inhrelid
                     WHERE inhparent = 'journal'::regclass
                LOOP
                    EXECUTE format(
                        'CREATE TABLE %I PARTITION OF snapshot %s',
                        replace(month.name, 'journal_', 'snapshot_'), month.bounds);
                END LOOP;
            END
            $do$;
            """ + viewSQL + inboxSQL)
}
