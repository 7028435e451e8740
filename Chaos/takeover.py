"""One engine after the other, for failover.py: when the lease of the first ended, how soon all went on, and what came too late."""
import re
import time

import chaos

# From the lease's end until the last open execution has gone on, in seconds; and how long a lease lasts (Engine.leaseValidity).
LIMIT = 5
LEASE = 10

# Long enough that all are open when the engine is killed: each goes on every few seconds.
PULSE = {"StartAt": "Task0", "States": {
    name: state for number in range(16) for name, state in (
        (f"Task{number}", chaos.task(Next=f"Pause{number}")),
        (f"Pause{number}", {"Type": "Wait", "Seconds": 4, **({"Next": f"Task{number + 1}"} if number < 15 else {"End": True})}))}}


def on_machine(number):
    """Before an engine's command: a host name of its own, so that the other can't see that its process is gone."""
    return ["unshare", "--uts", "sh", "-c", f'hostname engine-{number} && exec "$@"', "sh"]


class Takeover:
    """One engine after the other: when the lease of the first ended, and what each wrote."""

    def __init__(self, database, ports):
        self.database = database
        self.active = next(n for n, port in enumerate(ports) if chaos.is_active(port))
        self.incarnation, self.began = self.ask("SELECT incarnation || '|' || extract(epoch FROM clock_timestamp()) FROM showrunner.lease")
        self.began = float(self.began)

    def ask(self, text):
        return self.database.on("a", text).split("|")

    def wait(self):
        """Until another has the lease. What is known of the former's."""
        self.end = self.taken = None
        while self.taken is None:
            incarnation, renewed, taken = self.ask(
                "SELECT incarnation || '|' || extract(epoch FROM renewed_at) || '|' || extract(epoch FROM taken_at) FROM showrunner.lease")
            if incarnation == self.incarnation:
                self.end = float(renewed) + LEASE
            else:
                self.taken = float(taken)
            time.sleep(0.01)
        print(f"failover: the lease ended {self.end - self.began:.1f} s after the fault, the other engine took it {self.taken - self.end:.2f} s "
              "after its end", flush=True)

    def check_moves(self, least):
        """How long it took until each execution that was open had a row of another engine, by the time of its commit."""
        answer = self.ask(f"""
            WITH open AS (
                SELECT execution_id FROM showrunner.execution_list
                WHERE started_at <= {self.began} * 1000000 AND (stopped_at IS NULL OR stopped_at > {self.began} * 1000000)
            ), moved AS (
                SELECT execution_id, min(extract(epoch FROM pg_xact_commit_timestamp(j.xmin))) - {self.end} AS after
                FROM open LEFT JOIN showrunner.journal AS j USING (execution_id)
                WHERE split_part(j.writer, '/', 1) <> '{self.incarnation}' GROUP BY execution_id
            )
            SELECT (SELECT count(*) FROM open) || '|' || count(*) || '|'
                   || percentile_cont(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (ORDER BY after)::text FROM moved""")
        count, moved, times = int(answer[0]), int(answer[1]), [float(one) for one in answer[2].strip("{}").split(",")]
        print(f"failover: {count} executions were open, {moved} went on: half of them {times[0]:.2f} s after the lease's end, "
              f"99 of 100 {times[1]:.2f} s, the last {times[2]:.2f} s")
        if count < least or moved < count or times[2] > LIMIT:
            print(f"failover: all of at least {least} executions should have gone on within {LIMIT} s")
            return 1
        return 0

    def check_late(self, path):
        """Appends that the first engine sent when it went on, by the server's log; none of their rows is in the journal."""
        with open(path, encoding="utf-8", errors="replace") as file:
            entries = re.split(r"^(?=\d{4}-\d\d-\d\d )", file.read(), flags=re.MULTILINE)
        late = sum(
            1 for entry, following in zip(entries, entries[1:])
            if "INSERT INTO showrunner.journal (" in entry and f"parameters: $1 = '{self.incarnation}'" in following)
        rows = int(self.ask(f"""
            SELECT count(*) FROM showrunner.journal AS j WHERE split_part(writer, '/', 1) = '{self.incarnation}'
            AND extract(epoch FROM pg_xact_commit_timestamp(j.xmin)) > {self.taken}""")[0])
        print(f"failover: {late} statements with rows came from the engine that had stood still; {rows} of their rows went in")
        if late == 0 or rows != 0:
            print("failover: there should have been some, and none should have gone in")
            return 1
        return 0
