import Foundation
import HTTP
import JSON
import Testing

@testable import showrunner

extension EndToEnd {
    /// The wire at its limits, from outside.
    @Suite struct WireLimitTests {
        @Test(
            "random and broken requests over all operations get answers in the protocol's form, and the engine goes on")
        func fuzz() async throws {
            let stage = try sharedStage()
            let engine = try stage.process("engine")
            let found = Workplace.file("request.bin")
            let ended = try await Program.run(
                "python3",
                [
                    Binaries.checkout + "/Fuzz/wire/wire-fuzz.py", "--engine", stage.engineURL, "--pid",
                    "\(engine.pid)", "--requests", "3000", "--out", found,
                ])
            print(ended.output)
            #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
            #expect(ended.output.hasPrefix("seed ") && ended.output.hasSuffix("no finding\n"))
            #expect(engine.isRunning, "the engine has ended")
            #expect(try await stage.http.send(HTTPRequest("GET", stage.engineURL + "/readyz")).status == 200)
            // What it began is put away, so that the tests after this one have the stage to themselves.
            try await stage.stopAllRuns()
        }

        @Test(
            "boto3 that calls more often than it may waits and gets through, and metrics tell how often it was refused",
            .enabled("boto3 is not installed: 'pip install boto3' to run this") { try await Python.has("boto3") })
        func throttling() async throws {
            let quotas = Workplace.file("quotas.yaml")
            try "ListActivities: {bucketSize: 2, refillPerSecond: 5}".write(
                toFile: quotas, atomically: true, encoding: .utf8)
            let stage = try await TestStage.start(workers: 0, options: ["--request-quotas", quotas])
            let result: Result<Void, any Error>
            do {
                let script = """
                    import sys, boto3
                    from botocore.config import Config
                    kw = dict(endpoint_url=sys.argv[1], aws_access_key_id="test", aws_secret_access_key="test",
                              region_name="us-east-1")
                    impatient = boto3.client("stepfunctions", config=Config(retries={"total_max_attempts": 1}), **kw)
                    refused = None
                    for _ in range(200):
                        try:
                            impatient.list_activities()
                        except impatient.exceptions.ClientError as error:
                            refused = error
                            break
                    assert refused is not None, "nothing was refused"
                    assert refused.response["Error"]["Code"] == "ThrottlingException", refused
                    assert refused.response["Error"]["Message"].startswith("Rate exceeded"), refused
                    assert refused.response["ResponseMetadata"]["HTTPStatusCode"] == 400
                    assert refused.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
                    patient = boto3.client("stepfunctions", config=Config(retries={"mode": "standard", "max_attempts": 10}), **kw)
                    retries = sum(patient.list_activities()["ResponseMetadata"]["RetryAttempts"] for _ in range(8))
                    assert retries > 0, "eight calls fitted into a bucket of two"
                    print("all as expected")
                    """
                let ended = try await Python.run(script, [stage.engineURL])
                #expect(ended.output == "all as expected\n", "\(ended.errors)")
                let metrics = try await stage.http.send(HTTPRequest("GET", stage.engineURL + "/metrics")).text
                #expect(metrics.contains(#"requests_refused_total{limit="request_rate"}"#), "\(metrics)")
                #expect(
                    metrics.contains(
                        #"step_functions_requests_total{error="ThrottlingException",operation="ListActivities"}"#))
                result = .success(())
            } catch { result = .failure(error) }
            try await stage.stop()
            try result.get()
        }

        @Test(
            "however few files may be open, what waits leaves connections for what does not",
            arguments: [
                0, 320, 1024, 2048, 4352, 20_000, Int.max,
            ])
        func budget(files: Int) {
            let budget = ConnectionBudget(openFiles: files)
            let waiting =
                budget.workerPolls + budget.activityPolls + budget.synchronousExecutions + budget.eventStreams
            #expect(waiting * 10 <= budget.connections * 7)
            #expect(
                min(budget.workerPolls, budget.activityPolls, budget.synchronousExecutions, budget.eventStreams) > 0)
            #expect(budget.connections + ConnectionBudget.reservedFiles <= max(files, 320))
            if files >= 4352 {
                #expect(budget.workerPolls == 1000 && budget.activityPolls == 1000 && budget.eventStreams == 256)
            }
        }

        @Test("quotas that cannot be read are told with their place, before anything starts")
        func faultyQuotas() async throws {
            let quotas = Workplace.file("quotas.yaml")
            try "StartExecutions: {bucketSize: 2, refillPerSecond: 5}\n".write(
                toFile: quotas, atomically: true, encoding: .utf8)
            let ended = try await Program.run(
                Binaries.showrunner,
                ["up", "--data", Workplace.file("data"), "--port", "4600", "--request-quotas", quotas])
            #expect(ended.status == 2)
            #expect(ended.errors.contains("\(quotas):1:1: error: there is no operation 'StartExecutions'"))
        }
    }
}

extension TestStage {
    /// Stops every run that is open.
    func stopAllRuns() async throws {
        try await eventually("no run is open", within: .seconds(60)) { [client] in
            let open = try await client.get("/console/api/runs?status=RUNNING&limit=1000")["items"]?.arrayValue ?? []
            for run in open {
                guard let arn = run["executionArn"] else { continue }
                _ = try await client.call("StopExecution", ["executionArn": arn])
            }
            return open.isEmpty
        }
    }
}
