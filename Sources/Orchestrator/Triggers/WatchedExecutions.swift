public import Engine
import EventPatterns
import JSON
public import Logging
public import ServiceLifecycle
import StatesLanguage

/// Tells triggers of executions that ended, each end once.
///
/// Each trigger has a place in the order of ends, kept in the database now and then, so that it may lag: after a start of
/// the engine, ends are looked at again from there, and names tell which of them have started something. While an engine
/// serves, it knows when an execution has ended, and reads the lists only then. What triggers of this kind have started, and
/// what that has started in turn, is told to none of them: a notifier that fails would otherwise notify about itself.
public struct WatchedExecutions: Service {
    let desk: TriggerDesk
    let ends: any ExecutionEnds
    let interval: Duration
    let log: Logger

    /// - Parameter interval: between two looks whether anything has ended, in the engine's memory.
    public init(
        desk: TriggerDesk, ends: any ExecutionEnds, interval: Duration = .milliseconds(250), log: Logger
    ) {
        self.desk = desk
        self.ends = ends
        self.interval = interval
        self.log = log
    }

    /// So many ends are read at once, and looked at before the place of their triggers is kept anew.
    static let pageRows = 200
    /// So many pages are read in one look: a trigger that was paused for long has many, and others need not wait for them.
    static let pagesOfLook = 25
    /// In microseconds: no longer than that a trigger's place is kept in memory alone when ends pass it.
    static let longestLag: Int64 = 10_000_000
    /// In microseconds: what the engine refused to start is tried again after so long, as with buckets, ...
    static let retryPeriod: Int64 = 300_000_000
    /// ... until its end is so long ago. As EventBridge has it.
    static let longestRetry: Int64 = 86_400_000_000
    /// In microseconds: so often the lists are read though nothing is known to have ended. Another engine, whose clock was
    /// ahead, may have left ends in what is the future here.
    static let unaskedPeriod: Int64 = 15_000_000

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            var telling = Telling()
            var trouble: String?
            while !Task.isCancelled {
                var pause = interval
                // One that stands by has nothing to tell.
                if await ends.endHorizon() != nil {
                    do throws(TriggerError) {
                        try await look(&telling)
                        trouble = nil
                    } catch {
                        if error.code != .paused, trouble != error.message {
                            log.warning("triggers wait to be told of ends", metadata: ["error": "\(error)"])
                            trouble = error.message
                        }
                        pause = .seconds(2)
                    }
                }
                if telling.isIdle { return }
                do { try await Task.sleep(for: pause) } catch { return }
            }
        }
        try await gracefulShutdown()
    }

    /// How far triggers have been told.
    struct Telling: Sendable {
        /// By trigger; nil until the engine serves.
        var places: [String: Place]?
        /// When the lists were read last.
        var lookedAt: Int64 = 0

        /// Nothing here is to be told of ends.
        var isIdle: Bool { places?.isEmpty == true }
    }

    struct Place: Sendable {
        /// Of what ended before it is told nothing.
        let since: Int64
        /// The end that it was told last, or the one before an instant.
        var mark: EndMark
        /// Of ends before redrives it has been told as far as those redrives came before this instant.
        var redrivesThrough: Int64
        /// Whether more ends wait than the last look has read.
        var isBehind = false
        /// The oldest end whose start was refused, and when that is tried again.
        var refused: (end: Int64, retryAt: Int64)?
        /// As the database has it, and since when.
        var kept: Int64
        var keptAt: Int64
        /// Whether an end has passed since: where none has, the database need not know.
        var hasPassed = false

        /// Of all that ended before it has been told for good.
        var through: Int64 { min(mark.at, refused?.end ?? .max) }
    }

    /// Looks whether executions have ended, and starts what the triggers say. Throws what makes a later look hopeful; the
    /// places stay where they have come to.
    func look(_ telling: inout Telling) async throws(TriggerError) {
        guard let horizon = await ends.endHorizon() else {
            throw TriggerError(.unavailable, "The engine is starting, stopping or standing by.")
        }
        var places: [String: Place] = [:]
        if let known = telling.places { places = known } else { places = try await begin(at: horizon.instant) }
        telling.places = places
        defer { telling.places = places }
        var told: [Trigger] = []
        var isDue = telling.lookedAt + Self.unaskedPeriod <= horizon.instant
        for trigger in desk.triggers {
            guard var place = places[trigger.name], try await !desk.isPaused(trigger) else { continue }
            if let refused = place.refused, refused.retryAt <= horizon.instant {
                place.mark = EndMark(before: refused.end)
                place.redrivesThrough = min(place.redrivesThrough, refused.end)
                place.refused = nil
                places[trigger.name] = place
                isDue = true
            }
            told.append(trigger)
            isDue = isDue || place.isBehind || place.mark.at <= horizon.latest
        }
        if isDue {
            let behind = Set(told.map(\.name).filter { places[$0]?.isBehind == true })
            try await tell(told.filter { !behind.contains($0.name) }, &places, before: horizon.instant)
            try await tell(told.filter { behind.contains($0.name) }, &places, before: horizon.instant)
            telling.lookedAt = horizon.instant
        }
        for trigger in told { try await keep(trigger, &places, now: horizon.instant) }
    }

    private func begin(at now: Int64) async throws(TriggerError) -> [String: Place] {
        let triggers = desk.triggers.filter { $0.source == .execution && $0.isEnabled }
        return try await asking { () async throws(EngineError) in
            try await ends.tellOnly(Set(triggers.map(\.name)))
            var places: [String: Place] = [:]
            for trigger in triggers {
                let told = try await ends.beginTelling(trigger.name)
                places[trigger.name] = Place(
                    since: told.since, mark: EndMark(before: told.through), redrivesThrough: told.through,
                    kept: told.through, keptAt: now)
            }
            return places
        }
    }

    /// Keeps a trigger's place, unless it was kept just now.
    private func keep(_ trigger: Trigger, _ places: inout [String: Place], now: Int64) async throws(TriggerError) {
        guard let place = places[trigger.name], place.hasPassed, place.through > place.kept,
            place.keptAt + Self.longestLag <= now
        else { return }
        try await asking { () async throws(EngineError) in
            try await ends.noteTold(trigger.name, through: place.through)
        }
        places[trigger.name]?.kept = place.through
        places[trigger.name]?.keptAt = now
        places[trigger.name]?.hasPassed = false
    }

    /// Tells all that ended from the triggers' places on and before an instant.
    private func tell(
        _ triggers: [Trigger], _ places: inout [String: Place], before horizon: Int64
    ) async throws(TriggerError) {
        guard let first = triggers.compactMap({ places[$0.name]?.mark }).min() else { return }
        // First, before any place moves: the lists have lost the ends before a redrive.
        try await tellRedriven(triggers, &places, before: horizon)
        var mark = first
        for _ in 0..<Self.pagesOfLook {
            let page = try await asking { [mark] () async throws(EngineError) in
                try await ends.endedRuns(after: mark, before: horizon, limit: Self.pageRows)
            }
            for trigger in triggers {
                guard let place = places[trigger.name] else { continue }
                let news = page.filter { place.mark < Self.mark(of: $0) }
                try await tell(news, trigger, &places, now: horizon)
                if !news.isEmpty { places[trigger.name]?.hasPassed = true }
            }
            let isLast = page.count < Self.pageRows
            mark = isLast ? EndMark(before: horizon) : page.last.map(Self.mark) ?? mark
            for trigger in triggers {
                guard let place = places[trigger.name], place.mark <= mark || isLast else { continue }
                places[trigger.name]?.mark = max(place.mark, mark)
                places[trigger.name]?.isBehind = !isLast
                if !isLast { try await keep(trigger, &places, now: horizon) }
            }
            if isLast { return }
        }
    }

    /// Tells the ends that came before redrives, of all redrives before an instant.
    private func tellRedriven(
        _ triggers: [Trigger], _ places: inout [String: Place], before horizon: Int64
    ) async throws(TriggerError) {
        guard let begin = triggers.compactMap({ places[$0.name]?.redrivesThrough }).min() else { return }
        var mark = EndMark(before: begin)
        while true {
            let page = try await asking { [mark] () async throws(EngineError) in
                try await ends.redrivenRuns(after: mark, before: horizon, limit: Self.pageRows)
            }
            for run in page { try await tellEarlier(run, triggers, &places, now: horizon) }
            guard page.count == Self.pageRows, let last = page.last else { break }
            mark = EndMark(at: last.redriveDateMicroseconds ?? horizon, id: last.id)
        }
        for trigger in triggers {
            guard let place = places[trigger.name] else { continue }
            places[trigger.name]?.redrivesThrough = max(place.redrivesThrough, horizon)
        }
    }

    private static func mark(of run: RunView) -> EndMark {
        EndMark(at: run.stopDateMicroseconds ?? 0, id: run.id)
    }

    /// Tells the ends that an execution had before its redrives.
    private func tellEarlier(
        _ run: RunView, _ triggers: [Trigger], _ places: inout [String: Place], now: Int64
    ) async throws(TriggerError) {
        let instants: [Int64]
        do throws(EngineError) { instants = try await ends.earlierEnds(of: run.id) } catch {
            if error.isPassing { throw TriggerError(engine: error) }
            log.error("ends can't be told", metadata: ["execution": "\(run.executionARN)", "error": "\(error)"])
            return
        }
        for (count, instant) in instants.enumerated() {
            var earlier = run
            earlier.redriveCount = count
            earlier.stopDateMicroseconds = instant
            // Not known without the rows, and no success is redriven.
            earlier.status = .failed
            for trigger in triggers where places[trigger.name].map({ $0.since <= instant }) ?? false {
                try await tell([earlier], trigger, &places, now: now, isWhole: false)
            }
        }
    }

    /// Tells a trigger of ends, those that have started something already left out.
    ///
    /// - Parameter isWhole: whether the views say how the executions ended; else only which, when and after how many
    ///   redrives.
    private func tell(
        _ runs: [RunView], _ trigger: Trigger, _ places: inout [String: Place], now: Int64, isWhole: Bool = true
    ) async throws(TriggerError) {
        let wanted = runs.filter { run in
            !Self.isExpress(run) && (!isWhole || trigger.mayMatch(Self.ended(run), from: TriggerDesk.origin))
        }
        if wanted.isEmpty { return }
        let names = wanted.map {
            trigger.executionName(of: Self.ended($0), from: TriggerDesk.origin, digest: Engine.digest)
        }
        let taken = try await takenNames(names.compactMap(\.self), of: trigger)
        var givenUp: (count: Int, first: TriggerError)?
        for (run, name) in zip(wanted, names) where name.map({ !taken.contains($0) }) ?? true {
            do throws(TriggerError) { try await tell(run, trigger) } catch {
                switch error.code {
                case .unavailable, .paused, .source: throw error
                case .event, .refused: break
                }
                let end = run.stopDateMicroseconds ?? now
                guard end + Self.longestRetry > now else {
                    givenUp = ((givenUp?.count ?? 0) + 1, givenUp?.first ?? error)
                    continue
                }
                let refused = places[trigger.name]?.refused
                if refused == nil {
                    log.warning(
                        "an end is told later",
                        metadata: ["execution": "\(run.executionARN)", "error": "\(error)"])
                }
                places[trigger.name]?.refused = (
                    min(refused?.end ?? end, end), refused?.retryAt ?? now + Self.retryPeriod
                )
            }
        }
        if let (count, first) = givenUp {
            log.error(
                "ends are told no more: what they start was refused for a day",
                metadata: ["trigger": "\(trigger.name)", "ends": "\(count)", "first": "\(first)"])
        }
    }

    /// Which of these names have an execution already; none where the engine can't say, since it says why at the start.
    private func takenNames(_ names: [String], of trigger: Trigger) async throws(TriggerError) -> Set<String> {
        do throws(EngineError) {
            return try await desk.service.takenNames(machine: trigger.target, among: names)
        } catch {
            if error.isPassing { throw TriggerError(engine: error) }
            return []
        }
    }

    /// Names of such executions may come twice, and AWS tells nobody of their ends.
    private static func isExpress(_ run: RunView) -> Bool { run.executionARN.contains(":express:") }

    private func tell(_ run: RunView, _ trigger: Trigger) async throws(TriggerError) {
        let detail: RunDetail?
        do throws(EngineError) { detail = try await ends.end(of: run.id, redriveCount: run.redriveCount) } catch {
            throw TriggerError(engine: error)
        }
        guard let detail, detail.origin?.execution == nil, !Self.isExpress(detail.run) else { return }
        let event = TriggerEvents.execution(Self.ended(detail.run, of: detail), from: TriggerDesk.origin)
        guard trigger.matches(event) else { return }
        guard try await desk.take(event, for: [trigger]).held.isEmpty else {
            throw TriggerError(.paused, "The trigger '\(trigger.name)' is paused.")
        }
    }

    private static func ended(_ run: RunView, of detail: RunDetail? = nil) -> EndedExecution {
        let machine = ARN.stateMachine(run.machine)
        return EndedExecution(
            executionARN: run.executionARN, stateMachineARN: machine, name: run.name, status: run.status.rawValue,
            startedAt: run.startDateMicroseconds, stoppedAt: run.stopDateMicroseconds ?? 0,
            versionARN: run.version.map { "\(machine):\($0)" }, aliasARN: run.alias.map { "\(machine):\($0)" },
            redriveCount: run.redriveCount, redrivenAt: run.redriveDateMicroseconds,
            data: detail.map { detail in
                EndedExecution.Data(
                    input: (detail.input ?? .null).text, output: detail.output?.text, error: run.error, cause: run.cause
                )
            })
    }
}

private func asking<Value: Sendable>(
    _ call: () async throws(EngineError) -> Value
) async throws(TriggerError) -> Value {
    do throws(EngineError) { return try await call() } catch { throw TriggerError(engine: error) }
}
