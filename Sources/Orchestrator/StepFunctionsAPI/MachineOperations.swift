import Engine
import Interpreter
import JSON

extension Operations {
    func createStateMachine(_ arguments: Arguments) async throws -> JSON {
        var new = NewMachine(
            name: try arguments.text("name", length: 1...80),
            definition: try arguments.text("definition", length: 1...1_048_576))
        new.configuration.roleARN = try arguments.arn("roleArn")
        new.type = try arguments.word("type", MachineType.self) ?? .standard
        new.tags = try arguments.tags() ?? []
        new.publishes = try arguments.flag("publish") ?? false
        new.versionDescription = try arguments.optionalText("versionDescription", length: 0...256)
        let logging = try arguments.loggingConfiguration()
        let tracing = try arguments.tracingConfiguration()
        let encryption = try arguments.encryptionConfiguration()
        try arguments.check()
        new.configuration.logging = try logging.map(Self.checked) ?? MachineConfiguration.defaultLogging
        new.configuration.tracing = tracing ?? MachineConfiguration.defaultTracing
        new.configuration.encryption = encryption ?? MachineConfiguration.defaultEncryption
        let change = try await engine.createMachine(new)
        return .members(
            ("stateMachineArn", .string(change.arn)), ("creationDate", Self.timestamp(change.at)),
            ("stateMachineVersionArn", change.versionARN.map(JSON.string)))
    }

    func updateStateMachine(_ arguments: Arguments) async throws -> JSON {
        let machine = try arguments.arn("stateMachineArn")
        var update = MachineUpdate(
            definition: try arguments.optionalText("definition", length: 1...1_048_576),
            roleARN: try arguments.optionalText("roleArn", length: Arguments.arnLength),
            tracing: try arguments.tracingConfiguration(), encryption: try arguments.encryptionConfiguration(),
            publishes: try arguments.flag("publish") ?? false,
            versionDescription: try arguments.optionalText("versionDescription", length: 0...256))
        let logging = try arguments.loggingConfiguration()
        try arguments.check()
        update.logging = try logging.map(Self.checked)
        let change = try await engine.updateMachine(machine, update)
        return .members(
            ("updateDate", Self.timestamp(change.at)), ("revisionId", change.revisionID.map(JSON.string)),
            ("stateMachineVersionArn", change.versionARN.map(JSON.string)))
    }

    /// A level other than OFF needs one place to log to.
    private static func checked(_ logging: JSON) throws -> JSON {
        guard logging["level"] == "OFF" || logging["destinations"]?.arrayValue?.count == 1 else {
            throw ServiceError(
                name: "InvalidLoggingConfiguration",
                message: "Invalid Logging Configuration: Must specify exactly one Log Destination.")
        }
        return logging
    }

    func deleteStateMachine(_ arguments: Arguments) async throws -> JSON {
        let machine = try arguments.arn("stateMachineArn")
        try arguments.check()
        try await engine.deleteMachine(machine)
        return [:]
    }

    func describeStateMachine(_ arguments: Arguments) async throws -> JSON {
        let arn = try arguments.arn("stateMachineArn")
        let isWhole = try arguments.word("includedData", IncludedData.self) != .metadataOnly
        try arguments.check()
        try requireARN(arn)
        let machine = try await engine.machine(arn)
        var answer = Self.description(of: machine)
        if !isWhole { answer["definition"] = nil }
        answer["status"] = machine.isDeleting ? "DELETING" : "ACTIVE"
        answer["type"] = .string(machine.type.rawValue)
        answer["creationDate"] = Self.timestamp(machine.createdAt)
        answer["description"] = machine.description.map(JSON.string)
        return answer
    }

    func describeStateMachineForExecution(_ arguments: Arguments) async throws -> JSON {
        let execution = try arguments.arn("executionArn")
        let isWhole = try arguments.word("includedData", IncludedData.self) != .metadataOnly
        try arguments.check()
        try requireARN(execution)
        let machine = try await engine.machine(ofExecution: execution)
        var answer = Self.description(of: machine)
        if !isWhole { answer["definition"] = nil }
        answer["updateDate"] = Self.timestamp(machine.updatedAt)
        return answer
    }

    /// What both descriptions tell.
    private static func description(of machine: MachineView) -> JSON {
        let configuration = machine.configuration
        let references = JSON.object(
            .init(
                uniqueKeysWithValues: machine.variableReferences.map {
                    ($0.state, .array($0.variables.map(JSON.string)))
                }))
        return .members(
            ("stateMachineArn", .string(machine.arn)), ("name", .string(machine.name)),
            ("definition", .string(machine.definition)), ("roleArn", .string(configuration.roleARN)),
            ("loggingConfiguration", configuration.logging), ("tracingConfiguration", configuration.tracing),
            ("encryptionConfiguration", configuration.encryption),
            ("revisionId", machine.revisionID.map(JSON.string)),
            ("variableReferences", machine.variableReferences.isEmpty ? .none : references))
    }

