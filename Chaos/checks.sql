-- What the journal says after chaos.py: lines of KIND|what|count. A token is EXECUTION.ENTRY.NONCE.
SET search_path = showrunner;

CREATE TEMP TABLE effect AS
    SELECT execution_id, seq, ord, e ->> 'e' AS kind, (e ->> 's')::int AS scope, e ->> 'nonce' AS nonce, e
    FROM journal, jsonb_array_elements(effects::jsonb -> 'effects') WITH ORDINALITY AS row (e, ord);
CREATE INDEX ON effect (execution_id);
CREATE INDEX ON effect (nonce);
ANALYZE effect;

-- What came after each effect on a task of the same scope.
CREATE TEMP TABLE task_effect AS
    SELECT *, lead(kind) OVER (PARTITION BY execution_id, scope ORDER BY seq, ord) AS next
    FROM effect WHERE kind IN ('taskScheduled', 'taskStarted', 'taskSucceeded', 'taskFailed', 'taskTimedOut', 'taskAborted');
CREATE INDEX ON task_effect (nonce);

CREATE TEMP TABLE execution_end AS
    SELECT execution_id, kind, count(*) OVER (PARTITION BY execution_id) AS ends
    FROM effect WHERE kind IN ('executionSucceeded', 'executionFailed', 'executionTimedOut', 'executionAborted');

SELECT 'must be over 0', 'executions', count(DISTINCT execution_id) FROM journal;
SELECT 'must be over 0', 'rows', count(*) FROM journal;

SELECT 'must be 0', 'acknowledged starts that are lost', count(*)
    FROM acknowledged_start AS a
    WHERE NOT EXISTS (SELECT FROM execution_list AS l WHERE l.machine = a.machine AND l.name = a.name);
SELECT 'must be 0', 'names with two executions', count(*)
    FROM (SELECT FROM execution_list GROUP BY machine, name HAVING count(*) > 1) AS twice;
SELECT 'must be 0', 'executions with a gap in their rows', count(*)
    FROM (SELECT FROM journal GROUP BY execution_id HAVING min(seq) <> 0 OR max(seq) <> count(*) - 1) AS gap;
SELECT 'must be 0', 'executions that did not end exactly once', count(*)
    FROM (SELECT DISTINCT execution_id FROM journal) AS all_of_them
    LEFT JOIN execution_end USING (execution_id) WHERE ends IS DISTINCT FROM 1;
SELECT 'must be 0', 'rows after the end', count(*)
    FROM execution_end JOIN effect USING (execution_id)
    WHERE effect.seq > (SELECT seq FROM effect AS e WHERE e.execution_id = execution_end.execution_id
                                                      AND e.kind = execution_end.kind);
SELECT 'must be 0', 'lines of the list that differ from the journal', count(*)
    FROM execution_list JOIN execution_end USING (execution_id)
    WHERE status <> CASE kind WHEN 'executionSucceeded' THEN 'SUCCEEDED' WHEN 'executionFailed' THEN 'FAILED'
                              WHEN 'executionTimedOut' THEN 'TIMED_OUT' ELSE 'ABORTED' END;
SELECT 'must be 0', 'executions that ended otherwise than their machine does', count(*)
    FROM execution_list WHERE status <> CASE machine WHEN 'refused' THEN 'FAILED' ELSE 'SUCCEEDED' END;

-- An answer that was acknowledged ended the attempt that it was for, and nothing else did.
SELECT 'must be 0', 'acknowledged answers that are lost', count(*)
    FROM acknowledged_answer AS a
    WHERE NOT EXISTS (SELECT FROM task_effect AS t
                      WHERE t.nonce = split_part(a.token, '.', 3) AND t.kind = 'taskStarted' AND t.next = 'taskSucceeded');
SELECT 'must be 0', 'attempts handed out twice under one nonce', count(*)
    FROM (SELECT FROM task_effect WHERE kind = 'taskStarted' GROUP BY nonce HAVING count(*) > 1) AS twice;
SELECT 'must be 0', 'attempts that succeeded without having been handed out', count(*)
    FROM (SELECT kind, lag(kind) OVER (PARTITION BY execution_id, scope ORDER BY seq, ord) AS before FROM task_effect) AS t
    WHERE kind = 'taskSucceeded' AND before <> 'taskStarted';

-- Children: each that a parent started is there once, and nobody else's are.
SELECT 'must be over 0', 'child executions', count(*) FROM effect WHERE kind = 'childExecutionStarted';
SELECT 'must be 0', 'child executions started twice by their parent', count(*)
    FROM (SELECT FROM effect WHERE kind = 'childExecutionStarted'
          GROUP BY execution_id, scope, e ->> 'index' HAVING count(*) > 1) AS twice;
SELECT 'must be 0', 'child executions missing or too many', abs(
    (SELECT count(*) FROM effect WHERE kind = 'childExecutionStarted')
    - (SELECT count(*) FROM execution_list WHERE map_run IS NOT NULL));
SELECT 'must be 0', 'nested executions missing or too many', abs(
    (SELECT count(*) FROM execution_list WHERE machine = 'tree') - (SELECT count(*) FROM execution_list WHERE machine = 'nested'));
SELECT 'for people', 'attempts', count(*) FROM task_effect WHERE kind = 'taskStarted';
SELECT 'for people', 'attempts that timed out', count(*) FROM task_effect WHERE kind = 'taskTimedOut';
