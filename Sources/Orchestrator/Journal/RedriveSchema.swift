import Postgres

extension Journal {
    /// What RedriveExecution and the Map Run operations need beside the journal itself.
    static let redriveMigration = Migration(
        number: 3, name: "redrives, map runs",
        sql: """
            ALTER TABLE execution_list
                ADD COLUMN redrive_count bigint NOT NULL DEFAULT 0,
                ADD COLUMN redriven_at   bigint,
                ADD COLUMN item_count    bigint; -- of children of Map Runs

            -- In which execution a Map Run is: its ARN does not say. Written with the row that starts it.
            CREATE TABLE map_run (
                arn          text PRIMARY KEY,
                execution_id uuid NOT NULL
            );
            """)
}
