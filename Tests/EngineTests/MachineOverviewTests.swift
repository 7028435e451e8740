@testable import Engine
import JSON
import Journal
import Postgres
import PostgresTestSupport
import Testing

extension Engine {
    fileprivate func shares(_ question: FigureReadings.Question) -> Bool {
        figureReadings.shared(question, at: now) != nil
    }
}

/// What operators see of state machines.
@Suite("overviews of machines")
struct MachineOverviewTests {
    private static let pass = #"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#
    private static let fail = #"""
        {"StartAt":"A","States":{"A":{"Type":"Fail","Error":"Bad","Cause":"because"}}}
        """#

    @Test(
        "a machine tells its figures, its last failure, its versions and where its aliases lead",
        .timeLimit(.minutes(2)))
    func overview() async throws {
        let stage = try await Stage()
        let one = try await stage.engine("one", machines: ["good": Self.pass, "bad": Self.fail, "open": oneTask()])
        let engine = one.engine
        for (machine, count) in [("good", 3), ("bad", 1), ("open", 2)] {
            for number in 0..<count {
                _ = try await engine.startExecution(machine: machine, name: "n\(number)", input: "{}")
            }
        }
        while try await engine.listRuns(RunQuery(status: .running)).items.count > 2 { await Task.yield() }
        let arn = ResourceName.stateMachine("good").arn
        let first = try await engine.publishVersion(of: arn, revisionID: nil, description: "the first")
        _ = try await engine.createAlias(
            name: "live", description: nil, routes: [RequestedRoute(versionARN: first.arn, weight: 100)])

        let list = try await engine.machineOverviews(after: nil)
        #expect(list["machines"]?.arrayValue?.map { $0["name"] } == ["bad", "good", "open"])
        #expect(list["next"] == nil)
        func figures(_ place: Int) -> JSON? { list["machines"]?[place]?["figures"] }
        #expect(figures(0)?["failed"] == 1 && figures(0)?["failureRate"] == 1.0)
        #expect(figures(0)?["lastFailure"]?["error"] == "Bad" && figures(0)?["lastFailure"]?["cause"] == "because")
        #expect(figures(1)?["succeeded"] == 3 && figures(1)?["failureRate"] == 0.0)
        #expect((figures(1)?["typicalSeconds"]?.doubleValue ?? -1) >= 0)
        #expect(figures(2)?["running"] == 2 && figures(2)?["failureRate"] == nil)

        let good = try await engine.machineOverview("good")
        #expect(good["currentVersion"] == 1 && good["versions"]?[0]?["isCurrent"] == true)
        #expect(good["versions"]?[0]?["description"] == "the first")
        #expect(good["aliases"]?[0]?["routingConfiguration"] == [["version": 1, "weight": 100]])
        #expect(try await engine.machineDefinition("good")["definition"]?.stringValue == JSON(parsing: Self.pass).text)
        #expect(try await engine.machineDefinition(first.arn)["stateMachineArn"]?.stringValue == first.arn)
        for missing in ["none", arn + ":7"] {
            let refusal = await #expect(throws: EngineError.self) { try await engine.machineDefinition(missing) }
            #expect(refusal?.code == .machineNotFound)
        }
        let refusal = await #expect(throws: EngineError.self) { try await engine.machineOverview("none") }
        #expect(refusal?.code == .machineNotFound)
        await end(one)
    }

    @Test("all who ask the same share one reading, also for a moment after its end, and never one that failed")
    func sharing() {
        var readings = FigureReadings()
        let asked = FigureReadings.Question(machines: ["a"], countedTo: 10)
        let found = FigureReadings.Answer.success([])
        let reading = FigureReadings.Reading { found }
        #expect(readings.shared(asked, at: 0) == nil)
        readings.begin(reading, asked)
        #expect(readings.shared(asked, at: 60_000_000) == reading, "however long it takes")
        #expect(readings.shared(.init(machines: ["a"], countedTo: 11), at: 0) == nil)
        #expect(readings.shared(.init(machines: ["b"], countedTo: 10), at: 0) == nil)
        readings.end(asked, found, at: 60_000_000)
        #expect(readings.shared(asked, at: 62_999_999) == reading)
        #expect(readings.shared(asked, at: 63_000_000) == nil)
        readings.begin(reading, asked)
        readings.end(asked, .failure(PostgresError(outcome: .notSent, message: "gone")), at: 64_000_000)
        #expect(readings.shared(asked, at: 64_000_000) == nil)
    }

    @Test("who asks while figures are read waits for the same reading")
    func oneReading() async throws {
        let stage = try await Stage()
        let one = try await stage.engine("one", machines: ["good": Self.pass])
        let engine = one.engine
        let asking = try await holding("showrunner.execution_list", of: stage.url) {
            let asking = (0..<5).map { _ in Task { try await engine.machineOverviews(after: nil) } }
            while try await stage.query(
                """
                SELECT FROM pg_stat_activity
                 WHERE application_name = 'showrunner-figures' AND wait_event_type = 'Lock'
                """
            ).isEmpty { await Task.yield() }
            #expect(await engine.shares(.init(machines: ["good"], countedTo: 1_000)))
            #expect(await !engine.shares(.init(machines: ["good"], countedTo: 10_000)))
            return asking
        }
        for asked in asking { #expect(try await asked.value["machines"]?[0]?["figures"]?["succeeded"] == 0) }
        _ = try await engine.startExecution(machine: "good", name: "n", input: "{}")
        while try await engine.listRuns(RunQuery(status: .running)).items.count > 0 { await Task.yield() }
        let page = try await engine.machineOverview("good")
        #expect(page["figures"]?["succeeded"] == 1 && page["countedTo"] == 10_000, "another question")
        await end(one)
    }

    @Test(
        "a share of failures is exact, a bound, or nothing",
        arguments: [
            (0, 0, false, false, nil, nil), (1, 3, false, false, 0.25, nil), (0, 9, false, false, 0, nil),
            (4, 100, false, true, 4.0 / 104, "AT_MOST"), (100, 0, true, false, 1, "AT_LEAST"),
            (100, 100, true, true, nil, nil),
        ] as [(Int, Int, Bool, Bool, Double?, String?)])
    func rate(
        _ failed: Int, _ succeeded: Int, _ failuresGoOn: Bool, _ successesGoOn: Bool, _ share: Double?, _ bound: String?
    ) {
        let rate = FailureRate(
            failed: failed, succeeded: succeeded, failuresGoOn: failuresGoOn, successesGoOn: successesGoOn)
        #expect(rate?.share == share && rate?.bound?.rawValue == bound)
    }
}
