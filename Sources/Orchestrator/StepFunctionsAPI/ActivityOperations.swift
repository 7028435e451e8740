import Engine
import JSON

extension Operations {
    func createActivity(_ arguments: Arguments) async throws -> JSON {
        let name = try arguments.text("name", length: 1...80)
        let tags = try arguments.tags() ?? []
        let encryption = try arguments.encryptionConfiguration() ?? MachineConfiguration.defaultEncryption
        try arguments.check()
        let activity = try await engine.createActivity(name: name, tags: tags, encryption: encryption)
        return ["activityArn": .string(activity.arn), "creationDate": Self.timestamp(activity.createdAt)]
    }

    func describeActivity(_ arguments: Arguments) async throws -> JSON {
        let arn = try arguments.arn("activityArn")
        try arguments.check()
        let activity = try await engine.describeActivity(arn)
        return [
            "activityArn": .string(activity.arn), "name": .string(activity.name),
            "creationDate": Self.timestamp(activity.createdAt), "encryptionConfiguration": activity.encryption,
        ]
    }

    func deleteActivity(_ arguments: Arguments) async throws -> JSON {
        let arn = try arguments.arn("activityArn")
        try arguments.check()
        try await engine.deleteActivity(arn)
        return [:]
    }

    func listActivities(_ arguments: Arguments) async throws -> JSON {
        let limit = try arguments.maxResults()
        let token = try arguments.nextToken()
        try arguments.check()
        let page = try await engine.listActivities(limit: limit, after: try await mark(token, "ListActivities"))
        let activities = page.items.map { activity -> JSON in
            [
                "activityArn": .string(activity.arn), "name": .string(activity.name),
                "creationDate": Self.timestamp(activity.createdAt),
            ]
        }
        return .members(
            ("activities", .array(activities)), ("nextToken", try await self.token(page.next, "ListActivities")))
    }

    // MARK: Tasks

    func activityTask(_ arguments: Arguments) async throws -> JSON {
        let arn = try arguments.arn("activityArn")
        let worker = try arguments.optionalText("workerName", length: 1...80)
        try arguments.check()
        guard let task = try await engine.activityTask(of: arn, worker: worker) else { return ["taskToken": nil] }
        return ["taskToken": .string(task.token), "input": .string(task.input.text)]
    }

    func sendTaskSuccess(_ arguments: Arguments) async throws -> JSON {
        let token = try arguments.text("taskToken", length: 1...2048)
        let output = try arguments.text("output", length: 0...262_144)
        try arguments.check()
        try await engine.taskSucceeded(token: token, output: output)
        return [:]
    }

    func sendTaskFailure(_ arguments: Arguments) async throws -> JSON {
        let token = try arguments.text("taskToken", length: 1...2048)
        let error = try arguments.optionalText("error", length: 0...256)
        let cause = try arguments.optionalText("cause", length: 0...32_768)
        try arguments.check()
        try await engine.taskFailed(token: token, error: error, cause: cause)
        return [:]
    }

    func sendTaskHeartbeat(_ arguments: Arguments) async throws -> JSON {
        let token = try arguments.text("taskToken", length: 1...2048)
        try arguments.check()
        try await engine.taskHeartbeat(token: token)
        return [:]
    }
}
