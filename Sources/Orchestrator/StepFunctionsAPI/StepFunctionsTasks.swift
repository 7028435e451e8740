public import Engine
public import JSON
import StatesLanguage
public import StepContracts

/// The SDK integration of Step Functions itself, `arn:aws:states:::aws-sdk:sfn:OPERATION`: the operations of the wire,
/// with the names and error names of the SDK. `startExecution` is not among them: the engine does it, so that repeating
/// it after a failure finds what was started.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
public struct StepFunctionsTasks: ServiceTask {
    public init() {}

    private static let prefix = "arn:aws:states:::aws-sdk:sfn:"

    /// Every Resource that is done.
    public static let resources = WireOperations.names.sorted().filter { $0 != "StartExecution" }.map {
        prefix + $0.prefix(1).lowercased() + $0.dropFirst()
    }

    public var resources: [String] { Self.resources }
    /// What such a call waits for is this engine: it must not wait for room among those that call others.
    public var callsOutside: Bool { false }

    public func run(resource: String, parameters: JSON, engine: Engine) async throws(StepFailure) -> JSON {
        let action = resource.dropFirst(Self.prefix.count)
        let operation = action.prefix(1).uppercased() + action.dropFirst()
        do {
            let arguments = Arguments(SDKMembers.request(parameters))
            return SDKMembers.response(try await Operations(engine: engine).perform(operation, arguments))
        } catch let error as ServiceError {
            throw Self.failure(error.name, error.message)
        } catch let error as EngineError {
            let name = error.code == .unavailable ? nil : error.code.wireName
            throw Self.failure(name, error.message, isPassing: error.code == .unavailable)
        } catch {
            throw Self.failure(nil, "\(error)")
        }
    }

    /// A refusal in the words of the SDK. What its model does not name is an exception of the service as a whole.
    private static func failure(_ name: String?, _ message: String, isPassing: Bool = false) -> StepFailure {
        let word = name.flatMap { $0 == "SerializationException" ? nil : $0 } ?? "Sfn"
        let request = RequestID.make()
        return StepFailure(
            error: "Sfn." + (word.hasSuffix("Exception") ? word : word + "Exception"),
            cause: "\(message) (Service: Sfn, Status Code: \(isPassing ? 503 : 400), Request ID: \(request)) "
                + "(SDK Attempt Count: 1)", retry: isPassing ? .transient : .never)
    }
}

/// Between the members of the wire and those of the SDK integration, whose names begin with a capital and whose
/// timestamps are texts.
enum SDKMembers {
    /// Members that are structures or lists of such; in all others an object stands for its JSON text.
    private static let structures: Set<String> = [
        "CloudWatchLogsLogGroup", "Destinations", "EncryptionConfiguration", "ErrorOutput", "LoggingConfiguration",
        "Mock", "RoutingConfiguration", "StateConfiguration", "TagKeys", "Tags", "TracingConfiguration",
    ]
    private static let timestamps: Set<String> = [
        "creationDate", "redriveDate", "startDate", "stopDate", "timestamp", "updateDate",
    ]

    static func request(_ value: JSON) -> JSON {
        switch value {
        case .object(let members):
            var request: JSON = [:]
            for (name, member) in members {
                let isText = !structures.contains(name) && (member.objectValue != nil || member.arrayValue != nil)
                request[name.prefix(1).lowercased() + name.dropFirst()] =
                    isText ? .string(member.text) : self.request(member)
            }
            return request
        case .array(let elements): return .array(elements.map(request))
        case .null, .bool, .integer, .double, .string: return value
        }
    }

    static func response(_ value: JSON) -> JSON {
        switch value {
        case .object(let members):
            var response: JSON = [:]
            for (name, member) in members where !member.isNull {
                let capital = name.prefix(1).uppercased() + name.dropFirst()
                if timestamps.contains(name), let seconds = member.doubleValue {
                    response[capital] = .string(
                        Timestamp.text(microseconds: Int64((seconds * 1000).rounded()) * 1000))
                } else {
                    response[capital] = self.response(member)
                }
            }
            return response
        case .array(let elements): return .array(elements.map(response))
        case .null, .bool, .integer, .double, .string: return value
        }
    }
}
