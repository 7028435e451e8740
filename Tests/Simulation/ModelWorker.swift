import Engine
import JSON
import StepContracts
import WorkerProtocol

/// A worker as bad as they come: late, repeating itself, answering whom it should not, dying with tasks in hand.
/// Unchecked: all happens on the scheduler's thread.
final class ModelWorker: @unchecked Sendable {
    private let name: String
    private let scenario: Scenario
    private var incarnation = 1
    private var dice: Dice

    init(_ name: String, _ scenario: Scenario, dice: Dice) {
        self.name = name
        self.scenario = scenario
        self.dice = dice
    }

    func start() {
        for slot in 0..<2 { Task.detached { [self] in await serve(slot) } }
    }

    private func serve(_ slot: Int) async {
        while !scenario.isOver {
            let mine = incarnation
            guard let process = scenario.reachable(&dice) else {
                await scenario.pause(500_000)
                continue
            }
            let request = PollRequest(
                worker: name, incarnation: "\(mine)", version: "1", steps: ["work"], slots: 2,
                waitSeconds: Int.random(in: 1...8, using: &dice))
            do {
                guard let offer = try await process.call({ try await $0.poll(request) }) else { continue }
                // What a former process asked for reaches nobody.
                guard mine == incarnation else { continue }
                scenario.book.offered(offer.token)
                scenario.trace.note(
                    "\(name)/\(mine) has \(offer.token.suffix(40)) \(offer.state) attempt \(offer.attempt)")
                await work(offer, mine)
            } catch {
                await scenario.pause(dice.roll(10_000...500_000))
            }
        }
    }

    private func work(_ offer: TaskOffer, _ mine: Int) async {
        let hasFaults = scenario.hasFaults
        if hasFaults, dice.once(in: 12) {
            // Dies with everything it holds; what comes back is another process of the same name.
            scenario.trace.count("worker died")
            incarnation += 1
            return
        }
        if hasFaults, dice.once(in: 15) {
            // Silent for ever: only the heartbeat tells.
            scenario.trace.count("worker silent")
            return
        }
        for _ in 0..<Int.random(in: 0...3, using: &dice) {
            await scenario.pause(dice.delay(upTo: 3_000_000))
            guard mine == incarnation else { return }
            if hasFaults, dice.once(in: 10) {
                // Not heard of for longer than the period, and then it answers all the same.
                scenario.trace.count("worker late")
                await scenario.pause(dice.roll(4_000_000...15_000_000))
            } else if await isGone(offer.token, mine) {
                // Told that nobody wants it: it stops, mostly.
                guard dice.once(in: 3) else { return }
            } else if dice.once(in: hasFaults ? 12 : 4), scenario.maySilence() {
                // Heard of, and then silent for ever.
                scenario.trace.count("worker silent after a heartbeat")
                return
            }
        }
        guard mine == incarnation else { return }
        if let token = offer.input["token"]?.stringValue {
            await handOver(offer, token)
            return
        }
        let times = hasFaults && dice.once(in: 6) ? 2 : 1
        for time in 0..<times {
            let (delay, token) = (time == 0 ? 0 : dice.delay(upTo: 8_000_000), offer.token)
            let outcome = Work.outcome(of: offer.input, attempt: offer.attempt)
            if times == 1 {
                await answer(token, outcome)
            } else {
                scenario.trace.count("answered twice")
                Task.detached { [self] in
                    await scenario.pause(delay)
                    await answer(token, outcome)
                }
            }
        }
    }

    /// Gives the task's token to somebody who answers it: before the worker is done or after, once, twice or never.
    private func handOver(_ offer: TaskOffer, _ token: String) async {
        let outcome = Work.outcome(of: offer.input, attempt: offer.attempt)
        let times = scenario.hasFaults ? Int.random(in: 0...2, using: &dice) : 1
        for _ in 0..<times {
            // Now and then so long that the execution has left memory meanwhile, or the time is up.
            let delay = dice.delay(upTo: dice.once(in: 2) ? 3_000_000 : 12_000_000)
            let isHeard = dice.once(in: 2)
            Task.detached { [self] in
                if isHeard { await keepAlive(token, for: delay) } else { await scenario.pause(delay) }
                await callBack(token, outcome)
            }
        }
        if dice.once(in: 3) { await scenario.pause(dice.delay(upTo: 3_000_000)) }
        await answer(offer.token, .succeeds([:]))
    }

    /// Whoever holds a token lets hear from it while it works.
    private func keepAlive(_ token: String, for length: Int64) async {
        var left = length
        while left > 0 {
            let step = min(left, 1_500_000)
            left -= step
            await scenario.pause(step)
            guard let process = scenario.reachable(&dice) else { continue }
            do {
                try await process.call { try await $0.taskHeartbeat(token: token) }
                scenario.trace.count("token heard of")
            } catch let error as EngineError where error.code != .unavailable {
                scenario.refused(token)
                return
            } catch {}
        }
    }

    private func callBack(_ token: String, _ outcome: Work.Outcome) async {
        while !scenario.isOver {
            guard let process = scenario.reachable(&dice) else {
                await scenario.pause(500_000)
                continue
            }
            scenario.book.answering(token)
            do {
                switch outcome {
                case .succeeds(let output):
                    try await process.call { try await $0.taskSucceeded(token: token, output: output.text) }
                case .fails:
                    try await process.call {
                        try await $0.taskFailed(
                            token: token, error: MachineWriter.error, cause: MachineWriter.cause)
                    }
                }
                scenario.trace.count("called back")
                scenario.book.answered(token, isTaken: true, isSuccess: outcome.isSuccess)
                return
            } catch let error as EngineError where error.code != .unavailable {
                scenario.trace.count("called back too late")
                scenario.refused(token)
                scenario.book.answered(token, isTaken: false, isSuccess: outcome.isSuccess)
                return
            } catch {
                scenario.book.unanswered(token)
                await scenario.pause(dice.roll(10_000...2_000_000))
            }
        }
    }

    private func isGone(_ token: String, _ mine: Int) async -> Bool {
        guard let process = scenario.reachable(&dice) else { return false }
        let request = HeartbeatRequest(
            worker: name, incarnation: "\(mine)",
            tasks: [HeartbeatRequest.LiveTask(token: token, progress: nil)])
        do {
            return try await process.call { try await $0.heartbeat(request).tasks.first?.status == .gone }
        } catch { return false }
    }

    /// Tells the outcome until somebody has taken it, or has said that it comes too late.
    private func answer(_ token: String, _ outcome: Work.Outcome) async {
        while !scenario.isOver {
            guard let process = scenario.reachable(&dice) else {
                await scenario.pause(500_000)
                continue
            }
            do {
                let isTaken: Bool
                scenario.book.answering(token)
                switch outcome {
                case .succeeds(let output):
                    isTaken = try await process.call {
                        try await $0.complete(CompleteRequest(token: token, output: output))
                    }
                case .fails:
                    isTaken = try await process.call {
                        try await $0.fail(
                            FailRequest(
                                token: token,
                                failure: StepFailure(
                                    error: MachineWriter.error, cause: MachineWriter.cause, retry: .transient)))
                    }
                }
                scenario.trace.note("\(name) answered \(token.suffix(40)): \(isTaken)")
                scenario.book.answered(token, isTaken: isTaken, isSuccess: outcome.isSuccess)
                if !isTaken {
                    scenario.trace.count("stale answer refused")
                    scenario.refused(token)
                }
                return
            } catch {
                scenario.book.unanswered(token)
                await scenario.pause(dice.roll(10_000...2_000_000))
            }
        }
    }
}
