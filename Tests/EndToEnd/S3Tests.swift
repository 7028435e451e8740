import Encodings
import EngineClient
import Foundation
import HTTP
import JSON
import Testing

extension EndToEnd {
    /// Everything in S3 instead of a directory: the workers write there, the viewers' service reads from there.
    @Suite struct S3Tests {
        @Test(
            "a film is published through S3 and plays from it",
            .enabled("neither Ceph's gateway nor moto is installed") { try await S3Gateway.kind() != nil })
        func publishesThroughS3() async throws {
            let gateway = try await S3Gateway.start(try #require(try await S3Gateway.kind()))
            let result: Result<Void, any Error>
            do {
                try await publish(through: gateway)
                result = .success(())
            } catch {
                result = .failure(error)
            }
            await gateway.stop()
            try result.get()
        }

        private func publish(through gateway: S3Gateway) async throws {
            let stage = try await TestStage.start(
                workers: 1,
                options: ["--store", "s3://\(S3Gateway.bucket)/films", "--workflows", try workflows()],
                environment: gateway.environment)
            do {
                let film = Film(name: "S3", frames: 72)
                let path = try await film.make()
                let run = try await stage.end(of: try await stage.ingest(path, title: "S3"))
                try #require(run["status"] == "SUCCEEDED", "\(run["cause"]?.text ?? "")\n\(stage.up.lastWords())")
                let hls = try #require(run["output"]?["hls"]?.stringValue)
                #expect(hls.hasPrefix(stage.viewerURL))
                #expect(try await stage.published("S3").count == 1)
                try await stage.checkPlayback(
                    of: film, hls: hls, dash: try #require(run["output"]?["dash"]?.stringValue))
                // In the bucket, and nowhere else.
                #expect(try await gateway.list(prefix: "films/media/").contains("master.m3u8"))
                #expect(!FileManager.default.fileExists(atPath: stage.directory + "/objects"))
                try await reachObjects(stage)
                try await startByDelivery(stage, gateway)
                let verified = try await stage.showrunner("runs", "start", "verify-catalogue", "--wait", "--json")
                #expect(verified.status == 0, "\(verified)")
                #expect(try JSON(parsing: verified.output)["output"]?["objects"]?.integerValue ?? 0 > 8)
            } catch {
                try await stage.stop()
                throw error
            }
            try await stage.stop()
        }

        /// What is shipped, and a trigger for what arrives in the bucket.
        private func workflows() throws -> String {
            let folder = Workplace.file("workflows")
            try FileManager.default.copyItem(atPath: "\(Binaries.checkout)/workflows", toPath: folder)
            try """
            StartAt: Note
            States:
              Note: {Type: Pass, End: true}
            """.write(toFile: folder + "/note.asl.yaml", atomically: true, encoding: .utf8)
            try """
            Triggers:
              deliveries:
                Source: {Kind: s3, Bucket: \(S3Gateway.bucket)}
                EventPattern:
                  detail-type: [Object Created]
                  detail: {object: {key: [{prefix: deliveries/}]}}
                Target: {Arn: note, Input: {key: "{% $states.input.detail.object.key %}"}}
            """.write(toFile: folder + "/triggers.yaml", atomically: true, encoding: .utf8)
            return folder
        }

        /// An object's notification starts its execution, and where there is none the next listing does; neither starts the
        /// other's again.
        private func startByDelivery(_ stage: TestStage, _ gateway: S3Gateway) async throws {
            @Sendable func delivered() async throws -> Set<String> {
                let runs = try await stage.client.get("/console/api/runs?machine=note")["items"]?.arrayValue ?? []
                var keys: [String] = []
                for run in runs {
                    let input = try await stage.run(try #require(run["id"]?.stringValue))["input"]
                    keys.append(try #require(input?["key"]?.stringValue))
                }
                #expect(Set(keys).count == keys.count, "\(keys)")
                return Set(keys)
            }
            let secret = try await stage.showrunner("triggers", "secret", "deliveries")
            try #require(secret.status == 0, "\(secret)")
            let token = secret.output.trimmingCharacters(in: .whitespacesAndNewlines)
            let first = "deliveries/first é 1+1.mov"
            if gateway.kind == .ceph {
                try await gateway.notify("\(stage.engineURL)/hooks/deliveries?token=\(PercentEncoding.encode(token))")
                try await gateway.put(first)
                try await eventually("the notification starts an execution") { try await delivered() == [first] }
                try await gateway.notifyNobody()
            } else {
                try await gateway.put(first)
            }
            let second = "deliveries/second.mov"
            try await gateway.put(second)
            let old = try stage.kill9("engine")
            _ = try await stage.successor(of: old, "engine")
            try await eventually("the listing at the engine's start finds what nobody has told", within: .seconds(120))
            {
                // The engine is on its way.
                do { return try await delivered() == [first, second] } catch is EngineClientError { return false }
            }
        }

        /// The SDK integration: what was published is listed page by page, looked at, copied and deleted.
        private func reachObjects(_ stage: TestStage) async throws {
            func task(_ operation: String, _ parameters: JSON, next: String?) -> JSON {
                var parameters = parameters
                parameters["Bucket"] = .string(S3Gateway.bucket)
                return .members(
                    ("Type", "Task"), ("Resource", .string("arn:aws:states:::aws-sdk:s3:\(operation)")),
                    ("Parameters", parameters), ("ResultPath", .string("$.\(operation)")),
                    ("Next", next.map { .string($0) }), ("End", next == nil ? true : nil))
            }
            let copy = "copies/é 1+1"
            let states: JSON = [
                "Folders": task("listObjectsV2", ["Prefix": "films/", "Delimiter": "/"], next: "Keep"),
                "Keep": ["Type": "Pass", "Parameters": ["folders.$": "$.listObjectsV2"], "Next": "Page"],
                "Page": task("listObjectsV2", ["Prefix": "films/media/", "MaxKeys": 2], next: "Put"),
                "Put": task("putObject", ["Key": "a b", "Body": ["n": 1]], next: "Copy"),
                "Copy": task(
                    "copyObject", ["Key": .string(copy), "CopySource": .string("\(S3Gateway.bucket)/a%20b")],
                    next: "Head"),
                "Head": task("headObject", ["Key": .string(copy)], next: "Delete"),
                "Delete": task("deleteObject", ["Key": .string(copy)], next: "Gone"),
                "Gone": task("headObject", ["Key": .string(copy)], next: nil),
            ]
            let made = try await stage.client.call(
                "CreateStateMachine",
                [
                    "name": "objects", "roleArn": "arn:aws:iam::000000000000:role/r",
                    "definition": .string((["StartAt": "Folders", "States": states] as JSON).text),
                ])
            let started = try await stage.client.call(
                "StartExecution", ["stateMachineArn": try #require(made["stateMachineArn"])])
            let ended = try await stage.end(of: try #require(started["executionArn"]?.stringValue))
            func output(_ name: String, _ operation: String) throws -> JSON {
                let entry = try #require(ended["states"]?.arrayValue?.first { $0["name"]?.stringValue == name })
                return try #require(entry["output"]?[operation], "\(entry)")
            }
            let folders = try output("Folders", "listObjectsV2")
            #expect(folders["CommonPrefixes"]?.arrayValue?.contains(["Prefix": "films/media/"]) == true)
            #expect(folders["Contents"] == nil && folders["IsTruncated"] == false && folders["Delimiter"] == "/")
            let page = try output("Page", "listObjectsV2")
            #expect(page["KeyCount"] == 2 && page["MaxKeys"] == 2 && page["IsTruncated"] == true)
            #expect(page["NextContinuationToken"]?.stringValue?.isEmpty == false)
            let object = try #require(page["Contents"]?.arrayValue?.first)
            #expect(object["Key"]?.stringValue?.hasPrefix("films/media/") == true)
            #expect((object["Size"]?.integerValue ?? 0) > 0 && object["LastModified"]?.stringValue != nil)
            #expect(try output("Copy", "copyObject")["CopyObjectResult"]?["ETag"]?.stringValue != nil)
            #expect(try output("Head", "headObject")["ContentLength"] == 7)
            // The last state finds what was deleted no more.
            #expect(ended["status"] == "FAILED" && ended["error"] == "S3.NoSuchKeyException", "\(ended)")
        }
    }
}

/// An S3 server of the test's own.
struct S3Gateway: Sendable {
    enum Kind: Sendable { case ceph, moto }

    static let bucket = "showrunner-end-to-end"

    /// SHA-256 of no bytes, as Signature Version 4 wants it.
    private static let digestOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    let endpoint: String
    let kind: Kind
    private let program: Program
    private let input: Pipe

    /// Ceph's gateway, which checks signatures, rather than moto, which does not.
    static func kind() async throws -> Kind? {
        let programs = ["ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph"]
        if programs.allSatisfy({ FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)") }) { return .ceph }
        return try await Python.has("moto.server") ? .moto : nil
    }

    static func start(_ kind: Kind) async throws -> S3Gateway {
        let port = FreePorts.neighbours(44)
        let input = Pipe()
        let arguments: [String]
        switch kind {
        case .ceph:
            // The monitor's port lies behind those that the script takes from the gateway's on.
            arguments = [
                "\(Binaries.checkout)/Tests/Support/ceph-s3.sh", Workplace.file("ceph"), "\(port + 43)", "\(port)",
            ]
        case .moto:
            // A process group of its own: what is called python3 may be a script that starts another process.
            arguments = [
                "-c",
                "set -m; python3 -m moto.server -p \(port) < /dev/null & trap \"kill -KILL -- -$!\" EXIT; read word",
            ]
        }
        let program = try Program(
            "/bin/bash", arguments, logs: Workplace.path, name: "s3-\(port)", input: input.fileHandleForReading)
        let gateway = S3Gateway(endpoint: "http://127.0.0.1:\(port)", kind: kind, program: program, input: input)
        do {
            try await eventually("the S3 server", within: .seconds(120)) {
                guard program.isRunning else { throw TooLate(description: "the S3 server has ended") }
                let isReady = try kind == .moto || program.output.contains("ready")
                guard isReady else { return false }
                do {
                    return try await gateway.request("PUT", "/\(bucket)").status == 200
                } catch is HTTPError {
                    return false
                }
            }
        } catch {
            Issue.record("\(error)\n\(program.lastWords())")
            await gateway.stop()
            throw error
        }
        return gateway
    }

    var environment: [String: String] {
        [
            "AWS_ENDPOINT_URL_S3": endpoint, "AWS_ACCESS_KEY_ID": "showrunner",
            "AWS_SECRET_ACCESS_KEY": "showrunner-secret", "AWS_REGION": "us-east-1", "AWS_SESSION_TOKEN": "",
        ]
    }

    private func request(
        _ method: String, _ target: String, _ content: String? = nil, service: String = "s3"
    ) async throws -> HTTPResponse {
        var headers: HTTPHeaders = [:]
        if content == nil { headers["x-amz-content-sha256"] = Self.digestOfNothing }
        if service == "sns" { headers["Content-Type"] = "application/x-www-form-urlencoded" }
        return try await HTTPClient().send(
            HTTPRequest(
                method, endpoint + target, headers: headers,
                body: content.map { .bytes(Array($0.utf8)) } ?? .none,
                signing: AWSSigning(
                    accessKeyID: "showrunner", secretAccessKey: "showrunner-secret", region: "us-east-1",
                    service: service)
            ))
    }

    /// Puts an object of a few bytes.
    func put(_ key: String) async throws {
        let answer = try await request(
            "PUT", "/\(Self.bucket)/\(PercentEncoding.encode(key, keepingSlashes: true))", "a film")
        try #require(answer.status == 200, "\(answer.text)")
    }

    /// Has the bucket's notifications sent to an address: a topic with it as its endpoint, as Ceph has them.
    func notify(_ address: String) async throws {
        let form =
            "Action=CreateTopic&Name=deliveries&Attributes.entry.1.key=push-endpoint&Attributes.entry.1.value="
            + PercentEncoding.encode(address)
        let topic = try await request("POST", "/", form, service: "sns")
        let arn = try #require(topic.text.firstMatch(of: /<TopicArn>([^<]+)<\/TopicArn>/)?.1, "\(topic.text)")
        let configuration = """
            <NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TopicConfiguration>\
            <Id>deliveries</Id><Topic>\(arn)</Topic><Event>s3:ObjectCreated:*</Event></TopicConfiguration>\
            </NotificationConfiguration>
            """
        let answer = try await request("PUT", "/\(Self.bucket)?notification=", configuration)
        try #require(answer.status == 200, "\(answer.text)")
    }

    func notifyNobody() async throws {
        let answer = try await request("DELETE", "/\(Self.bucket)?notification=")
        try #require((200...204).contains(answer.status), "\(answer.text)")
    }

    /// The listing of keys (ListObjectsV2), as the XML it is.
    func list(prefix: String) async throws -> String {
        let answer = try await request(
            "GET", "/\(Self.bucket)?list-type=2&prefix=\(PercentEncoding.encode(prefix))")
        try #require(answer.status == 200, "\(answer.text)")
        return answer.text
    }

    /// Lets it end by itself: it watches its input.
    func stop() async {
        do {
            try input.fileHandleForReading.close()
            try input.fileHandleForWriting.close()
            _ = try await program.status(within: .seconds(30))
        } catch {
            Issue.record(error, "the S3 server does not stop")
            await program.stop()
        }
    }
}
