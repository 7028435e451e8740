import JSON

/// The integrations of Step Functions that a Resource can name, `arn:aws:states:::SERVICE:ACTION` with an optional
/// pattern behind it.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
enum Integrations {
    static let actions: [String: [String]] = [
        "apigateway": ["invoke"],
        "athena": ["startQueryExecution", "stopQueryExecution", "getQueryExecution", "getQueryResults"],
        "batch": ["submitJob"],
        "bedrock": ["invokeModel", "createModelCustomizationJob"],
        "codebuild": [
            "startBuild", "stopBuild", "batchDeleteBuilds", "batchGetReports", "startBuildBatch", "stopBuildBatch",
            "retryBuildBatch", "deleteBuildBatch",
        ],
        "databrew": ["startJobRun"],
        "dynamodb": ["getItem", "putItem", "deleteItem", "updateItem"],
        "ecs": ["runTask"],
        "eks": [
            "call", "runJob", "createCluster", "deleteCluster", "createFargateProfile", "deleteFargateProfile",
            "createNodegroup", "deleteNodegroup",
        ],
        "elasticmapreduce": [
            "createCluster", "setClusterTerminationProtection", "terminateCluster", "addStep", "cancelStep",
            "modifyInstanceFleetByName", "modifyInstanceGroupByName",
        ],
        "emr-containers": ["createVirtualCluster", "deleteVirtualCluster", "startJobRun"],
        "emr-serverless": [
            "createApplication", "startApplication", "stopApplication", "deleteApplication", "startJobRun",
            "cancelJobRun",
        ],
        "events": ["putEvents"],
        "glue": ["startJobRun"],
        "http": ["invoke"],
        "lambda": ["invoke"],
        "mediaconvert": ["createJob"],
        "sagemaker": [
            "createEndpoint", "createEndpointConfig", "createHyperParameterTuningJob", "createLabelingJob",
            "createModel", "createProcessingJob", "createTrainingJob", "createTransformJob", "updateEndpoint",
        ],
        "sns": ["publish"],
        "sqs": ["sendMessage"],
        "states": ["startExecution"],
    ]

    /// The names under which tasks of integrations fail here and nowhere else.
    static let ownErrors: Set<String> = ["Showrunner.HttpAddressForbidden", "Showrunner.HttpOutcomeUnknown"]

    /// What names of errors that HTTP tasks make of statuses begin with.
    static let statusErrorPrefix = "States.Http.StatusCode."

    /// The services whose work can be waited for with `.sync`.
    static let synchronous: Set<String> = [
        "athena", "batch", "bedrock", "codebuild", "databrew", "ecs", "eks", "elasticmapreduce", "emr-containers",
        "emr-serverless", "glue", "mediaconvert", "sagemaker", "states",
    ]

    /// Ways to wait for the work, behind the action.
    static let patterns = [".sync:2", ".sync", ".waitForTaskToken"]

    /// What a resource of an integration names; nil for other resources (functions, activities).
    static func parts(of resource: String) -> (service: String, action: String, pattern: String?)? {
        let parts = resource.split(separator: ":", maxSplits: 6, omittingEmptySubsequences: false)
        guard parts.count == 7, parts[0] == "arn", parts[2] == "states", parts[3].isEmpty, parts[4].isEmpty else {
            return nil
        }
        var action = String(parts[6])
        let pattern = patterns.first { action.hasSuffix($0) }
        if let pattern { action.removeLast(pattern.count) }
        return (String(parts[5]), action, pattern)
    }
}

extension DefinitionReader {
    /// Says what an Express workflow can't do; of the children of a distributed Map it is a warning.
    ///
    /// Source: https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
    mutating func refuseInExpress(_ what: String, advice: String, at place: SourcePlace, _ location: String) {
        guard type == .express || isInExpressProcessor else { return }
        report(
            type == .express ? .error : .warning, .schemaValidationFailed,
            "Express state machine does not support \(what)", advice: advice, at: place, location)
    }

    /// Refuses integrations that do not exist, and those that an Express workflow can't wait for.
    mutating func checkIntegration(_ resource: String, _ object: ObjectFields) {
        let place = object.place("Resource")
        if resource.contains(":states:"), resource.contains(":activity:") {
            refuseInExpress("activities", advice: "use a Standard workflow", at: place, object.location("Resource"))
        }
        guard let (service, action, pattern) = Integrations.parts(of: resource) else { return }
        if let pattern {
            let name = pattern.hasPrefix(".sync") ? ".sync" : pattern
            refuseInExpress(
                "'\(name)' service integration", advice: "use a Standard workflow, or leave '\(pattern)' out",
                at: place,
                object.location("Resource"))
        }
        // The project's own steps are checked by their contracts; of the SDK there are too many actions to list.
        if service == "showrunner" || service == "aws-sdk" { return }
        let canWait = pattern?.hasPrefix(".sync") != true || Integrations.synchronous.contains(service)
        if canWait, Integrations.actions[service]?.contains(action) == true { return }
        let known = Integrations.actions.flatMap { service, actions in actions.map { "\(service):\($0)" } }
        let nearest = nearestName(to: "\(service):\(action)", among: known.sorted())
        report(
            "The resource provided \(resource) is not recognized. The value is not a valid resource ARN, or the resource"
                + " is not available in this region.",
            advice: !canWait
                ? "'\(service)' has no '.sync'"
                : service == "activity"
                    ? "an activity has region and account: arn:aws:states:us-east-1:000000000000:activity:\(action)"
                    : nearest.map { "did you mean '\($0)'?" }
                        ?? "other actions are reached by aws-sdk:\(service):\(action)",
            at: place, object.location("Resource"))
    }
}
