import JSON
import MediaFiles
import StepContracts

/// What every media step asks of its input and its surroundings.
struct StepInput {
    /// The source's address as the input names it.
    let url: String
    /// Where the caller has put the source's bytes.
    let path: String

    /// Checks the input against the contract and finds the source's local file.
    init(_ input: JSON, _ contract: StepContract, _ surroundings: StepSurroundings) throws(StepFailure) {
        let problems = contract.problems(withInput: input)
        guard problems.isEmpty else { throw .parametersInvalid(problems.joined(separator: "; ")) }
        guard let url = input["source"]?.stringValue ?? input["source"]?["url"]?.stringValue else {
            throw .parametersInvalid("'source' of \(contract.name) needs a 'url'")
        }
        guard let path = surroundings.files[url] else {
            throw .crashed("the worker brought no file for the source \(url)")
        }
        self.url = url
        self.path = path
    }

    /// Measures the source.
    func inspect(_ surroundings: StepSurroundings) throws(StepFailure) -> FileInspection {
        let demuxer = try open()
        var meter = ProgressMeter("inspect", totalSeconds: demuxer.claimedSeconds, surroundings)
        do throws(InspectionFailure) {
            return try FileInspection(demuxer) { seconds in meter.continues(mediaSeconds: seconds) }
        } catch {
            switch error {
            case .media(let error): throw StepFailure(error)
            case .cancelled: throw .stopped
            }
        }
    }

    func open() throws(StepFailure) -> Demuxer {
        do throws(MediaError) {
            return try Demuxer(path: path)
        } catch {
            throw StepFailure(error)
        }
    }
}

extension StepFailure {
    /// A media error as a step's failure: who is at fault decides the name.
    init(_ error: MediaError) {
        self =
            switch error.kind {
            case .invalid: .sourceInvalid(error.description)
            case .unsupported: .sourceUnsupported(error.description)
            case .noSpace, .noMemory: .resourceExhausted(error.description)
            case .inputOutput: .storageUnavailable(error.description)
            case .refused: .crashed(error.description)
            }
    }

    static let stopped = StepFailure.cancelled("the step was told to stop")
}
