import Postgres

/// A start that somebody asked for by SQL, in a transaction of his own.
public struct StartRequest: Sendable, Equatable {
    public let number: Int64
    public let machineARN: String
    public let name: String
    public let input: String
}

/// Why a start can't be made: it is kept with its request.
public struct StartRefusal: Sendable, Equatable {
    public let number: Int64
    public let error: String
    public let cause: String

    public init(number: Int64, error: String, cause: String) {
        self.number = number
        self.error = error
        self.cause = cause
    }
}

extension Journal {
    /// The inbox, and the function that is all its role may call: what it checks, it checks before the caller commits.
    static let inboxSQL = """


        -- Starts asked for in transactions of other programs: they are asked for if, and only if, those commit. The engine
        -- starts each by its name and removes it: asked twice, it is started once.
        CREATE TABLE start_inbox (
            number      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            machine_arn text        NOT NULL,
            name        text        NOT NULL,
            input       text        NOT NULL,
            asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
            asked_by    text        NOT NULL,
            audit_id    uuid        NOT NULL,
            refused_at  timestamptz,
            error       text,
            cause       text
        );
        CREATE INDEX start_inbox_waiting ON start_inbox (number) WHERE refused_at IS NULL;

        CREATE VIEW start_refusals AS
        SELECT number, machine_arn, name, asked_at, asked_by, refused_at, error, cause
          FROM start_inbox WHERE refused_at IS NOT NULL;

        CREATE FUNCTION start_execution(machine_arn text, name text DEFAULT NULL, input text DEFAULT '{}')
        RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = showrunner, pg_temp
        AS $$
        #variable_conflict use_variable
        DECLARE
            execution text;
            audit_id  uuid := (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
                               || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid;
        BEGIN
            IF machine_arn IS NULL
                OR machine_arn !~ '^arn:[a-z-]+:states:[^:[:space:]]*:[^:[:space:]]*:stateMachine:[^:[:space:]]+(:[^:[:space:]]+)?$'
            THEN
                RAISE EXCEPTION '% is no ARN of a state machine, a version or an alias', quote_nullable(machine_arn)
                    USING ERRCODE = 'invalid_parameter_value';
            END IF;
            name := coalesce(name, gen_random_uuid()::text);
            IF name !~ '^[A-Za-z0-9_-]{1,80}$' THEN
                RAISE EXCEPTION '% is no name of an execution: 1 to 80 letters, digits, - and _', quote_literal(name)
                    USING ERRCODE = 'invalid_parameter_value';
            END IF;
            input := coalesce(input, '{}');
            IF octet_length(input) > 262144 THEN
                RAISE EXCEPTION 'the input has % bytes; the limit is 262144', octet_length(input)
                    USING ERRCODE = 'invalid_parameter_value';
            END IF;
            -- Refuses what is no JSON, and says where.
            PERFORM input::json;
            execution := array_to_string((string_to_array(machine_arn, ':'))[1:5], ':') || ':execution:'
                || split_part(machine_arn, ':', 7) || ':' || name;
            INSERT INTO audit (id, at, access_key, role, action, resource, source, request_id)
            VALUES (audit_id, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, 'database:' || session_user,
                    'starter', 'StartExecution', execution, coalesce(host(inet_client_addr()), 'local'),
                    pg_current_xact_id()::text);
            INSERT INTO start_inbox (machine_arn, name, input, asked_by, audit_id)
            VALUES (machine_arn, name, input, session_user, audit_id);
            RETURN execution;
        END
        $$;
        REVOKE ALL ON FUNCTION start_execution FROM PUBLIC;

        DO $do$
        BEGIN
            IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'showrunner_starter') THEN
                GRANT USAGE ON SCHEMA showrunner TO showrunner_starter;
                GRANT EXECUTE ON FUNCTION start_execution TO showrunner_starter;
                GRANT SELECT ON start_refusals TO showrunner_starter;
            END IF;
            IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'showrunner_reader') THEN
                GRANT SELECT ON start_refusals TO showrunner_reader;
            END IF;
        END
        $do$;
        """

    /// The oldest starts that are asked for and neither made nor refused.
    public func startRequests(limit: Int) async throws(PostgresError) -> [StartRequest] {
        try await keep(
            """
            SELECT number, machine_arn, name, input FROM showrunner.start_inbox
             WHERE refused_at IS NULL ORDER BY number LIMIT $1
            """, [.int(Int64(limit))]
        ).map { row in
            StartRequest(
                number: row.int("number"), machineARN: row.text("machine_arn"), name: row.text("name"),
                input: row.text("input"))
        }
    }

    /// Removes the requests that were made and notes the refusals of others, with their rows of the audit log. May be
    /// repeated.
    public func settleStarts(made: [Int64], refused: [StartRefusal]) async throws(PostgresError) {
        _ = try await keep(
            """
            WITH made AS (
                DELETE FROM showrunner.start_inbox WHERE number = ANY ($1) RETURNING audit_id, 'Succeeded' AS outcome
            ), refused AS (
                UPDATE showrunner.start_inbox
                   SET refused_at = clock_timestamp(), error = given.error, cause = given.cause
                  FROM unnest($2, $3, $4) AS given (number, error, cause)
                 WHERE start_inbox.number = given.number
                RETURNING start_inbox.audit_id, given.error AS outcome
            )
            UPDATE showrunner.audit SET outcome = settled.outcome
              FROM (SELECT * FROM made UNION ALL SELECT * FROM refused) AS settled WHERE audit.id = settled.audit_id
            """,
            [
                .intArray(made), .intArray(refused.map(\.number)), .textArray(refused.map(\.error)),
                .textArray(refused.map { Batch.withoutNUL($0.cause) }),
            ])
    }

    /// Removes refusals from before a moment, in microseconds since 1970; returns how many. At most 10,000 at once.
    public func removeStartRefusals(olderThan moment: Int64) async throws(PostgresError) -> Int {
        try await keep(
            """
            DELETE FROM showrunner.start_inbox
             WHERE number IN (SELECT number FROM showrunner.start_inbox
                               WHERE refused_at < showrunner.instant($1) ORDER BY number LIMIT 10000)
            RETURNING number
            """, [.int(moment)]
        ).count
    }
}
