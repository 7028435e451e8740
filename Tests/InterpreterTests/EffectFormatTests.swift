import Interpreter
import JSON
import Testing

/// The text of the journal's rows: format version 1, which every later release must read.
@Suite("The journal's format")
struct EffectFormatTests {
    /// What might be mistaken for a reference, lost or changed on the way through text.
    static let payloads: [Payload] = [
        .value("data"), .value("input"), .value(["data"]), .value([["input"]]), .value([]), .value([[]]), .value(nil),
        .value([nil]), .value([:]), .value(["value": [1]]), .value("\u{0}"), .value(["\u{0}": "a\u{0}b"]),
        .value("\u{1F600}\u{2028}\"\\\n"), .value(1), .value(1.0), .value(-0.0), .value(1e300), .value(0.1),
        .value(.integer(Int64.min)), .value(false), .value(["z": 1, "a": [2, ["b": nil]]]), .data, .input, .item,
        .result, .children, .element(0), .batch(first: 0, count: 2, input: nil),
        .batch(first: 3, count: 1, input: ["data"]), .value(["element": 1]), .value(["first": 0, "count": 1]),
    ]

    @Test("any payload comes back as it was", arguments: payloads)
    func payload(_ payload: Payload) throws {
        let effects: [Effect] = [
            .stateEntered(scope: 1, entry: 2, state: "S", input: payload), .stateExited(scope: 1, output: payload),
            .taskScheduled(scope: 1, resource: "r:1", parameters: payload, timeoutSeconds: 3, heartbeatSeconds: nil),
            .parallelStarted(scope: 1, branches: 2, input: payload),
            .iterationStarted(scope: 1, index: 0, input: payload),
            .errorCaught(scope: 1, error: "E", cause: "", output: payload), .executionSucceeded(output: payload),
        ]
        let text = Effect.encode(effects)
        #expect(!text.utf8.contains(0), "PostgreSQL's text holds no U+0000")
        #expect(try Effect.decode(text) == effects)
        if case .value(let value) = payload {
            let bare: [Effect] = [
                .taskSucceeded(scope: 0, output: value),
                .executionStarted(
                    ExecutionStart(
                        machineARN: "arn", name: "n", definitionHash: "h", input: value, seed: UInt64.max)),
                .mapStarted(scope: 0, items: [value], maxConcurrency: 0, toleratedFailures: 0),
            ]
            #expect(try Effect.decode(Effect.encode(bare)) == bare)
            // Equality of JSON ignores the order of members; the bytes must not.
            #expect(Effect.encode(try Effect.decode(Effect.encode(bare))) == Effect.encode(bare))
        }
    }

