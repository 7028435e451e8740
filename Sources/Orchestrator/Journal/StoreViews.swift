extension Journal {
    /// Views for people and programs that ask by SQL, and the role that may read them and nothing else. They show no
    /// payload, no token and no secret.
    static let viewSQL = """


        -- A document of the journal that PostgreSQL can read: it knows no U+0000, which becomes U+FFFD.
        CREATE FUNCTION without_nul(document text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        AS $$
            SELECT CASE WHEN strpos(document, '\\u0000') = 0 THEN document
                   ELSE regexp_replace(document, '(?<!\\\\)((\\\\\\\\)*)\\\\u0000', '\\1\\\\ufffd', 'g') END
        $$;

        -- The journal's rows taken apart. Not for readers: effects hold payloads and nonces.
        CREATE VIEW effect AS
        SELECT journal.execution_id, journal.seq, journal.at, effect.place, effect.value ->> 'e' AS kind,
               (effect.value ->> 's')::bigint AS scope, effect.value
          FROM journal
         CROSS JOIN LATERAL jsonb_array_elements(without_nul(journal.effects)::jsonb -> 'effects')
               WITH ORDINALITY AS effect (value, place);

        CREATE VIEW runs AS
        SELECT execution_id, machine, name, status, instant(started_at) AS started_at, instant(stopped_at) AS stopped_at,
               (stopped_at - started_at) / 1e6 AS seconds, title, error, cause, version, alias, map_run, redrive_count,
               instant(redriven_at) AS redriven_at, item_count
          FROM execution_list;

        -- One line for each time an execution entered a state. left_at is null while it is in it, and where it was given
        -- up: because a sibling failed, or the execution ended.
        CREATE VIEW state_visits AS
        SELECT visit.execution_id, visit.entry, visit.scope, visit.state, instant(visit.entered_at) AS entered_at,
               instant(visit.left_at) AS left_at, (visit.left_at - visit.entered_at) / 1e6 AS seconds,
               CASE WHEN visit.left_at IS NOT NULL THEN CASE visit.leaving WHEN 'errorCaught' THEN 'CAUGHT' ELSE 'SUCCEEDED' END
                    WHEN execution_list.status = 'RUNNING' THEN 'OPEN'
                    ELSE 'ENDED'
               END AS outcome
          FROM (SELECT execution_id, scope, entry, min(state) AS state,
                       min(at) FILTER (WHERE kind = 'stateEntered') AS entered_at,
                       min(at) FILTER (WHERE kind <> 'stateEntered') AS left_at,
                       min(kind) FILTER (WHERE kind <> 'stateEntered') AS leaving
                  FROM (SELECT execution_id, scope, kind, at, value ->> 'state' AS state,
                               max((value ->> 'n')::bigint)
                                   OVER (PARTITION BY execution_id, scope ORDER BY seq, place) AS entry
                          FROM effect WHERE kind IN ('stateEntered', 'stateExited', 'errorCaught')) AS step
                 GROUP BY execution_id, scope, entry) AS visit
          LEFT JOIN execution_list USING (execution_id);

        -- One line for each attempt of a task: queued until a worker took it, then at work.
        CREATE VIEW attempts AS
        SELECT execution_id, entry, attempt, state, resource, worker, instant(scheduled_at) AS scheduled_at,
               instant(started_at) AS started_at, instant(ended_at) AS ended_at,
               (started_at - scheduled_at) / 1e6 AS queued_seconds, (ended_at - started_at) / 1e6 AS seconds,
               CASE ended_by WHEN 'taskSucceeded' THEN 'SUCCEEDED' WHEN 'taskTimedOut' THEN 'TIMED_OUT'
                             WHEN 'taskFailed' THEN 'FAILED' WHEN 'attemptFailed' THEN 'FAILED' END AS outcome,
               error, cause
          FROM (SELECT execution_id, scope, entry, min(state) AS state,
                       row_number() OVER (PARTITION BY execution_id, entry ORDER BY number) AS attempt,
                       min(resource) AS resource, max(worker) AS worker,
                       min(at) FILTER (WHERE kind = 'taskScheduled') AS scheduled_at,
                       min(at) FILTER (WHERE kind = 'taskStarted') AS started_at,
                       min(at) FILTER (WHERE kind NOT IN ('taskScheduled', 'taskStarted')) AS ended_at,
                       min(kind) FILTER (WHERE kind NOT IN ('taskScheduled', 'taskStarted')) AS ended_by,
                       max(error) AS error, max(cause) AS cause
                  FROM (SELECT execution_id, scope, kind, at, value ->> 'resource' AS resource,
                               value ->> 'worker' AS worker, value ->> 'error' AS error,
                               value ->> 'cause' AS cause,
                               max((value ->> 'n')::bigint) OVER place AS entry,
                               count(*) FILTER (WHERE kind = 'stateEntered') OVER place AS visit,
                               count(*) FILTER (WHERE kind = 'taskScheduled') OVER place AS number,
                               first_value(value ->> 'state') OVER visit AS state
                          FROM (SELECT *, count(*) FILTER (WHERE kind = 'stateEntered')
                                       OVER (PARTITION BY execution_id, scope ORDER BY seq, place) AS visited
                                  FROM effect
                                 WHERE kind IN ('stateEntered', 'taskScheduled', 'taskStarted', 'taskSucceeded',
                                                'taskFailed', 'taskTimedOut', 'attemptFailed')) AS told
                        WINDOW place AS (PARTITION BY execution_id, scope ORDER BY seq, place),
                               visit AS (PARTITION BY execution_id, scope, visited ORDER BY seq, place)) AS step
                 WHERE kind <> 'stateEntered'
                 GROUP BY execution_id, scope, entry, number) AS attempt;

        -- What executions waited for: a worker (QUEUE), time (WAIT), the next attempt (BACKOFF).
        CREATE VIEW waits AS
        SELECT execution_id, entry, state, 'QUEUE' AS kind, resource AS detail, scheduled_at AS since,
               started_at AS until, queued_seconds AS seconds
          FROM attempts
        UNION ALL
        SELECT execution_id, entry, state, CASE kind WHEN 'waitStarted' THEN 'WAIT' ELSE 'BACKOFF' END, NULL,
               instant(at), instant(until), (until - at) / 1e6
          FROM (SELECT execution_id, kind, at, (value ->> 'until')::bigint AS until,
                       max((value ->> 'n')::bigint) OVER place AS entry,
                       first_value(value ->> 'state') OVER visit AS state
                  FROM (SELECT *, count(*) FILTER (WHERE kind = 'stateEntered')
                               OVER (PARTITION BY execution_id, scope ORDER BY seq, place) AS visited
                          FROM effect WHERE kind IN ('stateEntered', 'waitStarted', 'retryScheduled')) AS told
                WINDOW place AS (PARTITION BY execution_id, scope ORDER BY seq, place),
                       visit AS (PARTITION BY execution_id, scope, visited ORDER BY seq, place)) AS step
         WHERE kind <> 'stateEntered';

        -- Roles belong to the cluster: they may be there already, another database may be making them at this moment, or we
        -- may not be allowed to make any; then the operator's own roles are granted by hand. A reader that forgets to end
        -- its transaction would keep every table from being cleaned.
        DO $do$
        DECLARE
            role text;
        BEGIN
            FOREACH role IN ARRAY ARRAY['showrunner_reader', 'showrunner_starter'] LOOP
                IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = role)
                    AND (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user)
                THEN
                    BEGIN
                        EXECUTE format('CREATE ROLE %I LOGIN', role);
                        EXECUTE format('ALTER ROLE %I SET statement_timeout = ''30s''', role);
                        EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = ''60s''', role);
                    EXCEPTION WHEN duplicate_object OR unique_violation THEN
                        NULL;
                    END;
                END IF;
            END LOOP;
            IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'showrunner_reader') THEN
                GRANT USAGE ON SCHEMA showrunner TO showrunner_reader;
                GRANT SELECT ON runs, state_visits, attempts, waits TO showrunner_reader;
            END IF;
        END
        $do$;
        """
}
