import Glibc
import HTTP
import JSON
import ObjectStorage
import StepContracts
import TemporaryFolder
import Testing
import WorkerProtocol

@testable import Worker

@Suite(.timeLimit(.minutes(2))) struct WorkerTests {
    @Test func pollsWithWhatItCanDo() async throws {
        let plant = try await Plant(slots: 2)
        let poll = await plant.engine.nextPoll()
        #expect(poll.worker == "worker-1")
        #expect(poll.incarnation.utf8.count == 36)
        #expect(poll.steps.contains("write"))
        #expect(poll.slots == 2)
        #expect(poll.waitSeconds == 0, "whether the engine answers is known before a poll is kept open")
        var kept = 0
        while kept < 2 { kept += await plant.engine.nextPoll().waitSeconds == 20 ? 1 : 0 }
        #expect(plant.worker.status.engineAnswers, "each free slot keeps a poll open")
        let second = try await Plant()
        #expect(await second.engine.nextPoll().incarnation != poll.incarnation)
    }

    @Test(arguments: TestChild.bubblewrap == nil ? [SandboxMode.off] : [.off, .required])
    func aTaskIsDoneAndItsFilesAreStored(_ sandbox: SandboxMode) async throws {
        let plant = try await Plant(sandbox: sandbox)
        let input = try plant.source("film.txt", "film")
        plant.offer("write", input)
        let complete = await plant.engine.nextComplete()
        #expect(complete.token == "t-1")
        let output = complete.output
        #expect(
            output["source"] == [
                "url": try #require(input["source"]), "bytes": 4, "sha256": digest("film"),
            ])
        let file = try #require(output["file"])
        #expect(output["again"]?[0] == file)
        let key = try #require(file["key"]?.stringValue)
        let prefix = try #require(output["prefix"]?.stringValue)
        #expect(key == "\(prefix)/sub/text.txt")
        #expect(key.hasPrefix("work/"))
        #expect(file["sha256"] == digest("FILM"))
        #expect(try await plant.store.get(key) == Array("FILM".utf8))
        #expect(try await plant.store.head(key).contentType == "text/plain; charset=utf-8")
        #expect(output["threads"] == 2)
    }

    @Test func theSameContentIsNotWorkedOnTwice() async throws {
        let plant = try await Plant()
        plant.offer("write", try plant.source("one.txt", "same"), token: "t-1")
        let made = await plant.engine.nextComplete()
        let first = made.output
        let elsewhere = try plant.source("two.txt", "same")
        plant.offer("write", elsewhere, token: "t-2", idempotencyKey: "k-2")
        let taken = await plant.engine.nextComplete()
        let second = taken.output
        // What it took to make is told of the one that made it, and as saved of the one that did not.
        var saved = try #require(made.usage)
        #expect(saved.cpuSeconds > 0 && saved.peakMemoryBytes > 0 && !saved.isSaved)
        saved.isSaved = true
        #expect(taken.usage == saved)
        // An attempt of the same passage takes it up where one was lost that could tell nobody.
        plant.offer("write", elsewhere, token: "t-3", idempotencyKey: "k-1")
        #expect(await plant.engine.nextComplete().usage == made.usage)
        #expect(second["file"] == first["file"])
        #expect(second["source"]?["url"] == elsewhere["source"])
        #expect(first["cached"] == nil)
        #expect(second["cached"] == true)
        #expect(first["reuse"]?["because"] == "No result of this step is kept for this content.")
        #expect(second["reuse"]?["reused"] == true && second["reuse"]?["result"] == first["reuse"]?["result"])

        var wish = try plant.source("one.txt", "same")
        wish["option"] = "new"
        plant.offer("write", wish, token: "t-4")
        let third = await plant.engine.nextComplete().output
        #expect(third["reuse"]?["changed"] == [["field": "parameters.option", "now": "new"]])
        wish["reuse"] = false
        plant.offer("write", wish, token: "t-5")
        let fourth = await plant.engine.nextComplete().output
        #expect(fourth["reuse"]?["because"] == "The run asked for no kept results.")
        #expect(fourth["cached"] == nil && fourth["file"] == third["file"])

        plant.offer("write", try plant.source("three.txt", "other"), token: "t-3")
        #expect(await plant.engine.nextComplete().output["file"] != first["file"])
    }

    @Test func aResultWhoseObjectIsGoneIsMadeAnew() async throws {
        let plant = try await Plant()
        let input = try plant.source("one.txt", "same")
        plant.offer("write", input, token: "t-1")
        let first = try #require(await plant.engine.nextComplete().output["file"]?["key"]?.stringValue)
        try await plant.store.delete(first)
        plant.offer("write", input, token: "t-2")
        let again = await plant.engine.nextComplete().output
        #expect(again["file"]?["key"]?.stringValue == first && again["cached"] == nil)
        #expect(again["reuse"]?["because"]?.stringValue?.contains("\(first), which is gone") == true)
        #expect(try await plant.store.get(first) == Array("SAME".utf8))
        plant.offer("write", input, token: "t-3")
        #expect(await plant.engine.nextComplete().output["cached"] == true)
    }

    @Test(arguments: [("package", "media/", 32), ("write", "work/", 64)])
    func anAttemptCompletesWhatOneBeforeHasLeft(step: String, root: String, length: Int) async throws {
        let plant = try await Plant(usesResults: false)
        let input = try plant.source("one.txt", "same")
        plant.offer(step, input, token: "t-1")
        let first = try #require(await plant.engine.nextComplete().output["prefix"]?.stringValue)
        #expect(first.hasPrefix(root) && first.utf8.count == root.utf8.count + length)
        // The same content may be put again: nothing of an attempt that was killed stays behind.
        plant.offer(step, input, token: "t-2")
        #expect(await plant.engine.nextComplete().output["prefix"]?.stringValue == first)
        #expect(try await plant.store.list(prefix: root, after: nil, limit: 9).objects.count == 1)
    }

    /// Left by another release, say. Objects are never replaced: the result lies beside it, whole.
    @Test(arguments: ["package", "write"])
    func aResultIsNeverMixedWithWhatDiffersFromIt(step: String) async throws {
        let plant = try await Plant(usesResults: false)
        let input = try plant.source("one.txt", "same")
        plant.offer(step, input, token: "t-1")
        let first = try #require(await plant.engine.nextComplete().output["prefix"]?.stringValue)
        try await plant.store.delete("\(first)/sub/text.txt")
        _ = try await plant.store.put(
            .bytes(Array("old".utf8)), key: "\(first)/sub/text.txt", contentType: "text/plain")
        plant.offer(step, input, token: "t-2")
        let output = await plant.engine.nextComplete().output
        let second = try #require(output["prefix"]?.stringValue)
        #expect(second.hasPrefix("\(first)-") && second.utf8.count == first.utf8.count + 9)
        #expect(output["file"]?["key"]?.stringValue == "\(second)/sub/text.txt")
        #expect(try await plant.store.get("\(second)/sub/text.txt") == Array("SAME".utf8))
        #expect(try await plant.store.get("\(first)/sub/text.txt") == Array("old".utf8))
    }

    private static let keyID = "00112233445566778899aabbccddeeff"

    /// A package that is to be protected under one key.
    private func protected(_ plant: Plant) throws -> JSON {
        var input = try plant.source("film.txt", "film")
        input["protection"] = "cbcs"
        input["keys"] = [["keyId": .string(Self.keyID)], ["keyId": "no id"], ["keyId": .string(Self.keyID)]]
        return input
    }

    @Test func aPackageGetsTheContentKeysItsInputNames() async throws {
        let plant = try await Plant(usesResults: false)
        let reply = ContentKeyReply(key: [UInt8](repeating: 3, count: 16))
        plant.engine.serve(WorkerProtocolPath.contentKey, .init(status: 200, json: reply.json))
        plant.offer("package", try protected(plant))
        #expect(await plant.engine.nextComplete().output["keySums"] == [Self.keyID: 48])
        // A clear one asks for none, and neither does another step.
        plant.engine.serve(WorkerProtocolPath.contentKey, .init(status: 500, json: nil))
        plant.offer("package", try plant.source("clear.txt", "clear"), token: "t-2")
        #expect(await plant.engine.nextComplete().output["keySums"] == [:])
        plant.offer("write", try protected(plant), token: "t-3")
        #expect(await plant.engine.nextComplete().token == "t-3")
    }

    @Test(arguments: [
        (404, WorkerProblem.noContentKey, "Showrunner.KeyUnavailable"),
        (422, WorkerProblem.contentKeySealed, "Showrunner.KeyUnavailable"),
        (409, WorkerProblem.staleToken, "Showrunner.Cancelled"),
    ])
    func aContentKeyThatIsRefusedFailsTheStep(_ status: Int, _ code: String, _ error: String) async throws {
        let plant = try await Plant(usesResults: false)
        let problem = WorkerProblem(code: code, status: status, detail: "because")
        plant.engine.serve(WorkerProtocolPath.contentKey, .init(status: status, json: problem.json))
        plant.offer("package", try protected(plant))
        let failure = await plant.engine.nextFail().failure
        #expect(failure.error == error && failure.cause == "because")
    }

    @Test func aTaskMayBringAsMuchAsAStatesDataMay() async throws {
        let plant = try await Plant()
        var input = try plant.source("film.txt", "film")
        // Every byte of it is escaped.
        input["notes"] = .string(String(repeating: "\u{1}", count: 4 << 20))
        plant.offer("write", input)
        #expect(await plant.engine.nextComplete().output["file"]?["sha256"] == digest("FILM"))
    }

    @Test func withoutKeptResultsEveryTaskIsWorkedOn() async throws {
        let plant = try await Plant(usesResults: false)
        let input = try plant.source("one.txt", "same")
        for token in ["t-1", "t-2"] {
            plant.offer("write", input, token: token)
            let output = await plant.engine.nextComplete().output
            #expect(output["cached"] == nil)
            #expect(output["reuse"]?["because"] == "The worker's configuration asked for no kept results.")
        }
    }

    @Test func storedObjectsAreReadInPlace() async throws {
        let plant = try await Plant(allowsLocalSources: false)
        let reference = try await plant.store.put(.bytes(Array("kept".utf8)), key: "uploads/a.txt", contentType: "x/y")
        plant.offer(
            "write",
            [
                "source": .string(plant.store.url(for: "uploads/a.txt")),
                "poster": ["key": "uploads/a.txt", "bytes": 4, "sha256": .string(reference.sha256)],
            ])
        let complete = await plant.engine.nextComplete()
        #expect(complete.output["file"]?["sha256"] == digest("KEPTKEPT"))
    }

    @Test func webSourcesAreBrought() async throws {
        let plant = try await Plant(allowsLocalSources: false)
        plant.engine.serve("/film.txt", .init(status: 200, json: nil, text: "from the web"))
        plant.offer("write", ["source": .string("\(plant.engine.url)/film.txt")])
        let output = await plant.engine.nextComplete().output
        #expect(output["source"]?["sha256"] == digest("from the web"))
        #expect(output["file"]?["sha256"] == digest("FROM THE WEB"))
    }

    @Test func webSourcesThatCannotBeBroughtSayWhy() async throws {
        let plant = try await Plant(allowsLocalSources: false)
        let url = plant.engine.url
        // Such a signature opens the film for whoever reads it.
        plant.offer("write", ["source": .string("\(url)/none?X-Amz-Signature=0123")], token: "t-1")
        let missing = await plant.engine.nextFail().failure
        #expect(
            missing
                == .sourceInvalid("the source \(url)/none cannot be downloaded: its server answers 404"))

        plant.engine.serve("/busy", .init(status: 503, json: nil))
        plant.offer("write", ["source": .string("\(url)/busy")], token: "t-2")
        #expect(await plant.engine.nextFail().retry == .transient)

        plant.engine.serve(
            "/film?X-Amz-Signature=0123", .init(status: 200, json: nil, text: "other bytes"))
        let known: JSON = [
            "url": .string("\(url)/film?X-Amz-Signature=0123"), "bytes": 11, "sha256": digest("the bytes"),
        ]
        plant.offer("write", ["source": known], token: "t-3")
        let changed = await plant.engine.nextFail()
        #expect(changed.error == "Showrunner.StorageUnavailable")
        #expect(changed.cause.contains("not \(digest("the bytes").stringValue ?? "") as the input says"))
        #expect(!changed.cause.contains("0123"))
    }

    @Test func sourcesOnPrivateNetworksAreRefused() async throws {
        let plant = try await Plant(sources: .publicOnly)
        plant.engine.serve("/film.txt", .init(status: 200, json: nil, text: "secret"))
        plant.offer("write", ["source": .string("\(plant.engine.url)/film.txt")])
        let fail = await plant.engine.nextFail()
        #expect(fail.error == "Showrunner.ParametersInvalid")
        #expect(fail.cause.contains("lies on a private network"))
    }

    struct Refusal: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let step: String
        let input: JSON
        let failure: StepFailure
    }

    @Test(arguments: [
        Refusal(
            testDescription: "a step this worker has not", step: "dream", input: [:],
            failure: StepFailure(
                error: "Showrunner.ParametersInvalid", cause: "this worker has no step 'dream'", retry: .elsewhere)),
        Refusal(
            testDescription: "an input against the contract", step: "die", input: ["signal": "nine"],
            failure: .parametersInvalid("'signal' of die must be of type number")),
        Refusal(
            testDescription: "a file outside the store", step: "write", input: ["source": "file:///etc/passwd"],
            failure: .parametersInvalid(
                "the source 'file:///etc/passwd' lies outside the object store, and this worker reads no other files (--allow-local-sources)"
            )),
        Refusal(
            testDescription: "the step's own refusal", step: "refuse", input: [:],
            failure: .sourceInvalid("no moov box at byte 48")),
        Refusal(
            testDescription: "a crash", step: "die", input: ["signal": 9],
            failure: .crashed(
                "die was ended by SIGKILL while it was at encode, 00:12:40.120; its last words: about to [31mdie")),
        Refusal(
            testDescription: "an output that is a link to a file of the host", step: "link",
            input: ["name": "loot", "target": "/etc/passwd"],
            failure: .crashed("the step's output file 'loot' is no plain file")),
        Refusal(
            testDescription: "an output outside the directory", step: "link", input: ["name": "../../../etc/passwd"],
            failure: .crashed("the step named an output file '../../../etc/passwd' outside its directory")),
        Refusal(
            testDescription: "an output that was not written", step: "link", input: ["name": "nothing"],
            failure: .crashed(
                "the step named an output file 'nothing' and did not write it: No such file or directory")),
        Refusal(
            testDescription: "an output too large for a state", step: "long", input: ["bytes": 300_000],
            failure: .crashed("the step's output has 300011 bytes, more than the 262144 a state may have")),
        Refusal(
            testDescription: "an object that is not there", step: "write",
            input: [
                "file": [
                    "key": "work/none", "bytes": 1,
                    "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                ]
            ],
            failure: .storageUnavailable("There is no object work/none in STORE.")),
    ])
    func failuresAreTold(_ row: Refusal) async throws {
        let plant = try await Plant(allowsLocalSources: false)
        plant.offer(row.step, row.input)
        let fail = await plant.engine.nextFail()
        #expect(fail.error == row.failure.error)
        #expect(fail.cause.replacing(plant.store.baseURL, with: "STORE") == row.failure.cause)
        #expect(fail.retry == row.failure.retry)
        // The slot is free again, and nothing stays behind.
        plant.offer("refuse", token: "t-2")
        #expect(await plant.engine.nextFail().token == "t-2")
        #expect(TemporaryFolder.names(in: plant.scratch).count <= 1)
    }

    @Test func aCrashNamesTheContentOfItsFile() async throws {
        let plant = try await Plant()
        var input = try plant.source("film.txt", "poison")
        input["signal"] = 11
        plant.offer("die", input)
        let fail = await plant.engine.nextFail()
        #expect(fail.error == "Showrunner.StepCrashed")
        #expect(fail.cause.contains("was ended by SIGSEGV while it was at encode, 00:12:40.120"))
        #expect(fail.cause.hasSuffix("its file has the SHA-256 \(digest("poison").stringValue ?? "")"), "\(fail.cause)")
    }

    @Test func heartbeatsCarryProgressUntilTheEnd() async throws {
        let plant = try await Plant()
        plant.offer("wait")
        let heartbeat = await plant.engine.nextHeartbeat { $0.tasks.first?.progress?.stage == "wait" }
        #expect(
            heartbeat.tasks == [.init(token: "t-1", progress: StepProgress(stage: "wait", mediaSeconds: 2))])
        plant.engine.declareGone("t-1")
        plant.offer("refuse", token: "t-2")
        let fail = await plant.engine.nextFail()
        #expect(fail.token == "t-2", "a task that is gone is ended and not answered")
        #expect(
            !plant.engine.history.contains {
                if case .fail(let fail) = $0 { fail.token == "t-1" } else { false }
            })
    }

    @Test func theEngineHearsWhatAFilmIsBeforeItIsOpened() async throws {
        let plant = try await Plant()
        plant.offer("write", try plant.source("one.txt", "film"), token: "t-1")
        let told = await plant.engine.nextHeartbeat { $0.tasks.first?.content != nil }
        #expect(told.tasks.first?.content == digest("film").stringValue)
        #expect(await plant.engine.nextComplete().token == "t-1")
        // What the engine wants nobody to open kills nobody.
        plant.engine.declareGone("t-2")
        var input = try plant.source("two.txt", "poison")
        input["signal"] = 11
        plant.offer("die", input, token: "t-2")
        plant.offer("refuse", token: "t-3")
        #expect(await plant.engine.nextFail().token == "t-3")
        #expect(
            !plant.engine.history.contains {
                if case .fail(let fail) = $0 { fail.token == "t-2" } else { false }
            })
    }

    @Test func aTimeoutEndsTheTask() async throws {
        let plant = try await Plant()
        plant.offer("wait", timeoutSeconds: 1)
        let fail = await plant.engine.nextFail()
        #expect(fail.error == "States.Timeout")
    }

    @Test func outcomesAreRepeatedUntilTheyAreAnswered() async throws {
        let plant = try await Plant()
        plant.engine.answerNextOutcomes(.starting, .starting)
        plant.offer("refuse")
        for _ in 0..<3 { #expect(await plant.engine.nextFail().token == "t-1") }
        _ = await plant.engine.nextPoll()
    }

    @Test func anOutcomeThatIsNotTakenLeavesItsSlotAndIsRepeatedUntilItIs() async throws {
        let plant = try await Plant()
        plant.engine.takeOutcomes(false, of: "t-1")
        plant.offer("refuse")
        plant.offer("wait", plant.untilReleased, token: "t-2")
        // It is still the worker's.
        let both = await plant.engine.nextHeartbeat { $0.tasks.count == 2 }
        #expect(both.tasks.map(\.token) == ["t-1", "t-2"])
        #expect(await plant.engine.nextFail().token == "t-1")
        #expect(plant.worker.status.tasks == 1 && plant.worker.status.engineAnswers)
        // One more than there may be keeps its slot.
        plant.engine.takeOutcomes(false, of: "t-2")
        try plant.release()
        for _ in 0..<5 { #expect(await plant.engine.nextComplete().token == "t-2") }
        #expect(plant.worker.status.tasks == 1)
        plant.engine.takeOutcomes(true, of: "t-2")
        plant.offer("wait", ["until": "never"], token: "t-3")
        _ = await plant.engine.nextHeartbeat { $0.tasks.map(\.token) == ["t-1", "t-3"] }
        plant.engine.takeOutcomes(true, of: "t-1")
        _ = await plant.engine.nextHeartbeat { $0.tasks.map(\.token) == ["t-3"] }
    }

    @Test func aStaleOutcomeIsDropped() async throws {
        let plant = try await Plant()
        plant.engine.answerNextOutcomes(.stale)
        plant.offer("write", try plant.source("f", "x"))
        _ = await plant.engine.nextComplete()
        _ = await plant.engine.nextPoll()
        let outcomes = plant.engine.history.filter {
            switch $0 {
            case .complete, .fail: true
            case .poll, .heartbeat: false
            }
        }
        #expect(outcomes.count == 1)
    }

    @Test func aRefusedResultFailsTheTask() async throws {
        let plant = try await Plant()
        plant.engine.answerNextOutcomes(
            .init(status: 400, json: WorkerProblem(code: "invalid-message", status: 400, detail: "no").json))
        plant.offer("write", try plant.source("f", "x"))
        _ = await plant.engine.nextComplete()
        #expect(await plant.engine.nextFail().failure == .crashed("the engine refused the result of write: no"))
    }

    @Test func workGoesOnWhileTheEngineIsAway() async throws {
        let plant = try await Plant()
        plant.offer("wait", plant.untilReleased)
        let before = await plant.engine.nextHeartbeat { $0.tasks.first?.progress?.stage == "wait" }
        plant.engine.stop()
        try plant.engine.start()
        // The new engine hears of the task from the worker, under the same token and incarnation.
        let after = await plant.engine.nextHeartbeat { $0.tasks.first?.token == "t-1" }
        #expect(after.incarnation == before.incarnation)
        plant.engine.stop()
        try plant.release()
        try plant.engine.start()
        let complete = await plant.engine.nextComplete()
        #expect(complete.token == "t-1" && complete.output["waited"] == true)
    }

    @Test func drainingLetsTasksEnd() async throws {
        let plant = try await Plant(slots: 2)
        plant.offer("wait", plant.untilReleased)
        _ = await plant.engine.nextHeartbeat { $0.tasks.first?.progress?.stage == "wait" }
        await plant.drain()
        try plant.release()
        #expect(await plant.engine.nextComplete().output["waited"] == true)
        try await plant.ended()
        #expect(TemporaryFolder.names(in: plant.scratch) == [])
    }

    @Test func whatTheGracePeriodDoesNotCoverIsHandedBack() async throws {
        let plant = try await Plant(grace: .milliseconds(50))
        plant.offer("wait")
        _ = await plant.engine.nextHeartbeat { $0.tasks.first?.progress?.stage == "wait" }
        await plant.drain()
        let fail = await plant.engine.nextFail()
        #expect(
            fail.failure
                == StepFailure(
                    error: "Showrunner.WorkerLost", cause: "the worker worker-1 was told to stop", retry: .elsewhere))
        try await plant.ended()
        #expect(TemporaryFolder.names(in: plant.scratch) == [])
    }

    @Test func anIdleWorkerStopsAtOnce() async throws {
        let plant = try await Plant(slots: 3)
        for _ in 0..<3 { _ = await plant.engine.nextPoll() }
        await plant.drain()
        try await plant.ended()
    }

    @Test func statusTellsWhetherTheEngineAnswers() async throws {
        let engine = try ScriptedEngine()
        engine.stop()
        let plant = try await Plant(engine: engine)
        #expect(!plant.worker.status.engineAnswers)
        try engine.start()
        plant.offer("refuse")
        _ = await engine.nextFail()
        _ = await engine.nextPoll()
        #expect(plant.worker.status.engineAnswers)
        #expect(plant.worker.status.engineTrouble == nil)
    }
}
