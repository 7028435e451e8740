import Engine
import JSON

extension Operations {
    func startExecution(_ arguments: Arguments) async throws -> JSON {
        let machine = try arguments.arn("stateMachineArn")
        let name = try arguments.optionalText("name", length: 1...80)
        let input = try arguments.optionalText("input", length: 0...262_144) ?? "{}"
        let trace = try trace(of: arguments)
        try arguments.check()
        try requireARN(machine)
        let started = try await TraceID.$current.withValue(trace) {
            try await engine.start(machine: machine, name: name, input: input)
        }
        // Standard machines: the same name and input answer with the running execution; one that has ended is taken.
        guard started.isNew || started.isOpen else {
            throw ServiceError(
                name: "ExecutionAlreadyExists",
                message: "Execution Already Exists: '\(started.execution.executionARN)'")
        }
        return [
            "executionArn": .string(started.execution.executionARN),
            "startDate": Self.timestamp(started.execution.startDateMicroseconds),
        ]
    }

    func startSyncExecution(_ arguments: Arguments) async throws -> JSON {
        let machine = try arguments.arn("stateMachineArn")
        let name = try arguments.optionalText("name", length: 1...80)
        let input = try arguments.optionalText("input", length: 0...262_144) ?? "{}"
        let isWhole = try arguments.word("includedData", IncludedData.self) != .metadataOnly
        let trace = try trace(of: arguments)
        try arguments.check()
        try requireARN(machine)
        let detail = try await TraceID.$current.withValue(trace) {
            try await engine.startSync(machine: machine, name: name, input: input)
        }
        let run = detail.run
        let stopped = run.stopDateMicroseconds ?? run.startDateMicroseconds
        // Billed is what was begun of each 100 ms; the smallest memory there is.
        let duration = max((stopped - run.startDateMicroseconds + 99_999) / 100_000, 1) * 100
        return .members(
            ("executionArn", .string(run.executionARN)), ("stateMachineArn", .string(ARN.stateMachine(run.machine))),
            ("name", .string(run.name)), ("startDate", Self.timestamp(run.startDateMicroseconds)),
            ("stopDate", Self.timestamp(stopped)),
            ("status", .string(run.status == .aborted ? "TIMED_OUT" : run.status.rawValue)),
            ("error", run.error.map(JSON.string)), ("cause", run.cause.map(JSON.string)),
            ("input", isWhole ? detail.input.map { .string($0.text) } : nil),
            ("inputDetails", ["included": .bool(isWhole)]),
            ("output", isWhole ? detail.output.map { .string($0.text) } : nil),
            ("outputDetails", ["included": .bool(isWhole)]),
            ("billingDetails", ["billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": .integer(duration)]))
    }

    /// What X-Ray's header names, else the call's own `traceparent`.
    private func trace(of arguments: Arguments) throws -> TraceID? {
        try arguments.optionalText("traceHeader", length: 0...256).flatMap { TraceID(xRay: $0) } ?? TraceID.current
    }

    /// The engine takes bare names, too; the wire does not.
    func requireARN(_ text: String) throws {
        _ = try ResourceName(arn: text)
    }

    func stopExecution(_ arguments: Arguments) async throws -> JSON {
        let execution = try arguments.arn("executionArn")
        let error = try arguments.optionalText("error", length: 0...256)
        let cause = try arguments.optionalText("cause", length: 0...32_768)
        try arguments.check()
        try requireARN(execution)
        return ["stopDate": Self.timestamp(try await engine.stop(execution, error: error, cause: cause))]
    }

    func redriveExecution(_ arguments: Arguments) async throws -> JSON {
        let execution = try arguments.arn("executionArn")
        let token = try arguments.optionalText("clientToken", length: 1...64)
        try arguments.check()
        try requireARN(execution)
        return ["redriveDate": Self.timestamp(try await engine.redrive(execution, token: token))]
    }

    func describeExecution(_ arguments: Arguments) async throws -> JSON {
        let execution = try arguments.arn("executionArn")
        let isWhole = try arguments.word("includedData", IncludedData.self) != .metadataOnly
        try arguments.check()
        try requireARN(execution)
        let detail = try await engine.run(execution)
        let run = detail.run
        var answer = JSON.members(
            ("executionArn", .string(run.executionARN)), ("stateMachineArn", .string(ARN.stateMachine(run.machine))),
            ("name", .string(run.name)), ("status", .string(run.status.rawValue)),
            ("startDate", Self.timestamp(run.startDateMicroseconds)),
            ("stopDate", run.stopDateMicroseconds.map(Self.timestamp)),
            ("input", isWhole ? detail.input.map { .string($0.text) } : nil),
            ("inputDetails", ["included": .bool(isWhole)]),
            ("output", isWhole ? detail.output.map { .string($0.text) } : nil),
            ("outputDetails", detail.output.map { _ in ["included": .bool(isWhole)] }),
            ("error", run.error.map(JSON.string)), ("cause", run.cause.map(JSON.string)),
            ("redriveCount", .integer(run.redriveCount)),
            ("redriveDate", run.redriveDateMicroseconds.map(Self.timestamp)))
        add(qualifiersOf: run, to: &answer)
        answer["mapRunArn"] = run.mapRunARN.map(JSON.string)
        if let refusal = run.redriveRefusal {
            answer["redriveStatus"] = "NOT_REDRIVABLE"
            answer["redriveStatusReason"] = .string(refusal)
        } else {
            answer["redriveStatus"] = run.mapRunARN == nil ? "REDRIVABLE" : "REDRIVABLE_BY_MAP_RUN"
        }
        return answer
    }

