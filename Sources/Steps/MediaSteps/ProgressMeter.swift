import StepContracts

/// Reports progress a few times a second and asks as often whether to go on. A stage is gone through once: what comes
/// again is another stage, with a meter of its own.
struct ProgressMeter {
    private let surroundings: StepSurroundings
    private let stage: String
    private let totalSeconds: Double?
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var next: ContinuousClock.Instant
    /// The furthest place so far: packets of several streams come a little out of order.
    private var reached = 0.0

    init(_ stage: String, totalSeconds: Double?, _ surroundings: StepSurroundings) {
        self.stage = stage
        self.totalSeconds = totalSeconds
        self.surroundings = surroundings
        start = clock.now
        next = start
    }

    /// Reports when it is time to.
    /// - Throws: ``StepFailure/stopped`` when the step was told to stop.
    mutating func tick(
        mediaSeconds: Double, frames: Int, parts: () -> [StepProgress.Part]
    ) throws(StepFailure) {
        reached = max(reached, mediaSeconds)
        let now = clock.now
        guard now >= next else { return }
        next = now + surroundings.reportInterval
        guard !surroundings.isCancelled() else { throw .stopped }
        report(mediaSeconds: reached, frames: frames, parts: parts(), now: now)
    }

    /// The same for work that asks whether to go on.
    mutating func continues(mediaSeconds: Double) -> Bool {
        do throws(StepFailure) {
            try tick(mediaSeconds: mediaSeconds, frames: 0, parts: { [] })
            return true
        } catch {
            return false
        }
    }

    /// Reports the end of the work.
    func finish(mediaSeconds: Double, frames: Int, parts: [StepProgress.Part]) {
        report(mediaSeconds: max(reached, mediaSeconds), frames: frames, parts: parts, now: clock.now)
    }

    private func report(mediaSeconds: Double, frames: Int, parts: [StepProgress.Part], now: ContinuousClock.Instant) {
        let elapsed = (now - start) / .seconds(1)
        surroundings.report(
            StepProgress(
                stage: stage, mediaSeconds: mediaSeconds, totalSeconds: totalSeconds, frames: frames,
                speed: elapsed > 0 ? mediaSeconds / elapsed : nil, parts: parts))
    }
}
