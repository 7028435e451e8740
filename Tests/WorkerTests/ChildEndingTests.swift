import StepContracts
import Testing

@testable import Worker

@Suite struct ChildEndingTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let status: ChildEnding.Status
        var words = ""
        var progress: StepProgress?
        var memoryWasShort = false
        let failure: StepFailure
    }

    static let rows = [
        Row(
            testDescription: "killed, nothing known", status: .killed(signal: 9),
            failure: .crashed("transcode was ended by SIGKILL")),
        Row(
            testDescription: "killed while the machine was short of memory", status: .killed(signal: 9),
            progress: StepProgress(stage: "encode"), memoryWasShort: true,
            failure: .resourceExhausted(
                "the machine ran out of memory and ended transcode while it was at encode")),
        Row(
            testDescription: "a crash while the machine was short of memory", status: .killed(signal: 11),
            memoryWasShort: true, failure: .crashed("transcode was ended by SIGSEGV")),
        Row(
            testDescription: "CPU time", status: .killed(signal: 24),
            failure: .resourceExhausted("transcode used more than its 50 s of CPU time")),
        Row(
            testDescription: "file size", status: .killed(signal: 25),
            failure: .resourceExhausted("transcode wrote a file larger than its 2 MiB")),
        Row(
            testDescription: "the runtime's word for no memory", status: .killed(signal: 5),
            words: "Fatal error: failed to allocate 64 bytes",
            failure: .resourceExhausted(
                "transcode needed more than its 1 MiB of memory; its last words: Fatal error: failed to allocate 64 bytes"
            )),
        Row(
            testDescription: "a signal without a name", status: .killed(signal: 40),
            failure: .crashed("transcode was ended by signal 40")),
        Row(
            testDescription: "could not begin", status: .exited(70),
            words: "no request on standard input",
            failure: .crashed("transcode could not begin; its last words: no request on standard input")),
    ]

    @Test(arguments: rows) func judges(_ row: Row) {
        let limits = ChildLimits(addressSpaceBytes: 1 << 20, fileBytes: 2 << 20)
        let ending = ChildEnding(
            status: row.status, lastWords: row.words, progress: row.progress,
            memoryWasShort: row.memoryWasShort,
            limits: AppliedLimits(limits, wallSeconds: 10, threads: 1))
        #expect(ending.failure(step: "transcode") == row.failure)
    }

    @Test(arguments: [
        (0, true, ChildEnding.Status.exited(0)), (128, true, .exited(128)),
        (137, true, .killed(signal: 9)),
        (137, false, .exited(137)), (193, true, .exited(193)),
    ])
    func bubblewrapTellsSignalsAsStatus(
        _ row: (code: Int32, isWrapped: Bool, status: ChildEnding.Status)
    ) {
        #expect(ChildEnding.status(exitCode: row.code, isWrapped: row.isWrapped) == row.status)
    }

    @Test(arguments: [
        (0.0, "00:00:00.000"), (760.12, "00:12:40.120"), (36_000.0004, "10:00:00.000"),
        (-1, "--:--:--.---"),
        (.infinity, "--:--:--.---"), (360_000, "100:00:00.000"),
    ])
    func mediaTimeReadsAsAClock(_ row: (seconds: Double, text: String)) {
        #expect(mediaClock(row.seconds) == row.text)
    }

    @Test func librariesAreFoundInMaps() {
        let maps = """
            55d0-55d1 r-xp 00000000 08:01 12 /opt/app/program
            7f00-7f01 r--p 00000000 08:01 13 /opt/swift/usr/lib/swift/linux/libswiftCore.so
            7f01-7f02 r-xp 00001000 08:01 13 /opt/swift/usr/lib/swift/linux/libswiftCore.so
            7f03-7f04 r-xp 00001000 08:01 14 /usr/lib/x86_64-linux-gnu/libc.so.6
            7f05-7f06 r-xp 00001000 08:01 15 /home/my libs/libx.so.1
            7f07-7f08 r-xp 00001000 08:01 16 /srv/gone/liby.so (deleted)
            7f09-7f0a r-xp 00000000 00:00 0 [vdso]
            7f0b-7f0c rw-p 00000000 00:00 0
            """
        #expect(
            LoadedLibraries.directories(inMaps: maps, excluding: ["/usr", "/lib"]) == [
                "/opt/swift/usr/lib/swift/linux", "/home/my libs",
            ])
    }
}
