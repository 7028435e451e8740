import JSON
import StatesLanguage

// The events of tasks: three families of them, by what the resource is.

extension HistoryPage {
    mutating func takeTask(_ effect: Effect) {
        switch effect {
        case .taskScheduled(let scope, let resource, let parameters, let timeout, let heartbeat):
            schedule(
                scope, TaskResource(resource), input: before.resolve(parameters, in: scope), timeout: timeout,
                heartbeat: heartbeat)
        case .taskStarted(let scope, let worker, _, _):
            var details: JSON = [:]
            if resource(scope).family == .activity {
                details["workerName"] = worker.isEmpty ? nil : .string(worker)
            }
            task("Started", scope, details)
        case .taskSubmitted(let scope, let output): task("Submitted", scope, text("output", output))
        case .taskSucceeded(let scope, let output): task("Succeeded", scope, text("output", output))
        case .taskFailed(let scope, let error, let cause): task("Failed", scope, given(error, cause))
        // The service names the error and no cause.
        case .taskTimedOut(let scope, let error, _): task("TimedOut", scope, given(error, ""))
        case .attemptFailed(let scope, let stage, let error, let cause):
            switch stage {
            case .schedule:
                task(resource(scope).family == .service ? "Failed" : "ScheduleFailed", scope, given(error, cause))
            case .start: task("StartFailed", scope, given(error, cause))
            case .submit: task("SubmitFailed", scope, given(error, cause))
            }
        default: preconditionFailure("\(effect) is none of a task's")
        }
    }

    private mutating func schedule(
        _ scope: ScopeID, _ resource: TaskResource, input: JSON, timeout: Int?, heartbeat: Int?
    ) {
        let credentials = entry(scope).credentials.flatMap { credentials in
            credentials["RoleArn"].map { ["roleArn": $0] as JSON }
        }
        var details: JSON
        switch resource.family {
        case .activity:
            details = text("input", input)
            details["resource"] = .string(resource.arn)
            details["heartbeatInSeconds"] = heartbeat.map { .integer($0) }
        case .lambdaFunction:
            details = text("input", input)
            details["resource"] = .string(resource.arn)
            details["taskCredentials"] = credentials
        case .service:
            details = [
                "resourceType": .string(resource.service), "resource": .string(resource.action),
                "region": .string(region), "parameters": .string(input.text),
            ]
            details["heartbeatInSeconds"] = heartbeat.map { .integer($0) }
            details["taskCredentials"] = credentials
        }
        details["timeoutInSeconds"] = timeout.map { .integer($0) }
        let name = resource.family.rawValue
        add("\(name)Scheduled", follows: last(scope), ("\(name.lowercasedFirst)ScheduledEventDetails", details))
    }

    /// The region in the state machine's ARN.
    private var region: String {
        let parts = before.start.machineARN.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count > 3 ? String(parts[3]) : ""
    }

    private func resource(_ scope: ScopeID) -> TaskResource {
        guard case .task(let attempt) = entry(scope).phase else {
            preconditionFailure("scope \(scope) has no task")
        }
        return TaskResource(attempt.resource)
    }

    private mutating func task(_ how: String, _ scope: ScopeID, _ details: JSON) {
        let resource = resource(scope)
        let name = resource.family.rawValue
        var details = details
        if resource.family == .service {
            details["resourceType"] = .string(resource.service)
            details["resource"] = .string(resource.action)
        }
        // A started function says no more than that.
        let isBare = resource.family == .lambdaFunction && how == "Started"
        add(
            "\(name)\(how)", follows: last(scope),
            isBare ? nil : ("\(name.lowercasedFirst)\(how)EventDetails", details))
    }

    private func given(_ error: String, _ cause: String) -> JSON {
        ending(error.isEmpty ? nil : error, cause.isEmpty ? nil : cause)
    }
}

/// What a task's Resource names.
struct TaskResource {
    /// By the first words of the events.
    enum Family: String {
        case activity = "Activity"
        case lambdaFunction = "LambdaFunction"
        case service = "Task"
    }

    let arn: String
    let family: Family
    /// `resourceType` and `resource` of `arn:aws:states:::SERVICE:ACTION`; an SDK's service has two words.
    let service: String
    let action: String

    init(_ arn: String) {
        self.arn = arn
        let parts = arn.split(separator: ":", omittingEmptySubsequences: false)
        let words = parts.dropFirst(5)
        if parts.count > 5, parts[2] == "lambda" {
            family = .lambdaFunction
        } else if words.first == "activity" {
            family = .activity
        } else {
            family = .service
        }
        let count = words.first == "aws-sdk" ? 2 : 1
        service = words.prefix(count).joined(separator: ":")
        action = words.isEmpty ? arn : words.dropFirst(count).joined(separator: ":")
    }
}

extension String {
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
