public import JSON
public import Schedules

/// What operators see of schedules and may do with them. Members that EventBridge Scheduler has too have its names.
///
/// Source: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_GetSchedule.html
public protocol ScheduleService: Sendable {
    /// All schedules, in the order of the file, and the clock that they go by.
    func listSchedules() async throws(EngineError) -> JSON
    /// One, with its next fires and what it did last. Throws `.resourceNotFound`.
    func schedule(_ name: String) async throws(EngineError) -> JSON
    /// Its next fires after a time; now without one.
    func previewSchedule(_ name: String, count: Int, after: EpochSeconds?) async throws(EngineError) -> JSON
    /// Throws `.invalid` for a reason that is empty or too long.
    func pauseSchedule(_ name: String, reason: String) async throws(EngineError) -> JSON
    func resumeSchedule(_ name: String) async throws(EngineError) -> JSON
    /// Starts an execution now, under the overlap policy; the schedule's without one. The same token starts the same
    /// execution. `Outcome` tells what became of it: `Started`, `Waits`, or why it was skipped.
    func runSchedule(_ name: String, token: String?, overlapPolicy: OverlapPolicy?) async throws(EngineError) -> JSON
    /// Starts what the expression names from one time through another. Throws `.invalid` for a range that names nothing.
    func backfillSchedule(
        _ name: String, from: EpochSeconds, through: EpochSeconds, overlapPolicy: OverlapPolicy?
    ) async throws(EngineError) -> JSON
}

extension Engine: ScheduleService {
    public func listSchedules() throws(EngineError) -> JSON {
        try requireReady()
        let clock = scheduling.clock
        return [
            "Schedules": .array(scheduling.entries.values.map { line(of: $0) }),
            "Clock": [
                "Time": .instant(microseconds: now + clock.offset),
                "LookedAt": .instant(microseconds: clock.lookedAt + clock.offset),
            ],
        ]
    }

    public func schedule(_ name: String) throws(EngineError) -> JSON { detail(of: try entry(named: name)) }

    public func previewSchedule(_ name: String, count: Int, after: EpochSeconds?) throws(EngineError) -> JSON {
        let entry = try entry(named: name)
        guard (1...SchedulePreview.maximumFires).contains(count) else {
            throw EngineError(
                code: .invalid, message: "A preview has from 1 to \(SchedulePreview.maximumFires) fires.")
        }
        return SchedulePreview(
            of: entry.schedule, after: after ?? scheduleTime, count: count, anchor: entry.state.anchor
        ).json
    }

    public func pauseSchedule(_ name: String, reason: String) async throws(EngineError) -> JSON {
        try await order(.pause(reason: reason), name).view
    }

    public func resumeSchedule(_ name: String) async throws(EngineError) -> JSON {
        try await order(.resume, name).view
    }

    public func runSchedule(
        _ name: String, token: String?, overlapPolicy: OverlapPolicy?
    ) async throws(EngineError) -> JSON {
        let token = token ?? makeUUID()
        guard token.utf8.count <= 200 else {
            throw EngineError(code: .invalid, message: "The token of a request has at most 200 bytes.")
        }
        let (decision, view) = try await order(.runNow(token: token, overlapPolicy: overlapPolicy), name)
        let entry = try entry(named: name)
        let execution = entry.schedule.executionName(request: token)
        var answer = view
        answer["ExecutionName"] = .string(execution)
        if decision.state.running.contains(where: { $0.fire.executionName == execution }) {
            answer["Outcome"] = "Started"
            answer["ExecutionArn"] = arn(ofExecution: execution, of: entry).map(JSON.string)
        } else if decision.state.buffered.contains(where: { $0.executionName == execution }) {
            answer["Outcome"] = "Waits"
        } else {
            for case .skipped(let reason, _, _, _) in decision.actions { answer["Outcome"] = .string(reason.rawValue) }
        }
        return answer
    }

    public func backfillSchedule(
        _ name: String, from: EpochSeconds, through: EpochSeconds, overlapPolicy: OverlapPolicy?
    ) async throws(EngineError) -> JSON {
        try await order(
            .backfill(from: from, through: through, overlapPolicy: overlapPolicy ?? .bufferAll), name
        ).view
    }

    private func order(
        _ event: ScheduleEvent, _ name: String
    ) async throws(EngineError) -> (decision: ScheduleDecision, view: JSON) {
        let entry = try entry(named: name)
        let decision = try await submit(event, to: entry)
        if let refusal = decision.refusal {
            throw EngineError(code: .invalid, message: "The schedule '\(name)' does not do that: \(refusal).")
        }
        return (decision, detail(of: entry))
    }

    private func entry(named name: String) throws(EngineError) -> ScheduleEntry {
        try requireReady()
        guard let entry = scheduling.entries[name] else {
            throw EngineError(code: .resourceNotFound, message: "There is no schedule '\(name.prefix(100))'.")
        }
        return entry
    }

