import Foundation
import HTTP
import JSON
import PostgresTestSupport
import Testing

extension EndToEnd {
    /// An engine that asks for access keys, met by the clients that sign: boto3, the command line, a worker, a browser.
    @Suite struct AccessTests {
        @Test("an engine that asks for keys does not start without a master key, and not without a key")
        func refusesToStart() async throws {
            let house = try await House()
            for arguments in [["--host", "0.0.0.0"], ["--require-keys"]] {
                let unsealed = try await Program.run(
                    Binaries.showrunner, house.engineArguments + arguments,
                    environment: ["SHOWRUNNER_MASTER_KEY_FILE": ""])
                #expect(unsealed.status == 2, "\(unsealed)")
                #expect(unsealed.errors.contains("set SHOWRUNNER_MASTER_KEY_FILE"), "\(unsealed.errors)")
                let keyless = try await Program.run(
                    Binaries.showrunner, house.engineArguments + arguments, environment: house.environment)
                #expect(keyless.status == 1, "\(keyless)")
                #expect(keyless.errors.contains("showrunner keys create --role admin --database"), "\(keyless.errors)")
            }
            let unsealed = try await Program.run(
                Binaries.showrunner, ["keys", "create", "--role", "admin", "--database", house.database],
                environment: ["SHOWRUNNER_MASTER_KEY_FILE": ""])
            #expect(unsealed.status == 2 && unsealed.errors.contains("master key"), "\(unsealed)")
            let elsewhere = try await Program.run(
                Binaries.showrunner, ["runs", "list", "--engine", "http://engine.example:4600"],
                environment: ["AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""])
            #expect(elsewhere.status == 2 && elsewhere.errors.contains("AWS_ACCESS_KEY_ID"), "\(elsewhere)")
        }

        @Test("a key whose secret could not be told is in the audit log all the same")
        func auditsUntoldKeys() async throws {
            let house = try await House()
            let ended = try await Program.run(
                "/bin/sh",
                [
                    "-c",
                    "exec '\(Binaries.showrunner)' keys create --role admin --database '\(house.database)' > /dev/full",
                ], environment: house.environment)
            #expect(ended.status == 1 && ended.errors.contains("No space left on device"), "\(ended)")
            try await house.use(try await house.firstKey()) { engine in
                let rows = try await engine.json("audit", "--limit", "10")["items"]?.arrayValue ?? []
                #expect(rows.map { $0["reason"]?.stringValue } == ["the first one", nil])
                #expect(rows.map { $0["action"]?.stringValue } == ["ManageAccessKeys", "ManageAccessKeys"])
            }
        }

        @Test(
            "each role does with boto3 what it may, is refused what it may not, and the audit log shows it",
            .enabled("boto3 is not installed: 'pip install boto3' to run this") { try await Python.has("boto3") })
        func roles() async throws {
            let house = try await House()
            let admin = try await house.firstKey()
            try await house.use(admin) { engine in
                var keys: [String: JSON] = ["admin": admin]
                for role in ["viewer", "operator", "author", "worker"] {
                    keys[role] = try await engine.json(
                        "keys", "create", "--role", role, "--description", "for \(role)s")
                }
                var document: JSON = [:]
                for (role, key) in keys { document[role] = key }
                let list = try await engine.json("keys", "list")["keys"]?.arrayValue ?? []
                #expect(list.map { $0["role"]?.stringValue } == ["admin", "viewer", "operator", "author", "worker"])
                #expect(list.allSatisfy { $0["secretAccessKey"] == nil })

                let ended = try await Python.run(
                    Self.script, [engine.url, document.text],
                    environment: [
                        "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_DEFAULT_REGION": "us-east-1",
                        "AWS_PROFILE": "", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                    ])
                #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
                #expect(ended.output == "all as expected\n", "\(ended.errors)")

                let rows = try await engine.json("audit", "--limit", "1000")["items"]?.arrayValue ?? []
                func count(_ action: String, _ role: String, _ outcome: String) -> Int {
                    rows.count(where: { row in
                        row["action"]?.stringValue == action && row["role"]?.stringValue == role
                            && row["outcome"]?.stringValue == outcome
                    })
                }
                #expect(count("ManageAccessKeys", "admin", "Succeeded") == 5, "one of them in the database itself")
                #expect(rows.last?["accessKeyId"] == "database" && rows.last?["reason"] == "the first one")
                #expect(count("CreateStateMachine", "author", "Succeeded") == 1)
                #expect(count("StartExecution", "operator", "Succeeded") == 1)
                for role in ["viewer", "worker"] {
                    #expect(count("StartExecution", role, "AccessDeniedException") == 1)
                }
                #expect(rows.allSatisfy { $0["source"] == "127.0.0.1" || $0["accessKeyId"] == "database" })

                // A disabled key is a stranger's from the next call on.
                let viewer = try #require(keys["viewer"])
                #expect(try await engine.run(["runs", "list"], as: viewer).status == 0)
                _ = try await engine.json(
                    "keys", "disable", viewer["accessKeyId"]?.stringValue ?? "", "--reason", "left")
                let refused = try await engine.run(["runs", "list"], as: viewer)
                #expect(refused.status == 1)
                #expect(refused.errors.contains("The security token included in the request is invalid."))
                // Who has none is told what to do.
                for arguments in [["runs", "list"], ["runs", "start", "ingest"]] {
                    let keyless = try await Program.run(
                        Binaries.showrunner, arguments + ["--engine", engine.url],
                        environment: ["AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""])
                    #expect(keyless.status == 1)
                    #expect(keyless.errors.contains("wants an access key: set AWS_ACCESS_KEY_ID"), "\(keyless)")
                }
                let told = try await engine.json("audit", "--limit", "1")["items"]?.arrayValue?.first
                #expect(told?["reason"] == "left" && told?["accessKeyId"] == admin["accessKeyId"])

                let rotated = try await engine.json("keys", "rotate", "--role", "operator", "--disable-old")
                #expect(rotated["role"] == "operator" && rotated["description"] == "for operators")
                #expect(try await engine.run(["runs", "list"], as: rotated).status == 0)
                #expect(try await engine.run(["runs", "list"], as: try #require(keys["operator"])).status == 1)
            }
        }

        @Test("a worker works with a key, and without one is told to have none")
        func worker() async throws {
            let house = try await House()
            let admin = try await house.firstKey()
            try await house.use(admin) { engine in
                let key = try await engine.json("keys", "create", "--role", "worker")
                func start(_ name: String, _ environment: [String: String]) throws -> Program {
                    try Program(
                        Binaries.worker,
                        [
                            "--engine", engine.url, "--store", house.directory + "/objects", "--name", name,
                            "--scratch", house.directory + "/scratch-\(name)",
                        ], environment: environment, logs: Workplace.path, name: "access-\(name)")
                }
                let stranger = try start("stranger", [:])
                let known = try start(
                    "known",
                    [
                        "SHOWRUNNER_ACCESS_KEY_ID": key["accessKeyId"]?.stringValue ?? "",
                        "SHOWRUNNER_SECRET_ACCESS_KEY": key["secretAccessKey"]?.stringValue ?? "",
                    ])
                let result: Result<Void, any Error>
                do {
                    try await eventually("the worker with a key") {
                        let workers = try await engine.json("workers")["workers"]?.arrayValue ?? []
                        return workers.map { $0["name"]?.stringValue } == ["known"]
                    }
                    try await eventually("the other's complaint") {
                        try stranger.errors.contains("Missing Authentication Token")
                    }
                    result = .success(())
                } catch {
                    result = .failure(error)
                }
                for program in [stranger, known] {
                    program.signal(SIGTERM)
                    _ = try await program.status(within: .seconds(60))
                }
                try result.get()
            }
        }

        @Test("an operator signs in to the console and out of it", .enabled(if: Browser.isInstalled, "no chromium"))
        func signsIn() async throws {
            let house = try await House()
            let admin = try await house.firstKey()
            try await house.use(admin) { engine in
                let key = try await engine.json("keys", "create", "--role", "operator")
                let id = try #require(key["accessKeyId"]?.stringValue)
                try await Browser.use { browser in
                    try await browser.open(engine.url + "/console/workers")
                    try await browser.wait(until: "document.querySelector('.sign-in')")
                    try await browser.screenshot("console-sign-in")
                    #expect(try await browser.complaints() == [])
                    try await browser.type(id, into: "#key")
                    try await browser.type("wrong", into: "#secret")
                    try await browser.click(".sign-in button")
                    try await browser.wait(until: "document.body.innerText.includes('do not belong together')")
                    try await browser.screenshot("console-sign-in-refused")
                    _ = try await browser.evaluate("document.querySelector('#secret').value = ''")
                    try await browser.type(key["secretAccessKey"]?.stringValue ?? "", into: "#secret")
                    try await browser.click(".sign-in button")
                    // Where the visitor was going.
                    try await browser.wait(until: "location.pathname === '/console/workers'")
                    try await browser.wait(until: "document.querySelector('.session').innerText.includes('operator')")
                    try await browser.screenshot("console-signed-in")
                    #expect(try await browser.evaluate("return document.cookie") == "")
                    try await browser.click(".session button")
                    try await browser.wait(until: "location.pathname === '/console/sign-in'")
                    try await browser.open(engine.url + "/console/")
                    try await browser.wait(until: "document.querySelector('.sign-in')")
                }
            }
        }

        static let script = """
            import json, sys, boto3
            from botocore.config import Config
            from botocore.exceptions import ClientError
            endpoint, keys = sys.argv[1], json.loads(sys.argv[2])

            def client(id, secret, **more):
                return boto3.client(
                    "stepfunctions", endpoint_url=endpoint, aws_access_key_id=id, aws_secret_access_key=secret,
                    config=Config(retries={"max_attempts": 0}, inject_host_prefix=False), **more)

            clients = {role: client(key["accessKeyId"], key["secretAccessKey"]) for role, key in keys.items()}

            def error(call):
                try:
                    call()
                    return None
                except ClientError as refusal:
                    assert refusal.response["ResponseMetadata"]["HTTPStatusCode"] == 400, refusal
                    return refusal.response["Error"]["Code"]

            definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
            arn = clients["author"].create_state_machine(
                name="made", roleArn="arn:aws:iam::000000000000:role/films", definition=definition)["stateMachineArn"]
            activity = clients["author"].create_activity(name="subtitle")["activityArn"]
            calls = {
                "look": lambda c: c.list_state_machines(),
                "start": lambda c: c.start_execution(stateMachineArn=arn),
                "tag": lambda c: c.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "b"}]),
                "poll": lambda c: c.send_task_heartbeat(taskToken="made up"),
            }
            may = {"viewer": {"look"}, "operator": {"look", "start", "poll"}, "author": {"look", "start", "tag", "poll"},
                   "admin": {"look", "start", "tag", "poll"}, "worker": {"poll"}}
            for role, allowed in may.items():
                for name, call in calls.items():
                    code = error(lambda: call(clients[role]))
                    expected = ("InvalidToken" if name == "poll" else None) if name in allowed else "AccessDeniedException"
                    assert code == expected, (role, name, code)

            key = keys["admin"]["accessKeyId"], keys["admin"]["secretAccessKey"]
            look = calls["look"]
            assert error(lambda: look(client(key[0], "wrong"))) == "InvalidSignatureException"
            assert error(lambda: look(client("AKIANOBODY", key[1]))) == "UnrecognizedClientException"
            assert error(lambda: look(client(*key, aws_session_token="made up"))) == "UnrecognizedClientException"
            assert error(lambda: look(client(*key, region_name="eu-west-1"))) == "InvalidSignatureException"
            assert error(lambda: look(client("test", "test"))) == "UnrecognizedClientException"
            unsigned = boto3.client("stepfunctions", endpoint_url=endpoint, config=Config(signature_version=__import__(
                "botocore").UNSIGNED))
            assert error(lambda: look(unsigned)) == "MissingAuthenticationTokenException"
            print("all as expected")
            """
    }
}

/// A database, a master key and a place for files: what an engine needs that asks for keys.
private final class House: Sendable {
    let database: String
    let directory: String
    let port: Int

    init() async throws {
        database = try await TestDatabase.empty()
        directory = Workplace.file("house")
        port = FreePorts.neighbours(1)
        try FileManager.default.createDirectory(atPath: directory + "/workflows", withIntermediateDirectories: true)
        let key = (0..<32).map { _ in String(UInt8.random(in: 16...255), radix: 16) }.joined()
        try key.write(toFile: directory + "/master.key", atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: directory + "/master.key")
    }

    var environment: [String: String] { ["SHOWRUNNER_MASTER_KEY_FILE": directory + "/master.key"] }

    var engineArguments: [String] {
        [
            "engine", "--database", database, "--port", "\(port)", "--store", directory + "/objects", "--spool",
            directory + "/uploads", "--workflows", directory + "/workflows",
        ]
    }

    /// An admin's key, made before there is an engine.
    func firstKey() async throws -> JSON {
        let made = try await Program.run(
            Binaries.showrunner,
            [
                "keys", "create", "--role", "admin", "--database", database, "--json", "--reason", "the first one",
            ], environment: environment)
        try #require(made.status == 0, "\(made)")
        return try JSON(parsing: made.output)
    }

    /// The engine as an admin sees it.
    struct Engine: Sendable {
        let url: String
        let admin: JSON

        func run(_ arguments: [String], as key: JSON) async throws -> Ended {
            try await Program.run(
                Binaries.showrunner, arguments + ["--engine", url],
                environment: [
                    "AWS_ACCESS_KEY_ID": key["accessKeyId"]?.stringValue ?? "",
                    "AWS_SECRET_ACCESS_KEY": key["secretAccessKey"]?.stringValue ?? "",
                ])
        }

        func json(_ arguments: String...) async throws -> JSON {
            let ended = try await run(arguments + ["--json"], as: admin)
            try #require(ended.status == 0, "\(arguments): \(ended)")
            return try JSON(parsing: ended.output)
        }
    }

    /// Runs an engine that asks for keys for as long as the test needs it.
    func use(_ admin: JSON, _ body: (Engine) async throws -> Void) async throws {
        let program = try Program(
            Binaries.showrunner, engineArguments + ["--require-keys"], environment: environment, logs: Workplace.path,
            name: "access-engine-\(port)")
        let result: Result<Void, any Error>
        do {
            let url = "http://127.0.0.1:\(port)"
            let http = HTTPClient()
            try await eventually("the engine") {
                guard program.isRunning else { throw TooLate(description: "the engine has ended") }
                do { return try await http.send(HTTPRequest("GET", url + "/readyz")).status == 200 } catch {
                    return false
                }
            }
            try await body(Engine(url: url, admin: admin))
            result = .success(())
        } catch {
            Issue.record("\(error)\n\(program.lastWords())")
            result = .failure(error)
        }
        program.signal(SIGTERM)
        _ = try await program.status(within: .seconds(60))
        try result.get()
    }
}
