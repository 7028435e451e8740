public import Engine
public import HTTPServer
import HTTPTypes
import Hummingbird
import JSON
import Metrics

/// A refusal as the AWS JSON 1.0 protocol writes it: an error name and a message.
struct ServiceError: Error {
    let name: String
    let message: String
    var status: HTTPResponse.Status = .badRequest
    /// When the same call may be made again, where that is known.
    var retryAfterSeconds: Int?
    /// The limit that was reached: see ``Refusals``.
    var limit: String?

    static func validation(_ message: String) -> ServiceError {
        ServiceError(name: "ValidationException", message: message)
    }
}

extension ServiceRouter {
    /// Adds the wire API of AWS Step Functions (2016-11-23): `POST /` with `X-Amz-Target: AWSStepFunctions.OPERATION`.
    ///
    /// The route bounds its content itself, since its refusals are those of the protocol.
    ///
    /// - Parameters:
    ///   - quotas: how often each operation may be called.
    ///   - deadline: how long a call waits for the database; then it is answered as unavailable. What it asked for may
    ///     still come about.
    /// Source: https://docs.aws.amazon.com/step-functions/latest/apireference/Welcome.html
    public func addStepFunctionsRoutes(
        engine: Engine, quotas: RequestQuotas = .none, deadline: AnswerDeadline = AnswerDeadline()
    ) {
        let wire = WireEndpoint(
            operations: Operations(engine: engine), throttle: Throttle(quotas: quotas), deadline: deadline)
        post("/") { request, context in await wire.answer(request, context) }
    }
}

/// What bounds a request of the wire API before anybody looks into it.
public enum WireLimits {
    /// The largest request that an operation has, in bytes: a definition of 1 MiB as JSON text within JSON, or an input,
    /// with its frame. AWS takes 1 MB, and so no definition as large as its own limit for them.
    public static let requestBytes = 2 << 20
}

/// The protocol around the operations: target, content, errors, rates.
struct WireEndpoint: Sendable {
    let operations: Operations
    let throttle: Throttle
    let deadline: AnswerDeadline

    private static let epoch = ContinuousClock.now

    func answer(_ request: Request, _ context: ServiceContext) async -> Response {
        var name = "unknown"
        do {
            let target = try operation(of: request)
            if WireOperations.names.contains(target) { name = target }
            let bytes = try await content(of: request)
            let input: JSON
            do {
                input = bytes.isEmpty ? [:] : try JSON(parsing: bytes)
            } catch {
                throw ServiceError(name: "SerializationException", message: error.description)
            }
            try await admit(target, input)
            let trace = request.headers[.traceparent].flatMap { TraceID(traceparent: $0) }
            let output = try await TraceID.$current.withValue(trace) {
                try await perform(target, input)
            }
            count(name, "none")
            return .awsJSON(output, context: context)
        } catch let error as ServiceError {
            return refusal(error, of: name, context)
        } catch let error as EngineError {
            return refusal(ServiceError(error), of: name, context)
        } catch {
            context.logger.error("a wire call failed", metadata: ["error": "\(error)"])
            return refusal(
                ServiceError(
                    name: "InternalFailure", message: "The call failed for a reason on our side.",
                    status: .internalServerError), of: name, context)
        }
    }

    /// Some operations wait for something else than the database, for as long as AWS lets them.
    private func perform(_ operation: String, _ input: JSON) async throws -> JSON {
        let allowance: Duration =
            switch operation {
            case "GetActivityTask": .seconds(60)
            case "StartSyncExecution": .seconds(300)
            default: .zero
            }
        return try await deadline.answer(
            allowing: allowance, late: EngineError.unanswered as any Error
        ) { [operations] in
            try await operations.perform(operation, Arguments(input))
        }
    }

    private func operation(of request: Request) throws(ServiceError) -> String {
        let prefix = "AWSStepFunctions."
        guard let target = request.headers[.amzTarget], target.hasPrefix(prefix) else {
            throw ServiceError(name: "UnknownOperationException", message: "X-Amz-Target names no operation.")
        }
        return String(target.dropFirst(prefix.count))
    }

