import Interpreter
import JSON
import Journal
import Schedules
import StatesLanguage

/// What a schedule has decided is done here, as often as it takes.
extension Engine {
    func perform(_ action: ScheduleAction, of entry: ScheduleEntry) {
        switch action {
        case .start(let start): Task { await self.start(start, of: entry) }
        case .cancel(let name): Task { await self.cancel(name, of: entry) }
        case .skipped: break
        }
    }

    /// After a start of the engine: starts and stops that nobody has confirmed are done again, and ends that nobody has
    /// heard are asked for.
    func repeatUnconfirmed(_ entry: ScheduleEntry) {
        for action in entry.state.unconfirmed { perform(action, of: entry) }
        for run in entry.state.running where run.isConfirmed {
            let execution = run.fire.executionName
            Task { await self.findAgain(execution, of: entry) }
        }
    }

    /// Starts an execution, or finds the one of its name.
    private func start(_ start: ScheduledStart, of entry: ScheduleEntry) async {
        let name = start.executionName
        guard entry.underWay.insert(name).inserted else { return }
        defer { entry.underWay.remove(name) }
        let schedule = entry.schedule
        let target = entry.target(ofExecution: name)
        while !isStopping, isServing {
            do throws(EngineError) {
                let input: JSON
                do throws(EvaluationError) {
                    input = try schedule.input(
                        for: start, account: ARN.account, region: ARN.region, digest: Engine.digest)
                } catch {
                    throw EngineError(code: .invalid, message: "\(error.location ?? "Input"): \(error.cause)")
                }
                let execution = try await startOnce(
                    machine: target, name: name, input: input.text,
                    origin: ExecutionOrigin(
                        kind: .schedule, name: schedule.name, cause: start.cause.rawValue,
                        time: Instant(start.time) * 1_000_000)
                ).execution
                post(.started(executionName: name), to: entry)
                try await watch(execution.executionARN, name, of: entry)
                return
            } catch {
                guard error.isPassing else {
                    fail(name, error.message, of: entry)
                    return
                }
                do { try await bootClock.sleep(for: Self.scheduleRetryPause) } catch { return }
            }
        }
    }

    /// Before what the database or a limit refused is tried again.
    private static let scheduleRetryPause = Duration.seconds(2)

    /// Starts an execution under a name that decides: one of that name is the one meant, whatever its input, since a
    /// definition may have changed between two tries. Not for EXPRESS machines, whose names may come twice.
    func startOnce(
        machine target: String, name: String, input: String, origin: ExecutionOrigin
    ) async throws(EngineError) -> (execution: StartedExecution, isNew: Bool) {
        let machine = try machineName(of: target)
        guard machines[machine]?.type != .express else {
            throw EngineError(
                code: .typeNotSupported,
                message: "'\(machine)' is an EXPRESS machine: names of its executions may come twice, so that a start "
                    + "can't be repeated; start a STANDARD machine.")
        }
        do {
            let started = try await start(machine: target, name: name, input: input, for: nil, origin: origin)
            return (started.execution, started.isNew)
        } catch  where error.code == .nameTaken {
            let arn = ARN.execution(machine: machine, name: name)
            return (try await taker(try await executionID(arn), arn: arn).execution, false)
        }
    }

    /// The machine that a target leads to.
    func machineName(of target: String) throws(EngineError) -> String {
        guard target.hasPrefix("arn:") else { return target }
        let resource = try ResourceName(arn: target)
        switch resource {
        case .stateMachine(let name), .version(let name, _), .alias(let name, _): return name
        case .mapState, .execution, .express, .activity, .mapRun: throw resource.isOutOfPlace
        }
    }

    private func fail(_ name: String, _ cause: String, of entry: ScheduleEntry) {
        log.error(
            "a schedule's execution can't be started",
            metadata: ["schedule": "\(entry.schedule.name)", "execution": "\(name)", "error": "\(cause)"])
        post(
            .ended(executionName: name), to: entry,
            record: .failure(at: now, execution: name, cause: String(cause.prefix(500))))
    }

    /// An execution that was running when an engine died.
    private func findAgain(_ name: String, of entry: ScheduleEntry) async {
        while !isStopping, isServing {
            do throws(EngineError) {
                let machine = try machineName(of: entry.target(ofExecution: name))
                try await watch(ARN.execution(machine: machine, name: name), name, of: entry)
                return
            } catch {
                guard error.isPassing else {
                    // There is none: its machine may have been another one, long ago.
                    post(.ended(executionName: name), to: entry)
                    return
                }
                do { try await bootClock.sleep(for: Self.scheduleRetryPause) } catch { return }
            }
        }
    }

    /// Tells the schedule when an execution has ended, or that it has.
    private func watch(_ arn: String, _ name: String, of entry: ScheduleEntry) async throws(EngineError) {
        let id = try await executionID(arn)
        scheduling.watched[arn] = (entry.schedule.name, name)
        // Nobody is to look at what is set aside, but it may have ended before.
        if try await !taker(id, arn: arn).isOpen { tellSchedule(ofEndOf: arn) }
    }

    /// An execution has ended: where a schedule started it, that is an event to it.
    func tellSchedule(ofEndOf arn: @autoclosure () -> String) {
        guard !scheduling.watched.isEmpty, let watched = scheduling.watched.removeValue(forKey: arn()),
            let entry = scheduling.entries[watched.schedule]
        else { return }
        post(.ended(executionName: watched.execution), to: entry)
    }

    /// Stops an execution for the sake of the next one. One that is not known to exist is stopped when it does.
    func cancel(_ name: String, of entry: ScheduleEntry) async {
        while !isStopping, isServing, entry.state.running.contains(where: { $0.isToEnd(name) }) {
            do throws(EngineError) {
                let machine = try machineName(of: entry.target(ofExecution: name))
                let arn = ARN.execution(machine: machine, name: name)
                let id = try await executionID(arn)
                if suspects[id] != nil, try await !taker(id, arn: arn).isOpen {
                    post(.ended(executionName: name), to: entry)
                    return
                }
                _ = try await stop(
                    arn, error: "Showrunner.Superseded",
                    cause: "The schedule '\(entry.schedule.name)' starts its next execution.")
                return
            } catch {
                // One that is set aside, and not even looked at, is stopped when it is released.
                guard error.isPassing || error.code == .conflict else {
                    post(.ended(executionName: name), to: entry)
                    return
                }
                do { try await bootClock.sleep(for: Self.scheduleRetryPause) } catch { return }
            }
        }
    }
}
