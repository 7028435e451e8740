import Foundation
import SignatureV4
import Testing

/// Requests that AWS's own Python client signs, with another time, path, query, fields and content each.
@Suite("Signature Version 4: botocore")
struct BotocoreTests {
    struct Example: Decodable, Sendable {
        let method: String
        let target: String
        let headers: [[String]]
        let content: String
        let now: String
        let isPresigned: Bool
    }

    static let isInstalled: Bool = {
        do { return try python("import botocore", []).isEmpty } catch { return false }
    }()

    @Test(
        "signs what is accepted, and one byte less or more is refused",
        .enabled(if: isInstalled, "botocore is not installed"))
    func signed() throws {
        let seed = UInt32.random(in: 1 ... .max)
        print("botocore's requests are of seed \(seed)")
        let lines = try Self.python(Self.script, ["\(seed)", "600"]).split(separator: "\n")
        #expect(lines.count == 600, "seed \(seed)")
        let verifier = SignatureVerifier(region: "us-east-1", service: "states")
        var presigned = 0
        for (number, line) in lines.enumerated() {
            let example = try JSONDecoder().decode(Example.self, from: Data(line.utf8))
            let headers = example.headers.map { (name: $0[0], value: $0[1]) }
            let now = try #require(SigningTime(example.now))
            func verify(
                _ content: String, secret: String = "sEcret/Key+of=botocore", at now: SigningTime = now
            ) throws {
                let request = SignedRequest(
                    method: example.method, target: example.target, headers: headers,
                    contentHash: SignedRequest.hash(of: Array(content.utf8)))
                let presented = try #require(try PresentedSignature.read(from: request))
                try verifier.verify(presented, of: request, secret: secret, now: now)
            }
            #expect(throws: Never.self, "request \(number) of seed \(seed): \(line)") { try verify(example.content) }
            #expect(throws: SignatureError.self) { try verify(example.content + " ") }
            #expect(throws: SignatureError.self) { try verify(example.content, secret: "sEcret/Key+of=botocorf") }
            let late = #expect(throws: SignatureError.self) {
                try verify(example.content, at: SigningTime(seconds: now.seconds + 604_801))
            }
            #expect(late?.message.hasPrefix("Signature expired: ") == true)
            let early = #expect(throws: SignatureError.self) {
                try verify(example.content, at: SigningTime(seconds: now.seconds - 301))
            }
            #expect(early?.message.hasPrefix("Signature not yet current: ") == true)
            if example.isPresigned { presigned += 1 }
        }
        #expect(presigned > 100 && presigned < 500, "seed \(seed)")
    }

    /// What a script prints. Throws where Python is absent or the script fails.
    static func python(_ script: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw PythonFailure(status: process.terminationStatus) }
        return String(decoding: bytes, as: UTF8.self)
    }

    struct PythonFailure: Error {
        let status: Int32
    }

    /// Queries have names and are percent-encoded strictly: botocore signs them as they are given. A presigned request
    /// has no content but its fields.
    static let script = """
        import datetime, json, random, sys, urllib.parse
        import botocore.auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        dice = random.Random(int(sys.argv[1]))
        keys = Credentials("AKIDBOTOCORE", "sEcret/Key+of=botocore")
        alphabet = "abcXYZ019-._~ /+=&%:;,@!*'()\\u00e9\\u20ac\\U0001f3ac"

        def word(least, most):
            return "".join(dice.choice(alphabet) for _ in range(dice.randint(least, most)))

        class Clock(datetime.datetime):
            moment = None
            @classmethod
            def utcnow(cls):
                return cls.moment
            @classmethod
            def now(cls, tz=None):
                return cls.moment.replace(tzinfo=tz)

        if hasattr(botocore.auth, "get_current_datetime"):
            botocore.auth.get_current_datetime = lambda remove_tzinfo=True: (
                Clock.moment if remove_tzinfo else Clock.moment.replace(tzinfo=datetime.timezone.utc))
        for number in range(int(sys.argv[2])):
            moment = datetime.datetime(2015, 1, 1) + datetime.timedelta(seconds=dice.randrange(15 * 366 * 86400))
            Clock.moment = Clock(*moment.timetuple()[:6])
            botocore.auth.datetime.datetime = Clock
            presigned = dice.random() < 0.4
            segments = [urllib.parse.quote(word(1, 8), safe="") for _ in range(dice.randint(0, 4))]
            path = "/" + "/".join(segments)
            if segments and dice.random() < 0.2:
                path += dice.choice(["/", "//", "/./x", "/../y", "/z/.."])
            query = "&".join(
                urllib.parse.quote(word(1, 6), safe="-_.~") + "=" + urllib.parse.quote(word(0, 8), safe="-_.~")
                for _ in range(dice.randint(0, 4)))
            method = "GET" if presigned else dice.choice(["POST", "GET", "PUT", "DELETE", "PATCH", "HEAD"])
            content = "" if presigned or dice.random() < 0.3 else json.dumps({word(1, 9): word(0, 200)})
            headers = {}
            if not presigned:
                headers["Content-Type"] = dice.choice(["application/x-amz-json-1.0", "text/plain", "a/b;  c=d"])
            if dice.random() < 0.7:
                headers["X-Amz-Target"] = "AWSStepFunctions." + dice.choice(["StartExecution", "ListExecutions"])
            if dice.random() < 0.3:
                headers["X-Amz-Meta-" + dice.choice("abc")] = "  two   words  "
            host = dice.choice(["127.0.0.1:4600", "localhost:4600", "engine.example", "[::1]:4600"])
            url = "http://" + host + path + ("?" + query if query else "")
            request = AWSRequest(method=method, url=url, data=content.encode(), headers=headers)
            if presigned:
                signer = botocore.auth.SigV4QueryAuth(
                    keys, "states", "us-east-1", expires=dice.choice([1, 60, 3600, 604800]))
            else:
                signer = botocore.auth.SigV4Auth(keys, "states", "us-east-1")
            signer.add_auth(request)
            sent = request.prepare()
            target = sent.url[len("http://" + host):]
            fields = [[name, value.decode() if isinstance(value, bytes) else value]
                      for name, value in sent.headers.items()]
            if not any(name.lower() == "host" for name, _ in fields):
                fields.append(["Host", host])
            print(json.dumps({
                "method": method, "target": target, "headers": fields, "content": content,
                "now": moment.strftime("%Y%m%dT%H%M%SZ"), "isPresigned": presigned}))
        """
}