    /// The request's content, which ends the call as soon as it is known to be too much.
    private func content(of request: Request) async throws(ServiceError) -> [UInt8] {
        let tooLarge = ServiceError(
            name: "RequestEntityTooLargeException",
            message: "The content of a request may have \(WireLimits.requestBytes) bytes at most.",
            status: .contentTooLarge,
            limit: "request_bytes")
        let declared = request.headers[.contentLength].flatMap { Int($0) } ?? 0
        guard declared <= WireLimits.requestBytes else { throw tooLarge }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(declared)
        do {
            for try await buffer in request.body {
                guard bytes.count + buffer.readableBytes <= WireLimits.requestBytes else { throw tooLarge }
                bytes.append(contentsOf: buffer.readableBytesView)
            }
        } catch let error as ServiceError {
            throw error
        } catch {
            // Nobody is there any more to read it.
            throw ServiceError(name: "SerializationException", message: "The content of the request broke off.")
        }
        return bytes
    }

    private func admit(_ operation: String, _ input: JSON) async throws(ServiceError) {
        var counted = operation
        if operation == "StartExecution", throttle.tellsTypesApart,
            let machine = input["stateMachineArn"]?.stringValue, await operations.engine.isExpress(machine)
        {
            counted = RequestQuotas.expressStart
        }
        try throttle.admit(counted, at: Int64((ContinuousClock.now - Self.epoch) / .nanoseconds(1)))
    }

    private func refusal(_ error: ServiceError, of operation: String, _ context: ServiceContext) -> Response {
        count(operation, error.name)
        if let limit = error.limit { Refusals.count(limit: limit) }
        return .awsError(
            error.name, error.message, status: error.status, retryAfter: error.retryAfterSeconds, context: context)
    }

    private func count(_ operation: String, _ error: String) {
        Counter(label: "step_functions_requests_total", dimensions: [("operation", operation), ("error", error)])
            .increment()
    }
}

extension ServiceError {
    init(_ error: EngineError) {
        self.init(
            name: error.code.wireName, message: error.message,
            status: error.code == .unavailable ? .serviceUnavailable : .badRequest,
            retryAfterSeconds: error.isPassing ? 1 : nil, limit: error.code.limit)
    }
}

extension EngineError.Code {
    /// The error's name in the service model.
    var wireName: String {
        switch self {
        case .notFound: "ExecutionDoesNotExist"
        case .machineNotFound: "StateMachineDoesNotExist"
        case .nameTaken: "ExecutionAlreadyExists"
        case .invalid: "ValidationException"
        case .unavailable: "ServiceUnavailable"
        case .busy: "ThrottlingException"
        case .executionLimit: "ExecutionLimitExceeded"
        case .pollLimit: "ActivityWorkerLimitExceeded"
        case .invalidName: "InvalidName"
        case .invalidARN: "InvalidArn"
        case .machineExists: "StateMachineAlreadyExists"
        case .machineDeleting: "StateMachineDeleting"
        case .typeNotSupported: "StateMachineTypeNotSupported"
        case .invalidDefinition: "InvalidDefinition"
        case .invalidInput: "InvalidExecutionInput"
        case .invalidLogging: "InvalidLoggingConfiguration"
        case .invalidEncryption: "InvalidEncryptionConfiguration"
        case .missingParameter: "MissingRequiredParameter"
        case .conflict: "ConflictException"
        case .resourceNotFound: "ResourceNotFound"
        case .tooManyTags: "TooManyTags"
        case .activityNotFound: "ActivityDoesNotExist"
        case .machineLimit: "StateMachineLimitExceeded"
        case .activityLimit: "ActivityLimitExceeded"
        case .quotaExceeded: "ServiceQuotaExceededException"
        case .invalidToken: "InvalidToken"
        case .invalidOutput: "InvalidOutput"
        case .taskNotFound: "TaskDoesNotExist"
        case .taskTimedOut: "TaskTimedOut"
        case .notRedrivable: "ExecutionNotRedrivable"
        }
    }

    /// The limit behind a refusal: see ``Refusals``.
    fileprivate var limit: String? {
        switch self {
        case .busy: "synchronous_executions"
        case .executionLimit: "open_executions"
        case .pollLimit: "activity_polls"
        case .machineLimit: "state_machines"
        case .activityLimit: "activities"
        case .quotaExceeded: "versions_and_aliases"
        default: nil
        }
    }
}

extension HTTPField.Name {
    fileprivate static let traceparent = constant("traceparent")
}
