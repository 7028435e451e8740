import Glibc
import JSON
import StepContracts
import Synchronization
import TemporaryFolder
import Testing

@testable import Worker

/// One child's directories and how it is run.
private struct Bench {
    let directory = TemporaryFolder.made()
    let process: StepProcess
    let output: String
    let links: String

    init(
        _ sandbox: Sandbox, limits: ChildLimits = ChildLimits(), patience: Duration = .seconds(2),
        watchInterval: Duration = .seconds(3600), sleep: (@Sendable (Duration) async throws -> Void)? = nil
    ) throws {
        var process = StepProcess(command: [TestChild.path], sandbox: sandbox, limits: limits, patience: patience)
        process.watchInterval = watchInterval
        if let sleep { process.sleep = sleep }
        self.process = process
        output = try directory.make("out")
        links = try directory.make("in")
    }

    func run(
        _ step: String, _ input: JSON = [:], files: [String: String] = [:], timeoutSeconds: Int? = nil,
        report: @escaping @Sendable (StepProgress) -> Void = { _ in }, used: (StepUsage) -> Void = { _ in }
    ) async throws(StepFailure) -> JSON {
        try await process.run(
            StepProcess.Job(
                step: step, input: input, files: files, outputDirectory: output, linkDirectory: links,
                outputPrefix: "work/p", threads: 3, timeoutSeconds: timeoutSeconds), report: report, used: used)
    }

    func failure(
        _ step: String, _ input: JSON = [:], timeoutSeconds: Int? = nil
    ) async -> StepFailure? {
        do {
            let output = try await run(step, input, timeoutSeconds: timeoutSeconds)
            Issue.record("\(step) succeeded: \(output)")
            return nil
        } catch {
            return error
        }
    }
}

/// The first progress a child tells, to be awaited.
private struct FirstProgress: Sendable {
    private let stream: AsyncStream<StepProgress>
    let report: @Sendable (StepProgress) -> Void

    init() {
        let (stream, continuation) = AsyncStream.makeStream(
            of: StepProgress.self, bufferingPolicy: .bufferingOldest(1))
        self.stream = stream
        report = { continuation.yield($0) }
    }

    var value: StepProgress? {
        get async { await stream.first { _ in true } }
    }
}

