public import Postgres

/// The viewers' tables.
public enum CatalogStore {
    /// The schema's name. Every statement writes it out.
    public static let schema = "catalogue"

    /// The role that `showrunner-api` uses: it reads this schema and has no rights on any other.
    public static let role = "showrunner_api"

    /// The role that the data worker uses: it reads titles and what they consist of, and has no rights on any other
    /// schema.
    public static let dataRole = "showrunner_data"

    /// Brings the schema up to date. Called by the engine at start; the viewers' service only checks.
    ///
    /// - Parameter deadline: for each statement.
    public static func migrate(
        _ connection: PostgresConnection, deadline: Duration = .seconds(30)
    ) async throws(PostgresError) {
        try await migrations.apply(on: connection, deadline: deadline)
    }

    /// Published steps never change.
    static let migrations = Migrations(
        schema: schema,
        steps: [
            Migration(
                number: 1, name: "published titles",
                sql: """
                    -- One row that counts publications. A publication locks it until it commits, so the numbers become
                    -- visible in order: a reader that has seen number n sees every title up to n.
                    CREATE TABLE version (
                        id    int    PRIMARY KEY CHECK (id = 1),
                        value bigint NOT NULL CHECK (value >= 0)
                    );
                    INSERT INTO version (id, value) VALUES (1, 0);

                    -- Signs the cursors of lists, so that every process over this database accepts the others' cursors.
                    CREATE TABLE cursor_key (
                        id    int   PRIMARY KEY CHECK (id = 1),
                        value bytea NOT NULL CHECK (octet_length(value) = 32)
                    );
                    INSERT INTO cursor_key (id, value)
                    VALUES (1, decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));

                    CREATE TABLE title (
                        id               text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9_-]{1,64}$'),
                        kind             text NOT NULL
                            CHECK (kind IN ('movie', 'series', 'season', 'episode', 'docuseries', 'short')),
                        name             text NOT NULL CHECK (name <> ''),
                        description      text,
                        year             int CHECK (year BETWEEN 1888 AND 2200),
                        rating           text,
                        languages        text[] NOT NULL,
                        series_name      text,
                        season_number    int CHECK (season_number >= 0),
                        episode_number   int CHECK (episode_number >= 0),
                        parent_id        text REFERENCES title (id),
                        credits          text NOT NULL, -- JSON: [{"name", "role"?}]
                        poster_key       text,
                        thumbnails_key   text,
                        package_prefix   text NOT NULL,
                        hls_key          text NOT NULL,
                        dash_key         text NOT NULL,
                        duration_seconds double precision NOT NULL CHECK (duration_seconds >= 0),
                        published_at     timestamptz NOT NULL,
                        -- The publication that brought it: newest first is this number descending.
                        version          bigint NOT NULL UNIQUE,
                        execution_id     uuid NOT NULL UNIQUE
                    );
                    CREATE INDEX title_kind ON title (kind, version DESC);
                    CREATE INDEX title_parent ON title (parent_id) WHERE parent_id IS NOT NULL;

                    CREATE TABLE genre (
                        slug text PRIMARY KEY CHECK (slug <> ''),
                        name text NOT NULL CHECK (name <> '')
                    );
                    CREATE TABLE title_genre (
                        title_id   text NOT NULL REFERENCES title (id) ON DELETE CASCADE,
                        position   int  NOT NULL,
                        genre_slug text NOT NULL REFERENCES genre (slug),
                        PRIMARY KEY (title_id, position),
                        UNIQUE (title_id, genre_slug)
                    );
                    CREATE INDEX title_genre_slug ON title_genre (genre_slug, title_id);

                    CREATE TABLE rendition (
                        title_id          text   NOT NULL REFERENCES title (id) ON DELETE CASCADE,
                        position          int    NOT NULL,
                        kind              text   NOT NULL CHECK (kind IN ('video', 'audio', 'text')),
                        codecs            text   NOT NULL,
                        width             int    CHECK (width > 0),
                        height            int    CHECK (height > 0),
                        frame_rate        text, -- rational: 30000/1001
                        bandwidth         bigint CHECK (bandwidth > 0), -- peak bits a second
                        average_bandwidth bigint CHECK (average_bandwidth > 0),
                        language          text,
                        PRIMARY KEY (title_id, position)
                    );

                    -- What viewers may fetch, and nothing else.
                    CREATE TABLE stored_object (
                        title_id text   NOT NULL REFERENCES title (id) ON DELETE CASCADE,
                        key      text   NOT NULL,
                        bytes    bigint NOT NULL CHECK (bytes >= 0),
                        sha256   bytea  NOT NULL CHECK (octet_length(sha256) = 32),
                        PRIMARY KEY (title_id, key)
                    );
                    CREATE INDEX stored_object_key ON stored_object (key);

                    -- Roles belong to the cluster: it may be there already, another database may be making it at this
                    -- moment, or we may not be allowed to make one; then the operator's own role is granted by hand.
                    DO $$
                    BEGIN
                        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'showrunner_api')
                            AND (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user)
                        THEN
                            BEGIN
                                CREATE ROLE showrunner_api LOGIN;
                            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                                NULL;
                            END;
                        END IF;
                        IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'showrunner_api') THEN
                            GRANT USAGE ON SCHEMA catalogue TO showrunner_api;
                            GRANT SELECT ON ALL TABLES IN SCHEMA catalogue TO showrunner_api;
                        END IF;
                    END
                    $$;
                    """),
            Migration(
                number: 2, name: "the data worker's role",
                sql: """
                    -- As for showrunner_api above. The key that signs cursors is not for it.
                    DO $$
                    BEGIN
                        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'showrunner_data')
                            AND (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user)
                        THEN
                            BEGIN
                                CREATE ROLE showrunner_data LOGIN;
                            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                                NULL;
                            END;
                        END IF;
                        IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'showrunner_data') THEN
                            GRANT USAGE ON SCHEMA catalogue TO showrunner_data;
                            GRANT SELECT ON migration, version, title, genre, title_genre, rendition, stored_object
                                TO showrunner_data;
                        END IF;
                    END
                    $$;
                    """),
            viewersMigration,
            recommendationsMigration,
            picturesMigration,
        ])
}
