import EngineClient
import Foundation
import JSON
import Testing

extension EndToEnd {
    /// The wire API of Step Functions: by hand, and with the client that its users have.
    @Suite struct WireTests {
        static let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:ingest"

        @Test("the wire API tells a run's story")
        func tellsTheStory() async throws {
            let stage = try sharedStage()
            let path = try await Film(name: "wire", frames: 25).make()
            let input = JSON.object(["source": .string("file://\(path)"), "title": "Wire"]).text
            let arguments: JSON = ["stateMachineArn": .string(Self.machine), "name": "wire", "input": .string(input)]
            let started = try await stage.client.call("StartExecution", arguments)
            let arn = try #require(started["executionArn"]?.stringValue)
            #expect(arn == "arn:aws:states:us-east-1:000000000000:execution:ingest:wire")
            #expect(started["startDate"]?.doubleValue != nil)
            _ = try await stage.end(of: arn)

            let described = try await stage.client.call("DescribeExecution", ["executionArn": .string(arn)])
            #expect(described["status"] == "SUCCEEDED" && described["name"] == "wire")
            #expect(described["input"]?.stringValue == input)
            let output = try JSON(parsing: try #require(described["output"]?.stringValue))
            #expect(output.objectValue?.keys.sorted() == ["dash", "hls", "titleId"])

            // Page by page it is the same as in one piece, and each event comes after another.
            let whole = try await events(stage, arn, pageSize: 1000)
            let paged = try await events(stage, arn, pageSize: 7)
            #expect(whole == paged)
            #expect(whole.map { $0["id"]?.integerValue } == Array(1...whole.count))
            #expect(whole.first?["type"] == "ExecutionStarted" && whole.last?["type"] == "ExecutionSucceeded")
            for event in whole {
                let id = try #require(event["id"]?.integerValue)
                #expect((event["previousEventId"]?.integerValue ?? -1) < id)
            }
            let entered = whole.filter { $0["type"]?.stringValue?.hasSuffix("StateEntered") == true }
                .compactMap { $0["stateEnteredEventDetails"]?["name"]?.stringValue }
            #expect(entered.prefix(4) == ["Defaults", "Request", "Validate", "Encode"])
            #expect(Set(entered.dropFirst(4).prefix(4)) == ["HowLong", "Transcode", "Thumbnails", "Subtitles"])
            #expect(entered.dropFirst(8) == ["IsProtected", "Package", "Publish"])

            do {
                _ = try await stage.client.call("StartExecution", arguments)
                Issue.record("a name whose run has ended was given twice")
            } catch {
                #expect(error.error == "ExecutionAlreadyExists")
            }
        }

        private func events(_ stage: TestStage, _ arn: String, pageSize: Int) async throws -> [JSON] {
            var events: [JSON] = []
            var next: JSON?
            repeat {
                let page = try await stage.client.call(
                    "GetExecutionHistory",
                    .members(
                        ("executionArn", .string(arn)), ("maxResults", .integer(pageSize)), ("nextToken", next)))
                let items = page["events"]?.arrayValue ?? []
                #expect(items.count <= pageSize)
                events += items
                next = page["nextToken"]
            } while next != nil
            return events
        }

        @Test(
            "boto3 works against the engine",
            .enabled("boto3 is not installed: 'pip install boto3' to run this") { try await Python.has("boto3") })
        func servesBoto3() async throws {
            let stage = try sharedStage()
            let path = try await Film(name: "boto3", frames: 25).make()
            let long = try await KillTests.film.make()
            let ended = try await Python.run(
                Self.script, [stage.engineURL, Self.machine, path, long],
                environment: [
                    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
                    "AWS_PROFILE": "", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                ])
            #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
            #expect(ended.output == "all as expected\n", "\(ended.errors)")
        }

        @Test(
            "an activity's worker in boto3: a task taken, kept alive, answered, failed, timed out",
            .enabled("boto3 is not installed: 'pip install boto3' to run this") { try await Python.has("boto3") })
        func servesActivities() async throws {
            let stage = try sharedStage()
            let ended = try await Python.run(
                Self.activityScript, [stage.engineURL],
                environment: [
                    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
                    "AWS_PROFILE": "", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                ])
            #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
            #expect(ended.output == "all as expected\n", "\(ended.errors)")
        }

        static let activityScript = """
            import json, sys, threading, boto3
            from botocore.config import Config
            client = boto3.client("stepfunctions", endpoint_url=sys.argv[1], config=Config(retries={"max_attempts": 0}))
            activity = client.create_activity(name="subtitle", tags=[{"key": "team", "value": "films"}])["activityArn"]
            assert client.create_activity(name="subtitle")["activityArn"] == activity
            assert activity in [a["activityArn"] for a in client.list_activities()["activities"]]
            assert client.describe_activity(activityArn=activity)["name"] == "subtitle"

            def machine(name, **fields):
                state = {"Type": "Task", "Resource": activity, "End": True, **fields}
                return client.create_state_machine(
                    name=name, roleArn="arn:aws:iam::000000000000:role/films",
                    definition=json.dumps({"StartAt": "Subtitle", "States": {"Subtitle": state}}))["stateMachineArn"]

            def events(arn):
                return client.get_execution_history(executionArn=arn)["events"]

            # A poll that waits is answered as soon as there is a task.
            plain = machine("subtitled")
            taken = {}
            waiting = threading.Thread(target=lambda: taken.update(
                client.get_activity_task(activityArn=activity, workerName="w1")))
            waiting.start()
            arn = client.start_execution(stateMachineArn=plain, name="one", input='{"film": 1}')["executionArn"]
            waiting.join(30)
            assert json.loads(taken["input"]) == {"film": 1}, taken
            client.send_task_heartbeat(taskToken=taken["taskToken"])
            client.send_task_success(taskToken=taken["taskToken"], output='{"lines": 7}')
            run = client.describe_execution(executionArn=arn)
            assert run["status"] == "SUCCEEDED" and json.loads(run["output"]) == {"lines": 7}, run
            types = [event["type"] for event in events(arn)]
            assert types == ["ExecutionStarted", "TaskStateEntered", "ActivityScheduled", "ActivityStarted",
                             "ActivitySucceeded", "TaskStateExited", "ExecutionSucceeded"], types
            assert events(arn)[3]["activityStartedEventDetails"]["workerName"] == "w1"

            # An answer comes once.
            try:
                client.send_task_success(taskToken=taken["taskToken"], output="{}")
                raise AssertionError("a task was answered twice")
            except client.exceptions.TaskTimedOut:
                pass
            try:
                client.send_task_failure(taskToken="made up")
                raise AssertionError("a made-up token was taken")
            except client.exceptions.InvalidToken:
                pass

            arn = client.start_execution(stateMachineArn=plain)["executionArn"]
            task = client.get_activity_task(activityArn=activity)
            try:
                client.send_task_success(taskToken=task["taskToken"], output="{")
                raise AssertionError("an output that is no JSON was taken")
            except client.exceptions.InvalidOutput:
                pass
            client.send_task_failure(taskToken=task["taskToken"], error="NoLanguage", cause="which?")
            run = client.describe_execution(executionArn=arn)
            assert (run["status"], run["error"], run["cause"]) == ("FAILED", "NoLanguage", "which?"), run

            # Whoever is silent loses the task; the next one gets the retry.
            strict = machine("strictly-subtitled", HeartbeatSeconds=1, TimeoutSeconds=60, Retry=[
                {"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 1}])
            arn = client.start_execution(stateMachineArn=strict)["executionArn"]
            silent = client.get_activity_task(activityArn=activity)
            task = client.get_activity_task(activityArn=activity)
            try:
                client.send_task_heartbeat(taskToken=silent["taskToken"])
                raise AssertionError("a task that had timed out was kept alive")
            except client.exceptions.TaskTimedOut:
                pass
            client.send_task_success(taskToken=task["taskToken"], output="{}")
            assert client.describe_execution(executionArn=arn)["status"] == "SUCCEEDED"
            assert "ActivityTimedOut" in [event["type"] for event in events(arn)]

            client.delete_state_machine(stateMachineArn=plain)
            client.delete_activity(activityArn=activity)
            try:
                client.get_activity_task(activityArn=activity)
                raise AssertionError("a deleted activity had tasks")
            except client.exceptions.ActivityDoesNotExist:
                pass
            print("all as expected")
            """

        static let script = """
            import json, sys, time, boto3
            endpoint, machine, film, long = sys.argv[1:]
            client = boto3.client("stepfunctions", endpoint_url=endpoint)
            assert machine in [m["stateMachineArn"] for m in client.list_state_machines()["stateMachines"]]
            definition = json.loads(client.describe_state_machine(stateMachineArn=machine)["definition"])
            assert definition["StartAt"] in definition["States"]

            given = json.dumps({"source": "file://" + film, "title": "Boto3"})
            started = client.start_execution(stateMachineArn=machine, name="boto3", input=given)
            arn = started["executionArn"]
            again = client.start_execution(stateMachineArn=machine, name="boto3", input=given)
            assert again["executionArn"] == arn and again["startDate"] == started["startDate"]

            def wait(arn, until):
                for _ in range(600):
                    run = client.describe_execution(executionArn=arn)
                    if until(run):
                        return run
                    time.sleep(0.1)
                raise AssertionError("%s is still %s" % (arn, run["status"]))

            run = wait(arn, lambda run: run["status"] != "RUNNING")
            assert run["status"] == "SUCCEEDED", run
            assert run["stopDate"] >= run["startDate"] and json.loads(run["input"]) == json.loads(given)
            assert sorted(json.loads(run["output"])) == ["dash", "hls", "titleId"]

            pages = client.get_paginator("get_execution_history").paginate(
                executionArn=arn, PaginationConfig={"PageSize": 10})
            events = [event for page in pages for event in page["events"]]
            assert [event["id"] for event in events] == list(range(1, len(events) + 1))
            assert events[-1]["type"] == "ExecutionSucceeded"
            newest = client.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=1)
            assert newest["events"][0]["id"] == len(events)

            second = client.start_execution(
                stateMachineArn=machine, input=json.dumps({"source": "file://" + long, "title": "Boto3, stopped"}))
            running = client.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
            assert second["executionArn"] in [run["executionArn"] for run in running]
            stopped = client.stop_execution(executionArn=second["executionArn"], error="Enough", cause="seen enough")
            run = wait(second["executionArn"], lambda run: run["status"] != "RUNNING")
            assert (run["status"], run["error"], run["cause"]) == ("ABORTED", "Enough", "seen enough"), run
            assert run["stopDate"] == stopped["stopDate"]

            try:
                client.describe_execution(executionArn=arn + "-nobody")
                raise AssertionError("an unknown execution was described")
            except client.exceptions.ExecutionDoesNotExist:
                pass
            try:
                client.start_execution(stateMachineArn=machine + "-none")
                raise AssertionError("an unknown machine was started")
            except client.exceptions.StateMachineDoesNotExist:
                pass
            try:
                client.start_execution(stateMachineArn=machine, name="boto3", input="{}")
                raise AssertionError("a taken name was given again")
            except client.exceptions.ExecutionAlreadyExists:
                pass
            print("all as expected")
            """
    }
}

/// The system's Python, where a test needs what is written in it.
enum Python {
    /// Whether a module can be imported.
    static func has(_ module: String) async throws -> Bool {
        do { return try await run("import \(module)", []).status == 0 } catch is TooLate { return false }
    }

    static func run(_ script: String, _ arguments: [String], environment: [String: String] = [:]) async throws -> Ended
    {
        try await Program.run(
            "python3", ["-c", script] + arguments, environment: environment, limit: .seconds(180))
    }
}
