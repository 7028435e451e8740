import Engine
import JSON

extension Operations {
    func listMapRuns(_ arguments: Arguments) async throws -> JSON {
        let execution = try arguments.arn("executionArn")
        let limit = try arguments.maxResults()
        let token = try arguments.nextToken()
        try arguments.check()
        try requireARN(execution)
        let runs = try await engine.mapRuns(of: execution)
        // The mark is how many there were before: Map Runs are only ever added behind.
        let skipped = try await mark(token, "ListMapRuns", execution).flatMap { Int($0) } ?? 0
        let page = runs.dropFirst(skipped).prefix(limit)
        let reached = skipped + page.count
        let items = page.map { run in
            JSON.members(
                ("executionArn", .string(run.executionARN)), ("mapRunArn", .string(run.arn)),
                ("stateMachineArn", .string(ARN.stateMachine(run.machine))),
                ("startDate", Self.timestamp(run.startDateMicroseconds)),
                ("stopDate", run.stopDateMicroseconds.map(Self.timestamp)))
        }
        let next = reached < runs.count ? String(reached) : nil
        return .members(
            ("mapRuns", .array(items)), ("nextToken", try await self.token(next, "ListMapRuns", execution)))
    }

    func describeMapRun(_ arguments: Arguments) async throws -> JSON {
        let arn = try arguments.text("mapRunArn", length: Arguments.longARNLength)
        try arguments.check()
        let run = try await engine.mapRun(arn)
        return .members(
            ("mapRunArn", .string(run.arn)), ("executionArn", .string(run.executionARN)),
            ("status", .string(run.status.rawValue)), ("startDate", Self.timestamp(run.startDateMicroseconds)),
            ("stopDate", run.stopDateMicroseconds.map(Self.timestamp)),
            ("maxConcurrency", .integer(run.maxConcurrency)),
            ("toleratedFailurePercentage", .double(run.toleratedFailurePercentage)),
            ("toleratedFailureCount", .integer(run.toleratedFailureCount)), ("itemCounts", Self.counts(run.items)),
            ("executionCounts", Self.counts(run.executions)), ("redriveCount", .integer(run.redriveCount)),
            ("redriveDate", run.redriveDateMicroseconds.map(Self.timestamp)))
    }

    private static func counts(_ counts: MapRunView.Counts) -> JSON {
        [
            "pending": .integer(counts.pending), "running": .integer(counts.running),
            "succeeded": .integer(counts.succeeded), "failed": .integer(counts.failed),
            "timedOut": .integer(counts.timedOut), "aborted": .integer(counts.aborted),
            "total": .integer(counts.total), "resultsWritten": .integer(counts.resultsWritten),
            // Whatever did not succeed can be redriven, as long as the execution can.
            "failuresNotRedrivable": 0, "pendingRedrive": .integer(counts.pendingRedrive),
        ]
    }

    func updateMapRun(_ arguments: Arguments) async throws -> JSON {
        let arn = try arguments.text("mapRunArn", length: Arguments.longARNLength)
        let concurrency = try arguments.integer("maxConcurrency", in: 0...Int(Int32.max))
        let count = try arguments.integer("toleratedFailureCount", in: 0...Int.max)
        let percentage = try arguments.number("toleratedFailurePercentage", in: 0...100)
        try arguments.check()
        guard concurrency != nil || count != nil || percentage != nil else {
            throw ServiceError.validation(
                "One of maxConcurrency, toleratedFailureCount and toleratedFailurePercentage must be specified")
        }
        try await engine.updateMapRun(
            arn, maxConcurrency: concurrency, toleratedFailureCount: count, toleratedFailurePercentage: percentage)
        return [:]
    }
}