    func listStateMachines(_ arguments: Arguments) async throws -> JSON {
        let limit = try arguments.maxResults()
        let token = try arguments.nextToken()
        try arguments.check()
        let page = try await engine.listMachines(limit: limit, after: try await mark(token, "ListStateMachines"))
        let machines = page.items.map { machine -> JSON in
            [
                "stateMachineArn": .string(machine.arn), "name": .string(machine.name),
                "type": .string(machine.type.rawValue), "creationDate": Self.timestamp(machine.createdAt),
            ]
        }
        return .members(
            ("stateMachines", .array(machines)), ("nextToken", try await self.token(page.next, "ListStateMachines")))
    }

    func validateDefinition(_ arguments: Arguments) async throws -> JSON {
        let definition = try arguments.text("definition", length: 1...1_048_576)
        let type = try arguments.word("type", MachineType.self) ?? .standard
        let severity = try arguments.word("severity", LeastSeverity.self) ?? .error
        let limit = try arguments.integer("maxResults", in: 0...100) ?? 0
        try arguments.check()
        let all = engine.diagnostics(of: definition, type: type)
        let diagnostics = all.filter { $0.isError || severity == .warning }
        let told = diagnostics.prefix(limit == 0 ? 100 : limit)
        return [
            "result": all.contains(where: \.isError) ? "FAIL" : "OK",
            "diagnostics": .array(
                told.map { diagnostic in
                    .members(
                        ("severity", .string(diagnostic.isError ? "ERROR" : "WARNING")),
                        ("code", .string(diagnostic.code)), ("message", .string(diagnostic.message)),
                        ("location", diagnostic.location.map(JSON.string)))
                }), "truncated": .bool(told.count < diagnostics.count),
        ]
    }
}

extension Operations {
    func testState(_ arguments: Arguments) async throws -> JSON {
        _ = try arguments.text("definition", length: 1...1_048_576)
        _ = try arguments.optionalText("roleArn", length: Arguments.arnLength)
        for name in ["input", "variables", "context"] {
            _ = try arguments.optionalText(name, length: 0...262_144)
        }
        _ = try arguments.optionalText("stateName", length: 1...80)
        try arguments.check()
        do {
            return try await engine.testState(arguments.whole)
        } catch let error as TestStateError {
            throw ServiceError(name: error.name, message: error.message)
        }
    }
}

/// Which diagnostics to tell.
private enum LeastSeverity: String, CaseIterable {
    case error = "ERROR"
    case warning = "WARNING"
}

private enum LogLevel: String, CaseIterable {
    case all = "ALL"
    case error = "ERROR"
    case fatal = "FATAL"
    case off = "OFF"
}

private enum EncryptionType: String, CaseIterable {
    case awsOwned = "AWS_OWNED_KEY"
    case customerManaged = "CUSTOMER_MANAGED_KMS_KEY"
}

extension Arguments {
    /// `loggingConfiguration` with its defaults filled in. It is kept and told again; logs go where the engine's go.
    fileprivate func loggingConfiguration() throws -> JSON? {
        guard let given = try object("loggingConfiguration") else { return nil }
        let destinations = try given.objects("destinations", count: 0...Int.max) { _ in "LogDestination" }
        return .members(
            ("level", .string((try given.word("level", LogLevel.self) ?? .off).rawValue)),
            ("includeExecutionData", .bool(try given.flag("includeExecutionData") ?? false)),
            ("destinations", destinations == nil ? nil : given.raw("destinations")))
    }

    fileprivate func tracingConfiguration() throws -> JSON? {
        guard let given = try object("tracingConfiguration") else { return nil }
        return ["enabled": .bool(try given.flag("enabled") ?? false)]
    }

    /// `encryptionConfiguration`. It is kept and told again; what is encrypted at rest is the database's matter.
    func encryptionConfiguration() throws -> JSON? {
        guard let given = try object("encryptionConfiguration") else { return nil }
        given.demand("type")
        return .members(
            ("type", .string((try given.word("type", EncryptionType.self) ?? .awsOwned).rawValue)),
            ("kmsKeyId", try given.optionalText("kmsKeyId", length: 1...2048).map(JSON.string)),
            (
                "kmsDataKeyReusePeriodSeconds",
                try given.integer("kmsDataKeyReusePeriodSeconds", in: 60...900).map { .integer($0) }
            ))
    }
}