    // MARK: Views

    private func line(of entry: ScheduleEntry) -> JSON {
        let (schedule, state) = (entry.schedule, entry.state)
        let next = state.wakeTime(of: schedule).flatMap { _ in
            schedule.timing.nextFire(after: max(state.horizon, scheduleTime), anchor: state.anchor)?.time
        }
        return .members(
            ("Name", .string(schedule.name)), ("Description", schedule.description.map(JSON.string)),
            ("State", schedule.isEnabled ? "ENABLED" : "DISABLED"),
            ("ScheduleExpression", .string(schedule.timing.expression.text)),
            ("ScheduleExpressionTimezone", .string(schedule.timing.zone.name)),
            ("Target", .string(schedule.target)), ("OverlapPolicy", .string(schedule.overlapPolicy.rawValue)),
            (
                "Pause",
                state.pause.map { ["Reason": .string($0.reason), "Since": .string(utcText($0.since))] }
            ),
            ("NextFire", next.map { .string(utcText($0)) }),
            ("Running", .array(state.running.map { run in view(of: run, entry) })),
            ("Waiting", .integer(state.waiting.count + state.buffered.count)),
            ("Starts", .integer(state.starts)), ("LastRecord", entry.recent.last?.view),
            ("Trouble", trouble(of: entry).map(JSON.string)))
    }

    private func view(of run: ScheduleState.Run, _ entry: ScheduleEntry) -> JSON {
        .members(
            ("ExecutionName", .string(run.fire.executionName)),
            ("ExecutionArn", arn(ofExecution: run.fire.executionName, of: entry).map(JSON.string)),
            ("ScheduledTime", .string(utcText(run.fire.time))), ("Cause", .string(run.fire.cause.rawValue)),
            ("Stopping", run.isCancelled ? true : nil))
    }

    /// Nil where the target is no machine: then there is no execution either.
    private func arn(ofExecution name: String, of entry: ScheduleEntry) -> String? {
        do throws(EngineError) {
            return ARN.execution(machine: try machineName(of: entry.target(ofExecution: name)), name: name)
        } catch {
            return nil
        }
    }

    /// Why its executions can't start, as far as that is known before.
    private func trouble(of entry: ScheduleEntry) -> String? {
        if let trouble = entry.trouble { return trouble }
        do throws(EngineError) {
            let name = try machineName(of: entry.schedule.target)
            guard let machine = machines[name] else { return "There is no state machine '\(name)'." }
            return machine.type == .express ? "'\(name)' is an EXPRESS machine, which schedules do not start." : nil
        } catch {
            return error.message
        }
    }

    private func detail(of entry: ScheduleEntry) -> JSON {
        let (schedule, state) = (entry.schedule, entry.state)
        var view = line(of: entry)
        func time(_ time: EpochSeconds?) -> JSON? { time.map { .string(utcText($0)) } }
        if let start = time(schedule.timing.startDate) { view["StartDate"] = start }
        if let end = time(schedule.timing.endDate) { view["EndDate"] = end }
        view["FlexibleTimeWindow"] =
            schedule.flexibleWindow == 0
            ? ["Mode": "OFF"]
            : ["Mode": "FLEXIBLE", "MaximumWindowInMinutes": .integer(schedule.flexibleWindow / 60)]
        switch schedule.catchupPolicy {
        case .none: view["CatchupPolicy"] = "None"
        case .last: view["CatchupPolicy"] = "Last"
        case .all: view["CatchupPolicy"] = "All"
        case .window(let seconds):
            view["CatchupPolicy"] = "Window"
            view["CatchupWindowInMinutes"] = .integer(seconds / 60)
        }
        let isHeld = state.pause != nil || !schedule.isEnabled
        let preview = SchedulePreview(
            of: schedule, after: max(state.horizon, scheduleTime), count: 5, anchor: state.anchor)
        view["NextFires"] = isHeld ? [] : preview.json["Fires"]
        view["Waits"] = .array(
            (state.waiting + state.buffered).prefix(100).map { fire in
                [
                    "ExecutionName": .string(fire.executionName), "ScheduledTime": .string(utcText(fire.time)),
                    "StartTime": .string(utcText(fire.start)), "Cause": .string(fire.cause.rawValue),
                ]
            })
        view["Backfills"] = .array(
            state.backfills.map { backfill in
                [
                    "After": .string(utcText(backfill.after)), "Through": .string(utcText(backfill.through)),
                    "OverlapPolicy": .string(backfill.overlapPolicy.rawValue),
                ]
            })
        var skips: JSON = [:]
        for reason in SkipReason.allCases {
            if let count = state.skips[reason] { skips[reason.rawValue] = .integer(count) }
        }
        view["Skips"] = skips
        view["Recent"] = .array(entry.recent.reversed().map(\.view))
        return view
    }
}
