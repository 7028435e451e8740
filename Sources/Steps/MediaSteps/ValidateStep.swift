import Cryptography
import Glibc
public import JSON
import MediaFiles
import Packaging
public import StepContracts

/// Opens a film, measures it and tries to decode it at its beginning, middle and end. What it refuses carries a reason
/// that whoever uploaded the file understands.
public struct ValidateStep: LocalStep {
    public static var contract: StepContract { .validate }

    public init() {}

    public func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        let source = try StepInput(input, ValidateStep.contract, surroundings)
        let seconds = input["partSeconds"]?.doubleValue ?? PartPlan.standardSeconds
        guard (1...3600).contains(seconds) else { throw .parametersInvalid("partSeconds must be from 1 to 3600") }
        var document = try ValidateStep.probe(source, partSeconds: seconds, surroundings)
        let (bytes, digest) = try ValidateStep.digest(of: source.path, surroundings)
        document["source"] = [
            "url": .string(source.url), "bytes": .integer(bytes), "sha256": .string(digest.hex),
        ]
        return document
    }

    /// The file's size and SHA-256, read once from front to end; a film takes minutes, so it can be stopped.
    private static func digest(
        of path: String, _ surroundings: StepSurroundings
    ) throws(StepFailure) -> (bytes: Int, digest: SHA256.Digest) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable(path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(path) }
        let size = Double(max(1, status.st_size))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var hasher = SHA256()
        var total = 0
        var meter = ProgressMeter("checksum", totalSeconds: nil, surroundings)
        while true {
            try meter.tick(
                mediaSeconds: 0, frames: 0, parts: { [.init(name: "file", share: min(1, Double(total) / size))] })
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(path) }
            if count == 0 { break }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            total += count
        }
        return (total, hasher.finalize())
    }

    private static func unreadable(_ path: String) -> StepFailure {
        .storageUnavailable("\(path) cannot be read: \(String(cString: strerror(errno)))")
    }

    /// What a file holds, as validate tells it, without `source`.
    /// - Parameter path: a local file.
    public static func probe(path: String) throws(StepFailure) -> JSON {
        let surroundings = StepSurroundings(
            files: [path: path], outputDirectory: "/", outputPrefix: "", threads: 1, report: { _ in },
            isCancelled: { false })
        return try probe(StepInput(["source": .string(path)], contract, surroundings), surroundings)
    }

    private static func probe(
        _ source: StepInput, partSeconds: Double = PartPlan.standardSeconds, _ surroundings: StepSurroundings
    ) throws(StepFailure) -> JSON {
        let inspection = try source.inspect(surroundings)
        let editedParts = try editedParts(of: inspection, path: source.path)
        var meter = ProgressMeter("look", totalSeconds: inspection.durationSeconds, surroundings)
        do throws(MediaError) {
            let path = source.path
            let trial = try DecodeProbe(inspection, path: path, limits: .standard)
            let scan = try inspection.video.scan(path: path)
            guard
                let pictures = try PictureSampling(
                    inspection.video, path: path, continues: { seconds in meter.continues(mediaSeconds: seconds) })
            else { throw .stopped }
            var listening = ProgressMeter("listen", totalSeconds: inspection.durationSeconds, surroundings)
            let wishes = inspection.audio.compactMap { stream in
                AudioForm.all(of: stream.info).first.map { LoudnessMeasurement.Wish(info: stream.info, form: $0) }
            }
            guard
                let loudness = try LoudnessMeasurement.run(
                    wishes, path: path, strictness: inspection.strictness,
                    continues: { seconds in listening.continues(mediaSeconds: seconds) })
            else { throw .stopped }
            return MediaReport(
                inspection: inspection, editedParts: editedParts, trial: trial, scan: scan, pictures: pictures,
                loudness: Dictionary(uniqueKeysWithValues: loudness.map { ($0.key.info.index, $0.value) }),
                plan: PartPlan(
                    inspection.video, scan: scan, seconds: partSeconds, isSeekable: inspection.isSeekable)
            ).document
        } catch {
            throw error == .stopped ? .stopped : StepFailure(error)
        }
    }
}

extension ValidateStep {
    /// How many parts the edit lists put the film together from; the library, which applies them, says nothing of them.
    private static func editedParts(of inspection: FileInspection, path: String) throws(StepFailure) -> Int {
        guard inspection.container.split(separator: ",").contains("mov") else { return 0 }
        return try StepFailure.whileReading(path) {
            try MovieFile.editedParts(MovieBytes(file: try StoredFile(path: path)))
        }
    }
}

extension MediaError {
    /// Stands for the wish to stop, on its way out.
    static let stopped = MediaError(.refused, "the step was told to stop")
}