    /// Every effect there is, and its text: never to be changed, only added to.
    static let texts: [(effect: Effect, text: String)] = [
        (
            .executionStarted(
                ExecutionStart(machineARN: "arn", name: "n", definitionHash: "h", input: ["a": 1], seed: 255)),
            #"{"e":"executionStarted","machine":"arn","name":"n","definition":"h","input":{"a":1},"seed":"ff"}"#
        ),
        (
            .executionStarted(
                ExecutionStart(
                    machineARN: "arn", name: "n", definitionHash: "h", input: 1, seed: 255,
                    starter: WaitingTask(execution: "x", entry: 3, nonce: "o"))),
            #"{"e":"executionStarted","machine":"arn","name":"n","definition":"h","input":1,"seed":"ff","starter":{"execution":"x","entry":3,"nonce":"o"}}"#
        ),
        (
            .stateEntered(scope: 0, entry: 1, state: "S", input: .data),
            #"{"e":"stateEntered","s":0,"n":1,"state":"S","input":"data"}"#
        ),
        (.stateExited(scope: 0, output: .value("data")), #"{"e":"stateExited","s":0,"output":["data"]}"#),
        (.waitStarted(scope: 0, until: 5), #"{"e":"waitStarted","s":0,"until":5}"#),
        (
            .taskScheduled(scope: 0, resource: "r", parameters: .input, timeoutSeconds: 1, heartbeatSeconds: 2),
            #"{"e":"taskScheduled","s":0,"resource":"r","parameters":"input","timeout":1,"heartbeat":2}"#
        ),
        (
            .taskScheduled(scope: 0, resource: "r", parameters: .input, timeoutSeconds: nil, heartbeatSeconds: nil),
            #"{"e":"taskScheduled","s":0,"resource":"r","parameters":"input"}"#
        ),
        (
            .taskStarted(scope: 0, worker: "w", incarnation: "i", nonce: "n"),
            #"{"e":"taskStarted","s":0,"worker":"w","incarnation":"i","nonce":"n"}"#
        ),
        (.taskSucceeded(scope: 0, output: [nil]), #"{"e":"taskSucceeded","s":0,"output":[null]}"#),
        (
            .taskFailed(scope: 0, error: "E", cause: "C"),
            #"{"e":"taskFailed","s":0,"error":"E","cause":"C"}"#
        ),
        (
            .taskTimedOut(scope: 0, error: "E", cause: "C"),
            #"{"e":"taskTimedOut","s":0,"error":"E","cause":"C"}"#
        ),
        (
            .retryScheduled(scope: 0, retrier: 1, until: 7),
            #"{"e":"retryScheduled","s":0,"retrier":1,"until":7}"#
        ),
        (.retryStarted(scope: 0), #"{"e":"retryStarted","s":0}"#),
        (
            .parallelStarted(scope: 0, branches: 2, input: .input),
            #"{"e":"parallelStarted","s":0,"branches":2,"input":"input"}"#
        ),
        (
            .mapStarted(scope: 0, items: [1], maxConcurrency: 2, toleratedFailures: 3),
            #"{"e":"mapStarted","s":0,"items":[1],"maxConcurrency":2,"toleratedFailures":3}"#
        ),
        (
            .iterationStarted(scope: 0, index: 4, input: .item),
            #"{"e":"iterationStarted","s":0,"index":4,"input":"item"}"#
        ),
        (.childSucceeded(scope: 0, index: 1), #"{"e":"childSucceeded","s":0,"index":1}"#),
        (.childFailed(scope: 0, index: 1, error: nil, cause: nil), #"{"e":"childFailed","s":0,"index":1}"#),
        (
            .childFailed(scope: 0, index: 1, error: "E", cause: ""),
            #"{"e":"childFailed","s":0,"index":1,"error":"E","cause":""}"#
        ),
        (.childrenAborted(scope: 0), #"{"e":"childrenAborted","s":0}"#),
        (
            .errorCaught(scope: 0, error: "E", cause: "C", output: .value([:])),
            #"{"e":"errorCaught","s":0,"error":"E","cause":"C","output":[{}]}"#
        ),
        (.executionSucceeded(output: .data), #"{"e":"executionSucceeded","output":"data"}"#),
        (.executionFailed(error: "E", cause: nil), #"{"e":"executionFailed","error":"E"}"#),
        (.executionTimedOut(error: nil, cause: nil), #"{"e":"executionTimedOut"}"#),
        (.executionAborted(error: nil, cause: "C"), #"{"e":"executionAborted","cause":"C"}"#),
        (
            .executionStarted(
                ExecutionStart(
                    machineARN: "arn", name: "n", definitionHash: "h", input: 1, seed: 16, roleARN: "role",
                    parent: MapRunMembership(
                        execution: "id", entry: 2, index: 3, processor: ["P", "0", "M"], mapRunARN: "run", item: [])
                )),
            #"{"e":"executionStarted","machine":"arn","name":"n","definition":"h","input":1,"seed":"10","role":"role","#
                + #""parent":{"execution":"id","entry":2,"index":3,"processor":["P","0","M"],"mapRun":"run","item":[]}}"#
        ),
        (
            .executionStarted(
                ExecutionStart(
                    machineARN: "arn", name: "n", definitionHash: "h", input: 1, seed: 16,
                    trace: "0af7651916cd43dd8448eb211c80319c")),
            #"{"e":"executionStarted","machine":"arn","name":"n","definition":"h","input":1,"seed":"10","#
                + #""trace":"0af7651916cd43dd8448eb211c80319c"}"#
        ),
        (
            .variablesAssigned(scope: 0, variables: ["a": .value([1]), "b": .result]),
            #"{"e":"variablesAssigned","s":0,"variables":{"a":[[1]],"b":"result"}}"#
        ),
        (
            .evaluationFailed(scope: 0, error: "E", cause: "C", location: "Output/x"),
            #"{"e":"evaluationFailed","s":0,"error":"E","cause":"C","location":"Output/x"}"#
        ),
        (
            .evaluationFailed(scope: 0, error: "E", cause: "C", location: nil),
            #"{"e":"evaluationFailed","s":0,"error":"E","cause":"C"}"#
        ),
        (
            .credentialsTaken(scope: 0, credentials: ["RoleArn": "r"]),
            #"{"e":"credentialsTaken","s":0,"credentials":{"RoleArn":"r"}}"#
        ),
        (.workerLost(scope: 1, worker: "w"), #"{"e":"workerLost","s":1,"worker":"w"}"#),
        (.taskReleased(scope: 1), #"{"e":"taskReleased","s":1}"#),
        (
            .attemptMeasured(
                scope: 1,
                usage: AttemptUsage(
                    cpuMilliseconds: 90_500, wallMilliseconds: 31_000, peakMemoryBytes: 1 << 33, isSaved: false)),
            #"{"e":"attemptMeasured","s":1,"cpu":90500,"wall":31000,"memory":8589934592}"#
        ),
        (
            .attemptMeasured(
                scope: 0,
                usage: AttemptUsage(cpuMilliseconds: 1, wallMilliseconds: 2, peakMemoryBytes: 3, isSaved: true)),
            #"{"e":"attemptMeasured","s":0,"cpu":1,"wall":2,"memory":3,"saved":true}"#
        ),
        (.taskTokenIssued(scope: 0, nonce: "n"), #"{"e":"taskTokenIssued","s":0,"nonce":"n"}"#),
        (.taskSubmitted(scope: 0, output: "o"), #"{"e":"taskSubmitted","s":0,"output":"o"}"#),
        (
            .attemptFailed(scope: 0, stage: .schedule, error: "E", cause: ""),
            #"{"e":"attemptFailed","s":0,"stage":"schedule","error":"E","cause":""}"#
        ),
        (.branchingFailed(scope: 0), #"{"e":"branchingFailed","s":0}"#),
        (
            .mapStateStarted(scope: 0, items: .input, maxConcurrency: 1, toleratedFailures: 2),
            #"{"e":"mapStateStarted","s":0,"items":"input","maxConcurrency":1,"toleratedFailures":2}"#
        ),
        (
            .mapRunStarted(scope: 0, arn: "arn", toleratedCount: 1, toleratedPercentage: 2.5),
            #"{"e":"mapRunStarted","s":0,"arn":"arn","toleratedCount":1,"toleratedPercentage":2.5}"#
        ),
        (
            .itemReadRequested(scope: 0, parameters: ["Bucket": "b"], maxItems: 5),
            #"{"e":"itemReadRequested","s":0,"parameters":{"Bucket":"b"},"maxItems":5}"#
        ),
        (.itemsRead(scope: 0, items: [1]), #"{"e":"itemsRead","s":0,"items":[1]}"#),
        (
            .childExecutionStarted(scope: 0, index: 1, itemCount: 2, input: .batch(first: 2, count: 2, input: 3)),
            #"{"e":"childExecutionStarted","s":0,"index":1,"items":2,"input":{"first":2,"count":2,"input":3}}"#
        ),
        (
            .childExecutionStarted(scope: 0, index: 1, itemCount: 1, input: .element(1)),
            #"{"e":"childExecutionStarted","s":0,"index":1,"items":1,"input":{"element":1}}"#
        ),
        (.mapRunPaused(scope: 0), #"{"e":"mapRunPaused","s":0}"#),
        (
            .childExecutionEnded(scope: 0, index: 1, outcome: .succeeded(output: [])),
            #"{"e":"childExecutionEnded","s":0,"index":1,"status":"SUCCEEDED","output":[]}"#
        ),
        (
            .childExecutionEnded(scope: 0, index: 1, outcome: .aborted(error: nil, cause: "C")),
            #"{"e":"childExecutionEnded","s":0,"index":1,"status":"ABORTED","cause":"C"}"#
        ),
        (
            .resultWriteRequested(scope: 0, parameters: ["Prefix": "p"]),
            #"{"e":"resultWriteRequested","s":0,"parameters":{"Prefix":"p"}}"#
        ),
        (.resultsWritten(scope: 0, output: ["n": 1]), #"{"e":"resultsWritten","s":0,"output":{"n":1}}"#),
        (.mapRunSucceeded(scope: 0), #"{"e":"mapRunSucceeded","s":0}"#),
        (
            .mapRunFailed(scope: 0, error: "E", cause: "C"),
            #"{"e":"mapRunFailed","s":0,"error":"E","cause":"C"}"#
        ),
        (.executionRedriven(count: 1, token: nil), #"{"e":"executionRedriven","count":1}"#),
        (.executionRedriven(count: 2, token: "t"), #"{"e":"executionRedriven","count":2,"token":"t"}"#),
        (.stateRedriven(scope: 1), #"{"e":"stateRedriven","s":1}"#),
        (.branchesRedriven(scope: 1), #"{"e":"branchesRedriven","s":1}"#),
        (.childRedriven(scope: 1, index: 2), #"{"e":"childRedriven","s":1,"index":2}"#),
        (.mapRunRedriven(scope: 1), #"{"e":"mapRunRedriven","s":1}"#),
        (.childExecutionRedriven(scope: 1, index: 2), #"{"e":"childExecutionRedriven","s":1,"index":2}"#),
        (
            .mapRunUpdated(scope: 1, maxConcurrency: 2, toleratedCount: nil, toleratedPercentage: 50),
            #"{"e":"mapRunUpdated","s":1,"maxConcurrency":2,"toleratedPercentage":50.0}"#
        ),
    ]

    @Test("each effect's text is what it has always been", arguments: texts)
    func text(_ effect: Effect, _ text: String) throws {
        let row = #"{"v":1,"effects":[\#(text)]}"#
        #expect(Effect.encode([effect]) == row)
        #expect(try Effect.decode(row) == [effect])
    }

    @Test(
        "what is no row of this or an earlier release is refused with its reason",
        arguments: [
            ("", "JSON"), ("{}", "no version"), (#"{"v":1}"#, "no effects"),
            (#"{"v":2,"effects":[]}"#, "later release"),
            (#"{"v":1,"effects":[{"e":"invented"}]}"#, "unknown effect 'invented'"),
            (#"{"v":1,"effects":[5]}"#, "'e' is missing"),
            (#"{"v":1,"effects":[{"e":"retryStarted"}]}"#, "'s' is missing"),
            (#"{"v":1,"effects":[{"e":"retryStarted","s":"0"}]}"#, "'s' is no whole number"),
            (#"{"v":1,"effects":[{"e":"stateExited","s":0,"output":{}}]}"#, "'output' is no payload"),
            (#"{"v":1,"effects":[{"e":"stateExited","s":0,"output":[1,2]}]}"#, "'output' is no payload"),
            (#"{"v":1,"effects":[{"e":"stateExited","s":0,"output":"nothing"}]}"#, "'output' is no payload"),
        ])
    func refused(_ text: String, _ reason: String) {
        let error = #expect(throws: JournalFormatError.self) { try Effect.decode(text) }
        #expect(error?.description.contains(reason) == true || reason == "JSON", "\(String(describing: error))")
    }
}
