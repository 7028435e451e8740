import Postgres

extension Journal {
    /// What CreateStateMachine and its kin keep: machines with their revisions, versions and aliases, and activities.
    static let registryMigration = Migration(
        number: 2, name: "machines, activities",
        sql: """
            -- What a machine was between two updates: its definition and the rest of its configuration. Insert-only,
            -- and kept beyond the machine's deletion: executions name the revision they run by.
            CREATE TABLE revision (
                id              uuid    PRIMARY KEY,
                machine         text    NOT NULL,
                -- CreateStateMachine made it: the wire tells no revisionId until the first update.
                is_first        boolean NOT NULL,
                definition_hash text    NOT NULL REFERENCES definition (hash),
                configuration   text    NOT NULL, -- JSON: role, logging, tracing, encryption
                created_at      bigint  NOT NULL
            );
            INSERT INTO revision (id, machine, is_first, definition_hash, configuration, created_at)
            SELECT gen_random_uuid(), name, true, definition_hash, '{}', updated_at FROM machine;

            ALTER TABLE machine
                ADD COLUMN status       text   NOT NULL DEFAULT 'ACTIVE', -- or DELETING
                ADD COLUMN revision     uuid   REFERENCES revision (id),
                -- Numbers of versions are never given twice, deleted ones included.
                ADD COLUMN next_version bigint NOT NULL DEFAULT 1,
                ADD COLUMN tags         text   NOT NULL DEFAULT '{}'; -- JSON
            UPDATE machine SET revision = revision.id FROM revision WHERE revision.machine = machine.name;
            ALTER TABLE machine
                ALTER COLUMN revision SET NOT NULL,
                DROP COLUMN definition_hash,
                DROP COLUMN updated_at;

            CREATE TABLE machine_version (
                machine     text   NOT NULL,
                number      bigint NOT NULL,
                revision    uuid   NOT NULL REFERENCES revision (id),
                description text,
                created_at  bigint NOT NULL,
                PRIMARY KEY (machine, number)
            );
            CREATE TABLE machine_alias (
                machine     text   NOT NULL,
                name        text   NOT NULL,
                description text,
                routing     text   NOT NULL, -- JSON: version and weight, once or twice
                created_at  bigint NOT NULL,
                updated_at  bigint NOT NULL,
                PRIMARY KEY (machine, name)
            );
            CREATE TABLE activity (
                name       text   PRIMARY KEY,
                encryption text   NOT NULL, -- JSON
                tags       text   NOT NULL, -- JSON
                created_at bigint NOT NULL
            );

            -- Made once and kept: what marks of pages are signed with.
            CREATE TABLE setting (
                name  text PRIMARY KEY,
                value text NOT NULL
            );

            ALTER TABLE execution_list
                ADD COLUMN version bigint,
                ADD COLUMN alias   text,
                ADD COLUMN map_run text; -- ARN
            CREATE INDEX execution_list_map_run
                ON execution_list (map_run, started_at DESC, execution_id DESC) WHERE map_run IS NOT NULL;
            -- The two lists over all machines would otherwise read past thousands of children.
            DROP INDEX execution_list_newest;
            DROP INDEX execution_list_status;
            CREATE INDEX execution_list_newest
                ON execution_list (started_at DESC, execution_id DESC) WHERE map_run IS NULL;
            CREATE INDEX execution_list_status
                ON execution_list (status, started_at DESC, execution_id DESC) WHERE map_run IS NULL;
            """)
}
