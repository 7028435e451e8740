import StepContracts
import Synchronization
import Testing

@testable import showrunner_worker

@Suite struct ProgressBarsTests {
    private final class Screen: Sendable {
        private let text = Mutex("")
        var written: String { text.withLock { $0 } }
        func write(_ more: String) { text.withLock { $0 += more } }
    }

    @Test(arguments: [
        (StepProgress(stage: "read"), "read"),
        (
            StepProgress(stage: "encode", mediaSeconds: 12.04, totalSeconds: 60, frames: 312, speed: 1.94),
            "encode 00:00:12.040 of 00:01:00.000, 20 %, 1.9x, 312 frames"
        ),
        (
            StepProgress(stage: "store", parts: [.init(name: "a", share: 0.5), .init(name: "b", share: 1)]),
            "store, 75 %"
        ),
        (
            StepProgress(stage: "encode", mediaSeconds: 90, totalSeconds: 60),
            "encode 00:01:30.000 of 00:01:00.000, 100 %"
        ),
        (StepProgress(stage: "encode", mediaSeconds: 5, speed: .infinity), "encode 00:00:05.000, ?x"),
    ])
    func summaries(_ row: (progress: StepProgress, text: String)) {
        #expect(ProgressBars.summary(row.progress) == row.text)
    }

    @Test func aBarForEachPart() {
        let progress = StepProgress(
            stage: "encode",
            parts: [
                .init(name: "video-1080p", share: 0.5), .init(name: "audio", share: 1.2), .init(name: "x", share: -1),
            ])
        #expect(
            ProgressBars.bars(progress) == [
                "encode, 50 %",
                "  video-1080p  [###############---------------]  50 %",
                "  audio        [##############################]  100 %",
                "  x            [------------------------------]  0 %",
            ])
    }

    @Test func barsAreDrawnOverTheFormerOnes() {
        let screen = Screen()
        let bars = ProgressBars(.bars, write: screen.write)
        bars.show(StepProgress(stage: "a", parts: [.init(name: "p", share: 0)]))
        bars.show(StepProgress(stage: "b"))
        #expect(
            screen.written
                == "\u{1B}[2Ka, 0 %\n\u{1B}[2K  p  [------------------------------]  0 %\n"
                + "\u{1B}[2A\u{1B}[2Kb\n\u{1B}[J")
    }

    @Test func linesComeOnceATenthAndAtEachStage() {
        let screen = Screen()
        let bars = ProgressBars(.lines, write: screen.write)
        bars.show(StepProgress(stage: "read"))
        for second in 0...30 {
            bars.show(StepProgress(stage: "encode", mediaSeconds: Double(second), totalSeconds: 30))
        }
        let lines = screen.written.split(separator: "\n")
        #expect(lines.count == 12)
        #expect(lines.first == "read")
        #expect(lines.last == "encode 00:00:30.000 of 00:00:30.000, 100 %")
    }

    @Test func silenceIsSilent() {
        let screen = Screen()
        ProgressBars(.none, write: screen.write).show(StepProgress(stage: "encode"))
        #expect(screen.written.isEmpty)
    }
}
