import Interpreter
import JSON
import StatesLanguage
import Testing

/// What a task's Resource makes of its life and its history: activities, functions, services, callbacks.
@Suite("Kinds of tasks")
struct TaskFamilyTests {
    private func begin(_ resource: String, _ fields: String = "", input: JSON = ["a": 1]) throws -> Conversation {
        let talk = try Conversation(
            #"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"\#(resource)",\#(fields)"End":true}}}"#,
            input: input)
        talk.tell(.start)
        return talk
    }

    private func details(_ talk: Conversation, _ type: String) -> JSON? {
        talk.history.events.first { $0.type == type }?.details?.value
    }

    @Test("an activity: its events name the activity and the worker")
    func activity() throws {
        let arn = "arn:aws:states:us-east-1:000000000000:activity:encode"
        let talk = try begin(arn, #""TimeoutSeconds":60,"HeartbeatSeconds":10,"#)
        let nonce = talk.handOut(1, worker: "w-1")
        talk.tell(.taskSucceeded(entry: 1, nonce: nonce, output: "done"))
        #expect(
            talk.history.events.map(\.type).dropFirst(2) == [
                "ActivityScheduled", "ActivityStarted", "ActivitySucceeded", "TaskStateExited", "ExecutionSucceeded",
            ])
        #expect(
            details(talk, "ActivityScheduled")
                == [
                    "resource": .string(arn), "input": #"{"a":1}"#, "inputDetails": ["truncated": false],
                    "timeoutInSeconds": 60, "heartbeatInSeconds": 10,
                ])
        #expect(details(talk, "ActivityStarted") == ["workerName": "w-1"])
        #expect(details(talk, "ActivitySucceeded") == ["output": #""done""#, "outputDetails": ["truncated": false]])
    }

    @Test("a failed activity, and one whose time is up or that does not exist")
    func failedActivity() throws {
        let arn = "arn:aws:states:us-east-1:000000000000:activity:encode"
        let failed = try begin(arn)
        failed.tell(.taskFailed(entry: 1, nonce: failed.handOut(1, worker: ""), error: "", cause: ""))
        #expect(details(failed, "ActivityStarted") == [:])
        #expect(details(failed, "ActivityFailed") == [:])
        #expect(failed.execution.outcome == .failed(error: nil, cause: nil))
        let late = try begin(arn, #""TimeoutSeconds":60,"#)
        try late.ring()
        #expect(details(late, "ActivityTimedOut") == ["error": "States.Timeout"])
        let none = try begin(arn)
        none.tell(.attemptFailed(entry: 1, nonce: nil, stage: .schedule, error: "States.Runtime", cause: "none"))
        #expect(details(none, "ActivityScheduleFailed") == ["error": "States.Runtime", "cause": "none"])
        #expect(try none.replayed() == none.execution)
    }

    @Test("a function has a family of events of its own")
    func function() throws {
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
        let talk = try begin(arn)
        talk.tell(.taskSucceeded(entry: 1, nonce: talk.handOut(1), output: 1))
        #expect(
            talk.history.events.map(\.type).dropFirst(2).prefix(3) == [
                "LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded",
            ])
        #expect(
            details(talk, "LambdaFunctionScheduled")
                == ["resource": .string(arn), "input": #"{"a":1}"#, "inputDetails": ["truncated": false]])
        #expect(details(talk, "LambdaFunctionStarted") == nil)
    }

    @Test(
        "a service by the parts of its ARN",
        arguments: [
            ("arn:aws:states:::showrunner:encode", "showrunner", "encode"),
            ("arn:aws:states:::states:startExecution.sync:2", "states", "startExecution.sync:2"),
            ("arn:aws:states:::aws-sdk:s3:getObject", "aws-sdk:s3", "getObject"),
        ])
    func service(_ arn: String, _ type: String, _ resource: String) throws {
        let talk = try begin(arn, #""Credentials":{"RoleArn.$":"$.role"},"#, input: ["role": "arn:aws:iam::1:role/r"])
        #expect(
            details(talk, "TaskScheduled")
                == [
                    "resourceType": .string(type), "resource": .string(resource), "region": "us-east-1",
                    "parameters": #"{"role":"arn:aws:iam::1:role/r"}"#,
                    "taskCredentials": ["roleArn": "arn:aws:iam::1:role/r"],
                ])
        talk.handOut(1)
        #expect(details(talk, "TaskStarted") == ["resourceType": .string(type), "resource": .string(resource)])
        guard case .task(let attempt) = talk.execution.entry(1)?.phase else { return }
        #expect(attempt.credentials == ["RoleArn": "arn:aws:iam::1:role/r"])
    }

    /// ".sync": the task is submitted, and its end is told later.
    @Test("a job that is submitted and ends later; one that is not taken")
    func job() throws {
        let arn = "arn:aws:states:::states:startExecution.sync"
        let talk = try begin(arn)
        let nonce = talk.handOut(1)
        #expect(talk.refuses(.taskSubmitted(entry: 1, nonce: "other", output: [:])))
        talk.tell(.taskSubmitted(entry: 1, nonce: nonce, output: ["ExecutionArn": "x"]))
        #expect(talk.refuses(.taskSubmitted(entry: 1, nonce: nonce, output: [:])), "once")
        talk.tell(.taskSucceeded(entry: 1, nonce: nonce, output: ["Status": "SUCCEEDED"]))
        #expect(
            talk.history.events.map { "\($0.id) <- \($0.previousID) \($0.type)" }.dropFirst(2).prefix(4) == [
                "3 <- 2 TaskScheduled", "4 <- 3 TaskStarted", "5 <- 4 TaskSubmitted", "6 <- 5 TaskSucceeded",
            ])
        #expect(try talk.replayed() == talk.execution)
        let refused = try begin(arn)
        refused.tell(
            .attemptFailed(entry: 1, nonce: refused.handOut(1), stage: .submit, error: "E", cause: "C"))
        #expect(
            details(refused, "TaskSubmitFailed")
                == ["error": "E", "cause": "C", "resourceType": "states", "resource": "startExecution.sync"])
    }

    /// ".waitForTaskToken": `$$.Task.Token` goes out with the parameters, and who has it answers.
    @Test("a callback: the token in the parameters answers for the attempt, and for no later one")
    func callback() throws {
        let talk = try begin(
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            #""Parameters":{"token.$":"$$.Task.Token"},"Retry":[{"ErrorEquals":["E"]}],"#)
        func attempt() throws -> (token: String, nonce: String) {
            guard case .task(let attempt) = talk.execution.entry(1)?.phase else { return ("", "") }
            return (
                try #require(attempt.parameters["token"]?.stringValue), try #require(attempt.callbackNonce)
            )
        }
        let first = try attempt()
        #expect(first.token == talk.execution.taskToken(of: 1, nonce: first.nonce))
        let worker = talk.handOut(1)
        talk.tell(.taskSubmitted(entry: 1, nonce: worker, output: ["MessageId": "1"]))
        talk.tell(.taskFailed(entry: 1, nonce: first.nonce, error: "E", cause: ""))
        try talk.ring()
        let second = try attempt()
        #expect(first.nonce != second.nonce)
        #expect(talk.refuses(.taskSucceeded(entry: 1, nonce: first.nonce, output: nil)))
        talk.tell(.taskSucceeded(entry: 1, nonce: second.nonce, output: "from outside"))
        #expect(talk.execution.outcome == .succeeded(output: "from outside"))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("who has found out an execution's seed does not know its tokens")
    func tokenKey() throws {
        let definition =
            #"{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","#
            + #""Parameters":{"token.$":"$$.Task.Token"},"End":true}}}"#
        let machine = try #require(Definition.read(json: definition).machine)
        func nonce(key: String?) throws -> String {
            let start = ExecutionStart(
                machineARN: "arn:aws:states:us-east-1:000000000000:stateMachine:m", name: "x", definitionHash: "h",
                input: [:], seed: 1, tokenKey: key)
            let execution = Execution(id: "1", start: start, machine: machine, at: 0)
            let decision = decide(execution, .start, now: 0) { _, bytes in
                // FNV-1a: enough to tell one text from another.
                let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
                return String(hash, radix: 16)
            }
            guard case .task(let attempt) = decision.execution.entry(1)?.phase else { return "" }
            return try #require(attempt.callbackNonce)
        }
        #expect(try nonce(key: "a") == nonce(key: "a"))
        #expect(try Set([nonce(key: "a"), nonce(key: "b"), nonce(key: nil)]).count == 3)
    }

    @Test("what a failing branch leaves unfinished is told from the inside out")
    func aborted() throws {
        let work = #""Type":"Task","Resource":"arn:aws:states:::showrunner:work""#
        let talk = try Conversation(
            #"""
            {"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
              {"StartAt":"L","States":{"L":{\#(work),"End":true}}},
              {"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}},
              {"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","End":true,"ItemProcessor":{
                "StartAt":"T","States":{"T":{\#(work),"End":true}}}}}}]}}}
            """#, input: ["items": [1]])
        talk.tell(.start)
        try talk.fail("L", "E", "why")
        let failed = try #require(talk.history.events.firstIndex { $0.type == "TaskFailed" })
        #expect(
            talk.history.events[(failed + 1)...].map(\.type) == [
                "WaitStateAborted", "TaskStateAborted", "MapIterationAborted", "MapStateAborted",
                "ParallelStateFailed", "ExecutionFailed",
            ])
        #expect(talk.history.events.last?.id == talk.history.events.count)
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("a stop from outside follows nothing; running out of time follows the last event and has no details")
    func ends() throws {
        let stopped = try begin("arn:aws:states:::showrunner:work")
        stopped.tell(.stop(error: nil, cause: "enough"))
        #expect(stopped.history.events.last?.previousID == 0)
        #expect(stopped.history.events.last?.details?.value == ["cause": "enough"])
        let late = try Conversation(
            #"{"StartAt":"W","TimeoutSeconds":5,"States":{"W":{"Type":"Wait","Seconds":9,"End":true}}}"#)
        late.tell(.start)
        try late.ring()
        #expect(late.history.events.last?.previousID == 2)
        #expect(late.history.events.last?.details == nil)
    }
}
