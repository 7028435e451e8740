public import JSON
public import StatesLanguage

extension Schedule {
    /// What an execution is given: the schedule's Input with its expressions replaced, or the scheduled event itself.
    ///
    /// In expressions `$states.input` is the scheduled event, and `$states.context.Schedule` has Name, ScheduledTime,
    /// LocalTime, TimeZone and Cause. All of it follows from the start, so that a repeated start has the same input:
    /// `$now()` is the scheduled time, and what is drawn follows from the execution's name.
    ///
    /// - Parameters:
    ///   - account: that of the event, such as `000000000000`.
    ///   - digest: see ``EvaluationScope/digest``.
    public func input(
        for start: ScheduledStart, account: String, region: String, digest: EvaluationScope.Digest? = nil
    ) throws(EvaluationError) -> JSON {
        let event = event(for: start, account: account, region: region)
        guard let input else { return event }
        let local = timing.zone.localTime(at: start.time)
        let context: JSON = [
            "Execution": ["Name": .string(start.executionName)],
            "Schedule": [
                "Name": .string(name), "ScheduledTime": .string(utcText(start.time)),
                "LocalTime": .string(local.description), "TimeZone": .string(timing.zone.name),
                "Cause": .string(start.cause.rawValue),
            ],
        ]
        return try input.evaluate(
            in: EvaluationScope(
                input: event, context: context, seed: seed(ofExecution: start.executionName),
                now: Int64(start.time) * 1_000_000, digest: digest), field: "Input")
    }

    /// The event that EventBridge Scheduler hands to a target without an input.
    ///
    /// Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
    private func event(for start: ScheduledStart, account: String, region: String) -> JSON {
        [
            "version": "0", "id": .string(start.executionName), "detail-type": "Scheduled Event",
            "source": "aws.scheduler", "account": .string(account), "time": .string(utcText(start.time)),
            "region": .string(region),
            "resources": [.string("arn:aws:scheduler:\(region):\(account):schedule/default/\(name)")], "detail": [:],
        ]
    }
}
