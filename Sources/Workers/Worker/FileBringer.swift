import Cryptography
import Encodings
import Glibc
import HTTP
import ObjectStorage
import StepContracts
import Synchronization

/// A file of a step's input, on this machine's disk.
struct BroughtFile: Sendable, Hashable {
    let path: String
    let bytes: Int
    let sha256: String
}

/// Brings the files a step's input names to local paths: in place where the store keeps files, otherwise copied into
/// the task's scratch directory. Every checksum the input states is verified, except of objects in place, which are
/// immutable and have been verified when they were stored.
struct FileBringer: Sendable {
    let store: any ObjectStore
    let sources: HTTPClient
    let allowsLocalSources: Bool
    let maximumSourceBytes: Int
    let scratch: ScratchDirectory
    let scratchParent: String

    /// How many bytes bringing this file would take on the scratch disk, as far as the input tells.
    func scratchBytes(_ reference: FileReference) -> Int {
        do {
            switch try place(of: reference) {
            case .object(let key):
                let path = try store.localPath(key)
                return path == nil ? reference.bytes ?? 0 : 0
            case .file: return 0
            case .web: return reference.bytes ?? 0
            }
        } catch {
            // Whatever is wrong with it is said when it is brought.
            return 0
        }
    }

    /// - Parameter name: a file name of its own in the scratch directory.
    func bring(_ reference: FileReference, as name: String) async throws(StepFailure) -> BroughtFile {
        let brought =
            switch try place(of: reference) {
            case .object(let key): try await bringObject(key, reference, as: name)
            case .file(let path): try await readInPlace(path, reference)
            case .web(let url): try await download(url, reference, as: name)
            }
        if let bytes = reference.bytes, bytes != brought.bytes {
            throw .storageUnavailable("\(reference.told) has \(brought.bytes) bytes, not \(bytes) as the input says")
        }
        if let digest = reference.sha256, digest != brought.sha256 {
            throw .storageUnavailable(
                "\(reference.told) has the SHA-256 \(brought.sha256), not \(digest) as the input says")
        }
        return brought
    }

    private enum Place {
        case object(String)
        case file(String)
        case web(String)
    }

    private func place(of reference: FileReference) throws(StepFailure) -> Place {
        if reference.kind == .object { return .object(reference.name) }
        let url = reference.name
        if let key = store.key(for: url) { return .object(key) }
        if url.hasPrefix("https://") || url.hasPrefix("http://") { return .web(url) }
        if url.hasPrefix("file:///") {
            guard let path = PercentEncoding.decode(url.dropFirst("file://".count)), !path.utf8.contains(0) else {
                throw .parametersInvalid("the source '\(url)' is not a well-formed file URL")
            }
            guard allowsLocalSources else {
                throw .parametersInvalid(
                    "the source '\(url)' lies outside the object store, and this worker reads no other files (--allow-local-sources)"
                )
            }
            return .file(path)
        }
        throw .parametersInvalid(
            "the source '\(reference.told)' can be brought by no worker: it is neither in the object store \(store.baseURL) nor an http, https or file URL"
        )
    }

    // MARK: - The object store

    private func bringObject(
        _ key: String, _ reference: FileReference, as name: String
    ) async throws(StepFailure) -> BroughtFile {
        do {
            if let path = try store.localPath(key) {
                let info = try await store.head(key)
                if let digest = info.sha256 {
                    return BroughtFile(path: path, bytes: Int(info.bytes), sha256: digest)
                }
                return try await readInPlace(path, reference)
            }
            let path = "\(scratch.fetched)/\(name)"
            let object = try await store.fetch(key, to: path, sha256: reference.sha256)
            return BroughtFile(path: path, bytes: Int(object.bytes), sha256: object.sha256)
        } catch let error as ObjectStorageError {
            throw StepFailure(error)
        } catch let failure as StepFailure {
            throw failure
        } catch {
            preconditionFailure("An object store throws ObjectStorageError, not \(error).")
        }
    }

    // MARK: - Local files

