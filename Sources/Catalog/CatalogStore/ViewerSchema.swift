import Postgres

extension CatalogStore {
    /// Who watches, what a licence has to know, and the content keys themselves, sealed.
    static let viewersMigration = Migration(
        number: 3, name: "viewers, licences and content keys",
        sql: """
            CREATE TABLE account (
                id         text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9_-]{1,64}$'),
                email      text CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+$' AND char_length(email) <= 254),
                phone      text CHECK (phone ~ '^[+][1-9][0-9]{1,14}$'), -- E.164
                password   text, -- PHC string; null: nobody signs in with one
                locale     text NOT NULL DEFAULT 'en',
                country    text CHECK (country ~ '^[A-Z]{2}$'), -- ISO 3166-1
                state      text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended', 'closed')),
                created_at timestamptz NOT NULL DEFAULT now()
            );
            CREATE UNIQUE INDEX account_email ON account (lower(email));

            CREATE TABLE profile (
                account_id         text NOT NULL REFERENCES account (id) ON DELETE CASCADE,
                id                 text NOT NULL CHECK (id ~ '^[A-Za-z0-9_-]{1,64}$'),
                name               text NOT NULL CHECK (name <> '' AND char_length(name) <= 64),
                -- Shows nothing that is for older people than this; null: no ceiling.
                ceiling            int  CHECK (ceiling BETWEEN 0 AND 21),
                pin                text, -- PHC string
                audio_languages    text[] NOT NULL DEFAULT '{}',
                subtitle_languages text[] NOT NULL DEFAULT '{}',
                created_at         timestamptz NOT NULL DEFAULT now(),
                PRIMARY KEY (account_id, id)
            );

            CREATE TABLE device (
                account_id   text NOT NULL REFERENCES account (id) ON DELETE CASCADE,
                id           text NOT NULL CHECK (id ~ '^[A-Za-z0-9_-]{1,64}$'),
                kind         text NOT NULL CHECK (kind IN ('phone', 'tablet', 'computer', 'tv', 'other')),
                name         text NOT NULL CHECK (name <> '' AND char_length(name) <= 64),
                public_key   bytea,
                created_at   timestamptz NOT NULL DEFAULT now(),
                last_seen_at timestamptz,
                revoked_at   timestamptz,
                PRIMARY KEY (account_id, id)
            );

            -- Bearer tokens, by the hash that tells them from others and gives nobody one.
            CREATE TABLE session (
                token_sha256 bytea PRIMARY KEY CHECK (octet_length(token_sha256) = 32),
                account_id   text NOT NULL,
                profile_id   text NOT NULL,
                device_id    text,
                created_at   timestamptz NOT NULL DEFAULT now(),
                expires_at   timestamptz NOT NULL,
                revoked_at   timestamptz,
                FOREIGN KEY (account_id, profile_id) REFERENCES profile (account_id, id) ON DELETE CASCADE,
                FOREIGN KEY (account_id, device_id) REFERENCES device (account_id, id) ON DELETE CASCADE
            );
            CREATE INDEX session_account ON session (account_id);

            -- A title without a row is not rated, and hidden from profiles with a ceiling.
            CREATE TABLE title_rating (
                title_id    text NOT NULL REFERENCES title (id) ON DELETE CASCADE,
                scheme      text NOT NULL CHECK (scheme <> ''),
                rating      text NOT NULL CHECK (rating <> ''),
                minimum_age int  NOT NULL CHECK (minimum_age BETWEEN 0 AND 21),
                PRIMARY KEY (title_id, scheme)
            );

            -- A title without a row is available everywhere and always.
            CREATE TABLE availability (
                title_id       text NOT NULL REFERENCES title (id) ON DELETE CASCADE,
                region         text NOT NULL CHECK (region ~ '^([A-Z]{2}|[*])$'), -- ISO 3166-1, or everywhere
                available_from timestamptz,
                available_to   timestamptz CHECK (available_to > available_from),
                PRIMARY KEY (title_id, region)
            );

            CREATE TABLE content_key (
                key_id     uuid PRIMARY KEY,
                -- What it was made for; the title itself comes when the film is published.
                content_id text  NOT NULL CHECK (content_id <> ''),
                label      text  NOT NULL CHECK (label IN ('audio', 'video', 'sd', 'hd', 'uhd')),
                scheme     text  NOT NULL CHECK (scheme IN ('cbcs', 'cenc')),
                -- 'own': we licence it. 'speke': a key server gave it, and its licence servers answer players.
                provider   text  NOT NULL CHECK (provider IN ('own', 'speke')),
                sealed     bytea NOT NULL,
                master_key bytea NOT NULL CHECK (octet_length(master_key) = 8), -- id of what sealed it
                created_at timestamptz NOT NULL DEFAULT now()
            );
            CREATE INDEX content_key_master_key ON content_key (master_key, key_id);
            CREATE INDEX content_key_content ON content_key (content_id);

            ALTER TABLE rendition ADD COLUMN key_id uuid REFERENCES content_key (key_id);

            DO $$
            BEGIN
                IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'showrunner_api') THEN
                    GRANT SELECT ON device, session, title_rating, availability, content_key TO showrunner_api;
                    -- Addresses, passwords and PINs are nothing for whoever shows films.
                    GRANT SELECT (account_id, id, name, ceiling, audio_languages, subtitle_languages, created_at)
                        ON profile TO showrunner_api;
                    GRANT SELECT (id, locale, country, state, created_at) ON account TO showrunner_api;
                END IF;
                IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'showrunner_data') THEN
                    GRANT SELECT ON title_rating, availability TO showrunner_data;
                END IF;
            END
            $$;
            """)
}
