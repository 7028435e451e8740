public import Engine
public import HTTPServer
import HTTPTypes
import Hummingbird
import JSON

/// A refusal as the AWS JSON 1.0 protocol writes it: an error name and a message.
struct ServiceError: Error {
    let name: String
    let message: String
    var status: HTTPResponse.Status = .badRequest

    static func validation(_ message: String) -> ServiceError {
        ServiceError(name: "ValidationException", message: message)
    }
}

extension ServiceRouter {
    /// Adds the wire API of AWS Step Functions (2016-11-23): `POST /` with `X-Amz-Target: AWSStepFunctions.OPERATION`.
    /// Source: https://docs.aws.amazon.com/step-functions/latest/apireference/Welcome.html
    public func addStepFunctionsRoutes(engine: Engine) {
        post("/") { request, context in
            await answer(request, context, Operations(engine: engine))
        }
    }
}

private let protocolName = "application/x-amz-json-1.0"

/// The largest request that an operation has: a definition or an input with its frame.
private let requestBytes = 2 << 20

private func answer(_ request: Request, _ context: ServiceContext, _ operations: Operations) async -> Response {
    do {
        let name = try operation(of: request)
        let buffer = try await request.body.collect(upTo: requestBytes)
        let input: JSON
        do {
            input = buffer.readableBytes == 0 ? [:] : try JSON(parsing: Array(buffer.readableBytesView))
        } catch {
            throw ServiceError(name: "SerializationException", message: error.description)
        }
        let output = try await operations.perform(name, Arguments(input))
        return reply(output, status: .ok, context)
    } catch let error as ServiceError {
        return reply(
            ["__type": .string(error.name), "message": .string(error.message)], status: error.status, context)
    } catch let error as EngineError {
        return refusal(error, context)
    } catch {
        context.logger.error("a wire call failed", metadata: ["error": "\(error)"])
        return reply(
            ["__type": "InternalFailure", "message": "The call failed for a reason on our side."],
            status: .internalServerError, context)
    }
}

private func operation(of request: Request) throws -> String {
    let prefix = "AWSStepFunctions."
    guard let name = HTTPField.Name("X-Amz-Target"), let target = request.headers[name], target.hasPrefix(prefix) else {
        throw ServiceError(name: "UnknownOperationException", message: "X-Amz-Target names no operation.")
    }
    return String(target.dropFirst(prefix.count))
}

private func refusal(_ error: EngineError, _ context: ServiceContext) -> Response {
    reply(
        ["__type": .string(error.code.wireName), "message": .string(error.message)],
        status: error.code == .unavailable ? .serviceUnavailable : .badRequest, context)
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
        case .executionLimit: "ExecutionLimitExceeded"
        }
    }
}

private func reply(_ document: JSON, status: HTTPResponse.Status, _ context: ServiceContext) -> Response {
    var response = Response.json(document, status: status)
    response.headers[.contentType] = protocolName
    if let name = HTTPField.Name("x-amzn-RequestId") { response.headers[name] = context.requestID }
    return response
}