@Suite(.timeLimit(.minutes(3))) struct StepProcessTests {
    @Test(arguments: TestChild.sandboxes) func givesFilesAndTakesOutputAndProgress(_ sandbox: Sandbox)
        async throws
    {
        let bench = try Bench(sandbox)
        let first = try bench.directory.file("first name.bin", "ab")
        let second = try bench.directory.file("second", "cd")
        let progress = Mutex<[StepProgress]>([])
        let output = try await bench.run(
            "write", files: ["work/a": first, "file:///b": second],
            report: { value in progress.withLock { $0.append(value) } })
        #expect(
            output == [
                "file": ["file": "sub/text.txt"], "again": [["file": "sub/text.txt"]], "prefix": "work/p",
                "threads": 3,
            ])
        #expect(text(of: "\(bench.output)/sub/text.txt") == "CDAB")
        #expect(
            progress.withLock { $0 } == [
                StepProgress(stage: "write", mediaSeconds: 1.5, totalSeconds: 3, frames: 36)
            ])
    }

    @Test(arguments: TestChild.sandboxes) func tellsTheStepsOwnFailure(_ sandbox: Sandbox)
        async throws
    {
        let failure = try await Bench(sandbox).failure("refuse")
        #expect(failure == .sourceInvalid("no moov box at byte 48"))
    }

    @Test(arguments: TestChild.sandboxes, ["write", "refuse", "die", "quit", "babble"])
    func tellsWhatTheStepTook(_ sandbox: Sandbox, _ step: String) async throws {
        let bench = try Bench(sandbox)
        let files = [
            "work/a": try bench.directory.file("first", "ab"), "file:///b": try bench.directory.file("second", "cd"),
        ]
        var told: [StepUsage] = []
        let outcome: StepFailure?
        do {
            _ = try await bench.run(step, ["signal": 9], files: files, used: { told.append($0) })
            outcome = nil
        } catch { outcome = error }
        #expect((outcome == nil) == (step == "write"))
        #expect(told.count == 1)
        for usage in told {
            #expect(usage.wallSeconds >= 0 && usage.wallSeconds < 60 && usage.cpuSeconds < 60 && !usage.isSaved)
            // A process of Swift's has some of its own before it does anything.
            #expect(usage.cpuSeconds > 0 && usage.peakMemoryBytes > 1 << 20 && usage.peakMemoryBytes < 1 << 32)
        }
    }

    /// A step that stands still tells what it takes as well as one that goes on; so does one that its deadline ends.
    @Test(arguments: TestChild.sandboxes) func tellsWhatAStepTookThatItsDeadlineEnded(_ sandbox: Sandbox) async throws {
        let progress = FirstProgress()
        let bench = try Bench(sandbox, patience: .zero, sleep: { _ in _ = await progress.value })
        var told: [StepUsage] = []
        do {
            _ = try await bench.run("toil", report: progress.report, used: { told.append($0) })
            Issue.record("toil ended")
        } catch { #expect(error.error == "States.Timeout") }
        #expect(told.count == 1)
        for usage in told { #expect(usage.cpuSeconds > 0.2 && usage.wallSeconds > 0.9, "\(usage)") }
    }

    /// A process begins with the peak of the one that it was started from.
    @Test(arguments: TestChild.sandboxes) func theWorkersMemoryIsNotTheSteps(_ sandbox: Sandbox) async throws {
        let bench = try Bench(sandbox)
        let hoard = [UInt8](repeating: 1, count: 200 << 20)
        var told: [StepUsage] = []
        _ = try await bench.run("pace", used: { told.append($0) })
        #expect(hoard.last == 1 && told.count == 1)
        for usage in told {
            #expect(usage.peakMemoryBytes > 1 << 20 && usage.peakMemoryBytes < 150 << 20, "\(usage)")
        }
    }

    @Test(arguments: TestChild.sandboxes) func refusesAnUnknownStep(_ sandbox: Sandbox) async throws {
        let failure = try await Bench(sandbox).failure("dream")
        #expect(failure == .parametersInvalid("this worker has no step 'dream'"))
    }

    @Test(
        "a child that a signal ends is a crash that says which, where and what it said last",
        arguments: TestChild.sandboxes, [SIGKILL, SIGSEGV, SIGABRT, SIGTERM])
    func signals(_ sandbox: Sandbox, _ signal: Int32) async throws {
        let failure = try await Bench(sandbox).failure("die", ["signal": .integer(Int(signal))])
        let name = ChildEnding.name(ofSignal: signal)
        #expect(
            failure
                == .crashed(
                    "die was ended by \(name) while it was at encode, 00:12:40.120; its last words: about to [31mdie"
                ))
    }

    @Test(arguments: TestChild.sandboxes) func aSilentEndIsACrash(_ sandbox: Sandbox) async throws {
        let failure = try await Bench(sandbox).failure("quit")
        #expect(failure == .crashed("quit ended with status 3 and no result"))
    }

    @Test(arguments: TestChild.sandboxes) func memoryBeyondTheLimitIsExhausted(_ sandbox: Sandbox)
        async throws
    {
        let bench = try Bench(sandbox, limits: ChildLimits(addressSpaceBytes: 1 << 30))
        let failure = await bench.failure("hog")
        #expect(failure?.error == "Showrunner.ResourceExhausted")
        #expect(failure?.retry == .elsewhere)
        #expect(
            failure?.cause.hasPrefix("hog needed more than its 1024 MiB of memory") == true,
            "\(failure as Any)")
    }

    @Test(arguments: TestChild.sandboxes) func aFileBeyondTheLimitIsExhausted(_ sandbox: Sandbox)
        async throws
    {
        let bench = try Bench(sandbox, limits: ChildLimits(fileBytes: 4 << 20))
        let failure = await bench.failure("fat")
        #expect(failure == .resourceExhausted("fat wrote a file larger than its 4 MiB"))
    }

    @Test(arguments: TestChild.sandboxes) func processorTimeBeyondTheLimitIsExhausted(_ sandbox: Sandbox)
        async throws
    {
        let bench = try Bench(sandbox, limits: ChildLimits(wallSeconds: 100))
        let failure = await bench.failure("burn")
        #expect(failure == .resourceExhausted("burn used more than its 1210 s of CPU time"))
    }

    @Test(arguments: TestChild.sandboxes) func theDeadlineEndsTheChild(_ sandbox: Sandbox) async throws {
        let progress = FirstProgress()
        let slept = Mutex<Duration?>(nil)
        let bench = try Bench(
            sandbox,
            sleep: { duration in
                slept.withLock { $0 = duration }
                _ = await progress.value
            })
        let failure = await #expect(throws: StepFailure.self) {
            try await bench.run("wait", timeoutSeconds: 90, report: progress.report)
        }
        #expect(slept.withLock { $0 } == .seconds(90))
        #expect(failure?.error == "States.Timeout")
        #expect(failure?.cause == "wait took longer than 90 s; it was at wait, 00:00:02.000")
    }

    @Test(arguments: [(nil, 100), (20, 20), (200, 100)] as [(Int?, Int)])
    func theShorterDeadlineHolds(_ row: (task: Int?, effective: Int)) async throws {
        let slept = Mutex<Duration?>(nil)
        let bench = try Bench(
            .limitsOnly(reason: nil), limits: ChildLimits(wallSeconds: 100),
            sleep: { duration in slept.withLock { $0 = duration } })
        let failure = await bench.failure("wait", timeoutSeconds: row.task)
        #expect(failure?.cause.hasPrefix("wait took longer than \(row.effective) s") == true)
        #expect(slept.withLock { $0 } == .seconds(row.effective))
    }

    @Test(arguments: TestChild.sandboxes, ["wait", "stubborn"])
    func cancellationEndsTheChild(_ sandbox: Sandbox, _ step: String) async throws {
        let bench = try Bench(sandbox, patience: .milliseconds(100))
        let progress = FirstProgress()
        let task = Task { () -> StepFailure? in
            do {
                _ = try await bench.run(step, report: progress.report)
                return nil
            } catch {
                return error as? StepFailure
            }
        }
        #expect(await progress.value?.stage == step)
        task.cancel()
        #expect(await task.value?.error == "Showrunner.Cancelled")
    }

    @Test func whoeverStandsStillIsToldOf() async throws {
        let bench = try Bench(.limitsOnly(reason: nil), watchInterval: .milliseconds(20))
        let (stream, continuation) = AsyncStream.makeStream(of: StepProgress.self)
        let task = Task {
            try await bench.run(
                "wait", ["until": .string("\(bench.directory.path)/released")], report: { continuation.yield($0) })
        }
        var told: [StepProgress] = []
        for await progress in stream {
            told.append(progress)
            if told.count(where: { $0.stage == "wait" && $0.stillSeconds ?? 0 > 0.1 }) == 3 { break }
        }
        _ = try bench.directory.file("released", "")
        #expect(try await task.value == ["waited": true])
        let standing = told.filter { $0.stage == "wait" }
        #expect(standing.allSatisfy { $0.mediaSeconds == 2 })
        let seconds = standing.compactMap(\.stillSeconds)
        #expect(seconds == seconds.sorted() && seconds.count >= 3, "\(seconds)")
    }

    @Test func whoeverComesForwardIsNotToldOf() async throws {
        let bench = try Bench(.limitsOnly(reason: nil), watchInterval: .milliseconds(20))
        let progress = Mutex<[StepProgress]>([])
        _ = try await bench.run("pace", report: { value in progress.withLock { $0.append(value) } })
        // It stood longer than the interval at the first place.
        let second = try #require(progress.withLock { $0.first { $0.stage == "two" } })
        #expect(second.mediaSeconds == 2 && second.stillSeconds == nil, "\(second)")
    }

    @Test func cancellationEndsDescendants() async throws {
        let bench = try Bench(.limitsOnly(reason: nil))
        let progress = FirstProgress()
        let task = Task { try await bench.run("descendant", report: progress.report) }
        let descendant = pid_t(try #require(await progress.value?.frames))
        task.cancel()
        await #expect(throws: StepFailure.self) { try await task.value }
        // The kernel may need a moment; a zombie that nobody reaps no longer runs. The suite's time limit bounds this.
        while let status = text(of: "/proc/\(descendant)/stat"), !status.contains(") Z ") { await Task.yield() }
    }

    @Test(arguments: TestChild.sandboxes) func longOutputsArriveWhole(_ sandbox: Sandbox) async throws {
        let output = try await Bench(sandbox).run("long", ["bytes": 3_000_000])
        #expect(output["text"]?.stringValue?.utf8.count == 3_000_000)
    }

    @Test(arguments: TestChild.sandboxes) func outputsBeyondTheLimitAreRefused(_ sandbox: Sandbox)
        async throws
    {
        let failure = try await Bench(sandbox).failure("long", ["bytes": 9_000_000])
        #expect(failure == .crashed("long broke off: it reported a line of more than 8388608 bytes"))
    }

    @Test(arguments: TestChild.sandboxes) func aBrokenProtocolEndsTheChild(_ sandbox: Sandbox)
        async throws
    {
        let failure = try await Bench(sandbox).failure("babble")
        #expect(
            failure == .crashed("babble broke off: its report is neither progress nor usage nor output nor failure")
        )
    }

    @Test(arguments: TestChild.sandboxes) func manyChildrenRunAtOnce(_ sandbox: Sandbox) async throws {
        let counts = try await withThrowingTaskGroup(of: Int?.self) { group in
            for index in 0..<8 {
                group.addTask {
                    try await Bench(sandbox).run("long", ["bytes": .integer(index)])["text"]?.stringValue?
                        .utf8.count
                }
            }
            return try await group.reduce(into: Set()) { if let count = $1 { $0.insert(count) } }
        }
        #expect(counts == Set(0..<8))
    }

    @Test(
        "a sandboxed child reaches its files, and nothing else",
        .enabled(if: TestChild.bubblewrap != nil, "this machine allows no bubblewrap"))
    func sandboxIsTight() async throws {
        let listener = try LoopbackListener()
        let sandbox = try #require(TestChild.bubblewrap)
        let bench = try Bench(
            sandbox, limits: ChildLimits(addressSpaceBytes: 4 << 30, fileBytes: 1 << 30, wallSeconds: 100))
        let file = try bench.directory.file("secret-name.mkv", "x")
        setenv("SHOWRUNNER_TEST_SECRET", "hush", 1)
        let seen = try await bench.run(
            "inspect", ["port": .integer(listener.port), "hostFile": .string(file)],
            files: ["work/k": file])
        #expect(seen["connected"] == false)
        #expect(seen["sees"] == false)
        #expect(seen["passwd"] == false)
        #expect(try #require(seen["pid"]?.integerValue) < 10)
        #expect(seen["inputs"] == ["work/k": ["path": "/in/0", "writable": false]])
        #expect(
            seen["writes"] == [
                "/": false, "/usr": false, "/tmp": false, "/dev": false, "/dev/shm": false, "/proc": false,
                "/in": false, "/out": true,
            ])
        let none = JSON.string("0000000000000000")
        #expect(
            seen["rights"] == [
                "CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1",
                // Three threads, each of which may bring others: see AppliedLimits.
                "cpuLimit": 1210, "cpuRaised": false, "memoryLimit": .integer(4 << 30), "memoryRaised": false,
                "fileLimit": .integer(1 << 30), "fileRaised": false, "rawSocket": false, "chroot": false,
                "setuid": false,
            ])
        let names = try #require(seen["environment"]?.arrayValue).compactMap(\.stringValue)
        #expect(
            Set(names).isSubset(of: [
                "PATH", "HOME", "LC_ALL", "SVT_LOG", "SWIFT_BACKTRACE", "LD_LIBRARY_PATH", "PWD",
            ]))
    }

    @Test("the same checks see what a child without sandbox can reach")
    func looseChildrenReachMore() async throws {
        let listener = try LoopbackListener()
        let bench = try Bench(.limitsOnly(reason: nil))
        let file = try bench.directory.file("name", "x")
        setenv("SHOWRUNNER_TEST_SECRET", "hush", 1)
        let seen = try await bench.run(
            "inspect", ["port": .integer(listener.port), "hostFile": .string(file)],
            files: ["work/k": file])
        #expect(seen["connected"] == true)
        #expect(seen["sees"] == true)
        if getuid() == 0 { #expect(seen["rights"]?["setuid"] == true) }
        let names = try #require(seen["environment"]?.arrayValue).compactMap(\.stringValue)
        #expect(
            Set(names).isSubset(of: ["PATH", "HOME", "LC_ALL", "SVT_LOG", "SWIFT_BACKTRACE", "LD_LIBRARY_PATH"]))
    }
}

/// A socket on loopback that accepts connections (in the kernel's queue).
final class LoopbackListener: Sendable {
    let descriptor: Int32
    let port: Int

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = self.descriptor
        try withUnsafeMutablePointer(to: &address) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try #require(bind(descriptor, $0, length) == 0)
                try #require(listen(descriptor, 64) == 0)
                try #require(getsockname(descriptor, $0, &length) == 0)
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }
}
