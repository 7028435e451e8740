import Cryptography
public import JSON
import MediaFiles
public import StepContracts

/// Opens a film, measures it and tries to decode it at its beginning, middle and end. What it refuses carries a reason
/// that whoever uploaded the file understands.
public struct ValidateStep: LocalStep {
    public static var contract: StepContract { .validate }

    public init() {}

    public func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        let source = try StepInput(input, ValidateStep.contract, surroundings)
        var document = try ValidateStep.probe(source, surroundings)
        guard !surroundings.isCancelled() else { throw .stopped }
        do throws(CryptoError) {
            let (digest, bytes) = try SHA256.file(source.path)
            document["source"] = [
                "url": .string(source.url), "bytes": .integer(bytes), "sha256": .string(digest.hex),
            ]
        } catch {
            throw .storageUnavailable("\(error)")
        }
        return document
    }

    /// What a file holds, as validate tells it, without `source`.
    /// - Parameter path: a local file.
    public static func probe(path: String) throws(StepFailure) -> JSON {
        let surroundings = StepSurroundings(
            files: [path: path], outputDirectory: "/", outputPrefix: "", threads: 1, report: { _ in },
            isCancelled: { false })
        return try probe(StepInput(["source": .string(path)], contract, surroundings), surroundings)
    }

    private static func probe(_ source: StepInput, _ surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        let inspection = try source.inspect(surroundings)
        do throws(MediaError) {
            try DecodeProbe.run(inspection, path: source.path, limits: .standard)
        } catch {
            throw StepFailure(error)
        }
        return inspection.document
    }
}