    /// The version and the alias that an execution was started with.
    private func add(qualifiersOf run: RunView, to object: inout JSON) {
        object["stateMachineVersionArn"] = run.version.map {
            .string(ResourceName.version(machine: run.machine, number: $0).arn)
        }
        object["stateMachineAliasArn"] = run.alias.map {
            .string(ResourceName.alias(machine: run.machine, name: $0).arn)
        }
    }

    func listExecutions(_ arguments: Arguments) async throws -> JSON {
        let machine = try arguments.optionalText("stateMachineArn", length: Arguments.arnLength)
        let mapRun = try arguments.optionalText("mapRunArn", length: 1...2000)
        let status = try arguments.word("statusFilter", RunStatus.self)
        let redriveFilter = try arguments.word("redriveFilter", RedriveFilter.self)
        let limit = try arguments.maxResults()
        let token = try arguments.nextToken()
        try arguments.check()
        guard (machine == nil) != (mapRun == nil) else {
            throw ServiceError.validation("Exactly one of stateMachineArn and mapRunArn must be specified")
        }
        if let machine {
            guard status != .pendingRedrive else {
                throw ServiceError.validation("PENDING_REDRIVE statusFilter requires mapRunArn")
            }
            guard redriveFilter == nil else {
                throw ServiceError.validation("redriveFilter requires mapRunArn")
            }
            try requireARN(machine)
            try await engine.requireMachine(machine)
        }
        let scope = [machine ?? "", mapRun ?? "", status?.rawValue ?? "", redriveFilter?.rawValue ?? ""]
            .joined(separator: " ")
        let page = try await engine.listRuns(
            RunQuery(
                machine: machine, status: status, limit: limit,
                before: try await mark(token, "ListExecutions", scope), mapRun: mapRun,
                isRedriven: redriveFilter.map { $0 == .redriven }))
        let executions = page.items.map { run in
            var execution = JSON.members(
                ("executionArn", .string(run.executionARN)),
                ("stateMachineArn", .string(ARN.stateMachine(run.machine))), ("name", .string(run.name)),
                ("status", .string(run.status.rawValue)), ("startDate", Self.timestamp(run.startDateMicroseconds)),
                ("stopDate", run.stopDateMicroseconds.map(Self.timestamp)),
                ("redriveCount", .integer(run.redriveCount)),
                ("redriveDate", run.redriveDateMicroseconds.map(Self.timestamp)),
                ("mapRunArn", mapRun.map(JSON.string)),
                ("itemCount", mapRun == nil ? nil : run.itemCount.map { .integer($0) }))
            add(qualifiersOf: run, to: &execution)
            return execution
        }
        return .members(
            ("executions", .array(executions)), ("nextToken", try await self.token(page.next, "ListExecutions", scope)))
    }

    func executionHistory(_ arguments: Arguments) async throws -> JSON {
        let execution = try arguments.arn("executionArn")
        let isReversed = try arguments.flag("reverseOrder") ?? false
        let isWhole = try arguments.flag("includeExecutionData") ?? true
        let limit = try arguments.maxResults()
        let token = try arguments.nextToken()
        try arguments.check()
        try requireARN(execution)
        let scope = "\(execution) \(isReversed)"
        let page = try await engine.history(
            execution, isReversed: isReversed, limit: limit,
            after: try await mark(token, "GetExecutionHistory", scope))
        let events = page.events.map { event in
            var object: JSON = [
                "timestamp": Self.timestamp(event.at), "type": .string(event.type), "id": .integer(event.id),
                "previousEventId": .integer(event.previousID),
            ]
            if let details = event.details {
                object[details.name] = isWhole ? details.value : Self.withoutData(details.value)
            }
            return object
        }
        return .members(
            ("events", .array(events)), ("nextToken", try await self.token(page.next, "GetExecutionHistory", scope)))
    }

    /// An event's details without what the execution worked on.
    private static func withoutData(_ details: JSON) -> JSON {
        var details = details
        for name in ["input", "output"] { details[name] = nil }
        return details
    }
}

/// Which executions to list by whether they can be redriven.
private enum RedriveFilter: String, CaseIterable {
    case redriven = "REDRIVEN"
    case notRedriven = "NOT_REDRIVEN"
}

/// Whether a description holds the data, or only what is about it.
enum IncludedData: String, CaseIterable {
    case allData = "ALL_DATA"
    case metadataOnly = "METADATA_ONLY"
}