    private func readInPlace(_ path: String, _ reference: FileReference) async throws(StepFailure) -> BroughtFile {
        let result = await onOwnThread { isCancelled -> Result<BroughtFile, StepFailure> in
            do throws(StepFailure) {
                return .success(
                    try FileBringer.measure(
                        path, called: reference.told, maximumBytes: maximumSourceBytes, isCancelled: isCancelled))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    static func measure(
        _ path: String, called name: String, maximumBytes: Int = .max, isCancelled: () -> Bool
    ) throws(StepFailure) -> BroughtFile {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let reason = systemReason(errno)
            throw errno == ENOENT || errno == EACCES
                ? .sourceInvalid("the source \(name) cannot be read: \(reason)")
                : .storageUnavailable("the source \(name) cannot be read: \(reason)")
        }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            throw .sourceInvalid("the source \(name) is not a regular file")
        }
        guard Int(info.st_size) <= maximumBytes else {
            throw .sourceUnsupported("the source \(name) is larger than \(maximumBytes >> 20) MiB")
        }
        var hasher = SHA256()
        var total = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        while true {
            if isCancelled() { throw .cancelled("reading \(name) was stopped") }
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw .storageUnavailable("the source \(name) cannot be read at byte \(total): \(systemReason(errno))")
            }
            if count == 0 { break }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            total += count
        }
        return BroughtFile(path: path, bytes: total, sha256: hasher.finalize().hex)
    }

    // MARK: - The web

    private func download(
        _ url: String, _ reference: FileReference, as name: String
    ) async throws(StepFailure) -> BroughtFile {
        let path = "\(scratch.fetched)/\(name)"
        let told = reference.told
        let spare = try ScratchDirectory.freeBytes(of: scratchParent) - ScratchDirectory.reserveBytes
        let digest = RunningDigest()
        let request = HTTPRequest(
            "GET", url, timeouts: HTTPTimeouts(connect: .seconds(15), total: nil, idle: .seconds(60)), maxRedirects: 5)
        let response: HTTPResponse
        do {
            response = try await sources.download(
                request, to: path, maxBytes: Int64(max(0, min(maximumSourceBytes, spare)))
            ) { digest.update($0) }
        } catch {
            switch error.code {
            case .cancelled: throw .cancelled("the download of \(told) was stopped")
            case .invalidRequest: throw .parametersInvalid("the source '\(told)' cannot be asked for: \(error.message)")
            case .forbiddenAddress:
                throw .parametersInvalid("the source '\(told)' lies on a private network: \(error.message)")
            case .tooLarge where spare < maximumSourceBytes:
                throw .resourceExhausted(
                    "the source \(told) is larger than the \(max(0, spare) >> 20) MiB this worker has room for")
            case .tooLarge:
                throw .sourceUnsupported("the source \(told) is larger than \(maximumSourceBytes >> 20) MiB")
            case .localFile: throw .resourceExhausted("the source \(told) cannot be written: \(error.message)")
            case .connect, .timeout, .tls, .redirects, .interrupted, .malformedAnswer, .status, .other:
                throw .storageUnavailable("the source cannot be downloaded: \(error.message)")
            }
        }
        switch response.status {
        case 200...299: break
        case 408, 425, 429, 500...599:
            throw .storageUnavailable("the server of the source \(told) answers \(response.status)")
        default: throw .sourceInvalid("the source \(told) cannot be downloaded: its server answers \(response.status)")
        }
        let (bytes, hex) = digest.finish()
        return BroughtFile(path: path, bytes: bytes, sha256: hex)
    }
}

/// A checksum that grows on the client's thread while a file arrives.
private final class RunningDigest: Sendable {
    private struct State: ~Copyable {
        var hasher: SHA256? = SHA256()
        var bytes = 0
    }

    private let state = Mutex(State())

    func update(_ bytes: UnsafeRawBufferPointer) {
        state.withLock { state in
            state.hasher?.update(bytes)
            state.bytes += bytes.count
        }
    }

    func finish() -> (bytes: Int, hex: String) {
        state.withLock { state in
            guard let hasher = state.hasher.take() else { preconditionFailure("A digest is finished once.") }
            return (state.bytes, hasher.finalize().hex)
        }
    }
}

extension StepFailure {
    /// What an object store's failure means for a step.
    init(_ error: ObjectStorageError) {
        self =
            switch error.code {
            case .cancelled: .cancelled(error.message)
            case .noSpace, .localFile: .resourceExhausted(error.message)
            case .invalidKey, .invalidURL, .invalidRange, .invalidContentType, .tooLarge:
                .parametersInvalid(error.message)
            case .notFound, .checksumMismatch, .accessDenied, .storeMissing, .unavailable, .refused:
                .storageUnavailable(error.message)
            case .alreadyExists: .crashed("a result differs from the one already stored: \(error.message)")
            }
    }
}
