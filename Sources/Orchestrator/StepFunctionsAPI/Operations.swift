import Engine
import JSON

/// The members of a request, demanded by name and type as the service model has them.
struct Arguments {
    let json: JSON

    init(_ json: JSON) { self.json = json }

    func text(_ name: String) throws -> String {
        guard let value = try optionalText(name) else {
            throw ServiceError.validation(
                "1 validation error detected: Value null at '\(name)' failed to satisfy constraint: Member must not be null"
            )
        }
        return value
    }

    func optionalText(_ name: String) throws -> String? {
        guard let value = json[name], value != .null else { return nil }
        guard let text = value.stringValue else {
            throw ServiceError(name: "SerializationException", message: "'\(name)' must be a string")
        }
        return text
    }

    func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let value = json[name], value != .null else { return nil }
        guard let number = value.integerValue else {
            throw ServiceError(name: "SerializationException", message: "'\(name)' must be a number")
        }
        guard range.contains(number) else {
            throw ServiceError.validation(
                "1 validation error detected: Value '\(number)' at '\(name)' failed to satisfy constraint: Member must "
                    + "have value \(number < range.lowerBound ? "greater" : "less") than or equal to "
                    + "\(number < range.lowerBound ? range.lowerBound : range.upperBound)")
        }
        return number
    }

    func flag(_ name: String, default value: Bool) -> Bool { json[name]?.boolValue ?? value }
}

/// The operations, each from its request's members to its response's.
struct Operations {
    let engine: Engine

    func perform(_ operation: String, _ arguments: Arguments) async throws -> JSON {
        switch operation {
        case "StartExecution": try await startExecution(arguments)
        case "StopExecution": try await stopExecution(arguments)
        case "DescribeExecution": try await describeExecution(arguments)
        case "ListExecutions": try await listExecutions(arguments)
        case "GetExecutionHistory": try await executionHistory(arguments)
        case "DescribeStateMachine": try await describeStateMachine(arguments)
        case "ListStateMachines": try await listStateMachines(arguments)
        default:
            throw ServiceError(
                name: "UnknownOperationException", message: "The operation '\(operation)' is not known.")
        }
    }

    /// Seconds since 1970 with milliseconds, as the protocol writes timestamps.
    static func timestamp(_ microseconds: Int64) -> JSON { .double(Double(microseconds / 1000) / 1000) }

    private func startExecution(_ arguments: Arguments) async throws -> JSON {
        let started = try await engine.start(
            machine: try arguments.text("stateMachineArn"), name: try arguments.optionalText("name"),
            input: try arguments.optionalText("input") ?? "{}")
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

    private func stopExecution(_ arguments: Arguments) async throws -> JSON {
        let stopped = try await engine.stop(
            try arguments.text("executionArn"), error: try arguments.optionalText("error"),
            cause: try arguments.optionalText("cause"))
        return ["stopDate": Self.timestamp(stopped)]
    }

    private func describeExecution(_ arguments: Arguments) async throws -> JSON {
        let detail = try await engine.run(try arguments.text("executionArn"))
        let run = detail.run
        return .members(
            ("executionArn", .string(run.executionARN)), ("stateMachineArn", .string(ARN.stateMachine(run.machine))),
            ("name", .string(run.name)), ("status", .string(run.status.rawValue)),
            ("startDate", Self.timestamp(run.startDateMicroseconds)),
            ("stopDate", run.stopDateMicroseconds.map(Self.timestamp)),
            ("input", detail.input.map { .string($0.text) }), ("inputDetails", ["included": true]),
            ("output", detail.output.map { .string($0.text) }),
            ("outputDetails", detail.output == nil ? nil : ["included": true]), ("error", run.error.map(JSON.string)),
            ("cause", run.cause.map(JSON.string)), ("redriveCount", 0), ("redriveStatus", "NOT_REDRIVABLE"))
    }

    private func listExecutions(_ arguments: Arguments) async throws -> JSON {
        let status = try arguments.optionalText("statusFilter").map { text in
            guard let status = RunStatus(rawValue: text) else {
                throw ServiceError.validation(
                    "1 validation error detected: Value '\(text)' at 'statusFilter' failed to satisfy constraint: "
                        + "Member must satisfy enum value set: [\(RunStatus.allCases.map(\.rawValue).joined(separator: ", "))]"
                )
            }
            return status
        }
        let limit = try arguments.integer("maxResults", in: 0...1000) ?? 100
        let page: RunPage
        do {
            page = try await engine.listRuns(
                RunQuery(
                    machine: try arguments.text("stateMachineArn"), status: status, limit: limit == 0 ? 100 : limit,
                    before: try arguments.optionalText("nextToken")))
        } catch let error as EngineError where error.code == .invalid {
            throw ServiceError(name: "InvalidToken", message: "Invalid Token: '\(error.message)'")
        }
        return .members(
            (
                "executions",
                .array(
                    page.items.map { run in
                        .members(
                            ("executionArn", .string(run.executionARN)),
                            ("stateMachineArn", .string(ARN.stateMachine(run.machine))), ("name", .string(run.name)),
                            ("status", .string(run.status.rawValue)),
                            ("startDate", Self.timestamp(run.startDateMicroseconds)),
                            ("stopDate", run.stopDateMicroseconds.map(Self.timestamp)))
                    })
            ), ("nextToken", page.next.map(JSON.string)))
    }

    private func executionHistory(_ arguments: Arguments) async throws -> JSON {
        let limit = try arguments.integer("maxResults", in: 0...1000) ?? 100
        let page = try await engine.history(
            try arguments.text("executionArn"), isReversed: arguments.flag("reverseOrder", default: false),
            limit: limit == 0 ? 100 : limit, after: try arguments.optionalText("nextToken"))
        return .members(
            (
                "events",
                .array(
                    page.events.map { event in
                        var object: JSON = [
                            "timestamp": Self.timestamp(event.at), "type": .string(event.type),
                            "id": .integer(event.id), "previousEventId": .integer(event.previousID),
                        ]
                        if let details = event.details { object[details.name] = details.value }
                        return object
                    })
            ), ("nextToken", page.next.map(JSON.string)))
    }

    private func describeStateMachine(_ arguments: Arguments) async throws -> JSON {
        let machine = try await engine.machine(try arguments.text("stateMachineArn"))
        return [
            "stateMachineArn": .string(machine.arn), "name": .string(machine.name), "status": "ACTIVE",
            "definition": .string(machine.definition), "type": "STANDARD",
            "roleArn": "arn:aws:iam::000000000000:role/showrunner",
            "creationDate": Self.timestamp(machine.createdAt),
        ]
    }

    private func listStateMachines(_ arguments: Arguments) async throws -> JSON {
        let machines = try await engine.listMachines()
        return [
            "stateMachines": .array(
                machines.map { machine in
                    [
                        "stateMachineArn": .string(machine.arn), "name": .string(machine.name), "type": "STANDARD",
                        "creationDate": Self.timestamp(machine.createdAt),
                    ]
                })
        ]
    }
}
