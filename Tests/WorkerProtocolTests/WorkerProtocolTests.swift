import JSON
import StepContracts
import Testing
import WorkerProtocol

private let progress = StepProgress(
    stage: "encode", mediaSeconds: 12.5, totalSeconds: 60, frames: 375, speed: 1.9,
    parts: [.init(name: "video-720p", share: 0.25)], stillSeconds: 7.5)

private let offer = TaskOffer(
    token: "t-1", step: "transcode", input: ["source": ["url": "file:///a.mp4"]], attempt: 2,
    executionArn: "arn:aws:states:us-east-1:000000000000:execution:ingest:a", execution: "a41f", state: "Transcode",
    machine: "ingest", title: "Elf", heartbeatSeconds: 15, timeoutSeconds: 3600,
    idempotencyKey: "0a1b", traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

@Suite struct RoundTrips {
    private func roundTrip<Message: WorkerMessage>(_ message: Message) throws {
        #expect(try Message(body: message.body) == message)
    }

    @Test func everyMessageReadsWhatItWrote() throws {
        try roundTrip(
            PollRequest(
                worker: "worker-1", incarnation: "i", version: "0.1.0", steps: ["validate", "transcode"], slots: 2,
                waitSeconds: 20))
        try roundTrip(
            PollRequest(
                worker: "worker-1", incarnation: "i", version: "0.1.0", steps: [], slots: 1, waitSeconds: 0,
                address: "http://127.0.0.1:4611"))
        try roundTrip(PollReply(task: offer))
        try roundTrip(
            TaskOffer(
                token: "t", step: "validate", input: nil, attempt: 1, executionArn: "arn", execution: "x",
                state: "S", machine: "m", heartbeatSeconds: 1, idempotencyKey: "k"))
        try roundTrip(
            HeartbeatRequest(
                worker: "worker-1", incarnation: "i",
                tasks: [
                    .init(token: "a", progress: progress),
                    .init(token: "b", progress: nil, content: String(repeating: "0a", count: 32)),
                ]))
        try roundTrip(
            HeartbeatReply(tasks: [.init(token: "a", status: .ok), .init(token: "b", status: .gone)]))
        try roundTrip(CompleteRequest(token: "t", output: ["renditions": []]))
        for isSaved in [false, true] {
            let usage = StepUsage(cpuSeconds: 90.25, wallSeconds: 31, peakMemoryBytes: 1 << 33, isSaved: isSaved)
            try roundTrip(CompleteRequest(token: "t", output: nil, usage: usage))
            try roundTrip(FailRequest(token: "t", failure: .sourceInvalid("x"), usage: usage))
        }
        try roundTrip(ConnectionRequest(token: "t"))
        try roundTrip(ConnectionReply(connection: try HTTPConnection(json: Self.connection)))
        for failure: StepFailure in [.sourceInvalid("no moov box"), .resourceExhausted(""), .storageUnavailable("x")] {
            try roundTrip(FailRequest(token: "t", failure: failure))
        }
        try roundTrip(WorkerProblem(code: WorkerProblem.staleToken, status: 409, detail: "the attempt has ended"))
    }

    /// An attempt's end counts, whatever its worker has measured.
    @Test(
        arguments: [
            ("null", nil), ("7", nil), ("{}", nil), (#"{"cpuSeconds":1,"wallSeconds":2}"#, nil),
            (#"{"cpuSeconds":-1,"wallSeconds":2,"peakMemoryBytes":3}"#, nil),
            (#"{"cpuSeconds":1,"wallSeconds":"2","peakMemoryBytes":3}"#, nil),
            (#"{"cpuSeconds":1,"wallSeconds":2,"peakMemoryBytes":1500000000.5}"#, nil),
            (#"{"cpuSeconds":1,"wallSeconds":2,"peakMemoryBytes":1e300}"#, nil),
            (
                #"{"cpuSeconds":1,"wallSeconds":2.5,"peakMemoryBytes":3}"#,
                StepUsage(cpuSeconds: 1, wallSeconds: 2.5, peakMemoryBytes: 3)
            ),
        ] as [(String, StepUsage?)])
    func usageThatIsNone(text: String, usage: StepUsage?) throws {
        let complete = try CompleteRequest(body: Array(#"{"token":"t","output":{"a":1},"usage":\#(text)}"#.utf8))
        #expect(complete == CompleteRequest(token: "t", output: ["a": 1], usage: usage))
        let fail = #"{"token":"t","error":"E","cause":"","retry":"never","usage":\#(text)}"#
        #expect(try FailRequest(body: Array(fail.utf8)).usage == usage)
    }

    private static let connection: JSON = [
        "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "Origins": ["https://a", "http://10.0.0.7:8080"],
        "AuthParameters": [
            "OAuthParameters": [
                "ClientParameters": ["ClientID": "i", "ClientSecret": "s"], "AuthorizationEndpoint": "https://a/token",
                "HttpMethod": "POST", "OAuthHttpParameters": ["BodyParameters": [["Key": "scope", "Value": "x"]]],
            ],
            "InvocationHttpParameters": [
                "HeaderParameters": [["Key": "x", "Value": "y", "IsValueSecret": false]],
                "QueryStringParameters": [["Key": "q", "Value": "", "IsValueSecret": true]],
            ],
        ],
    ]

    @Test func unknownMembersAreIgnored() throws {
        var json = offer.json
        json["priority"] = 7
        #expect(try TaskOffer(json: json) == offer)
        #expect(offer.traceID == "0af7651916cd43dd8448eb211c80319c")
    }
}

/// A message's valid JSON, changed in one place.
struct Refusal: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let read: @Sendable () throws -> Void
    let problems: [WorkerProtocolError.Problem]

    init<Message: WorkerMessage>(
        _ name: String, _ type: Message.Type, _ text: String, _ problems: (String, String)...
    ) {
        testDescription = name
        read = { _ = try Message(body: Array(text.utf8)) }
        self.problems = problems.map { .init(member: $0.0, reason: $0.1) }
    }
}

@Suite struct Refusals {
    static let cases: [Refusal] = [
        Refusal(
            "broken JSON", CompleteRequest.self, #"{"token": "#,
            ("", "is not valid JSON at byte 10: the text ends where a value was expected")),
        Refusal("an array", HeartbeatReply.self, "[]", ("", "must be a JSON object")),
        Refusal(
            "all problems at once", PollRequest.self,
            #"{"worker":"","incarnation":7,"steps":["a",1],"slots":0,"waitSeconds":21}"#,
            ("worker", "must not be empty"), ("incarnation", "must be a string"), ("version", "is missing"),
            ("steps[1]", "must be a string"), ("slots", "is 0; it must be from 1 to 256"),
            ("waitSeconds", "is 21; it must be from 0 to 20")),
        Refusal("a poll reply without task", PollReply.self, "{}", ("task", "is missing")),
        Refusal(
            "a long token", CompleteRequest.self,
            #"{"token":"\#(String(repeating: "x", count: 257))","output":{}}"#,
            ("token", "has 257 bytes, more than the 256 allowed")),
        Refusal(
            "a large output", CompleteRequest.self,
            #"{"token":"t","output":"\#(String(repeating: "x", count: 262_143))"}"#,
            ("output", "has 262145 bytes as JSON, more than the 262144 allowed")),
        Refusal(
            "a body over 1 MiB", CompleteRequest.self, String(repeating: " ", count: 1_048_577),
            ("", "has 1048577 bytes, more than the 1048576 a message may have")),
        Refusal(
            "no connection", ConnectionReply.self,
            #"{"connection":{"AuthorizationType":"BASIC","Origins":["https://a"],"#
                + #""AuthParameters":{"BasicAuthParameters":{"Username":"u"}}}}"#,
            (
                "connection",
                "the connection: 'AuthParameters.BasicAuthParameters.Password' has to be a text of 1 to 512 characters"
            )),
        Refusal("no output", CompleteRequest.self, #"{"token":"t"}"#, ("output", "is missing")),
        Refusal(
            "an unknown retry class", FailRequest.self, #"{"token":"t","error":"E","cause":"","retry":"maybe"}"#,
            ("retry", "is 'maybe'; it must be one of 'never', 'elsewhere', 'transient'")),
        Refusal(
            "places inside a heartbeat", HeartbeatRequest.self,
            #"{"worker":"w","incarnation":"i","tasks":[{"token":"t"},{"progress":{"stage":1}},3]}"#,
            ("tasks[1].token", "is missing"),
            (
                "tasks[1].progress",
                "must be an object with at least 'stage' (string) and 'mediaSeconds' (number)"
            ),
            ("tasks[2]", "must be a JSON object")),
        Refusal(
            "an unknown status", HeartbeatReply.self, #"{"tasks":[{"token":"t","status":"fine"}]}"#,
            ("tasks[0].status", "is 'fine'; it must be one of 'ok', 'gone'")),
        Refusal(
            "a fraction where an integer stands", WorkerProblem.self, #"{"code":"c","status":4.5,"detail":""}"#,
            ("status", "must be an integer")),
    ]

    @Test(arguments: cases) func namesEveryProblemWithItsPlace(_ refusal: Refusal) {
        let error = #expect(throws: WorkerProtocolError.self) { try refusal.read() }
        #expect(error?.problems == refusal.problems)
    }

    @Test func tooManyTasksAreRefused() {
        let tasks = (0...WorkerProtocolLimits.tasks).map { HeartbeatRequest.LiveTask(token: "\($0)", progress: nil) }
        let request = HeartbeatRequest(worker: "w", incarnation: "i", tasks: tasks)
        let error = #expect(throws: WorkerProtocolError.self) { try HeartbeatRequest(body: request.body) }
        #expect(error?.problems == [.init(member: "tasks", reason: "has 257 elements, more than the 256 allowed")])
    }

    @Test func aLongCauseIsCutAtACharacter() throws {
        let cause = String(repeating: "é", count: WorkerProtocolLimits.causeBytes)
        let request = FailRequest(token: "t", failure: .crashed("x" + cause))
        #expect(request.cause.utf8.count == WorkerProtocolLimits.causeBytes - 1)
        #expect(request.cause.hasSuffix("é"))
        #expect(try FailRequest(body: request.body) == request)
    }
}
