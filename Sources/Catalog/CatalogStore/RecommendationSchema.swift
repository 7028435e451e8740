import Postgres

extension CatalogStore {
    /// What profiles do with titles, and which model answers for it.
    static let recommendationsMigration = Migration(
        number: 4, name: "interactions and recommendations",
        sql: """
            -- Events are added and never changed, so that what was known at a moment can be told later.
            CREATE TABLE interaction (
                account_id  text NOT NULL,
                profile_id  text NOT NULL,
                -- The client's own: the same where it sends an event again.
                event_id    uuid NOT NULL,
                -- No reference: what was watched stays known when the title is gone.
                title_id    text NOT NULL CHECK (title_id ~ '^[A-Za-z0-9_-]{1,64}$'),
                kind        text NOT NULL CHECK (kind IN (
                    'play', 'like', 'dislike', 'neutral', 'rating', 'list_add', 'list_remove', 'dismiss')),
                value       real NOT NULL CHECK (value BETWEEN 0 AND 5), -- watched share, or stars
                at          timestamptz NOT NULL, -- when it happened, as the client says
                recorded_at timestamptz NOT NULL DEFAULT now(),
                PRIMARY KEY (account_id, profile_id, event_id),
                FOREIGN KEY (account_id, profile_id) REFERENCES profile (account_id, id) ON DELETE CASCADE
            );
            CREATE INDEX interaction_latest ON interaction (account_id, profile_id, at DESC);

            CREATE TABLE recommendation_generation (
                number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                execution_id text NOT NULL UNIQUE CHECK (execution_id <> ''), -- the run that made it
                published_at timestamptz NOT NULL DEFAULT now(),
                document     text NOT NULL -- JSON: model, rankings, trending, cutoff, recipe, metrics
            );

            -- The generation that answers; null before the first.
            CREATE TABLE recommendation_service (
                id           int PRIMARY KEY CHECK (id = 1),
                generation   bigint REFERENCES recommendation_generation (number),
                -- The run that changed it last: who comes again changes nothing.
                execution_id text,
                changed_at   timestamptz NOT NULL DEFAULT now()
            );
            INSERT INTO recommendation_service (id) VALUES (1);

            DO $$
            BEGIN
                IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'showrunner_api') THEN
                    GRANT SELECT, INSERT ON interaction TO showrunner_api;
                    GRANT SELECT ON recommendation_generation, recommendation_service TO showrunner_api;
                END IF;
                IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'showrunner_data') THEN
                    GRANT SELECT (account_id, id, ceiling) ON profile TO showrunner_data;
                    GRANT SELECT, DELETE ON interaction TO showrunner_data;
                    GRANT SELECT, INSERT, DELETE ON recommendation_generation TO showrunner_data;
                    GRANT SELECT, UPDATE ON recommendation_service TO showrunner_data;
                END IF;
            END
            $$;
            """)
}
