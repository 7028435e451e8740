import Glibc
import JSON
import ObjectStorage
import StepContracts
import Synchronization
import WorkerProtocol

/// Takes what a step has written to the object store.
struct OutputFiles: Sendable {
    let store: any ObjectStore
    let directory: String
    /// The key prefix of every file, without a slash at the end.
    let prefix: String

    private static let concurrentUploads = 8
    private static let maximumFiles = 100_000

    /// Stores what a step has made, and gives its output as workflows carry it; nil where other content stands under one
    /// of the names.
    func keep(
        _ output: JSON, report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON? {
        guard let stored = try await store(output, report: report) else { return nil }
        return try await shorten(stored)
    }

    /// An output as it is when its files lie under another prefix.
    static func moved(_ output: JSON, from old: String, to new: String) -> JSON {
        guard case .object(var members) = output else { return output }
        for (name, value) in members {
            guard let text = value.stringValue, text == old || text.hasPrefix(old + "/") else { continue }
            members[name] = .string(new + text.dropFirst(old.count))
        }
        return .object(members)
    }

    /// Stores every file the output names and returns the output with references in their place.
    private func store(
        _ output: JSON, report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON? {
        let files = StepFiles.outputFiles(in: output)
        guard files.count <= OutputFiles.maximumFiles else {
            throw .crashed("the step made \(files.count) files, more than \(OutputFiles.maximumFiles)")
        }
        for file in files { try OutputFiles.check(file, in: directory) }
        let references: [String: JSON]
        do {
            references = try await upload(files, report: report)
        } catch let error as ObjectStorageError {
            if error.code == .alreadyExists { return nil }
            throw StepFailure(error)
        } catch {
            throw .cancelled("storing the results was stopped")
        }
        return StepFiles.replacingFiles(in: output, by: references)
    }

    /// The child that wrote these files is not trusted: a link could make us publish a file of the host.
    static func check(_ file: String, in directory: String) throws(StepFailure) {
        let parts = file.split(separator: "/", omittingEmptySubsequences: false)
        guard ObjectKey.problem(in: file) == nil else {
            throw .crashed("the step named an output file '\(file.prefix(200))' outside its directory")
        }
        var path = directory
        for (index, part) in parts.enumerated() {
            path += "/\(part)"
            var info = stat()
            guard lstat(path, &info) == 0 else {
                throw .crashed("the step named an output file '\(file)' and did not write it: \(systemReason(errno))")
            }
            let wanted = index == parts.count - 1 ? S_IFREG : S_IFDIR
            guard info.st_mode & S_IFMT == wanted, wanted == S_IFDIR || info.st_nlink == 1 else {
                throw .crashed("the step's output file '\(file)' is no plain file")
            }
        }
    }

    private func upload(
        _ files: [String], report: @escaping @Sendable (StepProgress) -> Void
    ) async throws -> [String: JSON] {
        let meter = UploadMeter(total: files.count, report: report)
        return try await withThrowingTaskGroup(of: (String, JSON).self) { group in
            var rest = files[...]
            var references: [String: JSON] = [:]
            func startNext() {
                guard let file = rest.popFirst() else { return }
                group.addTask {
                    let key = "\(prefix)/\(file)"
                    let reference = try await store.put(
                        .file("\(directory)/\(file)"), key: key, contentType: ContentType.forKey(key))
                    meter.stored()
                    return (file, reference.json)
                }
            }
            for _ in 0..<OutputFiles.concurrentUploads { startNext() }
            while let (file, reference) = try await group.next() {
                references[file] = reference
                startNext()
            }
            return references
        }
    }

    /// Outputs flow on through the states behind, so lists that would make one longer than this are stored.
    private static let inlineBytes = 32 << 10

    /// Keeps an output small: lists of references that are long become stored objects themselves,
    /// `{"count": N, "list": reference}`, the document being a JSON array of the references. Nil where the list's name
    /// stands for another.
    func shorten(_ output: JSON) async throws(StepFailure) -> JSON? {
        guard output.utf8.count > Self.inlineBytes, case .object(var members) = output else {
            return output
        }
        for (name, value) in members {
            guard let elements = value.arrayValue, elements.count > 64,
                elements.allSatisfy({ $0["key"] != nil && $0["sha256"] != nil })
            else { continue }
            do {
                let reference = try await store.put(
                    .bytes(value.utf8), key: "\(prefix)/\(name).json", contentType: "application/json")
                members[name] = ["count": .integer(elements.count), "list": reference.json]
            } catch {
                if error.code == .alreadyExists { return nil }
                throw StepFailure(error)
            }
        }
        let shortened = JSON.object(members)
        let count = shortened.utf8.count
        guard count <= WorkerProtocolLimits.outputBytes else {
            throw .crashed(
                "the step's output has \(count) bytes, more than the \(WorkerProtocolLimits.outputBytes) a state may have"
            )
        }
        return shortened
    }
}

extension ObjectReference {
    /// The reference as workflows carry it.
    var json: JSON {
        ["key": .string(key), "bytes": .integer(bytes), "sha256": .string(sha256)]
    }
}

/// Tells how far storing has come.
private final class UploadMeter: Sendable {
    private let total: Int
    private let report: @Sendable (StepProgress) -> Void
    private let done = Atomic<Int>(0)

    init(total: Int, report: @escaping @Sendable (StepProgress) -> Void) {
        self.total = total
        self.report = report
    }

    func stored() {
        let count = done.add(1, ordering: .relaxed).newValue
        report(
            StepProgress(
                stage: "store", parts: [.init(name: "objects", share: Double(count) / Double(max(1, total)))]))
    }
}
