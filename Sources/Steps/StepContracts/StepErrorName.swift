/// The names under which steps fail, as `ErrorEquals` matches them.
public enum StepErrorName {
    /// The film is broken.
    public static let sourceInvalid = "Showrunner.SourceInvalid"
    /// Nothing is wrong with the film, but it is beyond the limits or in a format that is not taken.
    public static let sourceUnsupported = "Showrunner.SourceUnsupported"
    /// The input does not fit the contract.
    public static let parametersInvalid = "Showrunner.ParametersInvalid"
    /// The object store did not answer.
    public static let storageUnavailable = "Showrunner.StorageUnavailable"
    /// The catalogue's database did not answer.
    public static let databaseUnavailable = "Showrunner.DatabaseUnavailable"
    /// Disk, memory or time of the worker ran out.
    public static let resourceExhausted = "Showrunner.ResourceExhausted"
    /// The process that did the step ended by a signal.
    public static let stepCrashed = "Showrunner.StepCrashed"
    /// The attempt was told to end.
    public static let cancelled = "Showrunner.Cancelled"
    /// The worker's process was replaced or gave the task up.
    public static let workerLost = "Showrunner.WorkerLost"
    /// Workers were lost with the task in their hands, and a person has given it up.
    public static let taskParked = "Showrunner.TaskParked"
    /// There is no source of content keys.
    public static let keyUnavailable = "Showrunner.KeyUnavailable"
    /// The catalogue refused the title.
    public static let publishRefused = "Showrunner.PublishRefused"
    /// A call to the outside was sent and its answer never came: it may have been carried out.
    public static let httpOutcomeUnknown = "Showrunner.HttpOutcomeUnknown"
    /// An API's address is private, or public and not reached over https, or none of the connection's origins.
    public static let httpAddressForbidden = "Showrunner.HttpAddressForbidden"
    /// There is no generation of recommendations to go back to.
    public static let noGeneration = "Showrunner.NoGeneration"
    /// A person said no.
    public static let rejected = "Showrunner.Rejected"
}

extension StepRunner {
    /// The names under which any step that is run there may fail.
    public var errors: [String] {
        let ofWorkers = [
            StepErrorName.parametersInvalid, StepErrorName.storageUnavailable, StepErrorName.resourceExhausted,
            StepErrorName.stepCrashed, StepErrorName.cancelled, StepErrorName.workerLost,
            StepErrorName.taskParked,
        ]
        return switch self {
        case .mediaWorker: [StepErrorName.sourceInvalid, StepErrorName.sourceUnsupported] + ofWorkers
        case .dataWorker: [StepErrorName.databaseUnavailable] + ofWorkers
        case .engine: [StepErrorName.parametersInvalid]
        }
    }
}
